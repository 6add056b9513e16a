"""The evaluation classifier of a data set: trained once, saved in a folder, and used only for the data that it was trained on."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from attrs import field, frozen
from torch import Tensor
from torch.nn import functional as F

from i2ikit.core.domain import Attribute
from i2ikit.core.on_task import OnTask, TaskCounter, show_nothing
from i2ikit.core.storage import read_json, read_tensors, write_folder, write_json, write_tensors
from i2ikit.core.structure import leave_out_unknown, make_converter, structure
from i2ikit.core.validators import whole_number
from i2ikit.data import Dataset, Item
from i2ikit.errors import CheckpointError, DataError, get_reason
from i2ikit.evaluation.classifier import Classifier, encode_choices, get_input_size, train
from i2ikit.evaluation.resize import Preparation
from i2ikit.evaluation.targets import sample_items
from i2ikit.pixels import to_float

CONFIG, WEIGHTS = "classifier.json", "weights.safetensors"
FORMAT = 1
STEPS = 900
MAX_IMAGES = 20_000
"""The largest number of images for training; from a larger data set they are drawn with seed 0."""
TRIAL_IMAGES, TRIAL_STEPS = 32, 4
"""Images and steps from which the time of a training is estimated."""


@frozen
class EvaluationClassifier:
    """A trained classifier, the settings of its training and its own accuracy.

    Attributes:
        network: The trained network.
        config: The data and the settings of its training, as JSON data; part of the protocol of every number that uses the classifier.
        accuracy: The share of correct predictions for each attribute, on real held-out images; empty if there are none.
        counts: The number of images that each accuracy was measured on.
    """

    network: Classifier
    config: Mapping[str, Any]
    accuracy: Mapping[str, float] = field(factory=dict)
    counts: Mapping[str, int] = field(factory=dict)

    def save(self, directory: str | Path) -> Path:
        """Write weights (safetensors) and configuration (JSON) into a folder; both or neither is written."""

        def write(folder: Path) -> None:
            write_tensors(folder / WEIGHTS, self.network.state_dict())
            write_json(folder / CONFIG, {"config": dict(self.config), "accuracy": dict(self.accuracy), "counts": dict(self.counts)})

        return write_folder(Path(directory), write)


def load_evaluation_classifier(directory: str | Path) -> EvaluationClassifier:
    """Load what :meth:`EvaluationClassifier.save` wrote.

    Raises:
        CheckpointError: The folder is missing or damaged, or has another format.
    """
    folder = Path(directory)
    data = read_json(folder / CONFIG)
    config = data.get("config")
    if isinstance(config, dict) and config.get("format") != FORMAT:
        raise CheckpointError(f'"{folder / CONFIG}" has format {config.get("format")!r}, expected {FORMAT}. Remove the folder.')
    problem = f'"{folder}" does not hold an evaluation classifier'
    saved = structure(data, _SavedClassifier, problem, _CONVERTER)
    try:
        attributes = [Attribute(name, tuple(values)) for name, values in saved.config.attributes.items()]
        network = _make_network(attributes, saved.config.channels, *saved.config.size)
        network.load_state_dict(read_tensors(folder / WEIGHTS))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{problem}: {get_reason(error)} Remove the folder; a new classifier is then trained.") from error
    return EvaluationClassifier(network.eval(), dict(data["config"]), saved.accuracy, saved.counts)


@frozen(kw_only=True)
class _SavedConfig:
    """What a network is made from. The other settings are only compared."""

    attributes: dict[str, list[str]]
    channels: int = field(validator=whole_number(1))
    size: tuple[int, int]


@frozen(kw_only=True)
class _SavedClassifier:
    config: _SavedConfig
    accuracy: dict[str, float]
    counts: dict[str, int]


_CONVERTER = make_converter(leave_out_unknown(_SavedConfig))


def make_evaluation_classifier(
    data: Dataset,
    prepare: Preparation,
    *,
    cache: str | Path | None = None,
    held_out: str = "test",
    seed: int = 0,
    steps: int = STEPS,
    attributes: Sequence[str] | None = None,
    on_task: OnTask = show_nothing,
) -> EvaluationClassifier:
    """Return the evaluation classifier of a data set: the saved one if it fits, or a new one, trained in about a minute on one core.

    Args:
        data: The whole data set; the classifier is trained on the known values in its split ``"train"``.
        prepare: Crops and resizes images.
        cache: The folder to save it in; a classifier that was trained on other data or with other settings is replaced.
        held_out: The split on which its own accuracy is measured.
        seed: The random seed of the training.
        steps: The number of training steps, each on a batch of 32 images.
        attributes: The attributes to predict; None takes all attributes with two or more known values.
        on_task: Shows the progress.

    Raises:
        DataError: There is no training split, or no attribute to learn.
    """
    training, items, learnable = _select_training(data, MAX_IMAGES, attributes)
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
    cached = _load_cached(cache, config)
    if cached is not None:
        return cached
    network = _make_network(learnable, data.image.channels, prepare.height, prepare.width)
    images = _read_images(training, items, prepare, on_task)
    train(network, images, encode_choices(learnable, [item.row for item in items]), seed=seed, steps=steps, on_task=on_task)
    accuracy, counts = _measure_accuracy(network, data, held_out, prepare, on_task)
    classifier = EvaluationClassifier(network, config, accuracy, counts)
    if cache is not None:
        classifier.save(cache)
    return classifier


def estimate_training(data: Dataset, prepare: Preparation, *, held_out: str = "test", steps: int = STEPS) -> float:
    """Return the estimated seconds that :func:`make_evaluation_classifier` takes, from a few images and a few steps.

    Raises:
        DataError: There is no training split, or no attribute to learn.
    """
    training, items, learnable = _select_training(data, TRIAL_IMAGES)
    network = _make_network(learnable, data.image.channels, prepare.height, prepare.width)
    start = time.perf_counter()
    images = _read_images(training, items, prepare, show_nothing)
    read = (time.perf_counter() - start) / len(items)
    start = time.perf_counter()
    train(network, images, encode_choices(learnable, [item.row for item in items]), steps=TRIAL_STEPS)
    step = (time.perf_counter() - start) / TRIAL_STEPS
    held_out_images = len(data.split(held_out).items) if held_out in data.splits else 0
    return read * (min(MAX_IMAGES, len(training.items)) + min(MAX_IMAGES, held_out_images)) + step * steps


def _make_network(attributes: Sequence[Attribute], channels: int, height: int, width: int) -> Classifier:
    with torch.random.fork_rng(devices=[]):  # a measurement leaves the caller's random state unchanged
        return Classifier(attributes, channels, height, width)


def _select_training(data: Dataset, limit: int, attributes: Sequence[str] | None = None) -> tuple[Dataset, Sequence[Item], list[Attribute]]:
    """Return the training split, at most ``limit`` of its items, and the attributes that can be learned from them."""
    if "train" not in data.splits:
        raise DataError(f'"{data.name}" has no split "train". An evaluation classifier is trained on it: give it training images.')
    training = data.split("train")
    items = sample_items(training.items, limit)
    return training, items, _find_learnable(data, items, attributes)


def _find_learnable(data: Dataset, items: Sequence[Item], names: Sequence[str] | None) -> list[Attribute]:
    candidates = [data.domain.attribute(name) for name in names] if names is not None else list(data.domain.attributes)
    learnable = [each for each in candidates if len({item.row.get(each.name) for item in items} & set(each.choices)) > 1]
    if not learnable:
        raise DataError(f'No attribute of "{data.name}" has two known values in the split "train". A classifier cannot be trained.')
    return learnable


def _load_cached(cache: str | Path | None, config: Mapping[str, Any]) -> EvaluationClassifier | None:
    if cache is None or not (Path(cache) / CONFIG).is_file():
        return None
    try:
        cached = load_evaluation_classifier(cache)
    except CheckpointError:  # an unreadable cache is replaced
        return None
    return cached if cached.config == config else None


def _measure_accuracy(
    network: Classifier, data: Dataset, split: str, prepare: Preparation, on_task: OnTask
) -> tuple[dict[str, float], dict[str, int]]:
    if split not in data.splits:
        return {}, {}
    part = data.split(split)
    items = sample_items(part.items, MAX_IMAGES)
    known = encode_choices(network.attributes, [item.row for item in items])
    predicted = network.predict(to_float(_read_images(part, items, prepare, on_task)))
    accuracy, counts = {}, {}
    for index, attribute in enumerate(network.attributes):
        rows = known[:, index] >= 0
        if rows.any():
            accuracy[attribute.name] = float((predicted[attribute.name][rows] == known[rows, index]).float().mean())
            counts[attribute.name] = int(rows.sum())
    return accuracy, counts


def _read_images(data: Dataset, items: Sequence[Item], prepare: Preparation, on_task: OnTask) -> Tensor:
    """Return the images at the network's input size, in 8 bits: they need a quarter of the memory, and the accuracy suffices."""
    size = get_input_size(prepare.height, prepare.width)
    images, counter = [], TaskCounter(on_task, "Reading images", len(items))
    for item in items:
        image = prepare(data.read(item))
        if size != image.shape[-2:]:
            image = F.interpolate(image[None], size, mode="bilinear", antialias=True)[0]
        images.append(image.clamp(-1, 1).add(1).mul(127.5).round().byte())
        counter.add()
    return torch.stack(images)
