"""What a step is fed: one batch from each data set, with the time that it took."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import torch
from attrs import field, frozen
from torch import Tensor

from i2ikit.data import Dataset, JointDataset, Loader, Transform, open_data
from i2ikit.data.dataset import Origin
from i2ikit.data.loader import grouped
from i2ikit.data.sizes import check_sizes
from i2ikit.errors import DataError, format_count

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.train.engine import PlainEngine

BATCH_KINDS = ("labelled", "paired", "unpaired")
Data = Dataset | str | PathLike[str]


@frozen
class TrainingData:
    """A data set, and how a resume finds it again.

    Attributes:
        data: All its splits.
        path: What the user typed; None where the data set was made in Python.
        options: Of :func:`i2ikit.data.open_data`.
    """

    data: Dataset
    path: str | None = None
    options: Mapping[str, Any] = field(factory=dict)

    @classmethod
    def of(cls, data: Data | TrainingData) -> TrainingData:
        """Return the source of a data set or a path."""
        if isinstance(data, TrainingData):
            return data
        if isinstance(data, (str, PathLike)):
            data = open_data(data)
        origin: Origin | None = getattr(data, "origin", None)
        return cls(data) if origin is None else cls(data, origin.path, origin.options)

    @classmethod
    def restore(cls, stored: Mapping[str, Any]) -> TrainingData:
        """Open a data set as a run has it in its configuration.

        Raises:
            DataError: It was made in Python, so that nothing says where it is.
        """
        if stored.get("path") is None:
            raise DataError(f'Data set "{stored.get("name")}" was made in Python and cannot be found again. Call resume(run, data=...).')
        options = dict(stored.get("options", {}))
        return cls(open_data(stored["path"], **options), stored["path"], options)

    def describe(self) -> dict[str, Any]:
        """Return path, options and fingerprint as JSON data."""
        return {"path": self.path, "name": self.data.name, "options": dict(self.options), "fingerprint": self.data.fingerprint()}


def preprocessing_of(model: Model, sources: Sequence[TrainingData]) -> dict[str, Any]:
    """Return how the files of the first data set are read, as JSON data: images that are translated later are read the same way."""
    reading = getattr(getattr(sources[0].data, "images", None), "reading", None)
    how = {name: getattr(reading, name, None) for name in ("background", "crop", "channels", "source_channels")}
    size = [model.image.height, model.image.width]
    how["crop"] = list(how["crop"]) if how["crop"] is not None else None
    return {**how, "size": size, "data": [source.data.name for source in sources]}


def listed(data: Data | TrainingData | Sequence[Data | TrainingData]) -> list[Data | TrainingData]:
    """Return one or several data sets as a list."""
    return list(data) if isinstance(data, (list, tuple)) else [data]  # type: ignore[list-item]


def training_part(data: Dataset) -> Dataset:
    """Return the split "train", or the whole where there are no splits."""
    return data.split("train") if "train" in data.splits and len(data.splits) > 1 else data


class Batches:
    """One loader a data set, each at its own position.

    Args:
        model: Whose plan, image size and labels the batches follow.
        sources: The data sets.
        engine: Where the batches go.
        workers: Threads of each loader.
        channels_last: How image tensors lie in memory.

    Raises:
        DataError: The data does not fit the model.
    """

    def __init__(
        self, model: Model, sources: Sequence[TrainingData], engine: PlainEngine, *, workers: int = 0, channels_last: bool = False
    ) -> None:
        self.engine, self.seconds = engine, 0.0
        self._format = torch.channels_last if channels_last else torch.contiguous_format
        image = model.image
        self.loaders = []
        for source in sources:
            data = fitted(model, source.data)
            transform = Transform(image.height, image.width, crop="fit", flip=model.recipe.flip, jitter=model.recipe.jitter)
            self.loaders.append(
                Loader(
                    training_part(data),
                    transform,
                    batch=model.recipe.batch,
                    seed=model.seed,
                    workers=workers,
                    rank=engine.index,
                    world=engine.count,
                )
            )

    def next(self) -> list[dict[str, Any]]:
        """Return the batches of a step, on the engine's device."""
        begin = time.perf_counter()
        batches = [self._placed(next(loader)) for loader in self.loaders]
        self.seconds += time.perf_counter() - begin
        return batches

    def state(self) -> list[dict[str, int]]:
        """Return the loaders' positions as JSON data."""
        return [loader.state() for loader in self.loaders]

    def restore(self, state: Sequence[Mapping[str, int]]) -> None:
        """Go on where :meth:`state` was taken."""
        for loader, position in zip(self.loaders, state, strict=True):
            loader.restore(position)

    def close(self) -> None:
        """End the loaders' threads."""
        for loader in self.loaders:
            loader.close()

    def _placed(self, batch: dict[str, Any]) -> dict[str, Any]:
        return {key: self._tensor(value) if isinstance(value, Tensor) else value for key, value in batch.items()}

    def _tensor(self, value: Tensor) -> Tensor:
        if value.ndim != 4:
            return value.to(self.engine.device)
        return value.to(self.engine.device, memory_format=self._format)


def fitted(model: Model, data: Dataset) -> Dataset:
    """Return a data set whose labels are encoded as the model's.

    Raises:
        DataError: Kind, channels or labels do not fit the model, or there is too little to learn from.
    """
    wanted = model.batch_kind
    if data.batch_kind != wanted and wanted in BATCH_KINDS:  # another plan says itself what a batch lacks
        raise DataError(
            f'Recipe "{model.recipe.name}" needs {wanted} data; "{data.name}" is {data.batch_kind}. Open it with kind="{wanted}".'
        )
    if data.image.channels != model.image.channels:
        raise DataError(
            f'"{data.name}" has {format_count(data.image.channels, "channel")} and the model {model.image.channels}. Open the data with '
            f'channels={model.image.channels} or background="white", or build(..., channels={data.image.channels}).'
        )
    if data.source.channels != model.source.channels:
        raise DataError(
            f'The images to translate of "{data.name}" have {format_count(data.source.channels, "channel")}, those of the model '
            f"{model.source.channels}. Open the data with source_channels={model.source.channels}, or build(..., "
            f"source_channels={data.source.channels})."
        )
    check_sizes(data)
    grouped(training_part(data))
    if data.domain == model.domain or not model.domain.width:
        return data
    own, known = {each.name: each for each in data.domain.attributes}, {each.name: each for each in model.domain.attributes}
    for name, attribute in own.items():
        if name not in known or not set(attribute.values) <= set(known[name].values):
            lacks = f'does not know "{name}"' if name not in known else f'knows other values of "{name}": {", ".join(known[name].choices)}'
            raise DataError(
                f'"{data.name}" has the label "{name}" ({", ".join(attribute.choices)}), and the model {lacks}. '
                f"Build it with labels=data.domain."
            )
    missing = [name for name in known if name not in own]
    if missing and not model.domain.masked:
        raise DataError(f'"{data.name}" has no label "{missing[0]}", which the model was built with. Declare it in a label set of its own.')
    return JointDataset(data, model.domain)
