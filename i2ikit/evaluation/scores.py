"""The inception score and the conditional inception score, for any classifier, as torchmetrics metrics.

Both are differences of entropies, ``E_x KL(p(y|x) || p(y)) = H(E_x p(y|x)) - E_x H(p(y|x))``, so that no predictions have to be stored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from i2ikit.errors import OptionError
from i2ikit.evaluation.extractor import Extractor
from i2ikit.evaluation.metrics import check_unit_range


class _Score(Metric):
    """The common part of both scores."""

    is_differentiable = False
    full_state_update = False
    higher_is_better = True
    count: Tensor

    def __init__(self, classifier: Callable[[Tensor], Tensor] | None, exponential: bool, **options: Any) -> None:
        super().__init__(**options)
        self.network = classifier if isinstance(classifier, nn.Module) else None  # a submodule moves to a device together with the metric
        self.classifier = classifier.logits if isinstance(classifier, Extractor) else classifier
        self.exponential = exponential
        self.add_state("count", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def compute_logits(self, images: Tensor) -> Tensor:
        """Return the logits [B, K] in float64 of images [B, C, H, W] in [0, 1]; without a classifier, the images are the logits."""
        with torch.no_grad():
            logits = images if self.classifier is None else self.classifier(check_unit_range(images))
        if logits.ndim != 2 or len(logits) != len(images):
            raise OptionError(f"A classifier must return logits [B, K]; found {list(logits.shape)} for {len(images)} images.")
        return logits.double()

    def scale(self, information: Tensor) -> Tensor:
        """Return information in nats unchanged, or its exponential."""
        return information.exp() if self.exponential else information


class InceptionScore(_Score):
    """Inception score, ``exp E_x KL(p(y|x) || p(y))`` (Salimans et al., 2016, section 4).

    It is high if the images are of many classes, and each image clearly is of one. All images form one set; splits would only add bias.

    Args:
        classifier: Takes images [B, C, H, W] in [0, 1] and returns logits [B, K]: a module, any callable or an
            :class:`i2ikit.evaluation.Extractor`. None: the metric takes logits in place of images.
        exponential: False returns nats, as MUNIT (section 5.2) defines it.
        options: Options of ``torchmetrics.Metric``.
    """

    entropy: Tensor
    probability_sum: Tensor

    def __init__(self, classifier: Callable[[Tensor], Tensor] | None = None, *, exponential: bool = True, **options: Any) -> None:
        super().__init__(classifier, exponential, **options)
        self.add_state("probability_sum", torch.zeros(1, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("entropy", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, imgs: Tensor) -> None:
        """Add images [B, C, H, W] in [0, 1], or logits [B, K]."""
        logs = self.compute_logits(imgs).log_softmax(dim=1)
        self.probability_sum = self.probability_sum + logs.exp().sum(dim=0)
        self.entropy += _entropy(logs.exp(), logs).sum()
        self.count += len(logs)

    def compute(self) -> Tensor:
        """Return the score, a float64 scalar tensor; NaN before the first image."""
        marginal = self.probability_sum / self.count
        return self.scale(_entropy(marginal, marginal.clamp(min=1e-300).log()) - self.entropy / self.count)


class ConditionalInceptionScore(_Score):
    """Conditional inception score, ``E_x1 E_x2|x1 KL(p(y2|x2) || p(y2|x1))`` (MUNIT, section 5.2).

    It is high if the translations x2 of one input x1 are of many classes. ``p(y2|x1)`` is the mean prediction over all translations of one
    input. A model that has only one translation for each input scores 0.

    Args:
        classifier: As for :class:`InceptionScore`.
        exponential: False returns nats, as in the paper; True returns their exponential, as the original code prints it.
        options: Options of ``torchmetrics.Metric``.
    """

    information: Tensor

    def __init__(self, classifier: Callable[[Tensor], Tensor] | None = None, *, exponential: bool = False, **options: Any) -> None:
        super().__init__(classifier, exponential, **options)
        self.add_state("information", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, samples: Tensor) -> None:
        """Add the translations of one input [S, C, H, W] or of several [B, S, C, H, W] in [0, 1], or their logits [S, K] or [B, S, K].

        Raises:
            OptionError: The number of axes is another.
        """
        axes = 2 if self.classifier is None else 4
        if samples.ndim not in {axes, axes + 1}:
            raise OptionError(f"Samples must have {axes} axes for one input or {axes + 1} for several inputs; found {list(samples.shape)}.")
        inputs = samples if samples.ndim > axes else samples[None]
        logs = self.compute_logits(inputs.flatten(0, 1)).reshape(*inputs.shape[:2], -1).log_softmax(dim=2)
        marginal = logs.exp().mean(dim=1)
        gained = _entropy(marginal, marginal.clamp(min=1e-300).log()) - _entropy(logs.exp(), logs).mean(dim=1)
        self.information += gained.sum()
        self.count += len(inputs)

    def compute(self) -> Tensor:
        """Return the score, a float64 scalar tensor; NaN before the first input."""
        return self.scale(self.information / self.count)


def _entropy(probabilities: Tensor, logs: Tensor) -> Tensor:
    """Return the entropy in nats over the last axis, from probabilities and their logarithms."""
    return -(probabilities * logs).sum(dim=-1)
