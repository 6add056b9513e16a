"""Noise for networks, separate random numbers for each player, and the learning rate that decays in steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from core.toys.assembly import ADAM, assemble, copy_nets, make_batch, make_recipe
from torch import Tensor, nn

from i2ikit import Code, CodeSpec, ImageSpec, MapSpec, Player, Schedule, Slot, Term
from i2ikit.core.step import split


class Noisy(nn.Module):
    """Adds noise to the image in training mode."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.output_spec = CodeSpec((MapSpec(image.channels),))

    def noise_shapes(self, image: Tensor, label: Tensor | None = None) -> dict[str, tuple[int, ...]]:
        return {"fine": tuple(image.shape), "coarse": (len(image), 1, 1, 1)} if self.training else {}

    def forward(self, image: Tensor, label: Tensor | None = None, noise: Mapping[str, Tensor] | None = None) -> Code:
        return Code((image * self.scale if noise is None else image * self.scale + noise["fine"] + noise["coarse"],))


TERMS = {"cycle": Term("toy_cycle"), "recon": Term("toy_recon")}
PLAYERS = (
    Player("discriminator", ("discriminator",), {"adversarial": Term("toy_ls_discriminator")}, optimizer=ADAM),
    Player("translator", ("encoder", "generator"), {"adversarial": Term("toy_ls_translator"), **TERMS}, optimizer=ADAM),
)
NOISY = make_recipe(
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


def assemble_noisy(**overrides: Any) -> Any:
    model = assemble(NOISY, **overrides)
    model.nets.encoder = Noisy(model.image).double()
    model.train()
    return model


def make_translations(model: Any, draws: dict[str, Tensor] | None = None) -> Any:
    [(part, streams)] = split(model, make_batch(model), draws or {}, 0, 1)
    return model.plan(model.nets, part, streams, True)


def test_a_network_with_noise_receives_it_from_the_stream_of_its_view() -> None:
    model = assemble_noisy()
    one, other = make_translations(model)
    assert torch.equal(one.code.maps[0], make_translations(model)[0].code.maps[0])
    noise = {name: t.code.maps[0] - t.real for name, t in (("one", one), ("other", other))}
    noise["again"] = one.recode.maps[0] - one.fake
    assert all(not torch.allclose(noise[a], noise[b]) for a, b in (("one", "other"), ("one", "again")))
    assert float((noise["one"] - noise["one"].mean((1, 2, 3), keepdim=True)).detach().std()) == pytest.approx(1, abs=0.2)


def test_the_noise_of_a_network_can_be_replaced() -> None:
    model = assemble_noisy()
    noise = torch.full((4, 3, 8, 8), 0.5, dtype=torch.float64)
    zeros = torch.zeros(4, 1, 1, 1, dtype=torch.float64)
    one, other = make_translations(model, {"a_to_b/code/encoder/fine": noise, "a_to_b/code/encoder/coarse": zeros})
    assert torch.allclose(one.code.maps[0], one.real + 0.5)
    assert not torch.allclose(other.code.maps[0], other.real + 0.5)


def test_a_network_may_have_no_noise_at_inference() -> None:
    model = assemble_noisy()
    model.eval()
    one, _ = make_translations(model)
    assert torch.equal(one.code.maps[0], one.real)


def test_micro_batches_receive_the_noise_of_the_whole_batch() -> None:
    whole, parts = assemble_noisy(), assemble_noisy()
    whole.step(make_batch(whole))
    parts.step(make_batch(parts), accumulate=2)
    for one, other in zip(whole.nets.parameters(), parts.nets.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


STYLED = make_recipe(
    "toy_styled",
    {
        "encoder": Slot("toy_content_and_style"),
        "generator": Slot("toy_painter", per="domain"),
        "discriminator": Slot("toy_discriminator", per="domain"),
    },
    "unpaired",
    PLAYERS,
    labels=("a", "b"),
    plan_options={"style": "prior"},
)


def test_players_with_redraw_have_separate_styles() -> None:
    model = assemble(STYLED, retranslate=True, redraw=True)
    names = {f"{player}{pair}/style" for player in ("discriminator/", "translator/", "") for pair in ("a_to_b", "b_to_a")}
    assert names <= set(model.stream_names or ())
    start = copy_nets(model).state_dict()
    zeros, ones = torch.zeros(4, 2).double(), torch.ones(4, 2).double()

    def train_discriminator(**draws: Any) -> Tensor:
        model.nets.load_state_dict(start)
        model._optimizers.clear()
        model.step(make_batch(model), draws={key.replace("__", "/"): value for key, value in draws.items()})
        return model.nets.discriminator["a"].score.weight.detach().clone()

    separate = train_discriminator(discriminator__style=zeros, translator__style=ones)
    assert torch.equal(separate, train_discriminator(style=zeros))
    assert not torch.equal(separate, train_discriminator(style=ones))


def test_without_redraw_players_share_their_random_numbers() -> None:
    model = assemble(STYLED, retranslate=True)
    assert not any(name.startswith("discriminator/") for name in model.stream_names or ())


def test_a_learning_rate_decays_in_steps() -> None:
    schedule = Schedule("step", every=10, gamma=0.5)
    assert [schedule.factor(done, 100) for done in (0, 9, 10, 19, 20, 1000)] == [1, 1, 0.5, 0.5, 0.25, 0.5**100]
    model = assemble(STYLED, schedule={"kind": "step", "every": 100_000})
    assert "learning rate times 0.5 every 100,000 steps" in model.explain()
