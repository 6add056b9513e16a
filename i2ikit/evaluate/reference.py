"""The reference classifier of a data set: trained once, kept in a folder, and only used for the data that it was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from attrs import field, frozen
from torch import Tensor
from torch.nn import functional as F

from i2ikit.core.domain import Attribute
from i2ikit.core.storage import read_json, read_tensors, write_folder, write_json, write_tensors
from i2ikit.data import Dataset, Item
from i2ikit.errors import CheckpointError, DataError
from i2ikit.evaluate.classifier import Classifier, choices_of, floats, read_at, train
from i2ikit.evaluate.resize import Preparation
from i2ikit.evaluate.targets import drawn

CONFIG, WEIGHTS = "classifier.json", "weights.safetensors"
FORMAT = 1
STEPS = 900
MOST_IMAGES = 20_000
"""Of a larger data set so many training images are taken, drawn with seed 0."""


@frozen
class Reference:
    """A trained classifier with what it was trained on.

    Attributes:
        classifier: The network.
        config: What it was trained on and how, as JSON data; part of the protocol of every number it gives.
        accuracy: For each attribute its share of right answers on the real images that were held out; empty where there are none.
        counts: For each attribute how many images that was measured on.
    """

    classifier: Classifier
    config: Mapping[str, Any]
    accuracy: Mapping[str, float] = field(factory=dict)
    counts: Mapping[str, int] = field(factory=dict)

    def save(self, directory: str | Path) -> Path:
        """Write weights (safetensors) and configuration (JSON) into a folder, all or nothing."""

        def write(folder: Path) -> None:
            write_tensors(folder / WEIGHTS, self.classifier.state_dict())
            write_json(folder / CONFIG, {"config": dict(self.config), "accuracy": dict(self.accuracy), "counts": dict(self.counts)})

        return write_folder(Path(directory), write)


def load_reference(directory: str | Path) -> Reference:
    """Read what :meth:`Reference.save` wrote.

    Raises:
        CheckpointError: The folder is missing, damaged or of another version.
    """
    folder = Path(directory)
    data = read_json(folder / CONFIG)
    try:
        config = dict(data["config"])
        if config["format"] != FORMAT:
            raise CheckpointError(f'"{folder / CONFIG}" has format {config["format"]!r}; this version reads {FORMAT}. Remove the folder.')
        attributes = [Attribute(name, tuple(values)) for name, values in config["attributes"].items()]
        classifier = _fresh(attributes, int(config["channels"]), *config["size"])
        classifier.load_state_dict(read_tensors(folder / WEIGHTS))
        reference = Reference(classifier.eval(), config, dict(data["accuracy"]), dict(data["counts"]))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f'"{folder}" holds no reference classifier: {error!r}. Remove the folder; it is trained again.') from error
    return reference


def reference_classifier(
    data: Dataset,
    prepare: Preparation,
    *,
    cache: str | Path | None = None,
    held_out: str = "test",
    seed: int = 0,
    steps: int = STEPS,
    attributes: Sequence[str] | None = None,
) -> Reference:
    """Return the classifier of a data set: the kept one where it fits, or a new one, trained in about a minute on one core.

    Args:
        data: All splits; it is trained on ``"train"``, on the rows where an attribute is known.
        prepare: How images are cropped and resized.
        cache: A folder to keep it in; one that was trained on other data is replaced.
        held_out: The split that its own accuracy is measured on.
        seed: Of everything random.
        steps: Batches of 32.
        attributes: What is read; all attributes that have two or more known values by default.

    Raises:
        DataError: There are no training images, or no attribute to learn.
    """
    if "train" not in data.splits:
        raise DataError(f'"{data.name}" has no split "train" to train a reference classifier on.')
    training = data.split("train")
    items = drawn(training.items, MOST_IMAGES)
    learnable = _learnable(data, items, attributes)
    config = {
        "format": FORMAT,
        "attributes": {each.name: list(each.values) for each in learnable},
        "channels": data.image.channels,
        "images": len(items),
        "data": data.fingerprint(),
        "seed": seed,
        "steps": steps,
        **prepare.protocol(),
    }
    kept = _kept(cache, config)
    if kept is not None:
        return kept
    classifier = _fresh(learnable, data.image.channels, prepare.height, prepare.width)
    train(classifier, _images(training, items, prepare), choices_of(learnable, [item.row for item in items]), seed=seed, steps=steps)
    accuracy, counts = _accuracy(classifier, data, held_out, prepare)
    reference = Reference(classifier, config, accuracy, counts)
    if cache is not None:
        reference.save(cache)
    return reference


def _fresh(attributes: Sequence[Attribute], channels: int, height: int, width: int) -> Classifier:
    with torch.random.fork_rng(devices=[]):  # a measurement draws nothing from the caller's random state
        return Classifier(attributes, channels, height, width)


def _learnable(data: Dataset, items: Sequence[Item], names: Sequence[str] | None) -> list[Attribute]:
    wanted = [data.domain.attribute(name) for name in names] if names is not None else list(data.domain.attributes)
    learnable = [each for each in wanted if len({item.row.get(each.name) for item in items} & set(each.choices)) > 1]
    if not learnable:
        raise DataError(f'"{data.name}" has no attribute with two known values in its training split, so there is nothing to classify.')
    return learnable


def _kept(cache: str | Path | None, config: Mapping[str, Any]) -> Reference | None:
    if cache is None or not (Path(cache) / CONFIG).is_file():
        return None
    try:
        kept = load_reference(cache)
    except CheckpointError:  # a cache: what cannot be read is made again
        return None
    return kept if kept.config == config else None


def _accuracy(classifier: Classifier, data: Dataset, split: str, prepare: Preparation) -> tuple[dict[str, float], dict[str, int]]:
    if split not in data.splits:
        return {}, {}
    part = data.split(split)
    items = drawn(part.items, MOST_IMAGES)
    known = choices_of(classifier.attributes, [item.row for item in items])
    found = classifier.read(floats(_images(part, items, prepare)))
    accuracy, counts = {}, {}
    for place, attribute in enumerate(classifier.attributes):
        rows = known[:, place] >= 0
        if rows.any():
            accuracy[attribute.name] = float((found[attribute.name][rows] == known[rows, place]).float().mean())
            counts[attribute.name] = int(rows.sum())
    return accuracy, counts


def _images(data: Dataset, items: Sequence[Item], prepare: Preparation) -> Tensor:
    """Return the images at the classifier's size, in 8 bits: a quarter of the memory, and all that it needs."""
    size = read_at(prepare.height, prepare.width)
    images = []
    for item in items:
        image = prepare(data.read(item))
        if size != image.shape[-2:]:
            image = F.interpolate(image[None], size, mode="bilinear", antialias=True)[0]
        images.append(image.clamp(-1, 1).add(1).mul(127.5).round().byte())
    return torch.stack(images)
