"""Noise that a network asks for, draws of each player's own, and the rate that falls in steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from core.toys.assembly import ADAM, assemble, batch_of, by_hand, recipe
from torch import Tensor, nn

from i2ikit import Code, CodeSpec, ImageSpec, MapSpec, Player, Schedule, Slot, Term
from i2ikit.core.step import split


class Noisy(nn.Module):
    """The image with noise while it trains."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.output_spec = CodeSpec((MapSpec(image.channels),))

    def noise_shape(self, image: Tensor, label: Tensor | None = None) -> tuple[int, ...] | None:
        return tuple(image.shape) if self.training else None

    def forward(self, image: Tensor, label: Tensor | None = None, noise: Tensor | None = None) -> Code:
        return Code((image * self.scale if noise is None else image * self.scale + noise,))


TERMS = {"cycle": Term("toy_cycle"), "recon": Term("toy_recon")}
PLAYERS = (
    Player("discriminator", ("discriminator",), {"adversarial": Term("toy_ls_discriminator")}, optimizer=ADAM),
    Player("translator", ("encoder", "generator"), {"adversarial": Term("toy_ls_translator"), **TERMS}, optimizer=ADAM),
)
NOISY = recipe(
    "toy_noisy",
    {
        "encoder": Slot("toy_whole"),
        "generator": Slot("toy_painter", per="domain"),
        "discriminator": Slot("toy_discriminator", per="domain"),
    },
    "unpaired",
    PLAYERS,
    labels=("a", "b"),
)


def noisy(**changes: Any) -> Any:
    model = assemble(NOISY, **changes)
    model.nets.encoder = Noisy(model.image).double()
    model.train()
    return model


def translations(model: Any, given: dict[str, Tensor] | None = None) -> Any:
    [(part, streams)] = split(model, batch_of(model), given or {}, 0, 1)
    return model.plan(model.nets, part, streams, True)


def test_a_network_that_asks_for_noise_is_given_it_from_a_stream_of_its_view() -> None:
    model = noisy()
    one, other = translations(model)
    assert torch.equal(one.code.maps[0], translations(model)[0].code.maps[0])
    noise = {name: t.code.maps[0] - t.real for name, t in (("one", one), ("other", other))}
    noise["again"] = one.recode.maps[0] - one.fake
    assert all(not torch.allclose(noise[a], noise[b]) for a, b in (("one", "other"), ("one", "again")))
    assert float(noise["one"].detach().std()) == pytest.approx(1, abs=0.2)


def test_the_noise_of_a_network_can_be_given() -> None:
    model = noisy()
    given = torch.full((4, 3, 8, 8), 0.5, dtype=torch.float64)
    one, other = translations(model, {"a_to_b/code/encoder/noise": given})
    assert torch.allclose(one.code.maps[0], one.real + 0.5)
    assert not torch.allclose(other.code.maps[0], other.real + 0.5)


def test_in_use_a_network_need_not_ask() -> None:
    model = noisy()
    model.eval()
    one, _ = translations(model)
    assert torch.equal(one.code.maps[0], one.real)


def test_a_batch_that_is_split_gets_the_noise_of_the_whole() -> None:
    whole, parts = noisy(), noisy()
    whole.step(batch_of(whole))
    parts.step(batch_of(parts), accumulate=2)
    for one, other in zip(whole.nets.parameters(), parts.nets.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


STYLED = recipe(
    "toy_styled",
    {"encoder": Slot("toy_content_and_style"), "generator": Slot("toy_painter"), "discriminator": Slot("toy_discriminator")},
    "unpaired",
    PLAYERS,
    labels=("a", "b"),
    plan_options={"style": "prior"},
)


def test_players_that_redraw_see_styles_of_their_own() -> None:
    model = assemble(STYLED, retranslate=True, redraw=True)
    names = {f"{player}{pair}/style" for player in ("discriminator/", "translator/", "") for pair in ("a_to_b", "b_to_a")}
    assert names <= set(model.stream_names)
    start = by_hand(model).state_dict()
    zeros, ones = torch.zeros(4, 2).double(), torch.ones(4, 2).double()

    def discriminator_after(**streams: Any) -> Tensor:
        model.nets.load_state_dict(start)
        model._optimizers.clear()
        model.step(batch_of(model), draws={key.replace("__", "/"): value for key, value in streams.items()})
        return model.nets.discriminator.score.weight.detach().clone()

    apart = discriminator_after(discriminator__style=zeros, translator__style=ones)
    assert torch.equal(apart, discriminator_after(style=zeros))
    assert not torch.equal(apart, discriminator_after(style=ones))


def test_without_redrawing_players_share_their_draws() -> None:
    model = assemble(STYLED, retranslate=True)
    assert not any(name.startswith("discriminator/") for name in model.stream_names)


def test_a_rate_falls_by_steps() -> None:
    schedule = Schedule("step", every=10, gamma=0.5)
    assert [schedule.factor(done, 100) for done in (0, 9, 10, 19, 20, 1000)] == [1, 1, 0.5, 0.5, 0.25, 0.5**100]
    model = assemble(STYLED, schedule={"kind": "step", "every": 100_000})
    assert "rate times 0.5 every 100,000 of" in model.explain()
