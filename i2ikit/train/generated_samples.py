"""Sample grids of models that generate images from noise: the same noise again and again during a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from i2ikit.core.model import Model
from i2ikit.core.plans import get_batch_kind
from i2ikit.data.dataset import Dataset
from i2ikit.inference.sample import find_sampling_plan
from i2ikit.train.grid import Grid
from i2ikit.train.sample_items import choose_items, get_held_out_split
from i2ikit.train.sample_titles import describe_value
from i2ikit.train.samples import Column, Samples, make_columns, write_grid

ROWS, COLUMNS = 6, 6
"""Of the grid of a model without domains and labels."""


class GeneratedSamples:
    """The noise and the columns of a sample grid, chosen once for the whole training.

    A row has one noise. With domains or labels there is one column for each value; the other attributes of a row are those of a held-out
    image. Without them, every cell has a noise of its own.

    Args:
        model: The model.
        data: Its data sets.
        rows: The number of rows.
        seed: Seed of the noise and of the labels.

    Raises:
        DataError: A data set has no images.
    """

    def __init__(self, model: Model, data: Sequence[Dataset], *, rows: int = ROWS, seed: int = 0) -> None:
        index = find_sampling_plan(model)
        self.kind, self.domain, self.seed = get_batch_kind(model.plans[index]), model.domain, seed
        self.has_values = self.kind.domains or self.kind.has_labels(self.domain)
        self.columns = make_columns(self.domain) if self.has_values else (Column(),) * COLUMNS
        self.labels: list[Mapping[str, str | None]] = [{}] * rows
        if self.has_values and not self.kind.domains:
            part = get_held_out_split(data[min(index, len(data) - 1)])
            items = choose_items(part.items, rows, seed, part.name)
            self.labels = [{each.name: item.row.get(each.name) for each in self.domain.attributes} for item in items]
        self._grid = self._make_grid((model.image.height, model.image.width))

    def write(self, model: Model, run: str | Path, step: int) -> Path:
        """Generate the images, write the grid ``RUN/samples/step-00000500.png`` and its ``layout.json``, and return the path of the grid.

        Raises:
            DataError: The folder cannot be written.
        """
        return write_grid(run, step, self._grid.draw(self.generate(model), step), self._describe_layout())

    def generate(self, model: Model) -> list[list[Tensor]]:
        """Return for each column the image [C H W] of each row."""
        rows = len(self.labels)
        if not self.has_values:
            images = model.sample(rows * len(self.columns), seed=self.seed)
            return [list(images[column :: len(self.columns)]) for column in range(len(self.columns))]
        return [list(model.sample(rows, domain=self._get_domain(column), seed=self.seed)) for column in self.columns]

    def _get_domain(self, column: Column) -> Any:
        if self.kind.domains:
            return column.value
        return [{**row, column.attribute: column.get_value(row)} for row in self.labels]

    def _make_grid(self, size: tuple[int, int]) -> Grid:
        with_attribute = len(self.domain.attributes) != 1
        titles = [column.get_title(with_attribute=with_attribute) if self.has_values else "" for column in self.columns]
        captions = [[self._make_caption(row, column) for row in range(len(self.labels))] for column in range(len(self.columns))]
        return Grid(None, titles, captions, [f"noise {row + 1}" if self.has_values else "" for row in range(len(self.labels))], size=size)

    def _make_caption(self, row: int, column: int) -> str:
        if not self.has_values:
            return f"sample {row * len(self.columns) + column + 1}"
        found = self.columns[column]
        shown = {name: value for name, value in self.labels[row].items() if name != found.attribute}
        if found.value is None and found.attribute is not None:  # the heading names no value
            shown = {found.attribute: found.get_value(self.labels[row]), **shown}
        return ", ".join(describe_value(name, value) for name, value in shown.items() if value is not None)

    def _describe_layout(self) -> dict[str, Any]:
        columns = [
            {"title": title, "attribute": column.attribute, "value": column.value}
            for title, column in zip(self._grid.titles, self.columns, strict=True)
        ]
        return {
            "rows": [{"file": None, "values": dict(row)} for row in self.labels],
            "columns": columns,
            "cell": [self._grid.height, self._grid.width],
            "size": list(self._grid.size),
            "target": False,
            "places": self._grid.get_positions(),
            "examples": self._choose_examples(),
        }

    def _choose_examples(self) -> list[dict[str, Any]]:
        """Return the first cells, row by row; a row has one noise."""
        cells = [(row, column) for row in range(len(self.labels)) for column in range(len(self.columns))][: max(ROWS, len(self.columns))]
        return [{"row": row, "column": column, "title": self._get_title(row, column)} for row, column in cells]

    def _get_title(self, row: int, column: int) -> str:
        if not self.has_values:
            return f"sample {row * len(self.columns) + column + 1}"
        found = self.columns[column]
        return f"{describe_value(found.attribute, found.get_value(self.labels[row]))}, noise {row + 1}"


SampleGrids = Samples | GeneratedSamples
"""What writes the sample grids of a training."""
