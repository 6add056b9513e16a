"""CUT: a plugin has its own view (features of patches), its own loss (InfoNCE) and a trainable head of that loss."""

from __future__ import annotations

from typing import Any

import torch
from core.toys.assembly import ADAM, Calls, assemble, assert_equal, copy_nets, make_adam, make_batch, make_recipe, minimise
from torch import Tensor
from torch.nn import functional as F

from i2ikit import Player, Slot, Term

CUT = make_recipe(
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
            {"gan": Term("toy_ls_translator"), "contrast": Term("toy_patch_contrast", options={"temperature": 0.07})},
            optimizer=ADAM,
        ),
    ),
)


class Paper:
    """CUT, equations 1 and 3, on copies of the same networks."""

    def __init__(self, model: Any) -> None:
        self.nets = copy_nets(model)
        self.e, self.g, self.d, self.h = self.nets.encoder, self.nets.generator, self.nets.discriminator, self.nets.head
        self.d_optimizer, self.g_optimizer = make_adam(self.d), make_adam(self.e, self.g, self.h)

    def project_patches(self, features: Tensor, positions: Tensor) -> Any:
        patches = [features[row].flatten(1)[:, (positions[row] * 16).long()].T for row in range(len(features))]
        return self.h(torch.stack(patches))

    def step(self, image: Tensor, other: Tensor, positions: Tensor) -> None:
        code = self.e(image)
        fake = self.g(code)
        minimise(0.5 * (((self.d(other).scores[0] - 1) ** 2).mean() + (self.d(fake.detach()).scores[0] ** 2).mean()), self.d_optimizer)
        query, key = self.project_patches(self.e(fake).maps[0], positions), self.project_patches(code.maps[0], positions).detach()
        nce = torch.stack([F.cross_entropy(q @ k.T / 0.07, torch.arange(4)) for q, k in zip(query, key, strict=True)]).mean()
        minimise(((self.d(fake).scores[0] - 1) ** 2).mean() + nce, self.g_optimizer)


def test_two_steps_equal_the_step_by_hand() -> None:
    model = assemble(CUT)
    paper, start = Paper(model), copy_nets(model)
    for index in range(2):
        batch, positions = make_batch(model, 3, seed=index), torch.rand(3, 4, generator=torch.Generator().manual_seed(index)).double()
        model.step(batch, draws={"patches": positions})
        paper.step(batch["image"], batch["target"], positions)
    assert_equal(model, paper.nets, start)


def test_a_view_is_computed_once_for_each_arguments() -> None:
    model = assemble(CUT, terms={"translator/again": Term("toy_patch_contrast")})
    calls = Calls(model)
    model.step(make_batch(model))
    assert calls.pop_counts()[0] == {"encoder": 2, "generator": 1, "discriminator": 3, "head": 2}


def test_the_explanation_names_the_views_of_the_plugin() -> None:
    assert "patches(recode), patches(code)" in assemble(CUT).explain()
