"""The same held-out images through a whole training: which ones, where to, and the grid that each visit leaves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from attrs import evolve, frozen
from torch import Tensor

from i2ikit.core.domain import NO, Attribute, DomainSpec
from i2ikit.core.model import Model
from i2ikit.data.dataset import Dataset, Item
from i2ikit.data.transforms import Transform
from i2ikit.errors import DataError, I2IKitError
from i2ikit.pixels import write_atomically
from i2ikit.train.grid import Grid, png

MOST_COLUMNS = 14
FOLDER, LAYOUT = "samples", "layout.json"
_POOL = 200  # images among which the rows are chosen


@frozen
class Target:
    """One column of the grid: where every sample is translated to.

    Attributes:
        attribute: What changes; None for pairs, which have one target only.
        value: The value it gets; None switches a yes-or-no attribute to what it is not.
        sample: Which of several translations of one image, from 1, where a model draws styles; 0 where it does not.
    """

    attribute: str | None = None
    value: str | None = None
    sample: int = 0

    def title(self, *, alone: bool) -> str:
        """Return the column's heading; an attribute that stands ``alone`` is not named."""
        number = f" {self.sample}" if self.sample else ""
        if self.attribute is None:
            return f"translation{number}"
        if self.value is None:
            return f"{self.attribute}: switched{number}"
        return f"{self.value}{number}" if alone else f"{self.attribute}: {self.value}{number}"

    def of(self, row: Mapping[str, str | None]) -> str | None:
        """Return the value that a sample with these values gets."""
        if self.value is not None or self.attribute is None:
            return self.value
        return "yes" if str(row.get(self.attribute) or "no").lower() in NO else "no"

    def changes(self, row: Mapping[str, str | None]) -> bool:
        """Return whether the target differs from what the sample is."""
        return self.attribute is None or self.of(row) != row.get(self.attribute)


class Samples:
    """A fixed choice of held-out images and of targets, translated and drawn whenever asked.

    Args:
        data: Any data set; its test split is used where it has one, else "val", else all of it. Of several data sets of one label
            vector each gives its share of the rows.
        domain: The model's label sets.
        transform: To the size that the model is trained at.
        rows: How many images.
        seed: Other seeds choose other images.
        draws: How many translations of each image are shown, with a style of its own each; 0 where the model draws none.

    Attributes:
        items: The images, chosen to show as many different values as possible.
        homes: The data set of each image.
        targets: The columns.

    Raises:
        DataError: There is no image, or none that can be read.
    """

    def __init__(
        self,
        data: Dataset | Sequence[Dataset],
        domain: DomainSpec,
        transform: Transform,
        *,
        rows: int = 6,
        seed: int = 0,
        draws: int = 0,
    ) -> None:
        parts = [_held_out(each) for each in (data if isinstance(data, Sequence) else [data])]
        self.domain, self.transform, self.batch_kind = domain, transform, parts[0].batch_kind
        chosen = [(item, part) for part in parts for item in _choose(part, -(-rows // len(parts)), seed)]
        self.items, self.homes = [item for item, _ in chosen], [part for _, part in chosen]
        targets = targets_of(domain) if self.batch_kind != "paired" else (Target(),)
        most = max(1, MOST_COLUMNS // max(1, draws))
        self.targets = tuple(evolve(each, sample=sample) for each in targets[:most] for sample in range(1, draws + 1)) if draws else targets
        self.images = torch.stack([transform(part.read(item)) for item, part in chosen])
        self._grid: Grid | None = None

    def write(self, model: Model, run: str | Path, step: int) -> Path:
        """Draw one grid of the translations as they are now, RUN/samples/step-00000500.png, and return its path.

        RUN/samples/layout.json says what stands where, for programs that cut the grid.

        Raises:
            DataError: The folder cannot be written.
        """
        if self._grid is None:
            self._grid = self._empty_grid()
        folder = Path(run) / FOLDER
        picture = self._grid.drawn(self.translations(model), step)
        path = folder / f"step-{step:08d}.png"
        write_atomically(path, png(picture))
        steps = sorted(int(each.stem.removeprefix("step-")) for each in folder.glob("step-*.png"))
        write_atomically(folder / LAYOUT, (json.dumps({**self._layout(), "steps": steps}, indent=1) + "\n").encode())
        return path

    def translations(self, model: Model) -> list[list[Tensor | None]]:
        """Return for each target the translation of each sample [C H W], None where a sample is of that domain already."""
        return [self._column(model, target) for target in self.targets]

    def find_target(self, item: Item, target: Target) -> Tensor | None:
        """Return the true translation [C H W], or None where the data has none."""
        value = target.of(item.row)
        home = next(part for each, part in zip(self.items, self.homes, strict=True) if each is item)
        try:
            true = home.find_target(item, {} if target.attribute is None else {target.attribute: value})
        except I2IKitError:  # a value that this data does not know; a picture is no place to fail
            return None
        return None if true is None else self.transform(true)

    def _column(self, model: Model, target: Target) -> list[Tensor | None]:
        seed = max(0, target.sample - 1)
        if target.attribute is None:
            return list(model.translate(self.images, seed=seed))
        if self.batch_kind == "unpaired":
            sources = [item.row[target.attribute] for item in self.items]
            routes = model.routes
            return [
                None if (source, target.value) not in routes else model.translate(image, to=target.value, source=source, seed=seed)
                for image, source in zip(self.images, sources, strict=True)
            ]
        made: list[Tensor | None] = [None] * len(self.items)
        groups: dict[str | None, list[int]] = {}
        for place, item in enumerate(self.items):
            groups.setdefault(target.of(item.row), []).append(place)
        for value, places in groups.items():
            rows = [{each.name: self.items[place].row.get(each.name) for each in self.domain.attributes} for place in places]
            fakes = model.translate(self.images[places], to={target.attribute: value}, label=rows, seed=seed)
            for place, fake in zip(places, fakes, strict=True):
                made[place] = fake
        return made

    def _empty_grid(self) -> Grid:
        # All samples of a target have one target, which stands below the first.
        true = [[self.find_target(item, target) if target.sample < 2 else None for item in self.items] for target in self.targets]
        alone = len(self.domain.attributes) == 1
        return Grid(
            inputs=list(self.images),
            titles=[target.title(alone=alone) for target in self.targets],
            captions=[[self._caption(item, target) for item in self.items] for target in self.targets],
            said=[", ".join(_spoken(name, value) for name, value in item.row.items() if value is not None) for item in self.items],
            target=true if any(each is not None for column in true for each in column) else None,
        )

    def _caption(self, item: Item, target: Target) -> str:
        if not target.changes(item.row):
            return "as it is"
        return _spoken(target.attribute or "", target.of(item.row)) if target.value is None and target.attribute else ""

    def _layout(self) -> dict[str, Any]:
        assert self._grid is not None
        columns = [
            {"title": title, "attribute": target.attribute, "value": target.value}
            for title, target in zip(self._grid.titles, self.targets, strict=True)
        ]
        return {
            "rows": [{"file": item.file, "values": dict(item.row)} for item in self.items],
            "columns": columns,
            "cell": [self._grid.height, self._grid.width],
            "size": [self.transform.height, self.transform.width],
            "target": self._grid.target is not None,
            "places": self._grid.places(),
            "examples": self._examples(),
        }

    def _examples(self) -> list[dict[str, Any]]:
        """Return one telling column a row: another attribute each time, a true change, with its target where there is one."""
        assert self._grid is not None
        known = self._grid.target
        found: list[dict[str, Any]] = []
        for row, item in enumerate(self.items):
            own = [target.attribute for target in self.targets if target.attribute is None or target.attribute in item.row]
            attributes = list(dict.fromkeys(own or [target.attribute for target in self.targets]))
            wanted = attributes[row % len(attributes)]
            fits = [index for index, target in enumerate(self.targets) if target.changes(item.row)]
            fits = [index for index in fits if self.targets[index].attribute == wanted] or fits
            fits = [index for index in fits if known is None or known[index][row] is not None] or fits
            if fits:
                column = min(fits, key=lambda index: sum(each["column"] == index for each in found))
                target = self.targets[column]
                title = _spoken(target.attribute, target.of(item.row)) if target.attribute else "translation"
                found.append({"row": row, "column": column, "title": title})
        return found


def targets_of(domain: DomainSpec) -> tuple[Target, ...]:
    """Return a column for each value of each group and one for each yes-or-no attribute, at most MOST_COLUMNS."""
    widths = {each.name: len(each.values) or 1 for each in domain.attributes}
    while sum(widths.values()) > MOST_COLUMNS and max(widths.values()) > 1:
        widths[max(widths, key=lambda name: widths[name])] -= 1
    columns = [target for each in domain.attributes for target in _columns(each, widths[each.name])]
    return tuple(columns[:MOST_COLUMNS])


def _columns(attribute: Attribute, count: int) -> list[Target]:
    if not attribute.values:
        return [Target(attribute.name)]
    step = len(attribute.values) / count
    return [Target(attribute.name, attribute.values[int(index * step)]) for index in range(count)]


def _held_out(data: Dataset) -> Dataset:
    name = next((name for name in ("test", "val") if name in data.splits), None)
    return data if name is None else data.split(name)


def _choose(data: Dataset, rows: int, seed: int) -> list[Item]:
    """Return images of different subjects that together show as many different values as possible."""
    if not data.items:
        raise DataError(f'"{data.name}" holds no image to show samples of.')
    order = torch.randperm(len(data.items), generator=torch.Generator().manual_seed(seed)).tolist()[:_POOL]
    pool = [data.items[index] for index in order]
    chosen: list[Item] = []
    shown: dict[tuple[str, str | None], int] = {}
    while pool and len(chosen) < rows:
        best = min(pool, key=lambda item: _worth(item, chosen, shown))
        pool.remove(best)
        chosen.append(best)
        for pair in best.row.items():
            shown[pair] = shown.get(pair, 0) + 1
    return chosen


def _worth(item: Item, chosen: Sequence[Item], shown: Mapping[tuple[str, str | None], int]) -> tuple[int, int, int]:
    unknown = sum(value is None for value in item.row.values())
    again = item.subject is not None and any(item.subject == other.subject for other in chosen)
    return int(again), unknown, sum(shown.get(pair, 0) for pair in item.row.items())


def _spoken(name: str | None, value: str | None) -> str:
    words = {"yes": f"{name}", "no": f"no {name}"}
    return words.get(str(value), f"{name}: {value}")
