"""Line charts as SVG that a browser draws without a script."""

from __future__ import annotations

import math
from html import escape

from i2ikit.train.page.record import Curve

_WIDTH, _HEIGHT = 480, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 62, 10, 24  # the room around the plot
_SHOWN = 0.98  # the share of the bins that decides the vertical range, so that a first spike flattens nothing


def chart(curve: Curve, equilibrium: float | None = None, *, name: str = "", kind: str = "") -> str:
    """Return a chart: the mean as a line, the spread as a band, and the value where the curve settles as a dashed line.

    Args:
        curve: The points.
        equilibrium: The equilibrium, or None.
        name: What the chart shows, for people who hear the page.
        kind: A class of the style sheet, which says the colour.
    """
    low, high = _range(curve, equilibrium)
    first, last = (curve.steps[0], curve.steps[-1]) if len(curve.steps) > 1 else (0.0, max(curve.steps[0], 1.0))

    def across(number: float) -> float:
        return _LEFT + (number - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT)

    def down(value: float) -> float:
        value = min(max(value, low), high)
        return _TOP + (high - value) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [f'<svg class="chart {kind}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(name)}">']
    for value in ticks(low, high, 4):
        y = down(value)
        parts.append(f'<path class="rule" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{short(value)}</text>')
    parts += [
        f'<text class="tick" x="{across(value):.1f}" y="{_HEIGHT - 6}" text-anchor="middle">{_whole(value)}</text>'
        for value in ticks(first, last, 5)
    ]
    if any(high_ > low_ for low_, high_ in zip(curve.low, curve.high, strict=True)):
        upper = [f"{across(x):.1f} {down(y):.1f}" for x, y in zip(curve.steps, curve.high, strict=True)]
        lower = [f"{across(x):.1f} {down(y):.1f}" for x, y in zip(curve.steps, curve.low, strict=True)]
        parts.append(f'<path class="band" d="M{"L".join(upper + lower[::-1])}Z"/>')
    now = curve.mean[-1]
    if equilibrium is not None:
        y = down(equilibrium)
        # The label gives way to that of the line's end.
        label = y + 3.5 if abs(y - down(now)) > 13 else y + (13 if y <= down(now) and y < _TOP + 20 else -7 if y <= down(now) else 15)
        parts.append(f'<path class="equilibrium" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text class="equilibrium" x="{_WIDTH - _RIGHT + 5}" y="{label:.1f}">{short(equilibrium)} even</text>')
    line = "L".join(f"{across(x):.1f} {down(y):.1f}" for x, y in zip(curve.steps, curve.mean, strict=True))
    parts.append(f'<path class="line" d="M{line}"/>')
    parts.append(f'<circle class="now" cx="{across(curve.steps[-1]):.1f}" cy="{down(now):.1f}" r="3"/>')
    parts.append(f'<text class="now" x="{_WIDTH - _RIGHT + 6}" y="{down(now) + 3.5:.1f}">{short(now)}</text>')
    return "".join(parts) + "</svg>"


def _range(curve: Curve, equilibrium: float | None) -> tuple[float, float]:
    ordered = sorted(curve.mean)
    cut = int(len(ordered) * (1 - _SHOWN))
    low, high = ordered[cut], ordered[len(ordered) - 1 - cut]
    if equilibrium is not None:
        low, high = min(low, equilibrium), max(high, equilibrium)
    if low > 0 and low < 0.6 * high:
        low = 0.0
    if high - low < 0.1 * abs(high):  # what hardly moves shall look so
        low, high = low - 0.05 * abs(high), high + 0.05 * abs(high)
    room = (high - low) * 0.08 or 1.0
    return (low if low == 0 else low - room), high + room


def ticks(low: float, high: float, count: int) -> list[float]:
    """Return about ``count`` even numbers in a range."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= rough * 0.999)
    return [number * step for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _whole(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else short(value)


def short(value: float) -> str:
    """Return a number in few digits: 12k, 0.031, 2e-05."""
    size = abs(value)
    if size >= 1e6:
        return f"{value / 1e6:.3g}M"
    if size >= 1e4:
        return f"{value / 1e3:.3g}k"
    return f"{value:.0f}" if size >= 100 or value == int(value) else f"{value:.3g}"
