"""CycleGAN and its relatives equal those written by hand, in their forward passes and after whole steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from core.toys.assembly import Calls
from cyclegan_by_hand import EPS, NAMES, CycleGAN, Weights, adam, coins, discriminate, generate, l1, minimise, trained
from torch import Tensor
from torch.nn import functional as F

from i2ikit import Code, Model, Term, build
from i2ikit_cyclegan.official import export_official
from i2ikit_cyclegan.recipe import official_weights

SMALL: dict[str, Any] = {"generator": {"width": 4, "blocks": 2}, "discriminator": {"width": 4, "depth": 2}}


def small(recipe: str = "cyclegan", **changes: Any) -> Model:
    """A small model in double precision whose weights are large enough that every part of it matters."""
    slots = {name: {**options, **changes.pop(name, {})} for name, options in SMALL.items()}
    given = changes.pop("players", {})
    players = {name: {"optimizer": {"eps": EPS}, **given.get(name, {})} for name in ("translator", "discriminator")}
    if recipe == "cyclegan-cycle-alone":
        del slots["discriminator"], players["discriminator"]
    model = build(recipe, **{"size": (16, 24), "labels": ("a", "b"), **changes}, players=players, **slots).double()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.nets.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return model


def batch_of(model: Model, rows: int = 2, seed: int = 0) -> dict[str, Tensor]:
    return {name: image.double() for name, image in model.example_batch(rows, seed=seed).items()}


def states_of(model: Model) -> dict[str, Weights]:
    """The weights under the original's keys; filters in the precision of the weights."""
    return {part: {key: value.double().clone() for key, value in state.items()} for part, state in export_official(model).items()}


def assert_equal_weights(model: Model, wanted: dict[str, Weights]) -> None:
    found = states_of(model)
    assert found.keys() == wanted.keys()
    for part, state in found.items():
        for key, value in state.items():
            assert (value - wanted[part][key].detach()).abs().max() <= 1e-10, f"{part} {key}"


def assert_steps_equal(model: Model, by_hand: CycleGAN, **weights: Any) -> None:
    start = states_of(model)
    for index in range(2):
        batch, draws = batch_of(model, seed=index), coins(2, index)
        model.step(batch, draws=draws if model.stream_names else None)
        by_hand.round(batch["a"], batch["b"], draws, **weights)
    assert_equal_weights(model, by_hand.nets)
    moved = {part for part, state in states_of(model).items() if any((state[key] - start[part][key]).abs().max() > 1e-5 for key in state)}
    assert moved == set(start)


@pytest.mark.parametrize(
    "options",
    [{}, {"blocks": 3}, {"down": "blurred", "up": "bilinear"}, {"down": "blurred"}, {"up": "bilinear"}],
    ids=["paper", "blocks", "antialiased", "blurred", "bilinear"],
)
def test_the_generator_equals_the_one_written_by_hand(options: dict[str, Any]) -> None:
    model = small(generator=options)
    image, states = batch_of(model)["a"], states_of(model)
    for part, pair in (("generator_a", "a_to_b"), ("generator_b", "b_to_a")):
        fake = model.slot("generator").get_submodule(pair)(Code((image,)))
        torch.testing.assert_close(fake, generate(states[part], image), rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "options", [{}, {"depth": 3}, {"depth": 1}, {"depth": 0}, {"antialiased": True}, {"antialiased": True, "depth": 3}]
)
def test_the_discriminator_equals_the_one_written_by_hand(options: dict[str, Any]) -> None:
    model = small(discriminator=options, size=32)
    image, states = batch_of(model)["a"], states_of(model)
    for part, scored in (("discriminator_a", "b"), ("discriminator_b", "a")):
        (scores,) = model.slot("discriminator").get_submodule(scored)(image).scores
        torch.testing.assert_close(scores, discriminate(states[part], image), rtol=0, atol=1e-10)


def test_two_steps_equal_the_paper() -> None:
    model = small()
    assert_steps_equal(model, CycleGAN(states_of(model)))


def test_two_steps_with_full_pools_equal_the_paper() -> None:
    model = small(players={"discriminator": {"pool": 3}})
    assert_steps_equal(model, CycleGAN(states_of(model), pool=3))


@pytest.mark.parametrize(("recipe", "official"), [("cyclegan-identity", False), ("cyclegan", True)])
def test_two_steps_with_the_identity_loss_equal_the_original(recipe: str, official: bool) -> None:
    model = small(recipe, official=official)
    assert_steps_equal(model, CycleGAN(states_of(model)), identity=0.5)


def test_unequal_weights_of_the_two_directions_are_crossed_in_the_identity_loss() -> None:
    model = small(terms=official_weights(10.0, 4.0, 0.3))
    assert_steps_equal(model, CycleGAN(states_of(model)), lambda_a=10.0, lambda_b=4.0, identity=0.3)


@pytest.mark.parametrize(
    ("recipe", "weights"),
    [
        ("cyclegan-cycle-alone", {"gan": False}),
        ("cyclegan-gan-alone", {"lambda_a": 0.0, "lambda_b": 0.0}),
        ("cyclegan-gan-forward-cycle", {"lambda_b": 0.0}),
        ("cyclegan-gan-backward-cycle", {"lambda_a": 0.0}),
    ],
)
def test_two_steps_of_an_ablation_equal_the_paper_without_the_terms(recipe: str, weights: dict[str, Any]) -> None:
    model = small(recipe)
    assert_steps_equal(model, CycleGAN(states_of(model)), **weights)


def test_two_steps_of_the_antialiased_networks_equal_the_paper_on_them() -> None:
    model = small(generator={"down": "blurred", "up": "bilinear"}, discriminator={"antialiased": True})
    assert_steps_equal(model, CycleGAN(states_of(model)))


def test_two_steps_equal_discogan() -> None:
    model = small("discogan")
    start = states_of(model)
    g_a, g_b, d_a, d_b = (trained(start[name]) for name in NAMES)
    for_g, for_d = adam((g_a, g_b), decay=1e-4), adam((d_a, d_b), decay=1e-4)
    for index in range(2):
        batch = batch_of(model, seed=index)
        a, b = batch["a"], batch["b"]
        model.step(batch)
        fake_b, fake_a = generate(g_a, a), generate(g_b, b)
        game = -F.logsigmoid(discriminate(d_a, fake_b)).mean() - F.logsigmoid(discriminate(d_b, fake_a)).mean()
        minimise(game + F.mse_loss(generate(g_b, fake_b), a) + F.mse_loss(generate(g_a, fake_a), b), for_g)
        scored = ((d_a, b, fake_b.detach()), (d_b, a, fake_a.detach()))
        games = [-F.logsigmoid(discriminate(d, real)).mean() - F.logsigmoid(-discriminate(d, fake)).mean() for d, real, fake in scored]
        minimise(games[0] + games[1], for_d)
    assert_equal_weights(model, {"generator_a": g_a, "generator_b": g_b, "discriminator_a": d_a, "discriminator_b": d_b})


def steepness(d: Weights, real: Tensor, fake: Tensor, alpha: Tensor) -> Tensor:
    between = (alpha[:, None, None, None] * real + (1 - alpha[:, None, None, None]) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(discriminate(d, between).sum(), between, create_graph=True)
    return (slope.flatten(1).norm(dim=1) - 1).square().mean()


def test_two_steps_equal_dualgan() -> None:
    model = small("dualgan", generator={"dropout": 0.0}, players={"translator": {"every": 2}})
    g_a, g_b, d_a, d_b = (trained(states_of(model)[name]) for name in NAMES)
    for_g, for_d = (adam(nets, lr=5e-5, betas=(0.0, 0.9)) for nets in ((g_a, g_b), (d_a, d_b)))
    for index in range(4):
        batch = batch_of(model, seed=index)
        a, b, alpha = batch["a"], batch["b"], torch.rand(2, dtype=torch.float64, generator=torch.Generator().manual_seed(index))
        model.step(batch, draws={"a_to_b/alpha": alpha, "b_to_a/alpha": 1 - alpha})
        fake_b, fake_a = generate(g_a, a), generate(g_b, b)
        total = torch.zeros((), dtype=torch.float64)
        for d, real, fake, share in ((d_a, b, fake_b.detach(), alpha), (d_b, a, fake_a.detach(), 1 - alpha)):
            total = total + discriminate(d, fake).mean() - discriminate(d, real).mean() + 10 * steepness(d, real, fake, share)
        minimise(total, for_d)
        if index % 2:
            game = -discriminate(d_a, fake_b).mean() - discriminate(d_b, fake_a).mean()
            minimise(game + 500 * (l1(generate(g_b, fake_b), a) + l1(generate(g_a, fake_a), b)), for_g)
    assert_equal_weights(model, {"generator_a": g_a, "generator_b": g_b, "discriminator_a": d_a, "discriminator_b": d_b})


@pytest.mark.parametrize(
    ("recipe", "generator", "discriminator"),
    [
        ("cyclegan", 4, 6),
        ("cyclegan-identity", 6, 6),
        ("cyclegan-cycle-alone", 4, None),
        ("cyclegan-gan-alone", 2, 6),
        ("cyclegan-gan-forward-cycle", 3, 6),
        ("cyclegan-gan-backward-cycle", 3, 6),
        ("cyclegan-noise", 4, 6),
        ("discogan", 4, 6),
    ],
)
def test_no_view_is_computed_twice_and_none_without_need(recipe: str, generator: int, discriminator: int | None) -> None:
    model = small(recipe)
    calls = Calls(model)
    model.step(batch_of(model))
    made, requires_grad = calls.take()
    assert made["generator"] == requires_grad["generator"] == generator
    assert made.get("discriminator") == discriminator


def test_on_a_step_of_the_discriminators_alone_dualgan_draws_without_gradients_and_no_way_back() -> None:
    model = small("dualgan")
    calls = Calls(model)
    model.step(batch_of(model))
    made, requires_grad = calls.take()
    assert (made["generator"], requires_grad["generator"]) == (2, 0)
    assert made["discriminator"] == 6  # references, fakes, and what is between them


def test_three_domains_have_a_generator_for_each_ordered_pair_and_a_discriminator_each() -> None:
    model = small(labels=("a", "b", "c"))
    assert list(model.slot("generator")._modules) == ["a_to_b", "a_to_c", "b_to_a", "b_to_c", "c_to_a", "c_to_b"]
    assert list(model.slot("discriminator")._modules) == ["a", "b", "c"]
    calls = Calls(model)
    model.step(batch_of(model))
    assert calls.take()[0] == {"encoder": 9, "generator": 12, "discriminator": 15}


def test_three_domains_equal_three_cyclegans_but_for_the_optimizers_that_they_share() -> None:
    model = small(labels=("a", "b", "c"), players={"discriminator": {"pool": 0}})
    batch = batch_of(model)
    logs = model.step(batch)
    two = [small(labels=pair) for pair in (("a", "b"), ("b", "c"), ("a", "c"))]
    start = small(labels=("a", "b", "c")).nets.state_dict()
    wanted = torch.zeros((), dtype=torch.float64)
    for each in two:
        own = each.nets.state_dict()
        each.nets.load_state_dict({key: start[key] for key in own})
        wanted = wanted + each.step({name: batch[name] for name in each.domain.names})["translator/cycle"]
    torch.testing.assert_close(logs["translator/cycle"], wanted)


def test_a_term_on_a_direction_plays_it_for_every_pair_of_domains() -> None:
    forward = small(labels=("a", "b", "c"), terms={"translator/cycle": Term("cycle_loss", 10.0, translations="forward")})
    calls = Calls(forward)
    forward.step(batch_of(forward))
    assert calls.take()[0]["generator"] == 6 + 3
    assert "cycle_loss on forward" in forward.explain()
