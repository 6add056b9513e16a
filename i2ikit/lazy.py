"""Packages whose names are imported when they are first used. Imports no torch."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

_IMPORT = re.compile(r"^    from (\S+) import (\w+) as \2$", re.MULTILINE)


def attach(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    The names are those that its ``__init__.py`` imports for type checkers, in the block ``if TYPE_CHECKING:``, one on each line:
    ``from MODULE import NAME as NAME``. They are listed only there.

    Args:
        package: The name of the package, which is being imported.
    """
    spec = sys.modules[package].__spec__
    source = spec.loader.get_source(package) if spec is not None and spec.loader is not None else None  # type: ignore[attr-defined]
    defined_in = {name: module for module, name in _IMPORT.findall(source or "")}
    names = sorted(defined_in)

    def get(name: str) -> Any:
        if name not in defined_in:
            raise AttributeError(f'module "{package}" has no attribute "{name}"')
        module = defined_in[name]
        value = import_module(f"{package}.{name}") if module == package else getattr(import_module(module), name)
        setattr(sys.modules[package], name, value)
        return value

    def list_names() -> list[str]:
        return sorted({*names, *(name for name in vars(sys.modules[package]) if name.startswith("__"))})

    return get, list_names, names
