"""Measures the images that a model generates from noise: their distance to the real ones, and their diversity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from i2ikit.core.on_task import OnTask, TaskCounter, show_nothing
from i2ikit.data import Dataset, Item
from i2ikit.evaluation.aggregate import GROUP_DIVERSITIES, Aggregator, get_network_protocols
from i2ikit.evaluation.extractor import Extractor
from i2ikit.evaluation.feature_metrics import FeatureMetrics, Key
from i2ikit.evaluation.metrics import to_unit_range
from i2ikit.evaluation.perceptual import PerceptualDistance
from i2ikit.evaluation.protocol import Number
from i2ikit.evaluation.resize import Preparation
from i2ikit.evaluation.targets import encode_labels
from i2ikit.inference.sample import find_sampling_plan, generate_samples, make_sample_request

if TYPE_CHECKING:
    from i2ikit.core.model import Model

ALL: Key = ("images", "all")
"""The key of images that have no attributes."""
SEED = 0
_NO_INPUTS = "The model generates images from noise: there are no inputs, and no target images to compare with."


def evaluate_samples(
    model: Model,
    data: Dataset,
    items: Sequence[Item],
    targets: Mapping[str, Sequence[str]],
    prepare: Preparation,
    extractor: Extractor | None,
    distances: Sequence[PerceptualDistance],
    protocol: Mapping[str, Any],
    left_out: dict[str, str],
    *,
    batch: int,
    samples_per_group: int,
    max_groups: int,
    on_task: OnTask = show_nothing,
) -> list[Number]:
    """Generate one image for each real image, of the same domain or label, and return FID, KID, inception score and diversity.

    Args:
        model: A model that generates images from noise.
        data: The split that is measured on.
        items: Its items.
        targets: The values of each attribute that are measured; empty without attributes.
        prepare: Crops and resizes the real images.
        extractor: The features of FID, KID and the inception score, or None.
        distances: Perceptual distances for the diversity.
        protocol: The entries of the protocol that all numbers share.
        left_out: Receives the reason for each number that is not measured.
        batch: The number of images that are generated together.
        samples_per_group: The number of images that diversity compares with each other; 0 measures none.
        max_groups: The largest number of such groups.
        on_task: Shows the progress.
    """
    metrics = (
        None if extractor is None else FeatureMetrics(extractor, images="generated images of a value" if targets else "generated images")
    )
    definitions = {
        f"diversity_{each.name}": f"mean of {each.config.get('distance', each.name)} between {{what}}, mean over groups"
        for each in distances
    }
    aggregator = Aggregator(diversities={**GROUP_DIVERSITIES, **definitions})
    diversities = aggregator.inputs
    parts = _list_parts(model, items, targets)
    counter = TaskCounter(on_task, "Measuring images", sum(len(part) for _, part in parts))
    for domain, part in parts:
        count = 0  # groups of this part
        group: list[Tensor] = []
        for images, rows in _generate(model, domain, part, batch):
            counter.add(len(rows))
            if metrics is not None:
                keys = _find_keys(rows, targets)
                metrics.add_fakes(keys, to_unit_range(images))
                metrics.add_real(keys, to_unit_range(torch.stack([prepare(data.read(item)) for item in rows]).to(images.device)))
            elif len(diversities["diversity"]) >= (max_groups if samples_per_group else 0):
                break
            for image in to_unit_range(images):
                group.append(image)
                if len(group) == samples_per_group and len(diversities["diversity"]) < max_groups:
                    aggregator.add_diversity(torch.stack(group), distances)
                    count, group = count + 1, []
        if not count and samples_per_group and len(group) > 1:  # fewer images than a group should have
            aggregator.add_diversity(torch.stack(group[:samples_per_group]), distances)
    protocol = {**protocol, "samples": f"one for each of the images, seed {SEED}"}
    compared = f"all pairs of {samples_per_group} images that are generated from different noise"
    numbers = aggregator.compute_diversities(protocol, get_network_protocols(distances), compared)
    numbers += metrics.compute_numbers(protocol, compared, left_out) if metrics is not None else []
    _explain_missing(left_out, diversities, samples_per_group, extractor)
    return numbers


def _list_parts(model: Model, items: Sequence[Item], targets: Mapping[str, Sequence[str]]) -> list[tuple[Any, Sequence[Item]]]:
    """Return what to generate: a domain or labels, with the items of which it is the domain or the labels."""
    kind = model.get_batch_kind(find_sampling_plan(model))
    if kind.domains:
        parts = [(value, [item for item in items if item.row.get(name) == value]) for name, values in targets.items() for value in values]
        return [(value, part) for value, part in parts if part]
    return [(encode_labels(model.domain, items) if kind.has_labels(model.domain) else None, items)] if items else []


def _generate(model: Model, domain: Any, items: Sequence[Item], batch: int) -> Iterator[tuple[Tensor, Sequence[Item]]]:
    """Yield one image for each item, some at a time [B, C, H, W] in [-1, 1], with these items."""
    start = 0
    for images in generate_samples(model, make_sample_request(model, len(items), domain=domain, seed=SEED), batch=batch):
        yield images, items[start : start + len(images)]
        start += len(images)


def _find_keys(items: Sequence[Item], targets: Mapping[str, Sequence[str]]) -> dict[Key, list[int]]:
    """Return the indices of the items with each measured value."""
    if not targets:
        return {ALL: list(range(len(items)))}
    pairs = [(name, value) for name, values in targets.items() for value in values]
    found = {pair: [index for index, item in enumerate(items) if item.row.get(pair[0]) == pair[1]] for pair in pairs}
    return {pair: indices for pair, indices in found.items() if indices}


def _explain_missing(
    left_out: dict[str, str], diversities: Mapping[str, list[float]], samples_per_group: int, extractor: Extractor | None
) -> None:
    """Add the reason for each number that is not measured."""
    left_out["psnr"] = _NO_INPUTS
    left_out["accuracy"] = "Nothing is translated to a value."
    if not diversities.get("diversity"):
        left_out["diversity"] = "There are fewer than two images." if samples_per_group else "No samples were requested."
    if extractor is None:
        found = any(name.startswith("fid@") for name in left_out)
        if not found:
            left_out["fid"] = 'There is no network for features. Name one: --features own-classifier, or features="own-classifier".'
    else:
        left_out.pop(f"cis@{extractor.name}", None)
