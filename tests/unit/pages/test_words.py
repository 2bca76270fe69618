"""How values are written for people."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest.pages import words

NOW = datetime(2026, 11, 26, 14, 3, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(None, words.UNKNOWN), (0.0284, "28 ms"),
     (12, "12 s"), (240, "4 min"), (3_900 * 2, "2 h 10 min"), (43_200, "12 h"),
     (259_200, "3 days")],
)  # fmt: skip
def test_a_duration_has_one_or_two_units(seconds, written):
    assert written == words.duration(seconds)


@pytest.mark.parametrize(
    ("ago", "written"),
    [(timedelta(seconds=5), "just now"), (timedelta(seconds=60), "1 min ago"), (timedelta(seconds=100), "2 min ago"),
     (timedelta(minutes=4), "4 min ago"), (timedelta(hours=5), "5 h ago"), (timedelta(minutes=-12), "in 12 min"),
     (timedelta(days=-3), "in 3 days")],
)  # fmt: skip
def test_times_are_relative_and_coarse(ago, written):
    assert written == words.relative(NOW - ago, NOW)


def test_what_is_not_known_is_a_dash_and_never_zero():
    assert [words.UNKNOWN] * 4 == [words.number(None), words.size(None), words.duration(None), words.shown(None)]
    assert ["0", "0 B", "41,200", "12.5"] == [words.number(0), words.size(0), words.number(41_200), words.number(12.5)]


def test_absolute_times_name_the_accounts_zone():
    assert "26 Nov 2026, 15:03:07 Europe/Berlin" == words.absolute(NOW, "Europe/Berlin")
    assert ["15:03", "Wed 15:03", "26 Nov 2025"] == [
        words.clock(NOW - timedelta(days=days), "Europe/Berlin", NOW) for days in (0, 1, 365)
    ]


@pytest.mark.parametrize(
    ("difference", "written"),
    [(0, "no change"), (1_204, "+1,204"), (-1_835, "−1,835")],  # noqa: RUF001 - minus
)
def test_a_difference_has_its_sign_and_its_thousands(difference, written):
    assert written == words.signed(difference)


@pytest.mark.parametrize(
    ("agent", "written"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox 140 on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/143.0.0.0 Safari/537.36 Edg/143.0.1", "Edge 143 on Windows"),
        ("curl/8.14.1", "curl 8"),
        ("something else", "something else"),
        ("", ""),
    ],
)
def test_a_browser_is_told_by_its_name_and_system(agent, written):
    assert written == words.browser(agent)


@pytest.mark.parametrize("name", ["Acme 9", "Müller & Söhne", "東京", "tee 👕", ""])
def test_a_name_from_left_to_right_stands_in_a_sentence_as_it_is(name):
    assert name == words.isolated(name)


@pytest.mark.parametrize(
    "name", ["مخزون 2026", "מלאי", "bad\N{RIGHT-TO-LEFT OVERRIDE}right", "\N{POP DIRECTIONAL ISOLATE}"]
)
def test_a_name_from_right_to_left_turns_nothing_beside_it(name):
    assert f"\N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}" == words.isolated(name)
