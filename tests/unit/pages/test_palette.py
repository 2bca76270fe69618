"""The palette's pages: those that somebody may open, by a part of their names."""

from types import SimpleNamespace

from ingest.api.framework.caller import Scope
from ingest.pages.routes import NAVIGATION
from ingest.pages.views.search import pages_of


def pages(text, scope=Scope.OPERATOR):
    visitor = SimpleNamespace(may=scope.includes)
    return [way.label for way in pages_of(NAVIGATION, visitor, text)]


def test_every_page_of_the_navigation_stands_there_until_something_is_typed():
    assert [way.label for way in NAVIGATION] == pages("")


def test_pages_are_found_by_a_part_of_their_names_in_any_case_those_that_begin_with_it_first():
    assert ["Feeds"] == pages("FEE")
    assert ["Settings", "Sessions"] == pages("s")[:2]


def test_pages_that_a_role_may_not_open_are_not_offered():
    assert ["Dead letters"] == pages("le", Scope.READ)
    assert ["Dead letters", "Fleet", "People"] == pages("le")
