"""Comparison of batches."""

from __future__ import annotations

from typing import Any

import torch


def are_equal(one: dict[str, Any], two: dict[str, Any]) -> bool:
    return one.keys() == two.keys() and all(
        torch.equal(one[key], two[key]) if torch.is_tensor(one[key]) else one[key] == two[key] for key in one
    )
