"""In Triton's interpreter, a sample of the cases of each test runs; see interpreted.py."""

from __future__ import annotations

import pytest
from ops.interpreted import INTERPRETED, sample_cases


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not INTERPRETED:
        return
    tests: dict[str, list[pytest.Item]] = {}
    for item in items:
        if "triton" in item.name:  # all others are not run
            tests.setdefault(item.nodeid.partition("[")[0], []).append(item)
    kept = []
    for cases in tests.values():
        kept += [cases[index] for index in sample_cases([describe_case(case) for case in cases])]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def describe_case(item: pytest.Item) -> dict[str, str]:
    """Return the values of a case; arguments that are parametrized together have one value."""
    callspec = getattr(item, "callspec", None)
    params = {} if callspec is None else callspec.params
    together = [mark.args[0] for mark in item.iter_markers("parametrize")]
    groups = [names.replace(" ", "").split(",") if isinstance(names, str) else names for names in together]
    alone = [[name] for name in params if not any(name in group for group in groups)]
    return {",".join(group): repr([params[name] for name in group]) for group in [*groups, *alone]}
