"""Line charts as plain SVG: a logarithmic axis to the right, a linear one upwards, a label at each line's end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log2, log10

WIDTH, HEIGHT = 720, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 160, 40, 46
_COLOURS = ("#2563eb", "#d97706", "#059669", "#be123c")
_STEPS, _LINE = 5, 14
"""Steps of the axis upwards at most, and the height of a line of text."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Chart:
    """A title, what the axes say, and the lines by name; values to the right are above 0."""

    title: str
    across: str
    upwards: str
    lines: Mapping[str, Points]

    def svg(self) -> str:
        """Return the picture."""
        every = [point for points in self.lines.values() for point in points]
        step, steps = _scale(max(y for _, y in every))
        frame = _Frame(min(x for x, _ in every), max(x for x, _ in every), step, steps)
        parts = [*frame.axes(sorted({x for x, _ in every})), *self._texts()]
        for colour, points in zip(_COLOURS, self.lines.values(), strict=False):
            path = " ".join(f"{frame.right(x):.1f},{frame.up(y):.1f}" for x, y in points)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
            parts += [
                f'<circle cx="{frame.right(x):.1f}" cy="{frame.up(y):.1f}" r="3" fill="{colour}"/>' for x, y in points
            ]
        parts += self._names(frame)
        style = 'role="img" font-family="system-ui, sans-serif" font-size="12" fill="#475569"'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" {style}>\n'
            f"<title>{escape(self.title)}</title>\n"
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n"
        )

    def _names(self, frame: _Frame) -> list[str]:
        """Return the names of the lines at their ends, each at least a line of text above the one before."""
        ends = [
            (*points[-1], name, colour) for colour, (name, points) in zip(_COLOURS, self.lines.items(), strict=False)
        ]
        parts, free = [], float(HEIGHT)
        for x, y, name, colour in sorted(ends, key=lambda end: end[1]):
            free = min(frame.up(y) + 4, free - _LINE)
            parts.append(_text(frame.right(x) + 8, free, name, f'fill="{colour}"'))
        return parts

    def _texts(self) -> list[str]:
        middle = (_LEFT + WIDTH - _RIGHT) / 2
        return [
            _text(_LEFT, 20, self.title, 'font-weight="600" fill="#0f172a"'),
            _text(middle, HEIGHT - 8, self.across, 'text-anchor="middle"'),
            _text(14, _TOP - 8, self.upwards, ""),
        ]


@dataclass(frozen=True, slots=True)
class _Frame:
    """From values to places."""

    least: float
    most: float
    step: float
    steps: int

    def right(self, x: float) -> float:
        span = log2(self.most / self.least) or 1
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * log2(x / self.least) / span

    def up(self, y: float) -> float:
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * y / (self.step * self.steps)

    def axes(self, places: Sequence[float]) -> list[str]:
        parts = []
        for number in range(self.steps + 1):
            value = self.step * number
            y = self.up(value)
            parts.append(f'<path d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}" stroke="#e2e8f0"/>')
            parts.append(_text(_LEFT - 8, y + 4, f"{value:,.0f}", 'text-anchor="end"'))
        parts += [_text(self.right(x), HEIGHT - _BOTTOM + 18, f"{x:,.0f}", 'text-anchor="middle"') for x in places]
        return parts


def _text(x: float, y: float, content: str, how: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {how}>{escape(content)}</text>'


def _scale(most: float) -> tuple[float, int]:
    """Return a step that reads well (1, 2 or 5, and zeros), and how many of them reach `most`."""
    power = 10.0 ** max(0, floor(log10(max(most, 1.0) / _STEPS)))  # labels are whole numbers
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power * _STEPS >= most)
    return step, max(1, ceil(most / step))
