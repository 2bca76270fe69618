"""The geometry of charts: values become points of an SVG; the template draws them and the table behind them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

WIDTH, HEIGHT = 600, 140
_STEPS = (1, 2, 2.5, 5, 10)
_FILLED = 0.8
"""How much of its place a bar takes."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line or layer: `points` is an SVG path; `tone` picks its colour in the stylesheet."""

    name: str
    tone: str
    points: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What the macro draws: `ticks` are (y, label) of the horizontal lines, `rows` the table's (label, values)."""

    title: str
    unit: str
    series: list[Series]
    ticks: list[tuple[float, str]]
    labels: list[str]
    rows: list[tuple[str, list[float | None]]]
    names: list[str]

    @property
    def blank(self) -> bool:
        """Return whether there is nothing to be drawn but the axes: a value that is 0 all along is drawn as a line."""
        return not any(series.points for series in self.series)


def strip(tones: Sequence[str]) -> list[tuple[str, str]]:
    """Return marks side by side, in the order given, as one SVG path a tone: (tone, path)."""
    paths: dict[str, str] = {}
    for place, tone in enumerate(tones):
        paths[tone] = f"{paths.get(tone, '')}M{9 * place} 0h7v18h-7z"
    return list(paths.items())


def lines(title: str, unit: str, labels: Sequence[str], values: Mapping[str, Sequence[float | None]]) -> Chart:
    """Return a chart of lines; None leaves a gap. A series' tone is its place in the mapping."""
    top = _top(value for series in values.values() for value in series if value is not None)
    drawn = [Series(name, f"line-{n}", _line(series, top)) for n, (name, series) in enumerate(values.items())]
    return _chart((title, unit), labels, values, drawn, top)


def steps(title: str, moments: Sequence[datetime], values: Sequence[float | None], shown: Sequence[str]) -> Chart:
    """Return a chart of one value that stays until it changes: from its first moment to the last, which repeats it.

    `shown` are the moments as people read them; None is a gap: not known.
    """
    top = _top(value for value in values if value is not None)
    begin, whole = moments[0], max((moments[-1] - moments[0]).total_seconds(), 1.0)
    path, pen = [], "M"
    for index, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        ends = moments[min(index + 1, len(moments) - 1)]
        left, right = (WIDTH * (moment - begin).total_seconds() / whole for moment in (moments[index], ends))
        path.append(f"{pen}{left:.1f} {HEIGHT - HEIGHT * value / top:.1f}H{right:.1f}")
        pen = "L"
    drawn = [Series("quantity", "line-0", "".join(path))]
    return _chart((title, ""), shown, {"quantity": values}, drawn, top)


def stacked(title: str, unit: str, labels: Sequence[str], values: Mapping[str, Sequence[float]]) -> Chart:
    """Return a chart of bars in layers, one upon the other, the first at the bottom; a layer's tone is its name."""
    count = len(labels)
    sums = [0.0] * count
    top = _top(sum(series[i] for series in values.values()) for i in range(count))
    drawn = []
    for name, series in values.items():
        below, sums = sums, [sums[i] + series[i] for i in range(count)]
        drawn.append(Series(name, name, _layer(below, sums, top)))
    return _chart((title, unit), labels, values, drawn, top)


def _chart(
    head: tuple[str, str],
    labels: Sequence[str],
    values: Mapping[str, Sequence[float | None]],
    drawn: list[Series],
    top: float,
) -> Chart:
    title, unit = head
    ticks = [(HEIGHT - HEIGHT * share, tick(top * share)) for share in (0.0, 0.5, 1.0)]
    rows = [(label, [series[i] for series in values.values()]) for i, label in enumerate(labels)]
    return Chart(title, unit, drawn, ticks, list(labels), rows, list(values))


def tick(value: float) -> str:
    """Return a number of an axis: 0.5, 2,500, 20k, 1.5M, 2.5bn: short, so that it fits beside the drawing."""
    for least, step, unit in ((1e9, 1e9, "bn"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if value >= least:
            return f"{value / step:g}{unit}"
    return f"{value:,.0f}" if value >= 1e3 else f"{value:g}"  # noqa: PLR2004 - from here on commas help


def _top(values: object) -> float:
    """Return the round number at or above all values: the top of the scale."""
    greatest = max(list(values), default=0.0)  # type: ignore[call-overload]
    if greatest <= 0:
        return 1.0
    magnitude = 1.0
    while magnitude * 10 <= greatest:
        magnitude *= 10
    while magnitude > greatest:
        magnitude /= 10
    return float(next(step * magnitude for step in _STEPS if step * magnitude >= greatest))


def _at(index: int, count: int, value: float, top: float) -> str:
    return f"{index * WIDTH / max(count - 1, 1):.1f} {HEIGHT - HEIGHT * value / top:.1f}"


_DASH = "m-3 0h6"
"""How a value without neighbours is drawn: a point would be too small to be seen."""


def _line(series: Sequence[float | None], top: float) -> str:
    path, pen = [], "M"
    for index, value in enumerate(series):
        if value is None:
            pen = "M"
            continue
        alone = pen == "M" and (index + 1 == len(series) or series[index + 1] is None)
        path.append(f"{pen}{_at(index, len(series), value, top)}{_DASH if alone else ''}")
        pen = "L"
    return "".join(path)


def _layer(below: Sequence[float], above: Sequence[float], top: float) -> str:
    """Return a layer as bars side by side, each as wide as one value's share of the width."""
    wide = WIDTH / max(len(above), 1)
    bars = ((place, low, high) for place, (low, high) in enumerate(zip(below, above, strict=True)) if high > low)
    return "".join(
        f"M{place * wide:.1f} {HEIGHT - HEIGHT * low / top:.1f}v{-HEIGHT * (high - low) / top:.1f}"
        f"h{wide * _FILLED:.1f}V{HEIGHT - HEIGHT * low / top:.1f}z"
        for place, low, high in bars
    )
