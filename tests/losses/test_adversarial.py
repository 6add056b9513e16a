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


class Scored:
    """A translation of which only the discriminator outputs are asked."""

    def __init__(self, real: tuple[Tensor, ...] = REAL, fake: tuple[Tensor, ...] = FAKE) -> None:
        self.scores = {"reference": real, "fake": fake}
        self.asked: list[tuple[str, str]] = []

    def discriminate(self, of: str, by: str) -> DiscriminatorOutput:
        self.asked.append((of, by))
        return DiscriminatorOutput(self.scores[of])


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


PRICES: dict[str, tuple[Any, Any, Any]] = {  # of a real score and of a fake score for the discriminator, of a fake score for the translator
    "wgan": (lambda r: -r, lambda f: f, lambda f: -f),
    "lsgan": (lambda r: (r - 1) ** 2, lambda f: f**2, lambda f: (f - 1) ** 2),
    "hinge": (lambda r: max(0, 1 - r), lambda f: max(0, 1 + f), lambda f: -f),
    "logistic": (lambda r: softplus(-r), softplus, lambda f: softplus(-f)),
}


def per_scale(scores: tuple[Tensor, ...], price: Any) -> list[float]:
    return [sum(map(price, score.flatten().tolist())) / score.numel() for score in scores]


@pytest.mark.parametrize("game", PRICES)
@pytest.mark.parametrize("average", [False, True])
def test_losses_are_the_mean_over_patches_and_the_sum_or_mean_over_scales(game: str, average: bool) -> None:
    on_real, on_fake, for_translator = PRICES[game]
    share = 0.5 if average else 1.0
    discriminator = getattr(adversarial, f"{game}_discriminator_loss")(Scored(), average=average)
    translator = getattr(adversarial, f"{game}_generator_loss")(Scored(), average=average)
    assert float(discriminator) == pytest.approx(share * sum(per_scale(REAL, on_real) + per_scale(FAKE, on_fake)), rel=1e-6)
    assert float(translator) == pytest.approx(share * sum(per_scale(FAKE, for_translator)), rel=1e-6)


@pytest.mark.parametrize("game", PRICES)
def test_the_discriminator_that_is_named_is_asked(game: str) -> None:
    scored = Scored()
    getattr(adversarial, f"{game}_discriminator_loss")(scored, discriminator="second")
    getattr(adversarial, f"{game}_generator_loss")(scored, discriminator="second")
    assert scored.asked == [("reference", "second"), ("fake", "second"), ("fake", "second")]


@pytest.mark.parametrize("game", PRICES)
@pytest.mark.parametrize("role", ["discriminator", "generator"])
def test_half_precision_scores_are_averaged_in_single_precision_and_double_stays_double(game: str, role: str) -> None:
    loss = getattr(adversarial, f"{game}_{role}_loss")
    half = Scored(*(tuple(score.bfloat16() for score in scores) for scores in (REAL, FAKE)))
    double = Scored(*(tuple(score.double() for score in scores) for scores in (REAL, FAKE)))
    assert loss(half).dtype == torch.float32
    assert loss(double).dtype == torch.float64
