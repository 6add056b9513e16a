"""Features of translations and of real images by target, and the numbers of whole sets that they give."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch
from attrs import define, field
from torch import Tensor

from i2ikit.evaluate.distribution import frechet_of, kernel_distance
from i2ikit.evaluate.extractor import Extractor
from i2ikit.evaluate.protocol import Number
from i2ikit.evaluate.scores import ConditionalInceptionScore, InceptionScore

Key = tuple[str, str]
PIECE = 64
DEFINITIONS: dict[str, tuple[str, bool, str]] = {
    "fid": ("", False, "Frechet distance of the features of all translations to a target from those of the real images of it, float64"),
    "kid": ("", False, "unbiased squared MMD of the same features, kernel (x.y / F + 1)^3, all images at once, float64"),
    "is": ("nats", True, "E KL(p(y|x) || p(y)) over all translations to a target, not exponentiated"),
    "cis": ("nats", True, "E KL(p(y2|x2) || p(y2|x1)) over the samples x2 of each input x1 (MUNIT, section 5.2), not exponentiated"),
}


@define
class Collected:
    """What an extractor said of each set of images.

    Attributes:
        extractor: Gives features, and logits where it tells classes.
        real: By attribute and value, the features of real images.
        made: By attribute and target, the features of translations.
        scores: By attribute and target, the inception score of the translations.
        conditional: By attribute and target, that of the samples of each input.
    """

    extractor: Extractor
    real: defaultdict[Key, list[Tensor]] = field(factory=lambda: defaultdict(list))
    made: defaultdict[Key, list[Tensor]] = field(factory=lambda: defaultdict(list))
    scores: dict[Key, InceptionScore] = field(factory=dict)
    conditional: dict[Key, ConditionalInceptionScore] = field(factory=dict)

    def add_real(self, keys: Mapping[Key, list[int]], images: Tensor) -> None:
        """Add real images [B C H W] in [0, 1]: for each attribute and value, the rows that show it."""
        features = self._features(images)
        for key, rows in keys.items():
            self.real[key].append(features[rows])

    def add_made(self, keys: Mapping[Key, list[int]], images: Tensor) -> None:
        """Add translations [B C H W] in [0, 1]: for each attribute and target, the rows that were asked for it."""
        features = self._features(images)
        logits = self._logits(images)
        for key, rows in keys.items():
            self.made[key].append(features[rows])
            if logits is not None:
                self.scores.setdefault(key, InceptionScore(exponential=False)).update(logits[rows])

    def add_samples(self, key: Key, samples: Tensor) -> None:
        """Add the samples [S C H W] in [0, 1] of one input for one target."""
        logits = self._logits(samples)
        if logits is not None:
            self.conditional.setdefault(key, ConditionalInceptionScore()).update(logits)

    def numbers(self, protocol: Mapping[str, Any], compared: str, left_out: dict[str, str]) -> list[Number]:
        """Return each number as a mean over the targets, and of each target where there are several; what is missing goes to ``left_out``.

        Args:
            protocol: What all numbers share.
            compared: Which samples the conditional score is of.
            left_out: Is given the reasons.
        """
        found: list[Number] = []
        for name, (unit, better, description) in DEFINITIONS.items():
            values = self._values(name, left_out)
            if not values:
                continue
            shown = f"{name}@{self.extractor.name}"
            shared = {**protocol, "definition": description, "extractor": dict(self.extractor.config)}
            if name == "cis":
                shared["compared"] = compared
            over = {"count": sum(count["count"] for _, count in values.values()), "over": [f"{a}={v}" for a, v in values]}
            counts = next(iter(values.values()))[1] if len(values) == 1 else over
            found.append(Number(shown, sum(value for value, _ in values.values()) / len(values), unit, better, {**shared, **counts}))
            if len(values) > 1:
                found += [Number(f"{shown}/{a}={v}", value, unit, better, {**shared, **own}) for (a, v), (value, own) in values.items()]
        return found

    def _values(self, name: str, left_out: dict[str, str]) -> dict[Key, tuple[float, dict[str, int]]]:
        shown = f"{name}@{self.extractor.name}"
        if name in {"is", "cis"}:
            metrics: Mapping[Key, Any] = self.scores if name == "is" else self.conditional
            if not metrics and name == "is":
                left_out[shown] = "the extractor tells no classes."
            elif not metrics:
                left_out[shown] = "no samples of one input were drawn, or the extractor tells no classes."
            return {key: (float(metric.compute()), {"count": int(metric.count)}) for key, metric in metrics.items()}
        distance = frechet_of if name == "fid" else kernel_distance
        values: dict[Key, tuple[float, dict[str, int]]] = {}
        for key, parts in self.made.items():
            made, real = torch.cat(parts), torch.cat(self.real[key]) if self.real[key] else parts[0][:0]
            if min(len(made), len(real)) < 2:
                left_out[f"{shown}/{key[0]}={key[1]}"] = f"of {len(made)} translations and {len(real)} real images, two each are needed."
                continue
            values[key] = (float(distance(made, real)), {"count": len(made), "real": len(real)})
        return values

    def _features(self, images: Tensor) -> Tensor:
        return torch.cat([self.extractor(part).cpu() for part in torch.split(images, PIECE)]) if len(images) else torch.empty(0)

    def _logits(self, images: Tensor) -> Tensor | None:
        if self.extractor.classes is None or not len(images):
            return None
        return torch.cat([self.extractor.logits(part).cpu() for part in torch.split(images, PIECE)])
