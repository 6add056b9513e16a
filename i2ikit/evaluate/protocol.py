"""Numbers that carry how they were measured, and the comparison that checks it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

from attrs import asdict, field, frozen

from i2ikit.errors import I2IKitError

PACKAGES = ("i2ikit", "torch", "torchvision", "torchmetrics")
WHAT_WAS_MEASURED = ("step", "seed", "versions")
"""Entries of a protocol that say what was measured, and by which software, but not how: numbers that are compared may differ in them."""


class ProtocolError(I2IKitError, ValueError):
    """Two numbers were measured in different ways.

    Attributes:
        difference: The first entry in which their protocols differ, such as ``"classifier.seed"``.
    """

    def __init__(self, name: str, difference: str, first: object, second: object) -> None:
        self.difference = difference
        super().__init__(
            f'Two numbers "{name}" cannot be compared: their protocols differ in "{difference}" ({_text(first)} and {_text(second)}). '
            f"Measure both in the same way."
        )


@frozen
class Number:
    """One measured number.

    Attributes:
        name: Such as ``"psnr"``, or ``"psnr/tone"`` for one attribute.
        value: In ``unit``.
        unit: ``"dB"``, or empty for shares and counts.
        higher_is_better: None where neither is better.
        protocol: How it was measured, as JSON data.
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
    """Return ``b.value - a.value``, where both were measured in the same way.

    Step, seed and package versions may differ: comparing models that differ in these is what the comparison is for.

    Raises:
        ProtocolError: The names or the protocols differ; the message names the first difference.
    """
    if a.name != b.name:
        raise ProtocolError(a.name, "name", a.name, b.name)
    for key, first, second in differences(a.protocol, b.protocol):
        raise ProtocolError(a.name, key, first, second)
    return b.value - a.value


def differences(a: Mapping[str, Any], b: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, object, object]]:
    """Yield the key and both values of each difference between two protocols, nested keys joined by dots."""
    for key in dict.fromkeys([*a, *b]):
        if not within and key in WHAT_WAS_MEASURED:
            continue
        first, second = a.get(key), b.get(key)
        if isinstance(first, Mapping) and isinstance(second, Mapping):
            yield from differences(first, second, f"{within}{key}.")
        elif _plain(first) != _plain(second):
            yield f"{within}{key}", first, second


def versions() -> dict[str, str]:
    """Return the versions of the packages that take part in a number."""
    return {name: metadata.version(name) for name in PACKAGES}


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _text(value: object) -> str:
    if value is None:
        return "nothing"
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
