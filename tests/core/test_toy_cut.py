"""CUT: a plugin brings its own view (features of patches), its own loss (InfoNCE) and a trainable head of that loss."""

from __future__ import annotations

from typing import Any

import torch
from core.toys.assembly import ADAM, Calls, adam, assemble, assert_equal, batch_of, by_hand, minimise, recipe
from torch import Tensor
from torch.nn import functional as F

from i2ikit import Player, Slot, Term

CUT = recipe(
    "toy_cut",
    {
        "encoder": Slot("toy_content_and_style"),
        "generator": Slot("toy_painter"),
        "discriminator": Slot("toy_discriminator"),
        "head": Slot("toy_patch_head", role="loss"),
    },
    "paired",
    (
        Player("discriminator", ("discriminator",), {"gan": Term("toy_ls_discriminator", 0.5)}, optimizer=ADAM),
        Player(
            "translator",
            ("encoder", "generator", "head"),
            {"gan": Term("toy_ls_translator"), "contrast": Term("toy_patch_contrast", temperature=0.07)},
            optimizer=ADAM,
        ),
    ),
)


class Paper:
    """CUT, equations 1 and 3, on copies of the same networks."""

    def __init__(self, model: Any) -> None:
        self.nets = by_hand(model)
        self.e, self.g, self.d, self.h = self.nets.encoder, self.nets.generator, self.nets.discriminator, self.nets.head
        self.d_optimizer, self.g_optimizer = adam(self.d), adam(self.e, self.g, self.h)

    def patches(self, features: Tensor, places: Tensor) -> Any:
        found = [features[row].flatten(1)[:, (places[row] * 16).long()].T for row in range(len(features))]
        return self.h(torch.stack(found))

    def step(self, image: Tensor, other: Tensor, places: Tensor) -> None:
        code = self.e(image)
        fake = self.g(code)
        minimise(0.5 * (((self.d(other).scores[0] - 1) ** 2).mean() + (self.d(fake.detach()).scores[0] ** 2).mean()), self.d_optimizer)
        query, key = self.patches(self.e(fake).maps[0], places), self.patches(code.maps[0], places).detach()
        nce = torch.stack([F.cross_entropy(q @ k.T / 0.07, torch.arange(4)) for q, k in zip(query, key, strict=True)]).mean()
        minimise(((self.d(fake).scores[0] - 1) ** 2).mean() + nce, self.g_optimizer)


def test_two_steps_equal_the_paper() -> None:
    model = assemble(CUT)
    paper, start = Paper(model), by_hand(model)
    for index in range(2):
        batch, places = batch_of(model, 3, seed=index), torch.rand(3, 4, generator=torch.Generator().manual_seed(index)).double()
        model.step(batch, draws={"patches": places})
        paper.step(batch["image"], batch["target"], places)
    assert_equal(model, paper.nets, start)


def test_views_with_different_arguments_are_told_apart_and_each_computed_once() -> None:
    model = assemble(CUT, terms={"translator/again": Term("toy_patch_contrast")})
    calls = Calls(model)
    model.step(batch_of(model))
    assert calls.take()[0] == {"encoder": 2, "generator": 1, "discriminator": 3, "head": 2}


def test_the_explanation_names_the_views_of_the_plugin() -> None:
    assert "patches(recode), patches(code)" in assemble(CUT).explain()
