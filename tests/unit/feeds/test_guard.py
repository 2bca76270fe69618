"""What the guard holds: files that are not certainly whole, and files that would take away too much."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.guard import (
    BASELINE_DAYS,
    Baseline,
    FileFacts,
    Held,
    Stock,
    guard,
    guard_stock,
    guard_zeros,
    next_baseline,
)

NOW = datetime(2026, 5, 4, 10, 20, tzinfo=UTC)
BEFORE = Baseline(100, 100, True, NOW)


def facts(read=100, mapped=None, **others):
    return FileFacts(9_000, read, read if mapped is None else mapped, **others)


@pytest.mark.parametrize(
    ("file", "before", "code"),
    [
        (facts(declared_bytes=9_001), Baseline(), "short"),
        (facts(declared_bytes=9_000), Baseline(), None),
        (facts(complete=False, incomplete_reason="no </rss>"), Baseline(), "truncated"),
        (facts(complete=False, incomplete_reason="?", incomplete_code="encoding"), Baseline(), "encoding"),
        (facts(0), Baseline(), "empty"),
        (facts(10, 0), Baseline(), "unusable"),
        (facts(69), BEFORE, "fewer_rows"),
        (facts(70), BEFORE, None),
        (facts(1), Baseline(), None),
        # one usable row of 500: whatever the rows count, this is not the feed's file
        (facts(500, 1), BEFORE, "unusable"),
        (facts(500, 1), Baseline(), "unusable"),
        (facts(500, 260), Baseline(), None),
        (facts(3, 1), Baseline(), None),
        # a feed whose files are always like that
        (facts(100, 30), Baseline(100, 30, True, NOW), None),
        (facts(100, 20), Baseline(100, 30, True, NOW), "unusable"),
        # the last line has no end
        (facts(final_newline=False), BEFORE, "truncated"),
        (facts(final_newline=False), replace(BEFORE, final_newline=False), None),
        (facts(final_newline=False), replace(BEFORE, final_newline=None), None),
        (facts(doubt="no length"), BEFORE, None),
        # what is mapped by position stands elsewhere
        (facts(layout="2 'qty'"), replace(BEFORE, layout="2 'price'"), "columns"),
        (facts(layout="2 'qty'"), replace(BEFORE, layout="2 'qty'"), None),
        (facts(layout="2 'qty'"), BEFORE, None),
        (facts(), replace(BEFORE, layout="2 'qty'"), None),
    ],
)
def test_the_guard_holds_what_cannot_be_the_whole_file(file, before, code):
    held = guard(file, before, 0.3, cleans_up=False)
    assert code == (held.code if held else None)


@pytest.mark.parametrize(
    ("file", "before", "code"),
    [
        (facts(doubt="no length"), BEFORE, "unproven"),
        # nothing is known of how the files of this feed end
        (facts(final_newline=False), replace(BEFORE, final_newline=None), None),
        (facts(final_newline=False), replace(BEFORE, final_newline=False), None),
        (facts(final_newline=True), BEFORE, None),
    ],
)
def test_where_missing_items_would_be_zeroed_the_file_must_be_whole_beyond_doubt(file, before, code):
    held = guard(file, before, 0.3, cleans_up=True)
    assert code == (held.code if held else None)


def test_the_guard_says_what_it_saw():
    expected = Held("fewer_rows", "50 rows, 50 % fewer than the 100 of the run of 2026-05-04 (allowed: 30 %)")
    assert expected == guard(facts(50), BEFORE, 0.3, cleans_up=False)


@pytest.mark.parametrize(
    ("stored", "gone", "share", "code"),
    [
        (20, 20, 0.3, "missing_items"),  # a wrong file of equal length
        (20, 7, 0.3, "missing_items"),
        (20, 6, 0.3, None),
        (2, 1, 0.3, None),  # one may go
        (1, 1, 0.3, "missing_items"),  # but not the last one
        (0, 0, 0.0, None),
        (1_000, 2, 0.0, "missing_items"),
        (5, 5, 1.0, None),  # a feed that says so
    ],
)
def test_the_guard_counts_stored_items_that_would_go(stored, gone, share, code):
    held = guard_stock(Stock(stored, gone), share)
    assert code == (held.code if held else None)


def test_many_small_losses_add_up():
    baseline, rows, held, days = Baseline(), 1_000, None, 0
    while held is None:
        baseline = next_baseline(baseline, Baseline(rows, rows, True, NOW + timedelta(days=days)), approved=False)
        days += 1
        rows = rows * 71 // 100
        held = guard(facts(rows), baseline, 0.3, cleans_up=True)
    assert (504, "fewer_rows") == (rows, held.code)


@given(st.lists(st.integers(1, 1_000), min_size=1, max_size=20))
def test_no_applied_run_lowers_the_bar_within_its_days(counts):
    baseline = Baseline()
    for day, rows in enumerate(counts):
        applied = Baseline(rows, rows // 2, True, NOW + timedelta(days=day))
        baseline = next_baseline(baseline, applied, approved=False)
    assert (max(counts), max(counts) // 2) == (baseline.rows, baseline.mapped)


def test_an_approval_and_time_start_afresh():
    less = Baseline(10, 10, False, NOW + timedelta(days=1))
    later = replace(less, at=NOW + timedelta(days=BASELINE_DAYS, seconds=1))

    assert less == next_baseline(BEFORE, less, approved=True)
    assert replace(BEFORE, final_newline=False) == next_baseline(BEFORE, less, approved=False)
    assert later == next_baseline(BEFORE, later, approved=False)


@pytest.mark.parametrize(("stored", "code"), [(9, None), (10, "all_zero"), (500, "all_zero")])
def test_a_file_of_zeros_alone_is_held_where_many_items_have_a_quantity(stored, code):
    held = guard_zeros(Stock(stored, 0))
    assert code == (held.code if held else None)
