"""Line charts as SVG, drawn without scripts."""

from __future__ import annotations

from html import escape

from i2ikit.train.page.axes import choose_axis, choose_ticks
from i2ikit.train.page.run_summary import Curve

_WIDTH, _HEIGHT = 480, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 62, 10, 24  # margins around the plot


def draw_chart(curve: Curve, equilibrium: float | None = None, *, name: str = "", css_class: str = "") -> str:
    """Return a chart as SVG: the mean as a line, minimum to maximum as a band, the equilibrium as a dashed line. No value is cut off.

    Args:
        curve: The points.
        equilibrium: The equilibrium, or None.
        name: Description of the chart for screen readers.
        css_class: Class of the style sheet that decides the colour.
    """
    axis = choose_axis(curve.low, curve.mean, curve.high, equilibrium)
    first, last = (curve.steps[0], curve.steps[-1]) if len(curve.steps) > 1 else (0.0, max(curve.steps[0], 1.0))

    def get_x(step: float) -> float:
        return _LEFT + (step - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT)

    def get_y(value: float) -> float:
        return _TOP + (1 - axis.get_share(value)) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [f'<svg class="chart {escape(css_class)}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(name)}">']
    if axis.linear is not None:
        parts.append(f'<text class="tick" x="{_WIDTH}" y="{_HEIGHT - 6}" text-anchor="end">log axis</text>')
    for value in axis.choose_ticks(4):
        y = get_y(value)
        parts.append(f'<path class="rule" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{format_number(value)}</text>')
    parts += [
        f'<text class="tick" x="{get_x(value):.1f}" y="{_HEIGHT - 6}" text-anchor="middle">{_format_step(value)}</text>'
        for value in choose_ticks(first, last, 5)
    ]
    if any(upper > lower for lower, upper in zip(curve.low, curve.high, strict=True)):
        upper_edge = [f"{get_x(step):.1f} {get_y(value):.1f}" for step, value in zip(curve.steps, curve.high, strict=True)]
        lower_edge = [f"{get_x(step):.1f} {get_y(value):.1f}" for step, value in zip(curve.steps, curve.low, strict=True)]
        parts.append(f'<path class="band" d="M{"L".join(upper_edge + lower_edge[::-1])}Z"/>')
    now = curve.mean[-1]
    if equilibrium is not None:
        y = get_y(equilibrium)
        # The label must not overlap that of the last value.
        label = y + 3.5 if abs(y - get_y(now)) > 13 else y + (13 if y <= get_y(now) and y < _TOP + 20 else -7 if y <= get_y(now) else 15)
        parts.append(f'<path class="equilibrium" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text class="equilibrium" x="{_WIDTH - _RIGHT + 5}" y="{label:.1f}">{format_number(equilibrium)}</text>')
    line = "L".join(f"{get_x(step):.1f} {get_y(value):.1f}" for step, value in zip(curve.steps, curve.mean, strict=True))
    parts.append(f'<path class="line" d="M{line}"/>')
    parts.append(f'<circle class="now" cx="{get_x(curve.steps[-1]):.1f}" cy="{get_y(now):.1f}" r="3"/>')
    parts.append(f'<text class="now" x="{_WIDTH - _RIGHT + 6}" y="{get_y(now) + 3.5:.1f}">{format_number(now)}</text>')
    return "".join(parts) + "</svg>"


def _format_step(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else format_number(value)


def format_number(value: float) -> str:
    """Return a number with few digits: 12k, 0.031, 2e-5. It has at most seven characters, for which the margin of a chart has room."""
    size = abs(value)
    if 0 < size < 1e-3 or size >= 1e9:
        digits, exponent = f"{value:.1e}".split("e")
        return f"{digits.removesuffix('.0')}e{int(exponent)}"
    if size >= 1e6:
        return f"{value / 1e6:.3g}M"
    if size >= 1e4:
        return f"{value / 1e3:.3g}k"
    return f"{value:.0f}" if size >= 100 or value == int(value) else f"{value:.3g}"
