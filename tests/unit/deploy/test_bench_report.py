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


def test_a_quantile_is_the_bound_below_which_so_much_of_what_came_between_was():
    before = {0.001: 5.0, 0.01: 8.0, float("inf"): 10.0}
    after = {0.001: 55.0, 0.01: 106.0, float("inf"): 110.0}

    assert [0.001, 0.01, float("inf")] == [quantile(before, after, share) for share in (0.5, 0.98, 0.99)]
    assert 0 == quantile(before, before, 0.99)
