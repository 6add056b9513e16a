"""StyleGAN2: images from noise; lazy R1 for the discriminator; lazy path length regularisation, with its mean as a buffer of the term."""

from __future__ import annotations

from typing import Any

import torch
from core.toys.assembly import ADAM, assemble, assert_equal, copy_nets, make_adam, make_batch, make_recipe, minimise
from torch import Tensor
from torch.nn import functional as F

from i2ikit import Code, Player, Slot, Term

STYLEGAN2 = make_recipe(
    "toy_stylegan2",
    {
        "conditioner": Slot("toy_style_of_noise", {"vectors": 2}),
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
            {"gan": Term("toy_logistic_translator"), "path": Term("toy_path_length", 2.0 * 2, {"decay": 0.01}, every=2)},
            optimizer=ADAM,
        ),
    ),
    plan_options={"style": 3},
)


class Paper:
    """StyleGAN2, appendix B: each regularisation has a separate optimizer step, every few steps."""

    def __init__(self, model: Any) -> None:
        self.nets = copy_nets(model)
        self.f, self.g, self.d = self.nets.conditioner, self.nets.generator, self.nets.discriminator
        self.g_optimizer, self.d_optimizer = make_adam(self.f, self.g), make_adam(self.d)
        self.mean, self.done = torch.zeros(()).double(), 0

    def generate(self, z: Tensor) -> tuple[Tensor, Tensor]:
        w = self.f(Code(style=z)).style
        return self.g(Code(style=w)), w

    def step(self, real: Tensor, z: Tensor, noise: Tensor) -> None:
        fake = self.generate(z)[0].detach()
        minimise(F.softplus(self.d(fake).scores[0]).mean() + F.softplus(-self.d(real).scores[0]).mean(), self.d_optimizer)
        if self.done % 3 == 0:
            image = real.clone().requires_grad_()
            (gradient,) = torch.autograd.grad(self.d(image).scores[0].sum(), image, create_graph=True)
            minimise(15 * gradient.square().sum((1, 2, 3)).mean(), self.d_optimizer)
        minimise(F.softplus(-self.d(self.generate(z)[0]).scores[0]).mean(), self.g_optimizer)
        if self.done % 2 == 0:
            image, w = self.generate(z)
            (gradient,) = torch.autograd.grad((image * noise / 8).sum(), w, create_graph=True)
            length = gradient.square().sum(2).mean(1).sqrt()
            self.mean = self.mean + 0.01 * (length.detach().mean() - self.mean)
            minimise(4 * (length - self.mean).square().mean(), self.g_optimizer)
        self.done += 1


def test_four_steps_with_both_intervals_equal_the_step_by_hand() -> None:
    model = assemble(STYLEGAN2)
    paper, start = Paper(model), copy_nets(model)
    for index in range(4):
        generator = torch.Generator().manual_seed(index)
        z, noise = torch.randn(3, 3, generator=generator).double(), torch.randn(3, 3, 8, 8, generator=generator).double()
        batch = make_batch(model, 3, seed=index)
        logs = model.step(batch, draws={"style": z, "path/noise": noise})
        paper.step(batch["image"], z, noise)
        assert ("discriminator/r1" in logs, "translator/path" in logs) == (index % 3 == 0, index % 2 == 0)
    assert_equal(model, paper.nets, start)
    mean = model.loss_modules["translator__path"].get_buffer("mean")
    assert abs(mean - paper.mean) <= 1e-10
    assert mean > 0


def test_the_mean_of_the_path_length_is_saved_with_the_model() -> None:
    model = assemble(STYLEGAN2)
    model.step(make_batch(model))
    saved = [name for name in model.training_state()[0] if "path" in name]
    assert len(saved) == 1
    assert saved[0].endswith("mean")


def test_the_plan_samples_noise_of_its_default_width() -> None:
    model = assemble(STYLEGAN2, conditioner={"noise": 512}, plan="sampled", plan_options={})
    assert model.nets.style is not None
    assert model.nets.style.shape == (512,)
    model.step(make_batch(model))
