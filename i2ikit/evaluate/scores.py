"""The inception score and the conditional inception score, for any classifier, as torchmetrics metrics.

Both are a difference of entropies: ``E_x KL(p(y|x) || p(y)) = H(E_x p(y|x)) - E_x H(p(y|x))``, so that no answer is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from i2ikit.errors import OptionError
from i2ikit.evaluate.extractor import Extractor


class _Score(Metric):
    is_differentiable = False
    full_state_update = False
    higher_is_better = True
    count: Tensor

    def __init__(self, classifier: Callable[[Tensor], Tensor] | None, exponential: bool, **options: Any) -> None:
        super().__init__(**options)
        self.network = classifier if isinstance(classifier, nn.Module) else None  # so that it moves with the metric
        self.classifier = classifier.logits if isinstance(classifier, Extractor) else classifier
        self.exponential = exponential
        self.add_state("count", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def read(self, images: Tensor) -> Tensor:
        """Return the logits [B, K] in float64."""
        with torch.no_grad():
            logits = images if self.classifier is None else self.classifier(images)
        if logits.ndim != 2 or len(logits) != len(images):
            raise OptionError(f"A classifier gives logits [B, K]; found {list(logits.shape)} for {len(images)} images.")
        return logits.double()

    def finished(self, information: Tensor) -> Tensor:
        """Return nats, or their exponential."""
        return information.exp() if self.exponential else information


class InceptionScore(_Score):
    """``exp E_x KL(p(y|x) || p(y))`` (Salimans et al., 2016, section 4): many classes, each image clearly of one.

    All images are taken as one set; the usual splits only add bias.

    Args:
        classifier: Images [B C H W] in [0, 1] to logits [B, K]: a module, any callable or an :class:`i2ikit.evaluate.Extractor`. None takes
            logits in place of images.
        exponential: False gives nats, as MUNIT (section 5.2) writes it.
        options: Of ``torchmetrics.Metric``.
    """

    entropy: Tensor
    answers: Tensor

    def __init__(self, classifier: Callable[[Tensor], Tensor] | None = None, *, exponential: bool = True, **options: Any) -> None:
        super().__init__(classifier, exponential, **options)
        self.add_state("answers", torch.zeros(1, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("entropy", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, images: Tensor) -> None:
        """Add images [B C H W] in [0, 1], or logits [B, K]."""
        logs = self.read(images).log_softmax(dim=1)
        self.answers = self.answers + logs.exp().sum(dim=0)
        self.entropy += _entropy(logs.exp(), logs).sum()
        self.count += len(logs)

    def compute(self) -> Tensor:
        """Return the score, a float64 scalar; NaN before the first image."""
        marginal = self.answers / self.count
        return self.finished(_entropy(marginal, marginal.clamp(min=1e-300).log()) - self.entropy / self.count)


class ConditionalInceptionScore(_Score):
    """``E_x1 E_x2|x1 KL(p(y2|x2) || p(y2|x1))`` (MUNIT, section 5.2): how many classes one input's translations x2 are of.

    ``p(y2|x1)`` is the mean of the answers for all translations of one input. A model that gives one translation only has 0.

    Args:
        classifier: As :class:`InceptionScore` takes it.
        exponential: The paper writes nats; True gives their exponential, as the authors' code prints it.
        options: Of ``torchmetrics.Metric``.
    """

    information: Tensor

    def __init__(self, classifier: Callable[[Tensor], Tensor] | None = None, *, exponential: bool = False, **options: Any) -> None:
        super().__init__(classifier, exponential, **options)
        self.add_state("information", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, samples: Tensor) -> None:
        """Add the translations of one input [S C H W] or of several [B S C H W] in [0, 1]; logits [S, K] or [B S K].

        Raises:
            OptionError: There is no axis of samples.
        """
        axes = 2 if self.classifier is None else 4
        if samples.ndim not in {axes, axes + 1}:
            raise OptionError(f"Samples of one input have {axes} axes, of several {axes + 1}; found shape {list(samples.shape)}.")
        inputs = samples if samples.ndim > axes else samples[None]
        logs = self.read(inputs.flatten(0, 1)).reshape(*inputs.shape[:2], -1).log_softmax(dim=2)
        marginal = logs.exp().mean(dim=1)
        gained = _entropy(marginal, marginal.clamp(min=1e-300).log()) - _entropy(logs.exp(), logs).mean(dim=1)
        self.information += gained.sum()
        self.count += len(inputs)

    def compute(self) -> Tensor:
        """Return the score, a float64 scalar; NaN before the first input."""
        return self.finished(self.information / self.count)


def _entropy(shares: Tensor, logs: Tensor) -> Tensor:
    """Return the entropy in nats over the last axis."""
    return -(shares * logs).sum(dim=-1)
