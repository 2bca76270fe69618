"""Who may post with which hash, and which batch id a post gets."""

import pytest

from ingest.edge.batch_ids import batch_id_of
from ingest.edge.feeds import Snapshot, snapshot
from ingest.edge.strangers import LOOK_UPS_PER_S, Strangers
from ingest.http.problems import ProblemError
from schemas.batches import is_ours

NOW_MS = 1_790_000_000_000
KEY = b"k" * 32


def row(**changed):
    return {
        "id": 7,
        "account_id": 3,
        "enabled": True,
        "disabled_reason": None,
        "resource_type": "webhook",
        "hash": "new",
        "previous_hash": None,
        "previous_until_ms": None,
        "older_hash": None,
        "older_until_ms": None,
        "bad_attributes": "rejectItem",
    } | changed


def sender(feeds, webhook_hash, now_ms=NOW_MS):
    feed = feeds.known(webhook_hash)
    if feed is not None:
        feed.check(now_ms)
    return feed


def refusal(feeds, webhook_hash, now_ms=NOW_MS):
    with pytest.raises(ProblemError) as caught:
        sender(feeds, webhook_hash, now_ms)
    return caught.value.status, caught.value.code


def test_a_hash_finds_its_feed_and_account():
    feed = sender(snapshot([row(), row(id=8, hash="other")]), "new")

    assert (7, 3) == (feed.id, feed.account_id)


def test_hashes_are_not_kept_in_clear():
    assert "new" not in repr(snapshot([row()]))


@pytest.mark.parametrize("webhook_hash", ["unknown", "", "\udcff", "NEW", "new "])
def test_an_unknown_hash_is_not_known(webhook_hash):
    assert None is snapshot([row()]).known(webhook_hash)


def test_a_missing_hash_is_401_and_says_which_header():
    assert (401, "edge.hash.missing") == refusal(snapshot([row()]), None)


def test_a_rotated_hash_is_valid_for_its_grace_period_only():
    feeds = snapshot([row(previous_hash="old", previous_until_ms=NOW_MS + 1)])

    assert 7 == sender(feeds, "new").id
    assert 7 == sender(feeds, "old").id
    assert (401, "edge.hash.expired") == refusal(feeds, "old", NOW_MS + 1)


def test_of_two_rotations_each_hash_keeps_its_own_grace():
    feeds = snapshot(
        [row(previous_hash="old", previous_until_ms=NOW_MS + 9, older_hash="older", older_until_ms=NOW_MS + 1)]
    )

    assert [7, 7, 7] == [sender(feeds, name).id for name in ("new", "old", "older")]
    assert (401, "edge.hash.expired") == refusal(feeds, "older", NOW_MS + 1)
    assert 7 == sender(feeds, "old", NOW_MS + 1).id


def test_a_hash_that_is_new_again_does_not_expire():
    feeds = snapshot([row(previous_hash="new", previous_until_ms=NOW_MS - 1)])

    assert 7 == sender(feeds, "new").id


def test_a_disabled_feed_is_403_with_its_reason():
    feeds = snapshot([row(enabled=False, disabled_reason="empty for days")])

    with pytest.raises(ProblemError, match="empty for days") as caught:
        sender(feeds, "new")

    assert (403, "edge.feed.disabled") == (caught.value.status, caught.value.code)


def test_a_pulled_feed_takes_no_posts():
    assert (403, "edge.feed.not_a_webhook") == refusal(snapshot([row(resource_type="ftpCsv")]), "new")


def test_before_the_first_snapshot_nobody_is_unknown():
    assert (503, "edge.feeds.unknown") == refusal(Snapshot(), "new")


def test_a_post_gets_a_new_id_and_the_same_key_and_body_the_same_one():
    fresh = {batch_id_of(7, None, b"[]", NOW_MS, KEY) for _ in range(10)}
    keyed = {batch_id_of(7, "order 1/2", b"[]", NOW_MS + number, KEY) for number in range(10)}

    assert (10, 1) == (len(fresh), len(keyed))
    assert all(is_ours(batch_id, 7, [KEY]) for batch_id in fresh | keyed)
    assert batch_id_of(8, "order 1/2", b"[]", NOW_MS, KEY) not in keyed


@pytest.mark.parametrize("key", ["", " ", "a ", "x" * 256, "ümlaut", "a\x01b", "a\nb"])
def test_a_key_that_is_no_key_is_400(key):
    with pytest.raises(ProblemError) as caught:
        batch_id_of(7, key, b"[]", NOW_MS, KEY)

    assert (400, "edge.idempotency_key.invalid") == (caught.value.status, caught.value.code)


def test_a_key_of_255_characters_is_taken():
    assert is_ours(batch_id_of(7, "x" * 255, b"[]", NOW_MS, KEY), 7, [KEY])


def test_made_up_hashes_are_looked_up_so_many_times_a_second_and_each_once():
    clock = [0.0]
    strangers = Strangers(lambda: clock[0])

    def asked(number):
        try:
            strangers.check(b"%d" % number)
        except ProblemError as problem:
            return problem.status
        strangers.remember(b"%d" % number)
        return "asked"

    told = [asked(number) for number in range(100)]
    again = [asked(number) for number in range(3)]
    clock[0] = 0.1

    assert ["asked"] * int(LOOK_UPS_PER_S) + [429] * (100 - int(LOOK_UPS_PER_S)) == told
    assert [401] * 3 == again
    assert ["asked", "asked", 429] == [asked(number) for number in range(200, 203)]
