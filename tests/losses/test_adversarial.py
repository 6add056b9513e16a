"""The adversarial losses against their formulas."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from i2ikit import DiscriminatorOutput
from i2ikit.losses import adversarial

REAL = (torch.tensor([[[[2.0, -1.0]]], [[[0.5, 0.0]]]]), torch.tensor([[1.5], [-0.5]]))
FAKE = (torch.tensor([[[[-2.0, 0.5]]], [[[1.0, -0.25]]]]), torch.tensor([[0.25], [-3.0]]))


class ScoredTranslation:
    """A stand-in for a translation that has only discriminator outputs."""

    def __init__(self, real: tuple[Tensor, ...] = REAL, fake: tuple[Tensor, ...] = FAKE) -> None:
        self.scores = {"reference": real, "fake": fake}
        self.requests: list[tuple[str, str]] = []

    def discriminate(self, view: str, slot: str) -> DiscriminatorOutput:
        self.requests.append((view, slot))
        return DiscriminatorOutput(self.scores[view])


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


# For the discriminator, the loss of a real and of a fake score; for the translator, the loss of a fake score.
SCORE_LOSSES: dict[str, tuple[Any, Any, Any]] = {
    "wgan": (lambda r: -r, lambda f: f, lambda f: -f),
    "lsgan": (lambda r: (r - 1) ** 2, lambda f: f**2, lambda f: (f - 1) ** 2),
    "hinge": (lambda r: max(0, 1 - r), lambda f: max(0, 1 + f), lambda f: -f),
    "logistic": (lambda r: softplus(-r), softplus, lambda f: softplus(-f)),
}


def compute_scale_means(scores: tuple[Tensor, ...], score_loss: Any) -> list[float]:
    return [sum(map(score_loss, score.flatten().tolist())) / score.numel() for score in scores]


@pytest.mark.parametrize("gan", SCORE_LOSSES)
@pytest.mark.parametrize("average", [False, True])
def test_losses_are_means_over_patches_and_sums_or_means_over_scales(gan: str, average: bool) -> None:
    on_real, on_fake, for_translator = SCORE_LOSSES[gan]
    factor = 0.5 if average else 1.0
    discriminator = getattr(adversarial, f"{gan}_discriminator_loss")(ScoredTranslation(), average=average)
    translator = getattr(adversarial, f"{gan}_generator_loss")(ScoredTranslation(), average=average)
    assert float(discriminator) == pytest.approx(
        factor * sum(compute_scale_means(REAL, on_real) + compute_scale_means(FAKE, on_fake)), rel=1e-6
    )
    assert float(translator) == pytest.approx(factor * sum(compute_scale_means(FAKE, for_translator)), rel=1e-6)


@pytest.mark.parametrize("gan", SCORE_LOSSES)
def test_losses_use_the_named_discriminator(gan: str) -> None:
    scored = ScoredTranslation()
    getattr(adversarial, f"{gan}_discriminator_loss")(scored, discriminator="second")
    getattr(adversarial, f"{gan}_generator_loss")(scored, discriminator="second")
    assert scored.requests == [("reference", "second"), ("fake", "second"), ("fake", "second")]


@pytest.mark.parametrize("gan", SCORE_LOSSES)
@pytest.mark.parametrize("role", ["discriminator", "generator"])
def test_losses_of_half_precision_scores_are_float32_and_of_double_are_double(gan: str, role: str) -> None:
    loss = getattr(adversarial, f"{gan}_{role}_loss")
    half = ScoredTranslation(*(tuple(score.bfloat16() for score in scores) for scores in (REAL, FAKE)))
    double = ScoredTranslation(*(tuple(score.double() for score in scores) for scores in (REAL, FAKE)))
    assert loss(half).dtype == torch.float32
    assert loss(double).dtype == torch.float64
