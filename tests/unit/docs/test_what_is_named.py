"""What the pages tell people to type, and where to look, is there."""

import re
from pathlib import Path

import pytest

from deploy.command.main import main

CHECKOUT = Path(__file__).parents[3]
PAGES = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
PATH = re.compile(r"(?:ingest|workers|schemas|deploy|tests|docs)/[\w./*-]+")
CODE = re.compile(r"^(?: {4}|\| `)?(?:\.venv/bin/)?(make|feedline) ([a-z][a-z-]*)", re.MULTILINE)


@pytest.fixture(scope="module", params=PAGES, ids=lambda page: page.name)
def page(request):
    return request.param.read_text()


def test_what_is_to_be_typed_is_a_target_of_make_or_a_command(page):
    spans = "\n".join(re.findall(r"`([^`\n]+)`", page))
    typed = {*CODE.findall(page), *CODE.findall(spans)}
    known = {"make": TARGETS, "feedline": set(main.list_commands(None))}

    assert [] == [(program, name) for program, name in sorted(typed) if name not in known[program]]


def test_the_files_that_it_names_are_there(page):
    """But for what was tried, which tells of files that are gone."""
    page = page.partition("## What was tried")[0]
    named = {name.rstrip("/") for name in re.findall(r"`([^`\n]+)`", page) if PATH.fullmatch(name)}

    assert [] == [name for name in sorted(named) if not re.search("NNNN|NAME", name) and not any(CHECKOUT.glob(name))]
