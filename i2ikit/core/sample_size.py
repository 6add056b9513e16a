"""How many images stand behind a number, and whether they suffice. This module does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ROUGH = 50
"""Numbers of fewer images are called rough."""
FEW = 10
"""Numbers of fewer images are not shown as a headline."""


def count_images(protocol: Mapping[str, Any]) -> int | None:
    """Return the number of images that a number was measured on; None if its protocol does not tell.

    Several translations of one image do not count as several images: they succeed or fail together.
    """
    counts = [protocol[key] for key in ("count", "inputs") if isinstance(protocol.get(key), int)]
    return min(counts, default=None)


def is_rough(protocol: Mapping[str, Any]) -> bool:
    """Return whether a number was measured on so few images that other images would give a clearly different number."""
    images = count_images(protocol)
    return images is not None and images < ROUGH


def describe_count(protocol: Mapping[str, Any]) -> str:
    """Return how much was measured, such as ``"1,200"`` or ``"12, rough"``; empty if the protocol does not tell."""
    count = protocol.get("count")
    return "" if not isinstance(count, int) else f"{count:,}{', rough' if is_rough(protocol) else ''}"
