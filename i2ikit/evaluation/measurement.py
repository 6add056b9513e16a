"""Translates the inputs of an evaluation batch by batch, and measures the translations."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from attrs import define, field
from torch import Tensor

from i2ikit.core.batch_kinds import BatchKind
from i2ikit.data import Dataset, Item, Transform
from i2ikit.evaluation.aggregate import Aggregator
from i2ikit.evaluation.diversity import pairwise_diversity
from i2ikit.evaluation.evaluation_classifier import EvaluationClassifier
from i2ikit.evaluation.feature_metrics import FeatureMetrics
from i2ikit.evaluation.metrics import (
    SSIM_WINDOW,
    blur,
    edge_energy,
    mean_absolute_error,
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
    to_signed_range,
    to_unit_range,
)
from i2ikit.evaluation.pairs_as_domains import SOURCE, TARGET
from i2ikit.evaluation.perceptual import PerceptualDistance
from i2ikit.evaluation.resize import Preparation
from i2ikit.evaluation.targets import PAIRED, TranslationRequest, encode_labels, find_nearest, find_targets, has_fixed_target, list_requests

if TYPE_CHECKING:
    from i2ikit.core.model import Model

K = TypeVar("K", bound=Hashable)

SAMPLES_PER_INPUT, NUM_INPUTS = 8, 64
"""Defaults of diversity: the number of samples of one input, and the number of inputs."""
CHUNK = 16
"""Images in one call on a CPU: the activations of 64 images do not fit its cache, and 16 at a time are a quarter faster."""


@define
class Measurement:
    """A measurement in progress.

    Attributes:
        model: The model to measure.
        kind: The batch kind of the model: what a translation starts from, and what decides its target.
        data: The split that is measured on.
        targets: The requested values of each attribute.
        prepare: Crops and resizes images.
        classifier: The evaluation classifier, if there is one.
        feature_metrics: FID, KID and the inception scores, if an extractor is given.
        distances: Perceptual distances to measure in addition to those of pixels.
        samples_per_input: The number of samples of one input, drawn with the seeds from 0. With 0, diversity compares the translations of
            one input to all targets.
        sampled_files: The input files that samples are drawn for.
        aggregator: The measurements so far.
        left_out: What cannot be measured, with the reason.
        on_translated: Called with the number of translations that were made, again and again.
    """

    model: Model
    kind: BatchKind
    data: Dataset
    targets: Mapping[str, Sequence[str]]
    prepare: Preparation
    classifier: EvaluationClassifier | None = None
    feature_metrics: FeatureMetrics | None = None
    distances: Sequence[PerceptualDistance] = ()
    samples_per_input: int = 0
    sampled_files: frozenset[str] = frozenset()
    aggregator: Aggregator = field(factory=Aggregator)
    left_out: dict[str, str] = field(factory=dict)
    on_translated: Callable[[int], None] = lambda _: None

    @property
    def has_labels(self) -> bool:
        """Whether translations are requested by labels."""
        return self.kind.has_labels(self.model.domain)

    @property
    def has_fixed_target(self) -> bool:
        """Whether each image has one target, which needs no name."""
        return has_fixed_target(self.kind, self.model.domain)

    def count_translations(self, items: Sequence[Item]) -> int:
        """Return the number of translations that :meth:`add` makes of items."""
        requests = self._list_requests(items)
        return len(requests) + self.samples_per_input * len(self._choose_sampled(items, requests))

    def add(self, items: Sequence[Item]) -> None:
        """Translate a batch of items and measure the translations; each image is read once."""
        requests = self._list_requests(items)
        if not requests and self.feature_metrics is None:
            return
        device = getattr(self.model, "device", torch.device("cpu"))
        inputs = torch.stack([self._prepare_input(self.data.read(item)) for item in items]).to(device)
        originals, inputs = inputs, self.kind.make_sources(inputs, [item.file for item in items])
        labels = encode_labels(self.model.domain, items).to(device) if self.has_labels else None
        fakes = self.translate(inputs, labels, requests)
        rows: list[dict[str, Any]] = [{"attribute": each.attribute, "source": each.source, "target": each.target} for each in requests]
        if self.has_fixed_target and self.kind.is_own_target:
            found: Tensor | None = originals
            has_target = torch.ones(len(items), dtype=torch.bool)
        else:
            found, has_target = find_targets(self.data, items, requests, self.prepare)
        indices = has_target.nonzero().flatten().tolist()
        targets = None if found is None else to_unit_range(found.to(device))
        unit_fakes, unit_inputs = to_unit_range(fakes), to_unit_range(inputs)
        target_by_index: dict[int, Tensor] = {}
        if targets is not None:
            target_by_index = dict(zip(indices, targets, strict=True))
            self._measure_distances(rows, indices, unit_fakes, unit_inputs, requests, targets)
            self._measure_nearest(rows, target_by_index, unit_fakes, unit_inputs, requests)
        self._classify(rows, fakes, items, requests)
        self._add_features(items, unit_inputs, unit_fakes, requests, targets)
        if self.samples_per_input:
            self._measure_samples(items, inputs, labels, requests)
        else:
            self._measure_diversity(unit_fakes, target_by_index, requests)
        self.aggregator.rows += rows

    def _prepare_input(self, image: Tensor) -> Tensor:
        if not self.kind.target or self.data.source.is_picture:
            return self.prepare(image)
        return Transform(self.prepare.height, self.prepare.width, crop=self.prepare.crop, nearest=True)(image)

    def translate(self, inputs: Tensor, labels: Tensor | None, requests: Sequence[TranslationRequest], **options: Any) -> Tensor:
        """Return the translations in the order of the requests [N, C, H, W] in [-1, 1]; each call of the model has one target."""

        def call_key(request: TranslationRequest) -> Hashable:
            key = (request.attribute, request.target)
            return key if self.has_labels else (*key, request.source)

        image = self.model.image
        fakes = torch.empty(len(requests), image.channels, *inputs.shape[2:], device=inputs.device)
        chunk = CHUNK if inputs.device.type == "cpu" else len(requests)
        groups = _group(requests, call_key).values()
        for indices in (group[start : start + chunk] for group in groups for start in range(0, len(group), chunk)):
            request = requests[indices[0]]
            rows = torch.tensor([requests[index].index for index in indices], device=inputs.device)
            if self.has_fixed_target:
                fake = self.model.translate(inputs[rows], **options)
            elif self.kind.domains:
                fake = self.model.translate(inputs[rows], to=request.target, source=request.source, **options)
            else:
                assert labels is not None
                fake = self.model.translate(inputs[rows], to={request.attribute: request.target}, label=labels[rows], **options)
            fakes[torch.tensor(indices, device=inputs.device)] = fake.to(fakes)
            self.on_translated(len(indices))
        return fakes.clamp_(-1.0, 1.0)

    def _list_requests(self, items: Sequence[Item]) -> list[TranslationRequest]:
        if self.has_fixed_target:
            return [TranslationRequest(index, PAIRED, SOURCE, TARGET) for index in range(len(items))]
        requests = list_requests(items, self.targets)
        routes = getattr(self.model, "routes", None)  # a stand-in for a model may have no routes
        if not self.kind.domains or routes is None:
            return requests
        return [each for each in requests if (each.source, each.target) in routes]

    def _measure_distances(
        self,
        rows: list[dict[str, Any]],
        indices: list[int],
        fakes: Tensor,
        inputs: Tensor,
        requests: Sequence[TranslationRequest],
        targets: Tensor,
    ) -> None:
        measures: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"psnr": peak_signal_noise_ratio, "mae": mean_absolute_error}
        if min(targets.shape[-2:]) >= SSIM_WINDOW:
            measures["ssim"] = structural_similarity_index_measure
        else:
            size = f"{self.prepare.height}x{self.prepare.width}"
            self.left_out["ssim"] = f"SSIM requires {SSIM_WINDOW}x{SSIM_WINDOW} pixels or more; the images have {size}."
        input_indices = torch.tensor([requests[index].index for index in indices], device=inputs.device)
        images = {"": fakes[torch.tensor(indices, device=fakes.device)]}
        is_map = self.kind.target and not self.data.source.is_picture
        if self.kind.is_own_target and self.kind.make_source is None:
            self.left_out["psnr_copy"] = "Each input is its own target."
        elif is_map:
            self.left_out["psnr_copy"] = "Inputs are maps and targets are pictures: they cannot be compared."
        elif inputs.shape[1] in {1, targets.shape[1]}:
            images["_copy"] = inputs.expand(-1, targets.shape[1], -1, -1)[input_indices]
            images["_blur"] = blur(inputs).expand(-1, targets.shape[1], -1, -1)[input_indices]
        else:
            self.left_out["psnr_copy"] = f"Inputs have {inputs.shape[1]} channels and targets {targets.shape[1]}: they cannot be compared."
        for ending, compared in images.items():
            measured = {name: measure(compared, targets) for name, measure in measures.items() if ending != "_blur" or name == "psnr"}
            if ending != "_blur":
                measured["edges"] = edge_energy(compared)
            for name, values in measured.items():
                for index, value in zip(indices, values.tolist(), strict=True):
                    rows[index][f"{name}{ending}"] = value
        for index, value in zip(indices, edge_energy(targets).tolist(), strict=True):
            rows[index]["edges_target"] = value
        for distance in self.distances:
            chunks = zip(*(torch.split(to_signed_range(each), CHUNK) for each in (images[""], targets)), strict=True)
            with torch.no_grad():
                found = [distance(fake, target) for fake, target in chunks]
            for index, value in zip(indices, torch.cat(found).tolist(), strict=True):
                rows[index][distance.name] = value

    def _measure_nearest(
        self,
        rows: list[dict[str, Any]],
        targets: Mapping[int, Tensor],
        fakes: Tensor,
        inputs: Tensor,
        requests: Sequence[TranslationRequest],
    ) -> None:
        for (row, name), indices in _group(requests, lambda request: (request.index, request.attribute)).items():
            has_all_values = name != PAIRED and len(indices) == len(self.model.domain.attribute(name).choices) - 1
            if has_all_values and all(index in targets for index in indices):
                candidates = torch.stack([*(targets[index] for index in indices), inputs[row]])
                for position, nearest in enumerate(find_nearest(fakes[indices], candidates).tolist()):
                    rows[indices[position]]["nearest_accuracy"] = float(nearest == position)

    def _classify(self, rows: list[dict[str, Any]], fakes: Tensor, items: Sequence[Item], requests: Sequence[TranslationRequest]) -> None:
        if self.classifier is None:
            return
        network = self.classifier.network.to(fakes.device)
        predictions = {name: choices.tolist() for name, choices in network.predict(fakes).items()}
        for index, (row, request) in enumerate(zip(rows, requests, strict=True)):
            kept = []
            for attribute in network.attributes:
                predicted = attribute.choices[predictions[attribute.name][index]]
                known = items[request.index].row.get(attribute.name)
                if request.attribute == attribute.name:
                    row["accuracy"] = float(predicted == request.target)
                elif known in attribute.choices:
                    kept.append(predicted == known)
                    self.aggregator.kept[attribute.name].append(predicted == known)
            if kept:
                row["kept"] = sum(kept) / len(kept)

    def _measure_diversity(self, fakes: Tensor, targets: Mapping[int, Tensor], requests: Sequence[TranslationRequest]) -> None:
        for indices in _group(requests, lambda request: request.index).values():
            if len(indices) > 1:
                self.aggregator.add_diversity(fakes[indices], self.distances)
                if all(index in targets for index in indices):
                    diversity = pairwise_diversity(torch.stack([targets[index] for index in indices]))
                    self.aggregator.inputs["diversity_target"].append(float(diversity))

    def _add_features(
        self, items: Sequence[Item], inputs: Tensor, fakes: Tensor, requests: Sequence[TranslationRequest], targets: Tensor | None
    ) -> None:
        if self.feature_metrics is None:
            return
        fakes_by_target = _group(requests, lambda request: (request.attribute, request.target))
        if fakes_by_target:
            self.feature_metrics.add_fakes(fakes_by_target, fakes)
        if self.has_fixed_target:
            if targets is not None:
                self.feature_metrics.add_real({(PAIRED, TARGET): list(range(len(targets)))}, targets)
            return
        real_by_value = {
            (name, value): rows
            for name, values in self.targets.items()
            for value in values
            if (rows := [row for row, item in enumerate(items) if item.row.get(name) == value])
        }
        if real_by_value:
            self.feature_metrics.add_real(real_by_value, inputs)

    def _measure_samples(
        self, items: Sequence[Item], inputs: Tensor, labels: Tensor | None, requests: Sequence[TranslationRequest]
    ) -> None:
        sampled = self._choose_sampled(items, requests)
        if not sampled:
            return
        samples = [to_unit_range(self.translate(inputs, labels, sampled, seed=seed)) for seed in range(self.samples_per_input)]
        for request, images in zip(sampled, torch.stack(samples, dim=1), strict=True):
            self.aggregator.add_diversity(images, self.distances)
            if self.feature_metrics is not None:
                self.feature_metrics.add_samples((request.attribute, request.target), images)

    def _choose_sampled(self, items: Sequence[Item], requests: Sequence[TranslationRequest]) -> list[TranslationRequest]:
        """Return the requests that samples are drawn for: the first one of each sampled input."""
        first_requests = {each.index: each for each in reversed(requests)}.values()
        return [each for each in first_requests if items[each.index].file in self.sampled_files]


def _group(requests: Sequence[TranslationRequest], key: Callable[[TranslationRequest], K]) -> dict[K, list[int]]:
    """Return the indices of the requests by key, in the order of the requests."""
    groups: dict[K, list[int]] = {}
    for index, request in enumerate(requests):
        groups.setdefault(key(request), []).append(index)
    return groups
