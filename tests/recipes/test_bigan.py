"""BiGAN equals its paper written by hand, for pairs of images of two domains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from core.toys.assembly import Calls, assert_equal, copy_nets, make_batch, minimise
from torch import Tensor
from torch.nn import functional as F

from i2ikit import Code, Model, build, load
from i2ikit.errors import BuildError
from i2ikit.testing import check_component
from i2ikit_bigan.discriminator import BiGANDiscriminator

SMALL: dict[str, Any] = {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 2}}


def build_bigan(**overrides: Any) -> Model:
    return build("bigan", **{"size": 16, "labels": ("a", "b"), **SMALL, **overrides}).double()


class Paper:
    """Losses of the joint discriminator on generated pairs (a, G(a)) and encoded pairs (F(b), b), concatenated as channels."""

    def __init__(self, model: Model) -> None:
        self.nets = copy_nets(model)
        generators: Any = self.nets.generator
        discriminator: Any = self.nets.discriminator
        self.there, self.back, self.discriminator = generators["a_to_b"], generators["b_to_a"], discriminator.patches.scales[0]
        adam = {"lr": 2e-4, "betas": (0.5, 0.999)}
        self.translator = torch.optim.Adam([*self.there.parameters(), *self.back.parameters()], **adam)
        self.discriminator_optimizer = torch.optim.Adam(self.discriminator.parameters(), **adam)

    def score(self, first: Tensor, second: Tensor) -> Tensor:
        score: Tensor = self.discriminator(torch.cat([first, second], 1))[0]
        return score

    def step(self, a: Tensor, b: Tensor) -> None:
        generate, encoded = self.there(Code((a,))), self.back(Code((b,)))
        minimise(F.softplus(-self.score(a, generate)).mean() + F.softplus(self.score(encoded, b)).mean(), self.translator)
        generate, encoded = generate.detach(), encoded.detach()
        minimise(F.softplus(self.score(a, generate)).mean() + F.softplus(-self.score(encoded, b)).mean(), self.discriminator_optimizer)


def test_two_steps_equal_the_paper() -> None:
    model = build_bigan()
    paper, start = Paper(model), copy_nets(model)
    for index in range(2):
        batch = make_batch(model, 2, seed=index)
        model.step(batch)
        paper.step(batch["images"]["a"], batch["images"]["b"])
    assert_equal(model, paper.nets, start)


def test_a_step_generates_once_per_direction_and_scores_every_pair_once_per_player() -> None:
    model = build_bigan()
    calls = Calls(model)
    model.step(make_batch(model, 2))
    assert calls.pop_counts()[0] == {"encoder": 2, "generator": 2, "discriminator": 4}


def test_micro_batches_equal_the_big_batch() -> None:
    whole, split = build_bigan(), build_bigan()
    batch, start = make_batch(whole, 4), copy_nets(whole)
    whole.step(batch)
    split.step(batch, accumulate=2)
    assert_equal(split, whole.nets, start)


def test_the_discriminator_takes_the_image_of_the_first_domain_first() -> None:
    discriminator: Any = build_bigan().slot("discriminator")
    assert isinstance(discriminator, BiGANDiscriminator)
    a, b = torch.rand(2, 1, 3, 16, 16, dtype=torch.double).unbind()
    in_a, in_b = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    assert torch.equal(discriminator(b, source=a, label=in_b).scores[0], discriminator(a, source=b, label=in_a).scores[0])
    assert not torch.equal(discriminator(b, source=a, label=in_b).scores[0], discriminator(b, source=a, label=in_a).scores[0])


def test_it_translates_in_both_directions_and_preserves_the_size() -> None:
    model = build_bigan().float()
    assert model.routes == (("a", "b"), ("b", "a"))
    image = torch.rand(1, 3, 17, 30)
    there, back = model.translate(image, to="b"), model.translate(image, to="a")
    assert there.shape == back.shape == image.shape
    assert not torch.equal(there, back)


def test_a_resumed_training_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    model, other = build_bigan(), build_bigan()
    for index in range(2):
        model.step(make_batch(model, 2, seed=index))
    other.restore_training_state(*model.training_state())
    for each in (model, other):
        each.step(make_batch(each, 2, seed=3))
    assert all(torch.equal(one, two) for one, two in zip(model.parameters(), other.parameters(), strict=True))
    saved = load(model.float().save(tmp_path / "model"))
    image = torch.rand(1, 3, 16, 16)
    assert torch.equal(saved.translate(image, to="a"), model.translate(image, to="a"))


def test_more_than_two_domains_are_refused() -> None:
    with pytest.raises(BuildError, match=r"requires two domains; found a, b, c. Declare two"):
        build_bigan(labels=("a", "b", "c"))


@pytest.mark.parametrize("name", ["bigan_discriminator", "bigan_discriminator_loss", "bigan_generator_loss"])
def test_its_components_conform(name: str) -> None:
    options: dict[str, Any] = {"width": 4, "domain": ("photo", "painting")} if name == "bigan_discriminator" else {}
    assert check_component(name, **options).passed
