"""Short texts of settings and of wrong values. This module does not import torch."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from attrs import NOTHING, fields


def short_repr(settings: Any) -> str:
    """Return ``"Term('cycle_loss', weight=10.0)"`` of an attrs object: what is required, and what differs from the defaults."""
    parameters, parts = inspect.signature(type(settings)).parameters, []
    for each in fields(type(settings)):
        value, default = getattr(settings, each.name), parameters[each.name].default
        if default is inspect.Parameter.empty:
            parts.append(repr(value))
        elif default is NOTHING or default is None:  # made when it is missing
            parts += [f"{each.name}={value!r}"] if value and value != _make_default(each.default) else []
        elif value != default:
            parts.append(f"{each.name}={value!r}")
    return f"{type(settings).__name__}({', '.join(parts)})"


def _make_default(default: Any) -> Any:
    """Return the value that an attrs default makes."""
    return default.factory() if hasattr(default, "factory") else default


def shorten(value: object) -> str:
    """Return a wrong value for a message, in one line of at most 60 characters."""
    if isinstance(value, (Mapping, list)) and len(value) > 3:
        return f"a {'mapping' if isinstance(value, Mapping) else 'list'} of {len(value)} entries"
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # Python refuses to write whole numbers of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= 60 else f"{text[:57]}..."
