"""What pages say of times, addresses and names: in the account's zone, as it was written, in the order of a sum."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace as Told
from zoneinfo import ZoneInfo

import pytest

from ingest.pages.arithmetic import Term, sentence_of
from ingest.pages.layout import sentence
from ingest.pages.views import now, usage

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def test_the_charts_of_the_last_hour_have_the_clock_of_the_accounts_zone():
    lag, items = now.charts_of(Told(at=NOON, minutes=[]), BERLIN)
    assert [("12:01", "13:00")] * 2 == [(chart.labels[0], chart.labels[-1]) for chart in (lag, items)]


def test_todays_chart_ends_with_what_is_used_now():
    steps = [Told(at=NOON + timedelta(minutes=15 * place), used=used) for place, used in enumerate((0, 4, None, None))]
    told = Told(at=NOON + timedelta(minutes=20), used=207, steps=steps, forecast=None, time_zone="UTC")
    assert [0, 4, 207, None] == [value for _, (value,) in usage.today(told).rows]


@pytest.mark.parametrize(
    ("detail", "written"),
    [
        ("http://acme.example/a.csv answered 404.", "http://acme.example/a.csv answered 404."),
        ("the limit is reached", "The limit is reached."),
    ],
)
def test_a_problem_is_told_as_a_sentence_and_an_address_stays_as_it_is(detail, written):
    assert written == sentence(detail)


def test_a_sum_reads_in_order_when_a_feed_is_written_from_right_to_left():
    terms = [Term(name, 1, 3, "3", taken=True) for name in ("Acme", "مخزون 2026")]
    first, _, last = sentence_of(terms, 6).partition(" + ")
    assert "Sells 6 = Acme 3" == first
    assert "\N{FIRST STRONG ISOLATE}مخزون 2026\N{POP DIRECTIONAL ISOLATE} 3" == last
