"""LPIPS and the diversity that it measures, as torchmetrics metrics."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from i2ikit.errors import OptionError
from i2ikit.evaluate.metrics import Mean, signed
from i2ikit.evaluate.perceptual import PerceptualDistance

PAIRS, INPUTS = 19, 100
"""Pairs an input, and inputs, of the papers' protocol: 1,900 pairs (BicycleGAN, section 4; MUNIT, section 5.2)."""


class LPIPS(Mean):
    """Mean over pairs of a perceptual distance, such as :func:`i2ikit.evaluate.load_lpips` gives.

    Args:
        distance: Between images in [-1, 1]; the metric itself takes [0, 1] as all metrics here do.
        options: Of ``torchmetrics.Metric``.
    """

    higher_is_better = False

    def __init__(self, distance: PerceptualDistance, **options: Any) -> None:
        super().__init__(**options)
        self.distance = distance

    def update(self, images: Tensor, target: Tensor) -> None:
        """Add pairs of images [B C H W] in [0, 1]."""
        self._add(self.distance(signed(images), signed(target)))


class LPIPSDiversity(Mean):
    """Mean over inputs of the mean distance between samples of one input (BicycleGAN, section 4; MUNIT, section 5.2).

    Args:
        distance: Between images in [-1, 1].
        pairs: How many unordered pairs of the samples of an input are compared, drawn without return from a fixed seed: 19 in the papers;
            None compares all.
        options: Of ``torchmetrics.Metric``.
    """

    higher_is_better = True

    def __init__(self, distance: PerceptualDistance, pairs: int | None = PAIRS, **options: Any) -> None:
        super().__init__(**options)
        self.distance, self.pairs = distance, pairs

    def update(self, samples: Tensor) -> None:
        """Add the samples of one input [S C H W] or of several inputs [B S C H W], in [0, 1].

        Raises:
            OptionError: Two samples cannot be had, or there are fewer pairs than are to be drawn.
        """
        for each in samples if samples.ndim == 5 else [samples]:
            self._add(perceptual_diversity(self.distance, each, self.pairs).reshape(1))


def perceptual_diversity(distance: PerceptualDistance, samples: Tensor, pairs: int | None = None) -> Tensor:
    """Return the mean distance between the samples of one input, a scalar; each sample is read once.

    Args:
        distance: Between images in [-1, 1].
        samples: [S C H W] in [0, 1].
        pairs: How many unordered pairs, drawn without return from a fixed seed; None compares all.

    Raises:
        OptionError: There are fewer than two samples, or fewer pairs than are to be drawn.
    """
    if samples.ndim != 4 or len(samples) < 2:
        raise OptionError(f"Diversity needs two or more samples [S, C, H, W] of one input; found shape {list(samples.shape)}.")
    places = torch.combinations(torch.arange(len(samples)))
    if pairs is not None:
        if not 1 <= pairs <= len(places):
            raise OptionError(f"{len(samples)} samples have {len(places)} pairs, and {pairs} are asked for. Draw more samples.")
        places = places[torch.randperm(len(places), generator=torch.Generator().manual_seed(0))[:pairs]]
    with torch.no_grad():
        maps = distance.features(signed(samples))
        found = [distance.between([m[a : a + 1] for m in maps], [m[b : b + 1] for m in maps]) for a, b in places.tolist()]
    return torch.cat(found).double().mean().float()
