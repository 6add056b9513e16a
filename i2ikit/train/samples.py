"""Sample grids: the same held-out images are translated again and again during a training."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from attrs import evolve, frozen
from PIL import Image
from torch import Tensor

from i2ikit.core.batch_kinds import BatchKind, find_batch_kind
from i2ikit.core.domain import NO, Attribute, DomainSpec
from i2ikit.core.model import Model
from i2ikit.data.dataset import Dataset, Item
from i2ikit.data.transforms import Transform
from i2ikit.errors import I2IKitError
from i2ikit.pixels import write_atomically
from i2ikit.pixels.maps import colour_map
from i2ikit.train.grid import Grid, encode_png
from i2ikit.train.sample_files import FOLDER, LAYOUT, TRAINING_IMAGE, get_grid_path, list_grids
from i2ikit.train.sample_items import choose_samples
from i2ikit.train.sample_titles import describe_request, describe_value

MAX_COLUMNS = 14


@frozen
class Column:
    """One column of the grid: the change that is requested for all samples.

    Attributes:
        attribute: The attribute that changes; None for pairs, which have one target only.
        value: The new value; None switches a binary attribute of each sample.
        number: Number of the translation, from 1, if a model with random styles translates each image several times; else 0.
    """

    attribute: str | None = None
    value: str | None = None
    number: int = 0

    def get_title(self, *, with_attribute: bool) -> str:
        """Return the heading. The attribute can be left out if there is only one."""
        number = f" {self.number}" if self.number else ""
        if self.attribute is None:
            return f"translation{number}"
        if self.value is None:
            return f"{self.attribute}: switched{number}"
        return f"{self.attribute}: {self.value}{number}" if with_attribute else f"{self.value}{number}"

    def get_value(self, row: Mapping[str, str | None]) -> str | None:
        """Return the new value of a sample with the given labels."""
        if self.value is not None or self.attribute is None:
            return self.value
        return "yes" if str(row.get(self.attribute) or "no").lower() in NO else "no"

    def is_change(self, row: Mapping[str, str | None]) -> bool:
        """Return whether the new value differs from the present one of a sample with the given labels."""
        return self.attribute is None or self.get_value(row) != row.get(self.attribute)


class Samples:
    """Held-out images and columns of a sample grid, chosen once for the whole training.

    Args:
        data: One or several data sets with the same label vector, each of which provides an equal number of samples. The split "test" is
            used, else "val", else the whole data set; training images show what the split lacks.
        domain: The label sets of the model.
        transform: Resizes images to the size that the model is trained at.
        rows: Number of samples.
        seed: Random seed of the choice.
        styles: Number of translations of each image, each with another style; 0 for models without random styles.
        kind: The batch kind of the model; by default the one that has the name of the data's arrangement.

    Attributes:
        items: The samples, chosen to have as many different labels as possible.
        datasets: The data set of each sample.
        columns: The columns.

    Raises:
        DataError: A data set has no images, or an image cannot be read.
    """

    def __init__(
        self,
        data: Dataset | Sequence[Dataset],
        domain: DomainSpec,
        transform: Transform,
        *,
        rows: int = 6,
        seed: int = 0,
        styles: int = 0,
        kind: BatchKind | None = None,
    ) -> None:
        whole = list(data) if isinstance(data, Sequence) else [data]
        self.domain, self.transform, self.kind = domain, transform, kind or find_batch_kind(whole[0].batch_kind)
        chosen = [pair for each in whole for pair in choose_samples(each, self.kind, -(-rows // len(whole)), seed)]
        self.items, self.datasets = [item for item, _ in chosen], [part for _, part in chosen]
        columns = make_columns(domain) if self.kind.domains or self.kind.has_labels(domain) else (Column(),)
        most = max(1, MAX_COLUMNS // max(1, styles))
        self.columns = (
            tuple(evolve(each, number=number) for each in columns[:most] for number in range(1, styles + 1)) if styles else columns
        )
        self._originals = torch.stack([evolve(transform, nearest=not part.source.is_picture)(part.read(item)) for item, part in chosen])
        self.images = self.kind.make_sources(self._originals, [item.file for item in self.items])
        self._grid: Grid | None = None

    def write(self, model: Model, run: str | Path, step: int) -> Path:
        """Translate the samples, write the grid ``RUN/samples/step-00000500.png``, and return its path.

        ``RUN/samples/layout.json`` holds the position of each cell, for programs that cut the grid.

        Raises:
            DataError: The folder cannot be written.
        """
        if self._grid is None:
            self._grid = self._make_grid()
        return write_grid(run, step, self._grid.draw(self.translate(model), step), self._describe_layout())

    def translate(self, model: Model) -> list[list[Tensor | None]]:
        """Return for each column the translation of each sample [C H W]; None if a sample is already in the target domain."""
        return [self._translate_column(model, column) for column in self.columns]

    def find_target(self, item: Item, column: Column) -> Tensor | None:
        """Return the target image [C H W] of a sample, or None if the data has none."""
        value = column.get_value(item.row)
        index = next(index for index, each in enumerate(self.items) if each is item)
        dataset = self.datasets[index]
        if column.attribute is None and self.kind.is_own_target:
            return self._originals[index]
        try:
            target = dataset.find_target(item, {} if column.attribute is None else {column.attribute: value})
        except I2IKitError:  # this data set does not know the value; a sample grid must not stop the training
            return None
        return None if target is None else self.transform(target)

    def _translate_column(self, model: Model, column: Column) -> list[Tensor | None]:
        seed = max(0, column.number - 1)
        if column.attribute is None:
            return list(model.translate(self.images, seed=seed))
        if self.kind.domains:
            sources = [item.row[column.attribute] for item in self.items]
            routes = model.routes
            return [
                None if (source, column.value) not in routes else model.translate(image, to=column.value, source=source, seed=seed)
                for image, source in zip(self.images, sources, strict=True)
            ]
        translations: list[Tensor | None] = [None] * len(self.items)
        groups: dict[str | None, list[int]] = {}
        for index, item in enumerate(self.items):
            groups.setdefault(column.get_value(item.row), []).append(index)
        for value, indices in groups.items():
            rows = [{each.name: self.items[index].row.get(each.name) for each in self.domain.attributes} for index in indices]
            fakes = model.translate(self.images[indices], to={column.attribute: value}, label=rows, seed=seed)
            for index, fake in zip(indices, fakes, strict=True):
                translations[index] = fake
        return translations

    def _make_grid(self) -> Grid:
        # All translations of one sample to one value have the same target image, which is shown below the first of them.
        target = [[self.find_target(item, column) if column.number < 2 else None for item in self.items] for column in self.columns]
        with_attribute = len(self.domain.attributes) != 1
        return Grid(
            inputs=[image if part.source.is_picture else colour_map(image) for image, part in zip(self.images, self.datasets, strict=True)],
            titles=[column.get_title(with_attribute=with_attribute) for column in self.columns],
            captions=[[self._make_caption(item, column) for item in self.items] for column in self.columns],
            descriptions=[self._describe(item) for item in self.items],
            heading="samples" if any(item.split == "train" for item in self.items) else "held-out samples",
            target=target if any(each is not None for images in target for each in images) else None,
        )

    def _describe(self, item: Item) -> str:
        texts = [describe_value(name, value) for name, value in item.row.items() if value is not None]
        return ", ".join([TRAINING_IMAGE] * (item.split == "train") + texts)

    def _make_caption(self, item: Item, column: Column) -> str:
        if not column.is_change(item.row):
            return "unchanged"
        return describe_value(column.attribute or "", column.get_value(item.row)) if column.value is None and column.attribute else ""

    def _describe_layout(self) -> dict[str, Any]:
        assert self._grid is not None
        columns = [
            {"title": title, "attribute": column.attribute, "value": column.value}
            for title, column in zip(self._grid.titles, self.columns, strict=True)
        ]
        return {
            "rows": [{"file": item.file, "values": dict(item.row), "split": item.split} for item in self.items],
            "columns": columns,
            "cell": [self._grid.height, self._grid.width],
            "size": [self.transform.height, self.transform.width],
            "target": self._grid.target is not None,
            "places": self._grid.get_positions(),
            "examples": self._choose_examples(),
        }

    def _choose_examples(self) -> list[dict[str, Any]]:
        """Return one column for each row: another attribute each time, with a changed value, and with a target image if possible."""
        assert self._grid is not None
        targets = self._grid.target
        examples: list[dict[str, Any]] = []
        for row, item in enumerate(self.items):
            own = [column.attribute for column in self.columns if column.attribute is None or column.attribute in item.row]
            attributes = list(dict.fromkeys(own or [column.attribute for column in self.columns]))
            wanted = attributes[row % len(attributes)]
            fits = [index for index, column in enumerate(self.columns) if column.is_change(item.row)]
            fits = [index for index in fits if self.columns[index].attribute == wanted] or fits
            fits = [index for index in fits if targets is None or targets[index][row] is not None] or fits
            if fits:
                index = min(fits, key=lambda index: sum(each["column"] == index for each in examples))
                column = self.columns[index]
                title = describe_request(self.kind, item, column.attribute, column.get_value(item.row))
                examples.append({"row": row, "column": index, "title": title})
        return examples


def write_grid(run: str | Path, step: int, picture: Image.Image, layout: Mapping[str, Any]) -> Path:
    """Write the sample grid of a step and ``layout.json``, and return the path of the grid.

    Raises:
        DataError: The folder cannot be written.
    """
    path = get_grid_path(run, step)
    write_atomically(path, encode_png(picture))
    described = {**layout, "steps": list(list_grids(run))}
    write_atomically(Path(run) / FOLDER / LAYOUT, (json.dumps(described, indent=1) + "\n").encode())
    return path


def make_columns(domain: DomainSpec) -> tuple[Column, ...]:
    """Return a column for each value of each attribute, and one for each binary attribute; at most MAX_COLUMNS in total."""
    counts = {each.name: len(each.values) or 1 for each in domain.attributes}
    while sum(counts.values()) > MAX_COLUMNS and max(counts.values()) > 1:
        counts[max(counts, key=lambda name: counts[name])] -= 1
    columns = [column for each in domain.attributes for column in _make_columns(each, counts[each.name])]
    return tuple(columns[:MAX_COLUMNS])


def _make_columns(attribute: Attribute, count: int) -> list[Column]:
    if not attribute.values:
        return [Column(attribute.name)]
    stride = len(attribute.values) / count
    return [Column(attribute.name, attribute.values[int(index * stride)]) for index in range(count)]
