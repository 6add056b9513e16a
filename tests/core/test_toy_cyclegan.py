"""CycleGAN: first the translators, then the discriminators with the same fakes or past ones from a pool; one network per pair or domain."""

from __future__ import annotations

from typing import Any

import torch
from core.toys.assembly import ADAM, Calls, assemble, assert_equal, copy_nets, make_adam, make_batch, make_recipe, minimise
from cyclegan_by_hand import HistoryPool, make_pool_draws
from torch import Tensor

from i2ikit import Code, Player, Slot, Term

CYCLEGAN = make_recipe(
    "toy_cyclegan",
    {
        "encoder": Slot("toy_whole"),
        "generator": Slot("toy_painter", per="pair"),
        "discriminator": Slot("toy_discriminator", per="domain"),
    },
    "unpaired",
    (
        Player(
            "translator",
            ("encoder", "generator"),
            {"adversarial": Term("toy_ls_translator"), "cycle": Term("toy_cycle", 10.0), "identity": Term("toy_identity", 5.0)},
            optimizer=ADAM,
        ),
        Player("discriminator", ("discriminator",), {"adversarial": Term("toy_ls_discriminator", 0.5)}, optimizer=ADAM, pool=50),
    ),
    labels=("a", "b"),
)


def l1(one: Tensor, other: Tensor) -> Tensor:
    return (one - other).abs().mean()


class Paper:
    """CycleGAN, equations 1 to 3 with the identity loss of section 5.2, on copies of the same networks."""

    def __init__(self, model: Any, pool: int) -> None:
        self.nets = copy_nets(model)
        ab: Any = self.nets.generator["a_to_b"]
        ba: Any = self.nets.generator["b_to_a"]
        self.da, self.db = self.nets.discriminator["a"], self.nets.discriminator["b"]
        self.g_ab, self.g_ba = ab, ba
        self.g_optimizer, self.d_optimizer = make_adam(ab, ba), make_adam(self.da, self.db)
        self.pools = {"a": HistoryPool(pool), "b": HistoryPool(pool)}

    def ab(self, image: Tensor) -> Any:
        return self.g_ab(Code((image,)))

    def ba(self, image: Tensor) -> Any:
        return self.g_ba(Code((image,)))

    def step(self, a: Tensor, b: Tensor, draws: dict[str, Tensor]) -> None:
        fake_b, fake_a = self.ab(a), self.ba(b)
        total = ((self.db(fake_b).scores[0] - 1) ** 2).mean() + ((self.da(fake_a).scores[0] - 1) ** 2).mean()
        total = total + 10 * (l1(self.ba(fake_b), a) + l1(self.ab(fake_a), b)) + 5 * (l1(self.ab(b), b) + l1(self.ba(a), a))
        minimise(total, self.g_optimizer)
        total = torch.zeros(())
        for discriminator, real, fake, name, pair in ((self.da, a, fake_a, "a", "b_to_a"), (self.db, b, fake_b, "b", "a_to_b")):
            pooled = self.pools[name].exchange(fake.detach(), draws[f"{pair}/pool/chance"], draws[f"{pair}/pool/place"])
            total = total + 0.5 * (((discriminator(real).scores[0] - 1) ** 2).mean() + (discriminator(pooled).scores[0] ** 2).mean())
        minimise(total, self.d_optimizer)


def test_two_steps_equal_the_step_by_hand() -> None:
    model = assemble(CYCLEGAN)
    paper, start = Paper(model, 50), copy_nets(model)
    for index in range(2):
        batch, draws = make_batch(model, 3, seed=index), make_pool_draws(3, index)
        model.step(batch, draws=draws)
        paper.step(batch["images"]["a"], batch["images"]["b"], draws)
    assert_equal(model, paper.nets, start)


def test_a_full_pool_returns_past_fakes_as_in_the_paper() -> None:
    model = assemble(CYCLEGAN, players={"discriminator": {"pool": 4}})
    paper, start = Paper(model, 4), copy_nets(model)
    for index in range(4):
        batch, draws = make_batch(model, 3, seed=index), make_pool_draws(3, index)
        model.step(batch, draws=draws)
        paper.step(batch["images"]["a"], batch["images"]["b"], draws)
    assert_equal(model, paper.nets, start)
    stored = model.get_buffer("pools.discriminator__a_to_b.images")
    assert torch.allclose(stored, torch.stack(paper.pools["b"].images), atol=1e-10, rtol=0)


def test_the_discriminators_score_the_fakes_from_before_the_update_of_the_translators() -> None:
    model = assemble(CYCLEGAN)
    calls = Calls(model)
    model.step(make_batch(model))
    assert calls.pop_counts()[0] == {"encoder": 6, "generator": 6, "discriminator": 6}


def test_three_domains_have_a_network_for_each_ordered_pair() -> None:
    model = assemble(CYCLEGAN, labels=("a", "b", "c"))
    assert list(model.slot("generator")._modules) == ["a_to_b", "a_to_c", "b_to_a", "b_to_c", "c_to_a", "c_to_b"]
    assert model.step(make_batch(model)).keys() == {
        "translator/adversarial",
        "translator/cycle",
        "translator/identity",
        "discriminator/adversarial",
    }
