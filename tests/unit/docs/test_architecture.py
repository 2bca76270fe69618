"""The page of the house names the rooms that there are, and files that exist."""

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
PAGE = (CHECKOUT / "docs" / "architecture.md").read_text()
BESIDE = {  # what the page shortens: the beginning of a path that its sentence has named already
    "fetch": "ingest/pull/fetch",
    "parse": "ingest/pull/parse",
    "pull": "ingest/pull",
    "framework": "ingest/api/framework",
    "shared": "ingest/api/shared",
}


def named():
    """Return all paths of the page."""
    for text in re.findall(r"`([A-Za-z_/.{},*]+/[A-Za-z_/.{},*]*)`", PAGE):
        before, brace, after = text.partition("{")
        choices, _, behind = after.partition("}")
        for choice in choices.split(",") if brace else [""]:
            yield before + choice + behind


@pytest.mark.parametrize("path", sorted({path for path in named() if "NNNN" not in path}))
def test_a_path_that_the_page_names_is_there(path):
    first, _, rest = path.partition("/")
    whole = path if (CHECKOUT / first).is_dir() else f"{BESIDE.get(first, first)}/{rest}"

    assert any(CHECKOUT.glob(whole.removesuffix("/")))


@pytest.mark.parametrize("top", ["ingest", "workers", "schemas", "deploy", "tests"])
def test_every_room_is_named(top):
    rooms = [path for path in (CHECKOUT / top).iterdir() if any(path.glob("*.py"))]
    words = set(re.findall(r"[a-z_]+", PAGE.partition("## Where a change goes")[0]))

    assert [] == [room.name for room in rooms if room.name not in words]
