"""The metrics of whole sets of images: FID, KID and the inception scores, from the features and classes of an extractor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch
from attrs import define, field
from torch import Tensor

from i2ikit.evaluation.distribution import frechet_distance_from_features, kernel_distance
from i2ikit.evaluation.extractor import Extractor
from i2ikit.evaluation.protocol import Number
from i2ikit.evaluation.scores import ConditionalInceptionScore, InceptionScore

Key = tuple[str, str]
"""An attribute and one of its values."""
CHUNK = 64
"""Images in one call of the extractor."""
DEFINITIONS: dict[str, tuple[str, bool, str]] = {
    "fid": ("", False, "Frechet distance between the features of all {images} and those of its real images, float64"),
    "kid": ("", False, "unbiased squared MMD of the same features, kernel (x.y / F + 1)^3, all images at once, float64"),
    "is": ("nats", True, "E KL(p(y|x) || p(y)) over all {images}, not exponentiated"),
    "cis": ("nats", True, "E KL(p(y2|x2) || p(y2|x1)) over the samples x2 of each input x1 (MUNIT, section 5.2), not exponentiated"),
}  # fmt: skip
"""The unit of each number, whether a higher value is better, and the definition, in which {images} are those that are measured."""


@define
class FeatureMetrics:
    """The features and inception scores of real images and translations, by attribute and value.

    Attributes:
        extractor: Returns features, and logits if it has classes.
        real: Features of the real images with each value.
        fakes: Features of the translations to each value.
        scores: The inception score of the translations to each value.
        conditional: The conditional inception score of the samples of each value.
        images: What is compared with the real images, in words.
    """

    extractor: Extractor
    real: defaultdict[Key, list[Tensor]] = field(factory=lambda: defaultdict(list))
    fakes: defaultdict[Key, list[Tensor]] = field(factory=lambda: defaultdict(list))
    scores: dict[Key, InceptionScore] = field(factory=dict)
    conditional: dict[Key, ConditionalInceptionScore] = field(factory=dict)
    images: str = "translations to a value"

    def add_real(self, keys: Mapping[Key, list[int]], images: Tensor) -> None:
        """Add real images [B, C, H, W] in [0, 1]; ``keys`` has the indices of the images with each value."""
        features = self._compute_features(images)
        for key, indices in keys.items():
            self.real[key].append(features[indices])

    def add_fakes(self, keys: Mapping[Key, list[int]], images: Tensor) -> None:
        """Add translations [B, C, H, W] in [0, 1]; ``keys`` has the indices of the translations to each value."""
        features = self._compute_features(images)
        is_shared = self.extractor.classifier is self.extractor.network  # its features are its logits
        logits = features if is_shared else self._compute_logits(images)
        for key, indices in keys.items():
            self.fakes[key].append(features[indices])
            if logits is not None:
                self.scores.setdefault(key, InceptionScore(exponential=False)).update(logits[indices])

    def add_samples(self, key: Key, samples: Tensor) -> None:
        """Add the samples [S, C, H, W] in [0, 1] of one input, translated to one value."""
        logits = self._compute_logits(samples)
        if logits is not None:
            self.conditional.setdefault(key, ConditionalInceptionScore()).update(logits)

    def compute_numbers(self, protocol: Mapping[str, Any], compared: str, left_out: dict[str, str]) -> list[Number]:
        """Return each number as a mean over the values, and for each value where there are several.

        Args:
            protocol: The entries of the protocol that all numbers share.
            compared: The samples that the conditional inception score compares, in words.
            left_out: Receives the reason for each number that cannot be computed.
        """
        numbers: list[Number] = []
        for name, (unit, better, description) in DEFINITIONS.items():
            values = self._compute_values(name, left_out)
            if not values:
                continue
            full_name = f"{name}@{self.extractor.name}"
            shared = {**protocol, "definition": description.replace("{images}", self.images), "extractor": dict(self.extractor.config)}
            if name == "cis":
                shared["compared"] = compared
            over = {"count": sum(count["count"] for _, count in values.values()), "over": [f"{a}={v}" for a, v in values]}
            counts = next(iter(values.values()))[1] if len(values) == 1 else over
            mean = sum(value for value, _ in values.values()) / len(values)
            numbers.append(Number(full_name, mean, unit, better, {**shared, **counts}))
            if len(values) > 1:
                numbers += [
                    Number(f"{full_name}/{a}={v}", value, unit, better, {**shared, **own}) for (a, v), (value, own) in values.items()
                ]
        return numbers

    def _compute_values(self, name: str, left_out: dict[str, str]) -> dict[Key, tuple[float, dict[str, int]]]:
        """Return one number for each attribute and value, with the counts of images that enter its protocol."""
        full_name = f"{name}@{self.extractor.name}"
        if name in {"is", "cis"}:
            metrics: Mapping[Key, Any] = self.scores if name == "is" else self.conditional
            if not metrics and name == "is":
                left_out[full_name] = "The extractor has no classes."
            elif not metrics:
                left_out[full_name] = "There are no samples of one input, or the extractor has no classes."
            return {key: (float(metric.compute()), {"count": int(metric.count)}) for key, metric in metrics.items()}
        distance = frechet_distance_from_features if name == "fid" else kernel_distance
        values: dict[Key, tuple[float, dict[str, int]]] = {}
        for key, parts in self.fakes.items():
            fakes, real = torch.cat(parts), torch.cat(self.real[key]) if self.real[key] else parts[0][:0]
            if min(len(fakes), len(real)) < 2:
                reason = f"Two or more translations and real images are required; found {len(fakes)} and {len(real)}."
                left_out[f"{full_name}/{key[0]}={key[1]}"] = reason
                continue
            values[key] = (float(distance(fakes, real)), {"count": len(fakes), "real": len(real)})
        return values

    def _compute_features(self, images: Tensor) -> Tensor:
        return torch.cat([self.extractor(chunk).cpu() for chunk in torch.split(images, CHUNK)]) if len(images) else torch.empty(0)

    def _compute_logits(self, images: Tensor) -> Tensor | None:
        if self.extractor.classifier is None or not len(images):
            return None
        return torch.cat([self.extractor.logits(chunk).cpu() for chunk in torch.split(images, CHUNK)])
