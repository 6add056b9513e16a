"""Measured numbers with their protocols, and a comparison that checks the protocols."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

from attrs import asdict, field, frozen

from i2ikit.errors import I2IKitError

PACKAGES = ("i2ikit", "torch", "torchvision", "torchmetrics")
UNCOMPARED_ENTRIES = ("step", "seed", "versions")
"""Entries of a protocol that may differ between two numbers: they describe the model and the software, not the method."""


class ProtocolError(I2IKitError, ValueError):
    """Two numbers with different protocols cannot be compared.

    Attributes:
        difference: The first entry that differs, such as ``"classifier.seed"``.
    """

    def __init__(self, name: str, difference: str, first: object, second: object) -> None:
        self.difference = difference
        super().__init__(
            f'Two numbers "{name}" cannot be compared: their protocols differ in "{difference}" '
            f"({_format_value(first)} and {_format_value(second)}). Measure both in the same way."
        )


@frozen
class Number:
    """One measured number.

    Attributes:
        name: The name, such as ``"psnr"``, or ``"psnr/tone"`` for one attribute.
        value: The value in ``unit``.
        unit: The unit, such as ``"dB"``; empty for shares and counts.
        higher_is_better: Whether a higher value is better; None if neither is.
        protocol: How the number was measured, as JSON data.
    """

    name: str
    value: float
    unit: str = ""
    higher_is_better: bool | None = None
    protocol: Mapping[str, Any] = field(factory=dict, hash=False)

    def to_json(self) -> dict[str, Any]:
        """Return the number as JSON data."""
        return asdict(self)


def compare(a: Number, b: Number) -> float:
    """Return ``b.value - a.value`` after checking that both were measured in the same way.

    Step, seed and package versions may differ, because they describe the models that are compared.

    Raises:
        ProtocolError: The names or the protocols differ; the message gives the first difference.
    """
    if a.name != b.name:
        raise ProtocolError(a.name, "name", a.name, b.name)
    for key, first, second in find_differences(a.protocol, b.protocol):
        raise ProtocolError(a.name, key, first, second)
    return b.value - a.value


def find_differences(a: Mapping[str, Any], b: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object, object]]:
    """Yield the key and both values of each difference between two protocols; nested keys are joined by dots."""
    for key in dict.fromkeys([*a, *b]):
        if not prefix and key in UNCOMPARED_ENTRIES:
            continue
        first, second = a.get(key), b.get(key)
        if isinstance(first, Mapping) and isinstance(second, Mapping):
            yield from find_differences(first, second, f"{prefix}{key}.")
        elif _to_list(first) != _to_list(second):
            yield f"{prefix}{key}", first, second


def get_versions() -> dict[str, str]:
    """Return the versions of the packages that compute the numbers."""
    return {name: metadata.version(name) for name in PACKAGES}


def _to_list(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _format_value(value: object) -> str:
    if value is None:
        return "nothing"
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
