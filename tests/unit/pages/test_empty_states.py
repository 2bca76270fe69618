"""Lists have three ways to be empty: nothing yet, nothing like that, and a page behind all that there is."""

import pytest

from ingest.pages.render import TEMPLATES

LISTS = sorted(path.name for path in TEMPLATES.glob("*.html") if "ui.more(" in path.read_text())


@pytest.mark.parametrize("name", LISTS)
def test_a_page_behind_the_last_leads_to_the_first(name):
    text = (TEMPLATES / name).read_text()
    assert "ui.empty(" in text  # nothing yet
    assert '{% elif q.get("after") %}{{ ui.behind(q) }}' in text


def test_all_lists_that_go_on_are_meant():
    assert {"audit.html", "feeds.html", "receipts.html", "operations.html", "vendor_items.html"} <= set(LISTS)
