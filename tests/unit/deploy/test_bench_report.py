"""The benchmark's tables, and the quantiles that it reads from histograms."""

from deploy.bench.meters import quantile
from deploy.bench.report import Report


def test_the_readme_takes_what_stands_for_itself_with_median_spread_ratio_and_target():
    report = Report({})
    for value, alone in ((100.0, 400.0), (300.0, 500.0), (200.0, 500.0)):
        report.add("Postgres alone, lean", alone, "items/s")
        report.at_least("the road, lean", value, "items/s", of=alone, target=0.5)
        report.add("  CPU an item: edge, lean", 1.0, "µs")
    report.below("202, p99", 9.5, "ms", target=12)

    assert [
        ["figure", "median", "spread", "unit", "ratio", "target"],
        ["the road, lean", "200", "100 to 300", "items/s", "0.40", "≥ 0.5"],
        ["202, p99", "9.50", "", "ms", "", "≤ 12"],
    ] == [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in report.markdown().splitlines()
        if not line.startswith("|-")
    ]


def test_what_figures_are_made_of_has_a_table_of_its_own():
    report = Report({})
    report.add("the road, lean", 100.0, "items/s", of=400.0)
    report.add("  of which nothing", 1.0, "items/s")
    for value in (2.0, 4.0, 3.0):
        report.part(("an item", "lean", "CPU: edge"), value, "µs")
    report.part(("an item", "rich", "CPU: edge"), 20.0, "µs")
    report.part(("an item", "rich", "WAL"), 140.0, "bytes")

    assert [
        "figure median spread unit ratio target",
        "the road, lean 100 items/s 0.25",
        "of which nothing 1.00 items/s",
        "",
        "an item CPU: edge, µs WAL, bytes",
        "lean 3.00",
        "rich 20.0 140",
    ] == [" ".join(line.split()) for line in report.table().splitlines() if not line.startswith("-")]


def test_a_quantile_is_the_bound_below_which_so_much_of_what_came_between_was():
    before = {0.001: 5.0, 0.01: 8.0, float("inf"): 10.0}
    after = {0.001: 55.0, 0.01: 106.0, float("inf"): 110.0}

    assert [0.001, 0.01, float("inf")] == [quantile(before, after, share) for share in (0.5, 0.98, 0.99)]
    assert 0 == quantile(before, before, 0.99)
