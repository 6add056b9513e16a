"""The docs agree with the code."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from i2ikit.core import hookspecs
from i2ikit.core.plugins import HOOKS

PAGE = (Path(__file__).parents[2] / "docs/plugins.md").read_text()


def list_signatures() -> dict[str, str]:
    found = {name: value for name, value in vars(hookspecs).items() if name.startswith("i2ikit_")}
    return {name: f"{name}{inspect.signature(value)}".replace("'", "") for name, value in found.items()}


def test_the_page_has_each_hook_with_its_exact_signature() -> None:
    headings = re.findall(r"^### `(.*)`$", PAGE, flags=re.MULTILINE)
    assert headings == list(list_signatures().values())


def test_the_called_hooks_are_the_specified_hooks() -> None:
    assert tuple(list_signatures()) == HOOKS
