"""The daily SKU limit: what fits is admitted in order, a feed variant counts once a day, late days keep their own."""

import uuid
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from schemas.batches import Batch, Source
from workers.apply.admit import admit, charge, is_charged, purses_of
from workers.apply.work import Entry, Feed, Work

TODAY = date(2026, 3, 8)


def work(*, limit, account=1, day=TODAY):
    batch = Batch(uuid.uuid4(), account, account, 0, Source.WEBHOOK, [{"externalId": "a"}] * 9)
    return Work(batch, Feed(account, account, limit, ZoneInfo("UTC")), day)


def entries(of, count, charged=0):
    made = [Entry(of, slot, str(slot), {}, slot) for slot in range(count)]
    for entry in made:
        entry.charged = charged
    return made


@given(st.lists(st.integers(700_000, 700_060), max_size=12))
def test_a_mark_remembers_each_day_it_was_charged_on_of_the_last_32(days):
    mark = 0
    for day in days:
        mark = charge(mark, day)

    newest = max(days, default=0)
    assert {day for day in days if newest - day < 32} == {
        day for day in range(699_950, 700_100) if is_charged(mark, day)
    }
    assert 0 <= mark < 2**63


def test_a_new_row_is_charged_on_no_day():
    assert not is_charged(0, TODAY.toordinal())


def test_the_first_that_fit_are_admitted_and_marked():
    changed = entries(work(limit=5), 4)
    (purse,) = purses_of(changed)
    purse.used = 2

    admitted, others = admit(changed, [purse])

    assert (changed[:3], changed[3:], 3, 4) == (admitted, others, purse.taken, purse.wanted)
    assert [True, True, True, False] == [is_charged(entry.charged, TODAY.toordinal()) for entry in changed]


def test_what_was_charged_today_is_free_even_when_the_day_is_full():
    mark = charge(0, TODAY.toordinal())
    changed = entries(work(limit=0), 2, mark)

    assert [] == purses_of(changed)
    assert (changed, []) == admit(changed, [])


def test_a_batch_that_waited_over_midnight_is_charged_to_its_own_day():
    today, yesterday = work(limit=1), work(limit=1, day=TODAY - timedelta(days=1))
    changed = entries(yesterday, 1) + entries(today, 1)

    purses = purses_of(changed)

    assert [TODAY - timedelta(days=1), TODAY] == [purse.day for purse in purses]
    assert (changed, []) == admit(changed, purses)


def test_accounts_have_purses_of_their_own_and_no_limit_admits_all():
    first, second = work(limit=1), work(limit=None, account=2)
    changed = entries(first, 2) + entries(second, 2)

    admitted, others = admit(changed, purses_of(changed))

    assert ([changed[0], *changed[2:]], [changed[1]]) == (admitted, others)


def test_only_a_day_with_room_for_some_but_not_all_is_contended():
    (purse,) = purses_of(entries(work(limit=5), 3))

    assert [False, True, True, False, False] == [
        setattr(purse, "used", used) or purse.contended for used in (2, 3, 4, 5, 6)
    ]


def test_who_is_named_first_is_admitted_whatever_the_order_of_the_keys():
    changed = entries(work(limit=2), 3)[::-1]

    assert (changed[1:], changed[:1]) == admit(changed, purses_of(changed))


def test_what_was_deferred_before_goes_before_what_comes_fresh():
    changed = entries(work(limit=5), 3)
    changed[2].was_deferred = True
    (purse,) = purses_of(changed)
    purse.reserved = 4  # the one in the window, and three that will be released

    assert ([changed[0], changed[2]], [changed[1]]) == admit(changed, [purse])


def test_when_all_of_the_room_is_waited_for_nothing_fresh_is_admitted():
    changed = entries(work(limit=5), 2)
    (purse,) = purses_of(changed)
    purse.reserved = 5

    assert ([], changed) == admit(changed, [purse])
