"""LPIPS and LPIPS diversity as torchmetrics metrics."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from i2ikit.errors import OptionError
from i2ikit.evaluation.metrics import Mean, to_signed_range
from i2ikit.evaluation.perceptual import PerceptualDistance

PAIRS = 19
"""Number of pairs of samples of each input in the papers, which use 100 inputs (BicycleGAN, section 4; MUNIT, section 5.2)."""


class LearnedPerceptualImagePatchSimilarity(Mean):
    """Mean over images of a perceptual distance to the target, such as :func:`i2ikit.evaluation.load_lpips` returns.

    Args:
        distance: A distance between images in [-1, 1]; the metric takes images in [0, 1], as all metrics here
            (``normalize=True`` in torchmetrics).
        options: Options of ``torchmetrics.Metric``.
    """

    higher_is_better = False

    def __init__(self, distance: PerceptualDistance, **options: Any) -> None:
        super().__init__(**options)
        self.distance = distance

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add translations and their targets, both [B, C, H, W] in [0, 1]."""
        self._add(self.distance(to_signed_range(preds), to_signed_range(target)))


class LPIPSDiversity(Mean):
    """Mean over inputs of the mean distance between samples of one input (BicycleGAN, section 4; MUNIT, section 5.2).

    Args:
        distance: A distance between images in [-1, 1].
        pairs: The number of pairs of samples that are compared for each input, drawn without replacement from a fixed seed: 19 in the
            papers. None compares all pairs.
        options: Options of ``torchmetrics.Metric``.
    """

    higher_is_better = True

    def __init__(self, distance: PerceptualDistance, pairs: int | None = PAIRS, **options: Any) -> None:
        super().__init__(**options)
        self.distance, self.pairs = distance, pairs

    def update(self, samples: Tensor) -> None:
        """Add the samples of one input [S, C, H, W] or of several inputs [B, S, C, H, W], in [0, 1].

        Raises:
            OptionError: There are fewer than two samples, or fewer than ``pairs`` pairs.
        """
        for each in samples if samples.ndim == 5 else [samples]:
            self._add(perceptual_diversity(self.distance, each, self.pairs).reshape(1))


def perceptual_diversity(distance: PerceptualDistance, samples: Tensor, pairs: int | None = None) -> Tensor:
    """Return the mean distance between the samples of one input, a scalar tensor; the features of each sample are computed once.

    Args:
        distance: A distance between images in [-1, 1].
        samples: [S, C, H, W] in [0, 1].
        pairs: The number of pairs that are compared, drawn without replacement from a fixed seed; None compares all pairs.

    Raises:
        OptionError: There are fewer than two samples, or fewer than ``pairs`` pairs.
    """
    if samples.ndim != 4 or len(samples) < 2:
        raise OptionError(f"Diversity requires two or more samples [S, C, H, W] of one input; found {list(samples.shape)}.")
    indices = torch.combinations(torch.arange(len(samples)))
    if pairs is not None:
        if not 1 <= pairs <= len(indices):
            raise OptionError(f"pairs={pairs} is out of range: {len(samples)} samples have {len(indices)} pairs. Give more samples.")
        indices = indices[torch.randperm(len(indices), generator=torch.Generator().manual_seed(0))[:pairs]]
    with torch.no_grad():
        maps = distance.features(to_signed_range(samples))
        distances = [
            distance.compute_distance([each[a : a + 1] for each in maps], [each[b : b + 1] for each in maps]) for a, b in indices.tolist()
        ]
    return torch.cat(distances).double().mean().float()
