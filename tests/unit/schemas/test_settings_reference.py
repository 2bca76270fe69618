"""docs/settings.md is made from the settings, and says all of them."""

from __future__ import annotations

from deploy.command.reference import as_markdown
from deploy.local.processes import CHECKOUT
from schemas.settings import Settings


def test_the_page_of_settings_is_the_generated_one():
    assert as_markdown() == (CHECKOUT / "docs" / "settings.md").read_text(), "run: make settings"


def test_every_setting_stands_on_the_page_with_its_meaning():
    page = as_markdown()
    for name, field in Settings.model_fields.items():
        assert f"| `{name.upper()}` |" in page
        assert f"| {field.description} |" in page
