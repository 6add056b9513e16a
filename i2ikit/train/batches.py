"""Batches for the training steps: one batch from each data set, and the time that loading took."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import torch
from attrs import field, frozen
from torch import Tensor

from i2ikit.core.arguments import having
from i2ikit.core.batch_kinds import map_tensors
from i2ikit.data import Dataset, JointDataset, Loader, Transform, can_serve, open_data
from i2ikit.data.contents import Contents, combine_digests, compute_fingerprint
from i2ikit.data.dataset import Origin
from i2ikit.data.open import open_stored
from i2ikit.data.random_crop import find_random_crop, format_random_crop
from i2ikit.data.rows import group_by_domain
from i2ikit.data.sizes import check_sizes
from i2ikit.errors import DataError, OptionError, format_count
from i2ikit.pixels import MAX_PIXELS

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.train.engine import PlainEngine

Data = Dataset | str | PathLike[str]
A_DATA_SET = having("a data set, its path, or a list of these", "batch_kind", "fingerprint", "image", "items", "splits")


@frozen
class TrainingData:
    """A data set, and how to open it again when the run is resumed.

    Attributes:
        data: The data set with all its splits.
        path: The path that the user gave; None if the data set was made in Python.
        options: Options of :func:`i2ikit.data.open_data`.
    """

    data: Dataset
    path: str | None = None
    options: Mapping[str, Any] = field(factory=dict)

    @classmethod
    def from_data(cls, data: Data | TrainingData) -> TrainingData:
        """Make training data from a data set or a path."""
        if isinstance(data, TrainingData):
            return data
        if isinstance(data, (str, PathLike)):
            data = open_data(data)
        A_DATA_SET("data", data)
        origin: Origin | None = getattr(data, "origin", None)
        return cls(data) if origin is None else cls(data, origin.path, origin.options)

    @classmethod
    def restore(cls, stored: Mapping[str, Any]) -> TrainingData:
        """Open the data set that the configuration of a run describes.

        Raises:
            DataError: The data set was made in Python, so the configuration holds no path.
        """
        if stored.get("path") is None:
            raise DataError(f'Data set "{stored.get("name")}" was made in Python and cannot be opened again. Call resume(run, data=...).')
        options = dict(stored.get("options", {}))
        return cls(open_stored(stored["path"], options), stored["path"], options)

    def describe(self, contents: Contents | None = None, repaired: Contents | None = None) -> dict[str, Any]:
        """Return path, options and fingerprint as JSON data.

        Args:
            contents: What the files hold, to add a hash of it.
            repaired: What some files held that were repaired since; it counts instead of what they hold now.
        """
        known = repaired or {}
        fingerprint = compute_fingerprint(self.data, {file: content.size for file, content in known.items()})
        content = {"content": combine_digests({**contents, **known})} if contents else {}
        return {"path": self.path, "name": self.data.name, "options": dict(self.options), "fingerprint": fingerprint, **content}


def describe_preprocessing(model: Model, sources: Sequence[TrainingData]) -> dict[str, Any]:
    """Return how the files of the first data set are read, as JSON data. Inference reads images in the same way."""
    reading = getattr(getattr(sources[0].data, "images", None), "reading", None)
    settings = {name: getattr(reading, name, None) for name in ("background", "crop", "channels", "source_channels")}
    size = [model.image.height, model.image.width]
    settings["crop"] = list(settings["crop"]) if settings["crop"] is not None else None
    if reading is not None and reading.glued:
        settings["glued"] = reading.glued
        if reading.crop is None:
            settings["half"] = [sources[0].data.source.height, sources[0].data.source.width]
    if reading is not None and reading.values is not None:
        settings["range"] = list(reading.values)
    if reading is not None and reading.max_pixels != MAX_PIXELS:
        settings["max_pixels"] = reading.max_pixels
    return {**settings, "size": size, "data": [source.data.name for source in sources]}


def as_list(data: Data | TrainingData | Sequence[Data | TrainingData]) -> list[Data | TrainingData]:
    """Return one or several data sets as a list."""
    if isinstance(data, (list, tuple)) and not data:
        raise OptionError("data is empty; it must be a data set, its path, or a list of these.")
    return list(data) if isinstance(data, (list, tuple)) else [data]  # type: ignore[list-item]


def get_training_split(data: Dataset) -> Dataset:
    """Return the split "train", or the whole data set if it has no splits."""
    return data.split("train") if "train" in data.splits and len(data.splits) > 1 else data


class Batches:
    """Loads the batches of each step: one loader for each data set, each with its own position.

    Args:
        model: Its plan, image size and labels decide what a batch holds.
        datasets: The data sets, as :func:`adapt_to_model` returns them.
        engine: Its device receives the batches.
        workers: Number of threads of each loader.
        channels_last: Whether image tensors have the memory format ``torch.channels_last``.
        on_bad_file: What happens if an image cannot be read, as in :class:`i2ikit.data.Loader`.

    Attributes:
        datasets: The data sets with all their splits.
        loading_seconds: Time that :meth:`next` took. The trainer sets it to zero after each log record.

    Raises:
        DataError: A data set has fewer images than a batch.
    """

    def __init__(
        self,
        model: Model,
        datasets: Sequence[Dataset],
        engine: PlainEngine,
        *,
        workers: int = 0,
        channels_last: bool = False,
        on_bad_file: str = "stop",
    ) -> None:
        self.engine, self.datasets, self.loading_seconds = engine, datasets, 0.0
        self._memory_format = torch.channels_last if channels_last else torch.contiguous_format
        image = model.image
        self.loaders = []
        for index, data in enumerate(datasets):
            window = find_random_crop(data)
            crop = "fit" if window is None else format_random_crop(window)
            transform = Transform(image.height, image.width, crop=crop, flip=model.recipe.flip, jitter=model.recipe.jitter)
            self.loaders.append(
                Loader(
                    get_training_split(data),
                    transform,
                    batch=model.recipe.batch,
                    seed=model.seed,
                    workers=workers,
                    rank=engine.index,
                    world=engine.count,
                    kind=model.get_batch_kind(index),
                    on_bad_file=on_bad_file,
                )
            )

    def next(self) -> list[dict[str, Any]]:
        """Return the batches of a step, on the engine's device."""
        start = time.perf_counter()
        batches = [self._move_to_device(next(loader)) for loader in self.loaders]
        self.loading_seconds += time.perf_counter() - start
        return batches

    def state(self) -> list[dict[str, int]]:
        """Return the loaders' positions as JSON data."""
        return [loader.state() for loader in self.loaders]

    def restore(self, state: Sequence[Mapping[str, int]]) -> None:
        """Continue from the positions that :meth:`state` returned."""
        for loader, position in zip(self.loaders, state, strict=True):
            loader.restore(position)

    def close(self) -> None:
        """Stop the loaders' threads."""
        for loader in self.loaders:
            loader.close()

    def _move_to_device(self, batch: dict[str, Any]) -> dict[str, Any]:
        return map_tensors(batch, self._move_tensor)

    def _move_tensor(self, value: Tensor) -> Tensor:
        if value.ndim != 4:
            return value.to(self.engine.device)
        return value.to(self.engine.device, memory_format=self._memory_format)


def adapt_to_model(model: Model, data: Dataset, index: int = 0) -> Dataset:
    """Check that a data set fits a model, and return it with labels encoded as the model's.

    Args:
        model: The model.
        data: The data set.
        index: The position of the data set in a training. If the recipe has several plans, it selects the plan.

    Raises:
        DataError: Batch kind, channels or labels do not fit the model, or there are too few images to train on.
    """
    kind = model.get_batch_kind(index)
    if not can_serve(data, kind):
        raise DataError(
            f'Recipe "{model.recipe.name}" requires {kind.data} data; "{data.name}" is {data.batch_kind}. '
            f'Open the data with batch_kind="{kind.data}".'
        )
    if data.image.channels != model.image.channels:
        raise DataError(
            f'"{data.name}" has images of {format_count(data.image.channels, "channel")}; the model expects {model.image.channels}. '
            f'Open the data with channels={model.image.channels} or background="white", or call '
            f"build(..., channels={data.image.channels})."
        )
    if data.source.channels != model.source.channels:
        raise DataError(
            f'The source images of "{data.name}" have {format_count(data.source.channels, "channel")}; the model expects '
            f"{model.source.channels}. Open the data with source_channels={model.source.channels}, or call build(..., "
            f"source_channels={data.source.channels})."
        )
    if data.source.content != model.source.content:
        raise DataError(
            f'The sources of "{data.name}" have the content "{data.source.content}"; the model expects "{model.source.content}". Open the '
            f'data with source_content="{model.source.content}", or call build(..., source_content="{data.source.content}").'
        )
    check_sizes(data)
    group_by_domain(get_training_split(data))
    if data.domain == model.domain or not model.domain.width or not (kind.domains or kind.has_labels(model.domain)):
        return data
    own, known = {each.name: each for each in data.domain.attributes}, {each.name: each for each in model.domain.attributes}
    for name, attribute in own.items():
        if name not in known or not set(attribute.values) <= set(known[name].values):
            expected = f'no label "{name}"' if name not in known else f'other values of "{name}" ({", ".join(known[name].choices)})'
            raise DataError(
                f'"{data.name}" has the label "{name}" ({", ".join(attribute.choices)}); the model has {expected}. '
                f"Build the model with labels=data.domain."
            )
    missing = [name for name in known if name not in own]
    if missing and not model.domain.masked:
        raise DataError(
            f'"{data.name}" has no label "{missing[0]}", but the model was built with it. Declare "{missing[0]}" in a separate label set.'
        )
    return JointDataset(data, model.domain.allow_none([name for name, attribute in own.items() if attribute.can_be_none]))
