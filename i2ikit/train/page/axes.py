"""The vertical axis of a chart: it shows every value, and is logarithmic where a few values are far from the others."""

from __future__ import annotations

import math
from collections.abc import Sequence

from attrs import frozen

_BULK_SHARE = 0.98  # share of the values that the axis should spread out
_MAX_STRETCH = 4.0  # an axis that is longer than the range of these values by this factor is logarithmic
_LINEAR_SHARE = 0.1  # share of the size of these values up to which a logarithmic axis is linear: it also has zero and negative values


@frozen
class Axis:
    """An axis from ``low`` to ``high``.

    Attributes:
        low: The lower end.
        high: The upper end.
        linear: The size up to which values are placed linearly, and logarithmically beyond it; None if the whole axis is linear.
    """

    low: float
    high: float
    linear: float | None = None

    def get_share(self, value: float) -> float:
        """Return the place of a value, from 0 at the lower end to 1 at the upper end."""
        low, high = self._scale(self.low), self._scale(self.high)
        return (self._scale(value) - low) / (high - low)

    def choose_ticks(self, count: int) -> list[float]:
        """Return about ``count`` round numbers on the axis, with a distance between each two."""
        if self.linear is None:
            return choose_ticks(self.low, self.high, count)
        powers = range(math.floor(math.log10(self.linear)), math.ceil(math.log10(max(abs(self.low), abs(self.high)))) + 1)
        numbers = [0.0, *(sign * factor * 10.0**power for factor in (1, 3) for power in reversed(powers) for sign in (1, -1))]
        chosen: list[float] = []
        for number in numbers:
            if self.low <= number <= self.high and all(abs(self.get_share(number) - self.get_share(each)) > 0.6 / count for each in chosen):
                chosen.append(number)
        return sorted(chosen)

    def _scale(self, value: float) -> float:
        return value if self.linear is None else math.asinh(value / self.linear)


def choose_axis(lows: Sequence[float], means: Sequence[float], highs: Sequence[float], equilibrium: float | None = None) -> Axis:
    """Return an axis for a curve with its band from ``lows`` to ``highs``. It has all values, and the equilibrium."""
    bounds = [] if equilibrium is None else [equilibrium]
    ordered = sorted(means)
    cut = int(len(ordered) * (1 - _BULK_SHARE))
    bulk = [ordered[cut], ordered[len(ordered) - 1 - cut], *bounds]
    low, high = _widen(min([*lows, *bounds]), max([*highs, *bounds]))
    bulk_low, bulk_high = _widen(min(bulk), max(bulk))
    if high - low <= _MAX_STRETCH * (bulk_high - bulk_low):
        return Axis(low, high)
    return Axis(low, high, _LINEAR_SHARE * max(map(abs, bulk)) or _LINEAR_SHARE * max(abs(low), abs(high)))


def _widen(low: float, high: float) -> tuple[float, float]:
    """Return a range with margins, which begins at 0 where this leaves the values apart."""
    if low > 0 and low < 0.6 * high:
        low = 0.0
    if high - low < 0.1 * abs(high):  # a nearly constant curve must look constant
        low, high = low - 0.05 * abs(high), high + 0.05 * abs(high)
    margin = (high - low) * 0.08 or 1.0
    return (low if low == 0 else low - margin), high + margin


def choose_ticks(low: float, high: float, count: int) -> list[float]:
    """Return about ``count`` round numbers in a range."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    spacing = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    return [number * spacing for number in range(math.ceil(low / spacing - 1e-9), math.floor(high / spacing + 1e-9) + 1)]
