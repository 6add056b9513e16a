"""The evaluation of any model that translates images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from i2ikit.data import Dataset, Item
from i2ikit.errors import DataError, OptionError, format_count
from i2ikit.evaluate import targets as true_targets
from i2ikit.evaluate.aggregate import Tally
from i2ikit.evaluate.asked import add_distances, asked_networks, draws_samples, protocols_of
from i2ikit.evaluate.extractor import Extractor
from i2ikit.evaluate.feature_metrics import Collected
from i2ikit.evaluate.measurement import STYLED_INPUTS, STYLES, Measurement
from i2ikit.evaluate.pairs_as_domains import Sides
from i2ikit.evaluate.parameters import count_parameters
from i2ikit.evaluate.perceptual import PerceptualDistance
from i2ikit.evaluate.protocol import Number, versions
from i2ikit.evaluate.reference import STEPS, Reference, load_reference, reference_classifier
from i2ikit.evaluate.report import Report
from i2ikit.evaluate.resize import Preparation
from i2ikit.evaluate.targets import Targets

if TYPE_CHECKING:
    from i2ikit.core.model import Model


APART = ("unpaired", "paired")
"""Plans of which each input has one target at a time: diversity is that of samples, 0 where the model draws nothing."""


def evaluate(
    model: Model,
    data: Dataset,
    *,
    split: str = "test",
    targets: Targets = "all",
    batch: int = 64,
    classifier: str | Path | Reference | None = "auto",
    cache: str | Path | None = None,
    classifier_steps: int = STEPS,
    limit: int | None = None,
    crop: Any = "fit",
    resize: str = "lanczos",
    features: Extractor | str | None = None,
    lpips: PerceptualDistance | Sequence[PerceptualDistance] = (),
    samples: int = STYLES,
    sampled: int = STYLED_INPUTS,
) -> Report:
    """Measure a model on one split of a data set.

    Every image whose value of an attribute is known is translated to every other value, the other attributes kept; where the data has the
    true image of a change, the translation is measured against it. A number that cannot be measured is left out, and the report says why.

    Args:
        model: A model, or anything with its ``translate``, ``domain`` and ``image``.
        data: All splits: the reference classifier is trained on ``"train"``.
        split: What is measured on.
        targets: ``"all"``, the names of attributes, or a mapping ``{"tone": ("dark",)}``.
        batch: Images that are translated together.
        classifier: ``"auto"`` trains one or takes the one in ``cache``; a folder or a Reference is taken as it is; None leaves
            accuracy out.
        cache: A folder in which the classifier is kept.
        classifier_steps: How many batches of 32 a classifier of ``"auto"`` is trained on; more where domains are hard to tell apart.
        limit: At most so many input images, drawn with seed 0; all by default.
        crop: A window that is cut before resizing, as :class:`i2ikit.data.Transform` takes it; "fit" is what ``fit`` trains with.
        resize: How images are brought to the model's size: "lanczos" or "bilinear".
        features: What FID, KID and the inception scores are taken of: an :class:`i2ikit.evaluate.Extractor`, or "own-classifier" for the
            features of the reference classifier, which then also gives a perceptual distance; None leaves these numbers out.
        lpips: Perceptual distances to the target and between samples, such as :func:`i2ikit.evaluate.load_lpips` gives.
        samples: How many translations of one input diversity compares, drawn with the seeds from 0; 0 draws none.
        sampled: Of how many inputs, drawn with seed 0. MUNIT's own protocol has 100.

    Raises:
        DataError: Data and model do not fit: other channels, no shared attribute.
        UnknownNameError: A split, attribute or value that does not exist.
        OptionError: Something else that cannot be asked for.
    """
    if batch < 1 or (limit is not None and limit < 1):
        raise OptionError(f"batch and limit are 1 or more; found batch={batch}, limit={limit}.")
    if classifier_steps < 1:
        raise OptionError(f"classifier_steps is 1 or more; found {classifier_steps}.")
    if samples < 0 or samples == 1 or sampled < 1:
        raise OptionError(f"samples is 2 or more, or 0 for none, and sampled 1 or more; found samples={samples}, sampled={sampled}.")
    plan = _plan(model, data)
    data, notes = _fitting(model, data, plan)
    prepare = Preparation(model.image.height, model.image.width, crop, resize)
    left_out: dict[str, str] = {}
    described, numbers = _described(model, left_out)
    if split == "test" and split not in data.splits:
        reason = f'"{data.name}" has no split "test"; it has: {", ".join(data.splits)}.'
        return Report(tuple(numbers), described, left_out={**left_out, "psnr": reason, "accuracy": reason, "diversity": reason})
    part = data.split(split)
    _check_channels(model, part, plan)
    chosen = _chosen(model, data, plan, targets)
    items = _inputs(model, part, plan, limit, notes)
    protocol = {
        "split": split, "inputs": len(items), "targets": {name: list(values) for name, values in chosen.items()}, **prepare.protocol(),
        "channels": part.image.channels, "range": "[0, 1], not rounded to 8 bits", "data": data.fingerprint(),
        "step": int(getattr(model, "steps_done", 0)), "seed": int(getattr(model, "seed", 0)), "versions": versions(),
    }  # fmt: skip
    reference = _reference(classifier, data, prepare, plan, split, cache, classifier_steps, left_out)
    extractor, distances = asked_networks(features, lpips, reference, left_out)
    for network in (extractor, *distances):
        if network is not None:
            network.to(getattr(model, "device", torch.device("cpu")))
    draws = samples > 0 and (plan in APART or draws_samples(model))
    measurement = Measurement(
        model, plan, part, chosen, prepare, reference, Collected(extractor) if extractor else None, distances, samples if draws else 0,
        frozenset(item.file for item in true_targets.drawn(items, sampled)), left_out=left_out,
    )  # fmt: skip
    tally = measurement.tally
    add_distances(tally, distances)
    for start in range(0, len(items), batch):
        measurement.add(items[start : start + batch])
    _explain_missing(tally, left_out, part)
    scored = {"classifier": dict(reference.config)} if reference else {}
    extra = {"accuracy": scored, "kept": scored, **protocols_of(distances)}
    compared = f"{samples} samples of each input for one target, all pairs" if draws else "the translations of one input to all targets"
    of_sets = measurement.collected.numbers(protocol, compared, left_out) if measurement.collected else []
    alone = plan == "paired"  # one target, which has no name of its own
    numbers = tally.numbers(protocol, extra, compared, alone=alone) + of_sets + _own(reference, protocol, scored) + numbers
    return Report(tuple(numbers), described, tuple(tally.pairs()), left_out, tuple(notes))


def _plan(model: Model, data: Dataset) -> str:
    plan = str(getattr(model, "batch_kind", data.batch_kind))  # the kind of batch: a plan of a plugin has a name of its own
    if plan == "sampled" or (plan == "unpaired" and getattr(model, "routes", True) == ()):
        raise OptionError("This model draws images from noise: there is no input that its translations could be measured against.")
    if plan == "paired" and data.batch_kind != "paired":
        raise DataError(f'The model translates pairs, and "{data.name}" is {data.batch_kind}. Give a data set of pairs.')
    return plan


def _fitting(model: Model, data: Dataset, plan: str) -> tuple[Dataset, list[str]]:
    """Return the data as the model's plan takes it: pairs are two domains for a model of domains."""
    names = model.domain.names if plan == "unpaired" else ()
    if plan != "unpaired" or data.batch_kind != "paired":
        return data, []
    if len(names) != 2:
        raise DataError(f'"{data.name}" has pairs, and the model {len(names)} domains. Open the data with batch_kind="unpaired".')
    return Sides(data, model.domain.attributes[0].name, names), [f"The pairs are read as {names[0]} and {names[1]}, source and target."]


def _check_channels(model: Model, part: Dataset, plan: str) -> None:
    sides = [(part.image, model.image, "images", "takes")]
    if plan == "paired":
        sides = [(part.source, model.source, "sources", "takes"), (part.image, model.image, "targets", "draws")]
    for there, own, what, does in sides:
        if there.channels != own.channels:
            raise DataError(
                f'"{part.name}" has {what} of {format_count(there.channels, "channel")} and the model {does} {own.channels}. '
                'Open the data as it was opened for training, such as with background="white".'
            )


def _chosen(model: Model, data: Dataset, plan: str, targets: Targets) -> dict[str, tuple[str, ...]]:
    if plan == "paired":
        return {}
    shared = [each.name for each in true_targets.shared_attributes(model.domain, data)]
    return true_targets.wanted(model.domain, shared if targets == "all" else targets)


def _inputs(model: Model, data: Dataset, plan: str, limit: int | None, notes: list[str]) -> list[Item]:
    items = list(data.items)
    if plan == "labelled" and not model.domain.masked:
        items = [item for item in items if true_targets.can_be_labelled(model.domain, item)]
        if len(items) < len(data.items):
            notes.append(f"{len(data.items) - len(items)} images are left out: a label is unknown, and the model's labels have no mask.")
    if limit is not None and limit < len(items):
        items = true_targets.drawn(items, limit)
        notes.append(f"Measured on {limit} of the images only (limit).")
    return items


def _reference(
    classifier: str | Path | Reference | None, data: Dataset, prepare: Preparation, plan: str, split: str, cache: str | Path | None,
    steps: int, left_out: dict[str, str],
) -> Reference | None:  # fmt: skip
    if isinstance(classifier, Reference):
        return classifier
    if classifier is None:
        left_out["accuracy"] = "no classifier was asked for."
        return None
    if classifier != "auto":
        return load_reference(classifier)
    if plan == "paired":
        if data.source.channels != data.image.channels:
            left_out["accuracy"] = "sources and targets have different channels: no classifier reads both."
            return None
        data = Sides(data)
    try:
        return reference_classifier(data, prepare, cache=cache, held_out=split, steps=steps)
    except DataError as reason:
        left_out["accuracy"] = str(reason)
        return None


def _explain_missing(tally: Tally, left_out: dict[str, str], data: Dataset) -> None:
    if not tally.rows:
        left_out["psnr"] = left_out["accuracy"] = left_out["diversity"] = "no image has a known value of an attribute that was asked for."
        return
    without = sorted(
        {row["attribute"] for row in tally.rows if "psnr" not in row} - {row["attribute"] for row in tally.rows if "psnr" in row}
    )
    reason = f'"{data.name}" has no true image of a change'
    if not any("psnr" in row for row in tally.rows):
        left_out["psnr"] = f"{reason}."
    else:
        left_out.update({f"psnr/{name}": f"{reason} of {name}." for name in without})
    if not any(tally.kept.values()) and "accuracy" not in left_out:
        left_out["kept"] = "there is no other attribute with known values that could be kept."
    if not tally.inputs["diversity"]:
        left_out["diversity"] = "each input has one translation only."


def _own(reference: Reference | None, protocol: Mapping[str, Any], scored: Mapping[str, Any]) -> list[Number]:
    if reference is None:
        return []
    description = "share of real held-out images in which the reference classifier recognises the known value"
    return [
        Number(f"classifier_accuracy/{name}", value, "", True, {
            **{key: protocol[key] for key in ("split", "data", "versions")}, "count": reference.counts.get(name), "definition": description,
            **scored,
        })
        for name, value in reference.accuracy.items()
    ]  # fmt: skip


def _described(model: Model, left_out: dict[str, str]) -> tuple[dict[str, Any], list[Number]]:
    described: dict[str, Any] = {"step": int(getattr(model, "steps_done", 0)), "seed": int(getattr(model, "seed", 0))}
    recipe = getattr(model, "recipe", None)
    if recipe is not None:
        described["recipe"] = recipe.name
    if not hasattr(model, "nets"):
        left_out["parameters"] = "the model has no nets that could be counted."
        return described, []
    format_count = count_parameters(model)
    protocol = {"definition": "parameters, trainable or not; shared ones once", "versions": versions()}
    numbers = [Number("parameters", format_count.total, "", False, protocol)]
    numbers += [Number(f"parameters/{name}", count, "", False, protocol) for name, count in format_count.slots.items() if count]
    if format_count.translators > 1:
        crossed = {
            **protocol,
            "definition": format_count.formula,
            "translators": format_count.translators,
            "translator": format_count.translator,
        }
        numbers.append(Number("parameters_cross_domain", format_count.cross_domain, "", False, crossed))
    described["parameters"] = {"total": format_count.total, **format_count.slots}
    return described, numbers
