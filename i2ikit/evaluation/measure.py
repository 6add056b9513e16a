"""The evaluation of any model: of its translations, or of the images that it generates from noise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from i2ikit.core.arguments import a_function, a_path, a_text, check_arguments, either, having, instance, names, one_or_several, sides, whole
from i2ikit.core.batch_kinds import BatchKind, find_batch_kind
from i2ikit.core.on_task import OnTask, TaskCounter, show_nothing
from i2ikit.data import Dataset, can_serve, get_arrangement
from i2ikit.data.missing_values import find_missing_values, format_values
from i2ikit.errors import DataError, OptionError, format_count
from i2ikit.evaluation.aggregate import get_network_protocols
from i2ikit.evaluation.evaluation_classifier import STEPS, EvaluationClassifier
from i2ikit.evaluation.extractor import Extractor
from i2ikit.evaluation.feature_metrics import FeatureMetrics
from i2ikit.evaluation.generated import evaluate_samples
from i2ikit.evaluation.measurement import NUM_INPUTS, SAMPLES_PER_INPUT, Measurement
from i2ikit.evaluation.networks import choose_classifier, choose_networks, list_classifier_numbers
from i2ikit.evaluation.pairs_as_domains import PairsAsDomains
from i2ikit.evaluation.parameters import count_parameters
from i2ikit.evaluation.perceptual import OWN_CLASSIFIER, PerceptualDistance
from i2ikit.evaluation.protocol import Number, get_versions
from i2ikit.evaluation.report import Report
from i2ikit.evaluation.resize import Preparation
from i2ikit.evaluation.targets import Targets, choose_items, choose_targets, has_fixed_target, sample_items
from i2ikit.inference.sample import find_sampling_plan

if TYPE_CHECKING:
    from i2ikit.core.model import Model


@check_arguments(
    model=having("a model, such as build or load returns", "translate", "domain"),
    data=having("a data set, such as open_data returns", "splits", "image", "domain"),
    split=a_text,
    targets=either(having("a mapping from attributes to values", "keys"), names),
    batch=whole(1),
    classifier=either(instance("i2ikit.evaluation.evaluation_classifier:EvaluationClassifier", "a classifier"), a_path),
    cache=a_path,
    classifier_steps=whole(1),
    limit=whole(1),
    crop=either(a_text, sides),
    resize=a_text,
    lpips=one_or_several(instance("i2ikit.evaluation.perceptual:PerceptualDistance", "a PerceptualDistance, or several")),
    samples_per_input=whole(0),
    num_inputs=whole(1),
    on_task=a_function,
)
def evaluate(
    model: Model,
    data: Dataset,
    *,
    split: str = "test",
    targets: Targets = "all",
    batch: int = 64,
    classifier: str | Path | EvaluationClassifier | None = "auto",
    cache: str | Path | None = None,
    classifier_steps: int = STEPS,
    limit: int | None = None,
    crop: Any = "fit",
    resize: str = "lanczos",
    features: Extractor | str | None = None,
    lpips: PerceptualDistance | Sequence[PerceptualDistance] = (),
    samples_per_input: int = SAMPLES_PER_INPUT,
    num_inputs: int = NUM_INPUTS,
    on_task: OnTask = show_nothing,
) -> Report:
    """Measure a model on one split of a data set.

    Every image with a known value of an attribute is translated to every other value; the other attributes stay as they are. Where the data
    has the target image of a translation, the two are compared. Numbers that cannot be measured are left out, and the report gives the
    reason. A model that only generates images from noise is measured by as many images as the split has; see
    :func:`i2ikit.evaluation.generated.evaluate_samples`.

    Args:
        model: A model, or any object with its ``translate``, ``domain`` and ``image``.
        data: The whole data set: the evaluation classifier is trained on its split ``"train"``.
        split: The split to measure on.
        targets: ``"all"``, the names of attributes, or a mapping ``{"tone": ("dark",)}``.
        batch: The number of images that are translated together.
        classifier: ``"auto"`` loads the evaluation classifier from ``cache`` or trains one. A folder or an EvaluationClassifier is used as
            it is. None leaves accuracy out.
        cache: The folder in which the classifier is saved.
        classifier_steps: The number of training steps of the classifier, each on a batch of 32 images. Domains that are hard to tell apart
            need more.
        limit: The largest number of input images, drawn with seed 0; None measures all.
        crop: The window that is cropped before resizing, as in :class:`i2ikit.data.Transform`; "fit" is the crop of the training.
        resize: How images are resized to the model's size: "lanczos" or "bilinear".
        features: The features of FID, KID and the inception scores: an :class:`i2ikit.evaluation.Extractor`, or "own-classifier" for those
            of the evaluation classifier, which then also gives a perceptual distance. None leaves these numbers out.
        lpips: Perceptual distances to the target and between samples, such as :func:`i2ikit.evaluation.load_lpips` returns.
        samples_per_input: The number of translations of one input that diversity compares, drawn with the seeds from 0; 0 draws none.
        num_inputs: The number of inputs that diversity is measured on, drawn with seed 0. MUNIT uses 100.
        on_task: Called with the name of what is done now, the number of its parts that are done, and the number of all its parts.

    Raises:
        DataError: Data and model do not fit: other channels, or no shared attribute.
        UnknownNameError: A split, an attribute or a value does not exist.
        OptionError: Another option is out of range, or the model neither translates nor generates images.
    """
    if samples_per_input == 1:
        raise OptionError("samples_per_input=1 is out of range: it must be 2 or more, or 0 to measure diversity without samples.")
    generates = not getattr(model, "can_translate", True)
    kind = _get_batch_kind(model, data)
    data, notes = _fit_data(model, data, kind)
    prepare = Preparation(model.image.height, model.image.width, crop, resize)
    left_out: dict[str, str] = {}
    description, parameter_numbers = _describe_model(model, left_out)
    if split == "test" and split not in data.splits:
        reason = f'"{data.name}" has no split "test". Available: {", ".join(data.splits)}.'
        left_out.update(psnr=reason, accuracy=reason, diversity=reason)
        return Report(tuple(parameter_numbers), description, left_out=left_out)
    part = data.split(split)
    _check_channels(model, part, kind)
    chosen = choose_targets(model, data, kind, targets)
    items = choose_items(model, part, kind, limit, notes)
    missing = [pair for pair in find_missing_values(data.domain, data.items, split) if pair[0] in chosen]
    if missing and not generates:
        notes.append(
            f'The split "{split}" has no images of {format_values(data.domain, missing)}: translations of such images are not measured.'
        )
    protocol = {
        "split": split, "inputs": len(items), "targets": {name: list(values) for name, values in chosen.items()}, **prepare.protocol(),
        "channels": part.image.channels, "range": "[0, 1], not rounded to 8 bits", "data": data.fingerprint(),
        "step": int(getattr(model, "steps_done", 0)), "seed": int(getattr(model, "seed", 0)), "versions": get_versions(),
    }  # fmt: skip
    if generates and features != OWN_CLASSIFIER:
        classifier = None  # it only serves as the extractor: nothing is translated to a value
    trained = choose_classifier(classifier, data, prepare, kind, split, cache, classifier_steps, left_out, on_task)
    extractor, distances = choose_networks(features, lpips, trained, left_out)
    for network in (extractor, *distances):
        if network is not None:
            network.to(getattr(model, "device", torch.device("cpu")))
    if generates:
        found = evaluate_samples(
            model, part, items, chosen, prepare, extractor, distances, protocol, left_out,
            batch=batch, samples_per_group=samples_per_input, max_groups=num_inputs, on_task=on_task,
        )  # fmt: skip
        return Report((*found, *parameter_numbers), description, left_out=left_out, notes=tuple(notes))
    has_samples = draws_samples(model, kind, samples_per_input)
    measurement = Measurement(
        model,
        kind,
        part,
        chosen,
        prepare,
        trained,
        FeatureMetrics(extractor) if extractor else None,
        distances,
        samples_per_input if has_samples else 0,
        frozenset(item.file for item in sample_items(items, num_inputs)),
        left_out=left_out,
    )
    aggregator = measurement.aggregator
    aggregator.add_distances(distances)
    measurement.on_translated = TaskCounter(on_task, "Measuring translations", measurement.count_translations(items)).add
    for start in range(0, len(items), batch):
        measurement.add(items[start : start + batch])
    aggregator.explain_missing(left_out, part.name)
    classifier_entry = {"classifier": dict(trained.config)} if trained else {}
    extra = {"accuracy": classifier_entry, "kept": classifier_entry, **get_network_protocols(distances)}
    compared = (
        f"{samples_per_input} samples of each input for one target, all pairs"
        if has_samples
        else "the translations of one input to all targets"
    )
    numbers = aggregator.compute_numbers(protocol, extra, compared, has_one_target=has_fixed_target(kind, model.domain))
    if measurement.feature_metrics:
        on_task("Computing FID and KID", 0, 1)
        numbers += measurement.feature_metrics.compute_numbers(protocol, compared, left_out)
        on_task("Computing FID and KID", 1, 1)
    numbers += list_classifier_numbers(trained, protocol, classifier_entry) + parameter_numbers
    return Report(tuple(numbers), description, tuple(aggregator.compute_pairs()), left_out, tuple(notes))


def _get_batch_kind(model: Model, data: Dataset) -> BatchKind:
    """Return the batch kind of a model; a stand-in for a model may have none, and is taken to translate such data."""
    if not getattr(model, "can_translate", True):
        return model.get_batch_kind(find_sampling_plan(model))
    kind: BatchKind = getattr(model, "batch_kind", None) or find_batch_kind(data.batch_kind)
    if kind.target and not can_serve(data, kind):
        raise DataError(f'The model translates pairs, but "{data.name}" is {data.batch_kind}. Give a data set of pairs.')
    return kind


def _fit_data(model: Model, data: Dataset, kind: BatchKind) -> tuple[Dataset, list[str]]:
    """Return the data in the form that the model needs, and notes: for a model of two domains, pairs become two domains."""
    names = model.domain.names
    if not kind.domains or not get_arrangement(data).has_targets:
        return data, []
    if len(names) != 2:
        raise DataError(f'"{data.name}" has pairs, but the model has {len(names)} domains. Open the data with batch_kind="unpaired".')
    note = f"The pairs are read as two domains: sources are {names[0]}, targets are {names[1]}."
    return PairsAsDomains(data, model.domain.attributes[0].name, names), [note]


def _check_channels(model: Model, part: Dataset, kind: BatchKind) -> None:
    specs = [(part.image, model.image, "images")]
    if kind.target:
        specs = [(part.source, model.source, "sources"), (part.image, model.image, "targets")]
    for found, expected, name in specs:
        if found.channels != expected.channels:
            raise DataError(
                f'The model expects {name} of {format_count(expected.channels, "channel")}, but "{part.name}" has {name} of '
                f'{format_count(found.channels, "channel")}. Open the data as for training, for example with background="white".'
            )


def draws_samples(model: Model, kind: BatchKind, samples_per_input: int) -> bool:
    """Return whether an evaluation draws samples of one input.

    Inputs without labels have one target at a time: diversity compares samples, and is 0 for a model without randomness.
    """
    return samples_per_input > 0 and (not kind.has_labels(model.domain) or _is_stochastic(model))


def _is_stochastic(model: Model) -> bool:
    """Return whether a model draws random numbers when it translates: a style, or noise within its networks."""
    nets = getattr(model, "nets", None)
    return nets is not None and bool(nets.is_random)


def _describe_model(model: Model, left_out: dict[str, str]) -> tuple[dict[str, Any], list[Number]]:
    """Return the description of the model that the report begins with, and the numbers of its parameters."""
    description: dict[str, Any] = {"step": int(getattr(model, "steps_done", 0)), "seed": int(getattr(model, "seed", 0))}
    recipe = getattr(model, "recipe", None)
    if recipe is not None:
        description["recipe"] = recipe.name
    if not hasattr(model, "nets"):
        left_out["parameters"] = "The model has no networks whose parameters could be counted."
        return description, []
    counts = count_parameters(model)
    protocol = {"definition": "number of parameters, trainable or not; shared parameters count once", "versions": get_versions()}
    numbers = [Number("parameters", counts.total, "", False, protocol)]
    numbers += [Number(f"parameters/{name}", count, "", False, protocol) for name, count in counts.slots.items() if count]
    if counts.translators > 1 and getattr(model, "can_translate", True):
        entries = {"definition": counts.formula, "translators": counts.translators, "translator": counts.translator}
        numbers.append(Number("parameters_cross_domain", counts.cross_domain, "", False, {**protocol, **entries}))
    description["parameters"] = {"total": counts.total, **counts.slots}
    return description, numbers
