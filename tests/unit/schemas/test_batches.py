"""Batch ids prove that we made them; a message reads back as the batch it was made from."""

import uuid
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.batches import (
    MESSAGE_VERSION,
    NEWEST_READ,
    OLDEST_READ,
    Batch,
    NewerVersion,
    Operation,
    Source,
    decode,
    is_ours,
    keyed_batch_id,
    made_at_ms,
    new_batch_id,
    same_key_range,
    sender_batch_id,
)
from schemas.errors import Permanent
from schemas.items import ATTRIBUTES
from schemas.tables import external_ids

KEY = b"k" * 32
MESSAGES = Path(__file__).parents[2] / "fixtures" / "messages"
NOW_MS = 1_790_000_000_000


def test_a_new_id_is_a_version_8_uuid_that_knows_its_time_and_its_feed():
    batch_id = new_batch_id(7, NOW_MS, KEY)

    assert (batch_id.version, batch_id.variant) == (8, uuid.RFC_4122)
    assert made_at_ms(batch_id) == NOW_MS
    assert is_ours(batch_id, 7, [KEY])


def test_an_id_of_another_feed_another_key_or_nobody_is_not_ours():
    batch_id = new_batch_id(7, NOW_MS, KEY)

    assert not is_ours(batch_id, 8, [KEY])
    assert not is_ours(batch_id, 7, [b"x" * 32])
    assert not is_ours(uuid.uuid4(), 7, [KEY])


def test_the_same_name_on_the_same_feed_gives_the_same_id():
    first = keyed_batch_id(7, "run:1:2", KEY)

    assert first == keyed_batch_id(7, "run:1:2", KEY)
    assert first != keyed_batch_id(8, "run:1:2", KEY)
    assert first != keyed_batch_id(7, "run:1:3", KEY)
    assert is_ours(first, 7, [KEY])
    assert made_at_ms(first) is None


@given(
    feed=st.integers(1, 9),
    other=st.integers(1, 9),
    keys=st.tuples(st.text(), st.text()),
    bodies=st.tuples(st.binary(), st.binary()),
)
def test_only_the_same_feed_key_and_body_give_the_same_id(feed, other, keys, bodies):
    first = sender_batch_id(feed, keys[0], bodies[0], KEY)
    second = sender_batch_id(other, keys[1], bodies[1], KEY)
    same_key = (feed, keys[0]) == (other, keys[1])

    assert (same_key and bodies[0] == bodies[1]) == (first == second)
    assert is_ours(first, feed, [KEY])
    low, high = same_key_range(first)
    assert same_key == (low <= second <= high)


def test_a_senders_key_cannot_name_one_of_our_own_batches():
    for name in ("release:2026-11-26:1-9:100", "dead-letter:7", "run:1:2"):
        ours = keyed_batch_id(7, name, KEY)
        low, high = same_key_range(sender_batch_id(7, name, b"", KEY))

        assert not low <= ours <= high


def test_a_new_id_has_no_key():
    assert same_key_range(new_batch_id(7, NOW_MS, KEY)) is None


def test_a_message_reads_back_as_its_batch():
    batch = Batch(
        batch_id=new_batch_id(2, NOW_MS, KEY),
        account_id=1,
        feed_id=2,
        received_ms=NOW_MS,
        source=Source.PULL,
        operation=Operation.UPSERT,
        items=[{"externalId": "1234", "retailPrice": "12.5", "barcode": None}],
        indexes=[3],
        rejected=[{"index": 0, "code": "required"}],
        warnings=[{"index": 3, "code": "unknown"}],
        run_id=9,
    )

    assert decode(batch.encode()) == batch


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", ":", "v"]), inner, max_size=2),
    max_leaves=4,
)
ITEMS = st.fixed_dictionaries(
    {"externalId": st.sampled_from(["", "a", "b:", "ü"])},
    optional=dict.fromkeys(("inventoryQuantity", "name", "columns"), VALUES),
)
MANY = st.lists(ITEMS, max_size=4) | st.dictionaries(st.sampled_from(ATTRIBUTES[1:]), VALUES).map(
    lambda rest: [{"externalId": str(number), **rest} for number in range(3)]
)


@given(items=MANY, indexed=st.booleans(), rejected=st.booleans())
def test_items_read_back_as_they_were_from_either_version_null_and_absent_told_apart(items, indexed, rejected):
    batch = Batch(new_batch_id(2, NOW_MS, KEY), 1, 2, NOW_MS, Source.API, items)
    batch.indexes = list(range(1, len(items) + 1)) if indexed else None
    batch.rejected = [{"index": 0, "code": "required"}] if rejected else []
    message = batch.encode()
    of_version_1 = orjson.dumps({"v": 1, **batch.as_json()})

    for read in (decode(message), decode(of_version_1)):
        assert batch == read
        assert orjson.dumps(items, option=orjson.OPT_SORT_KEYS) == orjson.dumps(
            list(read.items), option=orjson.OPT_SORT_KEYS
        )
        assert message == read.encode()
        assert [item["externalId"] for item in items] == external_ids(read.items)
        assert items[1:] == read.items[1:]
        assert [items[place] for place in range(len(items))] == [read.items[place] for place in range(len(items))]


def test_each_attribute_is_named_once_and_what_is_absent_by_its_place():
    batch = Batch(new_batch_id(2, NOW_MS, KEY), 1, 2, NOW_MS, Source.WEBHOOK, [])
    batch.items = [{"externalId": "a", "barcode": None}, {"barcode": "1", "externalId": "b"}]
    alike = orjson.loads(batch.encode())
    batch.items = [{"externalId": "a", "barcode": None}, {"externalId": "b"}]
    others = orjson.loads(batch.encode())

    assert ({"externalId": ["a", "b"], "barcode": [None, "1"]}, False) == (alike["columns"], "absent" in alike)
    assert ({"externalId": ["a", "b"], "barcode": [None, None]}, {"barcode": [1]}) == (
        others["columns"],
        others["absent"],
    )


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"v":3}', b'{"v":2}', b'{"v":1,"batchId":"x"}'])
def test_what_is_no_batch_is_permanent(body):
    with pytest.raises(Permanent):
        decode(body)


@pytest.mark.parametrize(
    "change",
    [
        {"accountId": "1"},
        {"feedId": 2**63},
        {"feedId": True},
        {"receivedMs": 10**15},
        {"receivedMs": -1},
        {"items": {"externalId": "a"}},
        {"items": ["a"]},
        {"items": [{"vendorSku": "a"}]},
        {"items": [{"externalId": 1}]},
        {"indexes": [1, 2]},
        {"indexes": 1},
        {"indexes": {"a": 1}},
        {"indexes": ["a"]},
        {"rejected": 1},
        {"rejected": ["a"]},
        {"rejected": [{"code": "required"}]},
        {"warnings": {"index": 1}},
        {"warnings": [{"index": [1]}]},
    ],
)
def test_a_message_of_the_wrong_shape_is_permanent(change):
    batch = Batch(new_batch_id(2, NOW_MS, KEY), 1, 2, NOW_MS, Source.WEBHOOK, [{"externalId": "a"}])
    of_version_1 = {"v": 1, **batch.as_json()}
    messages = [of_version_1] if "items" in change else [of_version_1, orjson.loads(batch.encode())]
    for message in messages:
        assert batch == decode(orjson.dumps(message))
        with pytest.raises(Permanent):
            decode(orjson.dumps(message | change))


def test_a_number_that_no_message_can_hold_reads_as_one_that_can_be_written_again():
    batch = Batch(new_batch_id(2, NOW_MS, KEY), 1, 2, NOW_MS, Source.WEBHOOK, [{"externalId": "a", "tags": [1]}])
    by_hand = batch.encode().replace(b"[1]", b"[%d]" % 10**30)

    read = decode(by_hand)

    assert [{"externalId": "a", "tags": [1e30]}] == read.items
    assert read == decode(read.encode())


@pytest.mark.parametrize("wrong", [b'"\\ud800"', b'"\xff"', b"NaN", b"1e400", b"[" * 2_000 + b"]" * 2_000])
def test_a_value_that_is_no_json_of_ours_makes_a_message_permanent(wrong):
    batch = Batch(new_batch_id(2, NOW_MS, KEY), 1, 2, NOW_MS, Source.WEBHOOK, [{"externalId": "a", "name": "n"}])
    with pytest.raises(Permanent):
        decode(batch.encode().replace(b'"n"', wrong))


@pytest.mark.parametrize(
    ("columns", "absent"),
    [
        *[(columns, {}) for columns in (None, [], [["a"]], {}, {"name": ["n"]})],
        *[({"externalId": ids}, {}) for ids in (None, "a", {"a": 1}, [1], ["a", None])],
        *[({"externalId": ["a"], "name": names}, {}) for names in (None, [], "n", {"n": 1}, ["n", "n"])],
        *[
            ({"externalId": ["a"], "name": ["n"]}, absent)
            for absent in (None, [], "name", {"name": 0}, {"name": ["0"]})
        ],
        *[({"externalId": ["a"], "name": ["n"]}, {"name": places}) for places in ([1], [-1], [True], [0, 0], None)],
        *[({"externalId": ["a"], "name": ["n"]}, {name: [0]}) for name in ("externalId", "mpn")],
    ],
)
def test_columns_that_are_no_items_are_permanent(columns, absent):
    batch = Batch(new_batch_id(2, NOW_MS, KEY), 1, 2, NOW_MS, Source.WEBHOOK, [{"externalId": "a"}])
    with pytest.raises(Permanent):
        decode(orjson.dumps(orjson.loads(batch.encode()) | {"columns": columns, "absent": absent}))


@pytest.mark.parametrize("version", range(OLDEST_READ, NEWEST_READ + 1))
def test_every_version_that_is_read_has_a_message_that_was_kept_as_it_was_written(version):
    batch = decode((MESSAGES / f"version-{version}.json").read_bytes())

    assert (1, 1, Source.WEBHOOK, Operation.UPSERT) == (
        batch.account_id,
        batch.feed_id,
        batch.source,
        batch.operation,
    )
    assert [{"externalId": "b", "inventoryQuantity": 0}] == batch.items[1:]
    assert ([0, 2], 1) == (batch.indexes, len(batch.rejected))


def test_the_version_that_is_written_is_read_by_this_release():
    assert OLDEST_READ <= MESSAGE_VERSION <= NEWEST_READ
    assert MESSAGE_VERSION - OLDEST_READ <= 1


@pytest.mark.parametrize(
    ("version", "error"),
    [
        (NEWEST_READ + 1, NewerVersion),
        (OLDEST_READ - 1, Permanent),
        ("1", Permanent),
        (True, Permanent),
        (None, Permanent),
    ],
)
def test_a_newer_version_is_told_from_what_is_no_message(version, error):
    message = orjson.loads((MESSAGES / "version-1.json").read_bytes()) | {"v": version}
    with pytest.raises(Permanent, match=r"^message version ") as raised:
        decode(orjson.dumps(message))

    assert error is type(raised.value)
