"""The form of the data sets in ``run.json`` and ``stages.json``. This module does not import torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import field, frozen
from cattrs import Converter

from i2ikit.core import former_names
from i2ikit.core.json_files import read_translated
from i2ikit.core.structure import Hook, make_converter, structure


@frozen(kw_only=True)
class SavedData:
    """A data set, and how to open it again."""

    path: str | None = None
    name: str = ""
    options: dict[str, Any] = field(factory=dict)
    fingerprint: str | None = None
    content: str | None = None


@frozen(kw_only=True)
class _SavedSources:
    data: SavedData | list[SavedData] | None = None


def read_data_descriptions(path: Path) -> list[dict[str, Any]]:
    """Return the descriptions of the data sets in ``run.json``, as they are stored. Its other keys are not read.

    Raises:
        CheckpointError: The file is missing or damaged, or a value of a data set is wrong.
    """
    data = read_translated(path, former_names.run).get("data")
    structure({"data": data}, _SavedSources, f'"{path}" is damaged', make_converter(*DATA_HOOKS))
    return data if isinstance(data, list) else [] if data is None else [data]


def _make_data(value: Any, converter: Converter) -> Any:
    return converter.structure(value, list[SavedData] if isinstance(value, list) else SavedData)


def _make_optional_data(value: Any, converter: Converter) -> Any:
    return None if value is None else _make_data(value, converter)


DATA_HOOKS: tuple[Hook, ...] = ((SavedData | list[SavedData], _make_data), (SavedData | list[SavedData] | None, _make_optional_data))
"""How one or several data sets are made."""
