"""What the README says of the speed, out of a report: its table, and the lines below that; only what was measured."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.bench.report import Figure, Report, shown

_ROAD = {"lean": "4 attributes", "rich": "15 attributes"}
_CASES = ("all changed", "all unchanged", "new rows")
_ROWS = {f"the road, {kind}, {case}": f"{items}, {case}" for kind, items in _ROAD.items() for case in _CASES} | {
    "the usual day": "90 % unchanged, 9 % changed, 1 % new, feeds of very different size"
}
_PEER = "the same work by FastStream and asyncpg (`deploy/bench/peer`): changed / unchanged"
_LINES = (
    (
        "- The edge alone answers {} posts/s, {} of a bare aiohttp handler; by CPU time {}.",
        ("the edge alone", "the edge alone ÷", "  posts a second of CPU: the edge, to a bare handler ÷"),
    ),
    (
        "- At half load the 202 takes {} ms (p99 {} ms), post to commit {} ms (p99 {} ms).",
        (
            "202 at half load, median",
            "202 at half load, p99",
            "post to commit at half load, median",
            "post to commit at half load, p99",
        ),
    ),
    (
        "- A changed item writes {} bytes of WAL, an unchanged one {}; {} % of updates are HOT.",
        ("  WAL, lean, all changed", "  WAL, lean, all unchanged", "  HOT updates, lean, all changed"),
    ),
    (
        "- A worker peaks at {} MB with 15 attributes, at {} with all shards and 10,000 batches waiting.",
        ("peak memory, a worker, rich", "peak memory, a worker with all shards and a backlog"),
    ),
    (
        "- If edge and workers cost nothing, the cores would do {} of Postgres alone with all changed, {} unchanged.",
        (
            "  if edge and workers cost nothing, lean, all changed ÷",
            "  if edge and workers cost nothing, lean, all unchanged ÷",
        ),
    ),
)
"""A line, and the figures in it; `÷` is for a figure's ratio."""


def markdown(report: Report) -> str:
    """Return the README's table and the lines below it."""
    figures = report.figures
    rows = ["| | items/s | spread | ratio |", "|---|---:|---:|---:|"]
    rows += [_row(row, figures[name]) for name, row in _ROWS.items() if name in figures]
    peer = [figures.get(f"the peer, lean, {case}") for case in _CASES[:2]]
    if all(peer):
        rows.append(f"| {_PEER} | {' / '.join(shown(one.value) for one in peer if one)} | | |")
    return "\n".join([*rows, "", *_lines(figures)])


def _row(name: str, figure: Figure) -> str:
    _, value, spread, _, ratio, _ = figure.cells()
    return f"| {name} | {value} | {spread} | {ratio} |"


def _lines(figures: dict[str, Figure]) -> Iterator[str]:
    for line, names in _LINES:
        if all(name.removesuffix(" ÷") in figures for name in names):
            yield line.format(*(_told(figures, name) for name in names))


def _told(figures: dict[str, Figure], name: str) -> str:
    figure = figures[name.removesuffix(" ÷")]
    if name.endswith(" ÷"):
        return figure.cells()[4]
    return f"{figure.value:,.0f}"
