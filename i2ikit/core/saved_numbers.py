"""The form of ``numbers.json``, the report of an evaluation. This module does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, fields, frozen
from cattrs import Converter

from i2ikit.core import former_names
from i2ikit.core.json_files import read_translated
from i2ikit.core.structure import UnknownKeyError, WrongValueError, make_converter, structure
from i2ikit.core.validators import whole_number
from i2ikit.errors import CheckpointError


@frozen(kw_only=True)
class SavedNumber:
    """A number with its protocol."""

    name: str
    value: float
    unit: str = ""
    higher_is_better: bool | None = None
    protocol: dict[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class SavedPair:
    """A row of the tables of ordered pairs. Its further keys are measures."""

    attribute: str
    source: str
    target: str
    measures: dict[str, float | None] = field(factory=dict)


@frozen(kw_only=True)
class SavedModelNumbers:
    """What was measured."""

    recipe: str = ""
    step: int = field(default=0, validator=whole_number(0))
    seed: int = 0
    parameters: dict[str, int] = field(factory=dict)


@frozen(kw_only=True)
class SavedNumbers:
    """A report."""

    numbers: list[SavedNumber]
    model: SavedModelNumbers = field(factory=SavedModelNumbers)
    pairs: list[SavedPair] = field(factory=list)
    left_out: dict[str, str] = field(factory=dict)
    notes: list[str] = field(factory=list)


def read_numbers(path: Path) -> dict[str, Any]:
    """Read ``numbers.json``, with present names.

    Raises:
        CheckpointError: It is missing or damaged, or a value is wrong.
    """
    data = read_translated(path, former_names.numbers)
    try:
        structure(data, SavedNumbers, f'"{path}" does not hold the numbers of an evaluation', make_converter((SavedPair, _make_pair)))
    except UnknownKeyError:
        raise
    except CheckpointError as error:
        raise CheckpointError(f"{error} Run i2ikit eval again.") from None
    return data


def _make_pair(data: Any, _: Converter) -> SavedPair:
    if not isinstance(data, Mapping):
        raise WrongValueError("a mapping", data)
    names = {each.name for each in fields(SavedPair)} - {"measures"}
    measures = {key: value for key, value in data.items() if key not in names}
    return make_converter().structure({**{key: data[key] for key in names if key in data}, "measures": measures}, SavedPair)
