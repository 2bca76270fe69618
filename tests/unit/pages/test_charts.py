"""Charts: geometry that can be asserted, and the same numbers as a table."""

from ingest.pages.charts import HEIGHT, WIDTH, lines, stacked, strip


def test_a_line_spans_the_width_and_leaves_a_gap_where_nothing_is_known():
    chart = lines("Age", "s", ["a", "b", "c", "d"], {"oldest": [0, None, 10, 5]})
    (series,) = chart.series
    assert f"M0.0 {HEIGHT:.1f}m-3 0h6M{WIDTH * 2 / 3:.1f} 0.0L{WIDTH:.1f} {HEIGHT / 2:.1f}" == series.points
    assert [("a", [0]), ("b", [None]), ("c", [10]), ("d", [5])] == chart.rows


def test_layers_stand_upon_each_other_and_the_scale_takes_their_sum():
    chart = stacked("Items", "", ["a", "b"], {"created": [1, 2], "rejected": [1, 3]})
    assert ["created", "rejected"] == [series.tone for series in chart.series]
    assert f"M0.0 {HEIGHT * 0.6:.1f}L{WIDTH:.1f} 0.0L{WIDTH:.1f} {HEIGHT * 0.6:.1f}L0.0 {HEIGHT * 0.8:.1f}Z" == (
        chart.series[1].points
    )
    assert ["0", "2.5", "5"] == [label for _, label in chart.ticks]


def test_nothing_at_all_is_a_flat_line():
    assert ["0", "0.5", "1"] == [label for _, label in lines("Age", "s", ["a", "b"], {"oldest": [0, 0]}).ticks]


def test_a_strip_is_one_path_a_tone_each_mark_at_its_place():
    assert [("good", "M0 0h7v18h-7zM18 0h7v18h-7z"), ("bad", "M9 0h7v18h-7z")] == strip(["good", "bad", "good"])
