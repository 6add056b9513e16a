"""MUNIT: content and style per domain, styles from the prior; the discriminators train first."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from core.toys.assembly import ADAM, Calls, assemble, assert_equal, copy_nets, make_adam, make_batch, make_recipe, minimise
from torch import Tensor

from i2ikit import Code, Player, Slot, Term, Translation
from i2ikit.core.step import split

MUNIT = make_recipe(
    "toy_munit",
    {
        "encoder": Slot("toy_content_and_style", per="domain"),
        "generator": Slot("toy_painter", per="domain"),
        "discriminator": Slot("toy_discriminator", per="domain"),
    },
    "unpaired",
    (
        Player("discriminator", ("discriminator",), {"adversarial": Term("toy_ls_discriminator")}, optimizer=ADAM),
        Player(
            "translator",
            ("encoder", "generator"),
            {
                "adversarial": Term("toy_ls_translator"),
                "recon": Term("toy_recon", 10.0),
                "style": Term("toy_style"),
                "content": Term("toy_content"),
            },
            optimizer=ADAM,
        ),
    ),
    labels=("a", "b"),
    plan_options={"style": "prior"},
)


def l1(one: Tensor, other: Tensor) -> Tensor:
    return (one - other).abs().mean()


class Paper:
    """MUNIT, section 3.2 and equation 5, on copies of the same networks."""

    def __init__(self, model: Any) -> None:
        self.nets = copy_nets(model)
        self.encode, self.generate, self.d = self.nets.encoder, self.nets.generator, self.nets.discriminator
        self.d_optimizer, self.g_optimizer = make_adam(self.d), make_adam(self.encode, self.generate)

    def step(self, a: Tensor, b: Tensor, style_a: Tensor, style_b: Tensor) -> None:
        (content_a,), own_a, _ = self.encode["a"](a)
        (content_b,), own_b, _ = self.encode["b"](b)
        fake_b, fake_a = self.generate["b"](Code((content_a,), style_b)), self.generate["a"](Code((content_b,), style_a))
        total = torch.zeros(())
        for discriminator, real, fake in ((self.d["a"], a, fake_a), (self.d["b"], b, fake_b)):
            total = total + ((discriminator(real).scores[0] - 1) ** 2).mean() + (discriminator(fake.detach()).scores[0] ** 2).mean()
        minimise(total, self.d_optimizer)
        total = sum(((self.d[name](fake).scores[0] - 1) ** 2).mean() for name, fake in (("a", fake_a), ("b", fake_b)))
        recon_a, recon_b = self.generate["a"](Code((content_a,), own_a)), self.generate["b"](Code((content_b,), own_b))
        (again_a,), restyle_b, _ = self.encode["b"](fake_b)
        (again_b,), restyle_a, _ = self.encode["a"](fake_a)
        total = total + 10 * (l1(recon_a, a) + l1(recon_b, b)) + l1(restyle_a, style_a) + l1(restyle_b, style_b)
        minimise(total + l1(again_a, content_a) + l1(again_b, content_b), self.g_optimizer)


def test_two_steps_equal_the_step_by_hand() -> None:
    model = assemble(MUNIT)
    paper, start = Paper(model), copy_nets(model)
    for index in range(2):
        batch = make_batch(model, 3, seed=index)
        style_a, style_b = torch.randn(2, 3, 2, generator=torch.Generator().manual_seed(index)).double()
        model.step(batch, draws={"a_to_b/style": style_b, "b_to_a/style": style_a})
        paper.step(batch["images"]["a"], batch["images"]["b"], style_a, style_b)
    assert_equal(model, paper.nets, start)


def test_a_step_calls_four_encoders_and_four_generators() -> None:
    model = assemble(MUNIT)
    calls = Calls(model)
    model.step(make_batch(model))
    assert calls.pop_counts()[0] == {"encoder": 4, "generator": 4, "discriminator": 6}


def test_the_two_translations_have_different_styles() -> None:
    model = assemble(MUNIT)
    [(part, streams)] = split(model, make_batch(model), {}, 0, 1)
    forward, backward = model.plan(model.nets, part, streams, True, style="prior")
    assert not torch.equal(forward.style, backward.style)
    assert forward.reverse is backward
    assert backward.reverse is forward


THREE: dict[str, Any] = {"labels": ("a", "b", "c")}


def test_views_that_translations_of_an_image_share_are_computed_once() -> None:
    model = assemble(MUNIT, **THREE)
    calls = Calls(model)
    model.step(make_batch(model))
    # encoder: 3 images and 6 fakes; generator: 3 reconstructions and 6 fakes; discriminator: 6 fakes in both turns, 3 images in its own
    assert calls.pop_counts()[0] == {"encoder": 9, "generator": 9, "discriminator": 15}


def test_sharing_does_not_change_the_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    shared, separate = assemble(MUNIT, **THREE), assemble(MUNIT, **THREE)
    for seed in range(2):
        shared.step(make_batch(shared, 3, seed=seed))
    monkeypatch.setattr(Translation, "holder", lambda self, compute, arguments: None)
    start = copy_nets(separate)
    for seed in range(2):
        separate.step(make_batch(separate, 3, seed=seed))
    assert_equal(shared, separate.nets, start)


def test_views_of_stochastic_networks_are_not_shared() -> None:
    model = assemble(MUNIT, **THREE, generator={"dropout": 0.5})
    calls = Calls(model)
    model.step(make_batch(model))
    assert calls.pop_counts()[0] == {"encoder": 9, "generator": 12, "discriminator": 15}
