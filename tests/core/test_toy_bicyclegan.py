"""BicycleGAN: two translations of a pair, two discriminators, and a latent term that trains only the generator."""

from __future__ import annotations

from typing import Any

import torch
from core.toys.assembly import ADAM, Calls, assemble, assert_equal, copy_nets, make_adam, make_batch, make_recipe, minimise
from torch import Tensor

from i2ikit import Code, Player, Slot, Term

BICYCLEGAN = make_recipe(
    "toy_bicyclegan",
    {
        "encoder": Slot("toy_whole"),
        "generator": Slot("toy_painter"),
        "style_encoder": Slot("toy_style_of_image", {"variational": True}, role="encoder"),
        "discriminator_encoded": Slot("toy_discriminator", role="discriminator"),
        "discriminator_random": Slot("toy_discriminator", role="discriminator"),
    },
    "toy_two_styles",
    (
        Player(
            "translator",
            ("encoder", "generator", "style_encoder"),
            {
                "gan_encoded": Term("toy_ls_translator", options={"discriminator": "discriminator_encoded"}, translations="encoded"),
                "gan_random": Term("toy_ls_translator", options={"discriminator": "discriminator_random"}, translations="random"),
                "l1": Term("toy_l1", 10.0, translations="encoded"),
                "kl": Term("toy_kl", 0.01, translations="encoded"),
                "latent": Term("toy_latent", 0.5, translations="random", updates=("generator",)),
            },
            optimizer=ADAM,
        ),
        Player(
            "discriminator_a",
            ("discriminator_encoded",),
            {"gan": Term("toy_ls_discriminator", options={"discriminator": "discriminator_encoded"}, translations="encoded")},
            optimizer=ADAM,
        ),
        Player(
            "discriminator_b",
            ("discriminator_random",),
            {"gan": Term("toy_ls_discriminator", options={"discriminator": "discriminator_random"}, translations="random")},
            optimizer=ADAM,
        ),
    ),
)


class Paper:
    """BicycleGAN, equation 9, in the order of section 4: encoder and generator (the latent term for the generator only), discriminators."""

    def __init__(self, model: Any) -> None:
        self.nets = copy_nets(model)
        self.e, self.g = self.nets.style_encoder, self.nets.generator
        self.d1, self.d2 = self.nets.discriminator_encoded, self.nets.discriminator_random
        self.g_optimizer, self.e_optimizer = make_adam(self.g), make_adam(self.e)
        self.d1_optimizer, self.d2_optimizer = make_adam(self.d1), make_adam(self.d2)

    def step(self, image: Tensor, target: Tensor, noise: Tensor, z: Tensor) -> None:
        mean, logvar = self.e(target).posterior
        encoded, random = self.g(Code((image,), mean + (logvar / 2).exp() * noise)), self.g(Code((image,), z))
        gan = ((self.d1(encoded).scores[0] - 1) ** 2).mean() + ((self.d2(random).scores[0] - 1) ** 2).mean()
        kl = 0.5 * (mean**2 + logvar.exp() - logvar - 1).sum(1).mean()
        total = gan + 10 * (encoded - target).abs().mean() + 0.01 * kl
        latent = 0.5 * (self.e(random).posterior.mean - z).abs().mean()
        g_parameters = list(self.g.parameters())
        latent_gradients = torch.autograd.grad(latent, g_parameters, retain_graph=True)
        self.g_optimizer.zero_grad()
        self.e_optimizer.zero_grad()
        total.backward()
        for parameter, gradient in zip(g_parameters, latent_gradients, strict=True):
            parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
        self.g_optimizer.step()
        self.e_optimizer.step()
        for discriminator, fake, optimizer in ((self.d1, encoded, self.d1_optimizer), (self.d2, random, self.d2_optimizer)):
            minimise(((discriminator(target).scores[0] - 1) ** 2).mean() + (discriminator(fake.detach()).scores[0] ** 2).mean(), optimizer)


def test_two_steps_equal_the_step_by_hand() -> None:
    model = assemble(BICYCLEGAN)
    paper, start = Paper(model), copy_nets(model)
    for index in range(2):
        batch = make_batch(model, 3, seed=index)
        noise, z = torch.randn(2, 3, 2, generator=torch.Generator().manual_seed(index)).double()
        model.step(batch, draws={"encoded/style": noise, "random/style": z})
        paper.step(batch["image"], batch["target"], noise, z)
    assert_equal(model, paper.nets, start)


def test_the_latent_term_has_no_gradient_for_the_style_encoder() -> None:
    terms = {f"translator/{name}": None for name in ("gan_encoded", "gan_random", "l1", "kl")}
    model = assemble(BICYCLEGAN, terms=terms)
    start = copy_nets(model)
    model.step(make_batch(model))
    assert_equal(model, model.nets, start, unchanged=("style_encoder",))


def test_each_term_is_computed_for_its_translation_only() -> None:
    model = assemble(BICYCLEGAN)
    calls = Calls(model)
    model.step(make_batch(model))
    assert calls.pop_counts()[0] == {
        "encoder": 2,
        "generator": 2,
        "style_encoder": 2,
        "discriminator_encoded": 3,
        "discriminator_random": 3,
    }
