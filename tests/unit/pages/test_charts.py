"""Charts: geometry that can be asserted, and the same numbers as a table."""

import pytest

from ingest.pages.charts import HEIGHT, WIDTH, lines, stacked, strip, tick


def test_a_line_spans_the_width_and_leaves_a_gap_where_nothing_is_known():
    chart = lines("Age", "s", ["a", "b", "c", "d"], {"oldest": [0, None, 10, 5]})
    (series,) = chart.series
    assert f"M0.0 {HEIGHT:.1f}m-3 0h6M{WIDTH * 2 / 3:.1f} 0.0L{WIDTH:.1f} {HEIGHT / 2:.1f}" == series.points
    assert [("a", [0]), ("b", [None]), ("c", [10]), ("d", [5])] == chart.rows


def test_bars_stand_upon_each_other_and_the_scale_takes_their_sum():
    chart = stacked("Items", "", ["a", "b"], {"created": [1, 2], "rejected": [0, 3]})
    assert ["created", "rejected"] == [series.tone for series in chart.series]
    wide, high = WIDTH / 2, HEIGHT / 5
    assert (
        f"M0.0 {HEIGHT:.1f}v{-high:.1f}h{0.8 * wide:.1f}V{HEIGHT:.1f}z"
        f"M{wide:.1f} {HEIGHT:.1f}v{-2 * high:.1f}h{0.8 * wide:.1f}V{HEIGHT:.1f}z"
    ) == chart.series[0].points
    low = HEIGHT - 2 * high
    assert f"M{wide:.1f} {low:.1f}v{-3 * high:.1f}h{0.8 * wide:.1f}V{low:.1f}z" == chart.series[1].points
    assert ["0", "2.5", "5"] == [label for _, label in chart.ticks]


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.25, "0.25"), (5.0, "5"), (2_500.0, "2,500"), (20_000.0, "20k"), (1_500_000.0, "1.5M"), (2.5e9, "2.5bn")],
)
def test_numbers_of_an_axis_are_short_and_never_a_power_of_ten(value, written):
    assert written == tick(value)


def test_where_nothing_is_drawn_it_says_so_and_a_value_of_0_all_along_is_a_line():
    chart = lines("Age", "s", ["a", "b"], {"oldest": [None, None]})
    assert ["0", "0.5", "1"] == [label for _, label in chart.ticks]
    assert chart.blank
    assert stacked("Items", "", ["a", "b"], {"created": [0, 0]}).blank
    assert not lines("Quantity", "", ["a", "b"], {"quantity": [0, 0]}).blank


def test_a_strip_is_one_path_a_tone_each_mark_at_its_place():
    assert [("good", "M0 0h7v18h-7zM18 0h7v18h-7z"), ("bad", "M9 0h7v18h-7z")] == strip(["good", "bad", "good"])
