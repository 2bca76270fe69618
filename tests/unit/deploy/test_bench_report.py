"""The benchmark's tables, and the quantiles that it reads from histograms."""

from deploy.bench.meters import quantile
from deploy.bench.readme import markdown
from deploy.bench.report import Report


def test_the_readme_is_told_what_was_measured():
    report = Report({})
    for value, alone in ((1_000.0, 4_000.0), (3_000.0, 5_000.0), (2_000.0, 5_000.0)):
        report.at_least("the road, lean, all changed", value, "items/s", of=alone, target=0.7)
        report.add("  if edge and workers cost nothing, lean, all changed", 4_000.0, "items/s", of=alone)
    report.add("the usual day", 40_945.0, "items/s")
    report.add("the peer, lean, all unchanged", 9_933.0, "items/s")
    report.add("the peer, lean, all changed", 10_070.0, "items/s")
    report.at_least("the edge alone", 2_333.0, "posts/s", of=7_777.0, target=0.4)
    report.add("  posts a second of CPU: the edge, to a bare handler", 3_000.0, "posts", of=7_500.0)
    report.part(("an item", "lean, all changed", "WAL"), 140.4, "bytes")

    assert [
        "| | items/s | spread | ratio |",
        "|---|---:|---:|---:|",
        "| 4 attributes, all changed | 2,000 | 1,000 to 3,000 | 0.40 |",
        "| 90 % unchanged, 9 % changed, 1 % new, feeds of very different size | 40,945 |  |  |",
        "| the same work by FastStream and asyncpg (`deploy/bench/peer`): changed / unchanged | 10,070 / 9,933 | | |",
        "",
        "- The edge alone answers 2,333 posts/s, 0.30 of a bare aiohttp handler; by CPU time 0.40.",
    ] == markdown(report).splitlines()


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
