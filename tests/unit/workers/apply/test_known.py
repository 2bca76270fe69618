"""What a worker knows of rows without asking Postgres: when it is known, when not any more, and for how many items."""

import asyncio
import uuid
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from schemas.batches import Batch, Source
from workers.apply.compare import Hashed
from workers.apply.known import REMEMBERED_FOR, Memory
from workers.apply.merge import merge
from workers.apply.work import Feed, Work

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


def batch(*ids, feed=1):
    return Batch(uuid.uuid4(), 1, feed, 0, Source.WEBHOOK, [{"externalId": each} for each in ids])


def sheet(*batches):
    return merge([Work(each, Feed(each.feed_id, 1, None, ZoneInfo("UTC")), date(2026, 3, 1)) for each in batches])


def window(known, lines, hashes, *, learns=True, at=NOW):
    """Do a window that goes well, and learn what was asked for unless it did not fit; return the keys asked for."""
    with known.during(at):
        asked, hashed = known.unsettled(lines, Hashed(hashes, [0] * len(hashes), (), with_details=False))
        assert len(asked) == len(hashed.items)
        if learns:
            known.learn()
    return asked.ids


ABC = sheet(batch("a", "b", "c"))


@pytest.fixture
def memory():
    return Memory(5)


@pytest.fixture
def known(memory):
    """What a session knows that has committed a, b and c as 1, 2 and 3."""
    known = memory.begin()
    window(known, ABC, [1, 2, 3])
    return known


def test_what_was_learnt_need_not_be_asked_for_and_what_differs_or_is_new_must(known):
    assert [] == window(known, ABC, [1, 2, 3])
    assert ["b", "d"] == window(known, sheet(batch("a", "b", "d")), [1, 0, 4])
    assert ["a"] == window(known, sheet(batch("a", feed=2)), [1])


def test_lines_of_several_feeds_are_told_by_their_place_in_the_sheet(known):
    lines = sheet(batch("a", feed=2), batch("c", "b"), batch("b", feed=0))

    assert ["b", "b", "c", "a"] == lines.ids
    assert ["b", "c", "a"] == window(known, lines, [2, 2, 9, 1])
    assert ["b"] == window(known, lines, [2, 8, 9, 1], learns=False)


def test_only_the_last_value_is_known(known):
    assert [["b"], ["b"], ["b"], []] == [window(known, ABC, [1, value, 3]) for value in (9, 2, 9, 9)]


def test_what_was_asked_for_and_did_not_fit_is_forgotten(known, memory):
    assert ["b"] == window(known, ABC, [1, 9, 3], learns=False)

    assert (2, 3) == (len(known), memory.left)
    assert ["b"] == window(known, ABC, [1, 2, 3])


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError])
def test_all_is_forgotten_when_a_window_fails(known, memory, error):
    with pytest.raises(error), known.during(NOW):
        raise error

    assert (0, 5) == (len(known), memory.left)


def test_the_keys_of_batches_are_forgotten_and_no_others(known, memory):
    known.forget([batch("a", "c", "z"), batch("b", feed=2)])

    assert (1, 4) == (len(known), memory.left)
    assert ["a", "c"] == window(known, ABC, [1, 2, 3])


def test_room_is_counted_where_a_batch_names_what_cannot_be_a_key(known, memory):
    with pytest.raises(TypeError):
        known.forget([batch("a", ["b"])])

    assert 5 == memory.left + len(known)


def test_sessions_share_the_room_and_what_finds_none_is_asked_for_each_time(known, memory):
    other = memory.begin()

    assert [["a", "b", "c"], ["c"], ["c"]] == [window(other, ABC, [1, 2, 3]) for _ in range(3)]
    assert [["d"], ["d"]] == [window(known, sheet(batch("d")), [4]) for _ in range(2)]
    assert ([], 0) == (window(known, ABC, [1, 2, 3]), memory.left)


def test_without_room_what_changes_is_kept_up_to_date(known):
    memory = known._memory
    memory.left = 0

    assert ["a", "b", "d"] == window(known, sheet(batch("a", "b", "c", "d")), [7, 8, 3, 4])
    assert [] == window(known, ABC, [7, 8, 3])
    assert (3, 0) == (len(known), memory.left)


def test_a_memory_without_room_remembers_nothing():
    known = Memory(0).begin()

    assert [["a", "b", "c"]] * 2 == [window(known, ABC, [1, 2, 3]) for _ in range(2)]
    assert 0 == len(known)


def test_a_session_that_is_over_gives_its_room_back_and_learns_no_more(known, memory):
    with known.during(NOW):
        known.unsettled(ABC, Hashed([7, 8, 9], [0] * 3, (), with_details=False))
        known.end()
        known.learn()
    window(known, ABC, [1, 2, 3])

    assert (0, 5) == (len(known), memory.left)


@pytest.mark.parametrize(
    ("at", "left"),
    [(NOW, 3), (NOW + REMEMBERED_FOR - MOMENT, 3), (NOW + REMEMBERED_FOR, 0), (NOW - MOMENT, 0)],
)
def test_every_session_forgets_after_a_while_and_when_the_clock_is_set_back(known, memory, at, left):
    with memory.begin().during(at):
        assert left == len(known)
