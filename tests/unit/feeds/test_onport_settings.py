"""Attributes of Onport's feeds without effect here: stored as they were sent, given back, and no feed needs them."""

import pytest

from ingest.api.resources.feeds import Feed, FeedCreate, FeedUpdate
from ingest.feeds.onport import OnportSettings
from ingest.feeds.settings import FeedSettings
from ingest.feeds.state import new_state

SENT = {
    "adminNotes": "call Ann before noon",
    "allocateInventory": True,
    "currencyId": 3,
    "excludeTags": ["clearance"],
    "externalIdStrategy": "options",
    "handleStrategy": "name",
    "syncPricing": False,
}
FEED = {"name": "Acme", "dropshipProviderId": 1, "resourceType": "webhook"}


def stored(settings):
    return settings.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, include=set(OnportSettings.model_fields)
    )


def test_what_was_sent_is_stored_and_read_back():
    state = new_state(FeedCreate.model_validate(FEED | SENT).sent())

    assert SENT == stored(state.settings)
    assert SENT == stored(FeedSettings.model_validate(stored(state.settings)))


def test_an_omitted_one_stays_and_null_stands_for_its_default():
    state = new_state(FeedCreate.model_validate(FEED | SENT).sent())

    changed = state.changed(FeedUpdate.model_validate({"adminNotes": None, "allocateInventory": None}).sent())

    assert {name: SENT[name] for name in SENT if name not in ("adminNotes", "allocateInventory")} == stored(
        changed.settings
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("handleStrategy", "guess"), ("currencyId", 2**31), ("excludeTags", [1]), ("syncPricing", "yes")],
)
def test_a_value_that_cannot_be_is_refused(name, value):
    with pytest.raises(ValueError, match=name):
        FeedCreate.model_validate(FEED | {name: value})


def test_every_one_of_them_stands_in_the_resource():
    assert set(OnportSettings.model_fields) <= set(Feed.model_fields)
