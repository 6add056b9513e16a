"""Comparison of batches."""

from __future__ import annotations

from typing import Any

import torch


def are_equal(one: dict[str, Any], two: dict[str, Any]) -> bool:
    def is_same(first: Any, second: Any) -> bool:
        if isinstance(first, dict):
            return are_equal(first, second)
        return torch.equal(first, second) if torch.is_tensor(first) else first == second

    return one.keys() == two.keys() and all(is_same(one[key], two[key]) for key in one)
