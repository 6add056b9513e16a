"""StyleGAN2: images from noise, a discriminator with lazy R1, a translator with lazy path length whose mean is a buffer of the term."""

from __future__ import annotations

from typing import Any

import torch
from core.toys.assembly import ADAM, adam, assemble, assert_equal, batch_of, by_hand, minimise, recipe
from torch import Tensor
from torch.nn import functional as F

from i2ikit import Code, Player, Slot, Term

STYLEGAN2 = recipe(
    "toy_stylegan2",
    {
        "conditioner": Slot("toy_style_of_noise", vectors=2),
        "generator": Slot("toy_synthesis"),
        "discriminator": Slot("toy_discriminator"),
    },
    "sampled",
    (
        Player(
            "discriminator",
            ("discriminator",),
            {"gan": Term("toy_logistic_discriminator"), "r1": Term("toy_r1", 5.0 * 3, every=3)},
            optimizer=ADAM,
        ),
        Player(
            "translator",
            ("conditioner", "generator"),
            {"gan": Term("toy_logistic_translator"), "path": Term("toy_path_length", 2.0 * 2, every=2, decay=0.01)},
            optimizer=ADAM,
        ),
    ),
    plan_options={"style": 3},
)


class Paper:
    """StyleGAN2, appendix B: each regularisation in a step of its own, every few steps."""

    def __init__(self, model: Any) -> None:
        self.nets = by_hand(model)
        self.f, self.g, self.d = self.nets.conditioner, self.nets.generator, self.nets.discriminator
        self.g_optimizer, self.d_optimizer = adam(self.f, self.g), adam(self.d)
        self.mean, self.done = torch.zeros(()).double(), 0

    def draw(self, z: Tensor) -> tuple[Tensor, Tensor]:
        w = self.f(Code(style=z)).style
        return self.g(Code(style=w)), w

    def step(self, real: Tensor, z: Tensor, noise: Tensor) -> None:
        fake = self.draw(z)[0].detach()
        minimise(F.softplus(self.d(fake).scores[0]).mean() + F.softplus(-self.d(real).scores[0]).mean(), self.d_optimizer)
        if self.done % 3 == 0:
            image = real.clone().requires_grad_()
            (gradient,) = torch.autograd.grad(self.d(image).scores[0].sum(), image, create_graph=True)
            minimise(15 * gradient.square().sum((1, 2, 3)).mean(), self.d_optimizer)
        minimise(F.softplus(-self.d(self.draw(z)[0]).scores[0]).mean(), self.g_optimizer)
        if self.done % 2 == 0:
            image, w = self.draw(z)
            (gradient,) = torch.autograd.grad((image * noise / 8).sum(), w, create_graph=True)
            length = gradient.square().sum(2).mean(1).sqrt()
            self.mean = self.mean + 0.01 * (length.detach().mean() - self.mean)
            minimise(4 * (length - self.mean).square().mean(), self.g_optimizer)
        self.done += 1


def test_four_steps_with_both_intervals_equal_the_paper() -> None:
    model = assemble(STYLEGAN2)
    paper, start = Paper(model), by_hand(model)
    for index in range(4):
        generator = torch.Generator().manual_seed(index)
        z, noise = torch.randn(3, 3, generator=generator).double(), torch.randn(3, 3, 8, 8, generator=generator).double()
        batch = batch_of(model, 3, seed=index)
        logs = model.step(batch, draws={"style": z, "path/noise": noise})
        paper.step(batch["image"], z, noise)
        assert ("discriminator/r1" in logs, "translator/path" in logs) == (index % 3 == 0, index % 2 == 0)
    assert_equal(model, paper.nets, start)
    mean = model.loss_modules["translator__path"].get_buffer("mean")
    assert abs(mean - paper.mean) <= 1e-10
    assert mean > 0


def test_the_mean_of_the_path_length_is_saved_with_the_model() -> None:
    model = assemble(STYLEGAN2)
    model.step(batch_of(model))
    saved = [name for name in model.training_state()[0] if "path" in name]
    assert len(saved) == 1
    assert saved[0].endswith("mean")


def test_the_plan_draws_as_many_numbers_as_its_default_says() -> None:
    model = assemble(STYLEGAN2, conditioner={"noise": 512}, plan_options={})
    assert model.nets.style is not None
    assert model.nets.style.shape == (512,)
    model.step(batch_of(model))
