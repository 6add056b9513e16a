"""StarGAN v2: two turns, one with styles from noise and one with styles from reference images; the second updates only the generator."""

from __future__ import annotations

from typing import Any

import torch
from core.toys.assembly import ADAM, assemble, assert_equal, copy_nets, make_adam, make_batch, make_recipe, minimise
from torch import Tensor
from torch.nn import functional as F

from i2ikit import Code, Player, Slot, Term
from i2ikit.core.step import turns

PASSES = ("latent", "reference")


def make_discriminator_terms() -> dict[str, Term]:
    terms = {}
    for each in PASSES:
        terms[f"gan_{each}"] = Term("toy_logistic_discriminator", translations=each, turn=each)
        terms[f"r1_{each}"] = Term("toy_r1", 0.5, translations=each, turn=each)
    return terms


def make_translator_terms() -> dict[str, Term]:
    terms: dict[str, Term] = {}
    for each in PASSES:
        updates = None if each == "latent" else ("generator",)
        losses = {"gan": "toy_logistic_translator", "style": "toy_style", "cycle": "toy_cycle", "diversity": "toy_diversity"}
        terms |= {f"{name}_{each}": Term(loss, translations=each, turn=each, updates=updates) for name, loss in losses.items()}
    return terms


STARGAN2 = make_recipe(
    "toy_stargan2",
    {
        "encoder": Slot("toy_whole_with_style"),
        "generator": Slot("toy_painter"),
        "discriminator": Slot("toy_discriminator", {"inputs": ("label",)}),
        "mapping": Slot("toy_style_of_noise", role="conditioner"),
    },
    "toy_two_passes",
    (
        Player("discriminator", ("discriminator",), make_discriminator_terms(), optimizer=ADAM),
        Player("translator", ("encoder", "generator", "mapping"), make_translator_terms(), optimizer=ADAM),
    ),
    labels=("cat", "dog"),
)


class Paper:
    """StarGAN v2, section 3.2 and appendix B, with one optimizer for each network as in its code."""

    def __init__(self, model: Any) -> None:
        self.nets = copy_nets(model)
        self.e, self.g, self.d, self.f = self.nets.encoder, self.nets.generator, self.nets.discriminator, self.nets.mapping
        self.optimizers = {name: make_adam(net) for name, net in (("e", self.e), ("g", self.g), ("d", self.d), ("f", self.f))}

    def compute_style(self, z: Tensor | None, reference: Tensor, label: Tensor) -> Any:
        return self.e(reference, label).style if z is None else self.f(Code(style=z), label).style

    def discriminator(self, image: Tensor, label: Tensor, target: Tensor, reference: Tensor, z: Tensor | None) -> None:
        with torch.no_grad():
            fake = self.g(Code((image,), self.compute_style(z, reference, target)))
        real = image.clone().requires_grad_()
        score = self.d(real, label=label).scores[0]
        (gradient,) = torch.autograd.grad(score.sum(), real, create_graph=True)
        total = F.softplus(-score).mean() + F.softplus(self.d(fake, label=target).scores[0]).mean()
        minimise(total + 0.5 * gradient.square().sum((1, 2, 3)).mean(), self.optimizers["d"])

    def translator(self, image: Tensor, label: Tensor, target: Tensor, reference: Tensor, z: Tensor | None, other: Tensor) -> None:
        style = self.compute_style(z, reference, target)
        fake = self.g(Code((image,), style))
        gan = F.softplus(-self.d(fake, label=target).scores[0]).mean()
        restyle = (self.e(fake, target).style - style).abs().mean()
        with torch.no_grad():
            second = self.g(Code((image,), self.f(Code(style=other), target).style))
        cycle = (self.g(Code((fake,), self.e(image, label).style)) - image).abs().mean()
        names = "gef" if z is not None else "g"
        minimise(gan + restyle + cycle - (fake - second).abs().mean(), *(self.optimizers[name] for name in names))
        for optimizer in self.optimizers.values():
            optimizer.zero_grad()


def test_two_steps_equal_the_step_by_hand() -> None:
    model = assemble(STARGAN2)
    paper, start = Paper(model), copy_nets(model)
    for index in range(2):
        batch = make_batch(model, 4, seed=index)
        image, label = batch["image"], batch["label"]
        order = torch.rand(4, generator=torch.Generator().manual_seed(index)).double()
        z, other_z, other_reference = torch.randn(3, 4, 3, generator=torch.Generator().manual_seed(index)).double()
        draws = {"order": order, "latent/noise": z, "latent/other noise": other_z, "reference/other noise": other_reference}
        model.step(batch, draws=draws)
        target, reference = label[order.argsort()], image[order.argsort()]
        paper.discriminator(image, label, target, reference, z)
        paper.discriminator(image, label, target, reference, None)
        paper.translator(image, label, target, reference, z, other_z)
        paper.translator(image, label, target, reference, None, other_reference)
    assert_equal(model, paper.nets, start)


def test_the_reference_turn_updates_only_the_generator() -> None:
    latent = {f"translator/{name}_latent": None for name in ("gan", "style", "cycle", "diversity")}
    model = assemble(STARGAN2, terms=latent)
    start = copy_nets(model)
    model.step(make_batch(model))
    assert_equal(model, model.nets, start, unchanged=("encoder", "mapping"))


def test_a_player_has_one_optimizer_step_in_each_turn() -> None:
    discriminator, translator = STARGAN2.players
    assert [list(turn.terms) for turn in turns(discriminator, 0)] == [["gan_latent", "r1_latent"], ["gan_reference", "r1_reference"]]
    assert [sorted(turn.updates) for turn in turns(translator, 0)] == [["encoder", "generator", "mapping"], ["generator"]]
