"""The form of ``samples/layout.json``: what the sample grids of a run show, and where. Imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import field, frozen

from i2ikit.core import former_names
from i2ikit.core.json_files import read_translated
from i2ikit.core.structure import structure
from i2ikit.core.validators import whole_number
from i2ikit.errors import CheckpointError

Position = tuple[int, int]


@frozen(kw_only=True)
class SavedRow:
    """A row: the file of its input, its values, and the split that it comes from."""

    file: str | None
    values: dict[str, str | None]
    split: str | None = None


@frozen(kw_only=True)
class SavedColumn:
    """A column: what is requested in it."""

    title: str
    attribute: str | None
    value: str | None


@frozen(kw_only=True)
class SavedPlaces:
    """Top and left of the cells: of the inputs by row, of all others by column and row."""

    input: list[Position] | None
    outputs: list[list[Position | None]]
    target: list[list[Position | None]] | None = None


@frozen(kw_only=True)
class SavedExample:
    """A cell that is shown by itself."""

    row: int = field(validator=whole_number(0))
    column: int = field(validator=whole_number(0))
    title: str


@frozen(kw_only=True)
class SavedLayout:
    """The layout of the sample grids."""

    rows: list[SavedRow]
    columns: list[SavedColumn]
    cell: tuple[int, int]
    size: list[int]
    target: bool
    places: SavedPlaces
    examples: list[SavedExample]
    steps: list[int]

    def list_problems(self) -> list[str]:
        """Return the examples that the grids do not show, as problems."""
        problems = []
        for index, each in enumerate(self.examples):
            tables = [self.places.outputs, *([self.places.target] if self.places.target else [])]
            fits = all(each.column < len(table) and each.row < len(table[each.column]) for table in tables)
            if not fits or (self.places.input and each.row >= len(self.places.input)):
                problems.append(f'"examples.{index}" is row {each.row}, column {each.column}; the grids have no such cell.')
        if min(self.cell) < 1:
            problems.append(f'"cell" is {list(self.cell)}; it must be two whole numbers of 1 or more.')
        return problems


def read_layout(path: Path) -> dict[str, Any]:
    """Read ``layout.json``, with present names.

    Raises:
        CheckpointError: It is missing or damaged, or a value is wrong.
    """
    data = read_translated(path, former_names.layout)
    problems = structure(data, SavedLayout, f'"{path}" is damaged').list_problems()
    if problems:
        raise CheckpointError(f'"{path}" is damaged: {problems[0]}')
    return data
