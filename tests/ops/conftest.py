"""In Triton's interpreter, a sample of the cases of each test runs; see interpreted.py."""

from __future__ import annotations

import pytest
from ops.interpreted import INTERPRETED, sample_cases


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not INTERPRETED:
        return
    tests: dict[str, list[pytest.Function]] = {}
    for item in items:
        if isinstance(item, pytest.Function) and "triton" in item.name:  # all others are not run
            tests.setdefault(item.nodeid.partition("[")[0], []).append(item)
    kept = []
    for cases in tests.values():
        kept += [
            cases[index] for index in sample_cases([case.callspec.indices if hasattr(case, "callspec") else {"": 0} for case in cases])
        ]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
