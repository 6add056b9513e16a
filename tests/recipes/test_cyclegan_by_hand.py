"""CycleGAN and related methods equal those written by hand, in forward passes and after training steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from core.toys.assembly import Calls
from cyclegan_by_hand import (
    EPS,
    NETWORKS,
    CycleGAN,
    Weights,
    copy_parameters,
    discriminate,
    generate,
    l1,
    make_adam,
    make_pool_draws,
    minimise,
)
from torch import Tensor
from torch.nn import functional as F

from i2ikit import Code, Model, Term, build
from i2ikit.core.batch_kinds import map_tensors
from i2ikit_cyclegan.official import export_official
from i2ikit_cyclegan.recipe import make_official_terms

SMALL: dict[str, Any] = {"generator": {"width": 4, "blocks": 2}, "discriminator": {"width": 4, "depth": 2}}


def build_small(recipe: str = "cyclegan", **overrides: Any) -> Model:
    """Build a small model in double precision, with weights so large that every layer matters."""
    slots = {name: {**options, **overrides.pop(name, {})} for name, options in SMALL.items()}
    options = overrides.pop("players", {})
    players = {name: {"optimizer": {"eps": EPS}, **options.get(name, {})} for name in ("translator", "discriminator")}
    if recipe == "cyclegan-cycle-alone":
        del slots["discriminator"], players["discriminator"]
    model = build(recipe, **{"size": (16, 24), "labels": ("a", "b"), **overrides}, players=players, **slots).double()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.nets.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return model


def make_batch(model: Model, rows: int = 2, seed: int = 0) -> dict[str, Any]:
    return map_tensors(model.example_batch(rows, seed=seed), Tensor.double)


def export_states(model: Model) -> dict[str, Weights]:
    """Return the weights under the original's keys, with filters in the precision of the weights."""
    return {part: {key: value.double().clone() for key, value in state.items()} for part, state in export_official(model).items()}


def assert_equal_weights(model: Model, expected: dict[str, Weights]) -> None:
    found = export_states(model)
    assert found.keys() == expected.keys()
    for part, state in found.items():
        for key, value in state.items():
            assert (value - expected[part][key].detach()).abs().max() <= 1e-10, f"{part} {key}"


def assert_steps_equal(model: Model, by_hand: CycleGAN, **weights: Any) -> None:
    start = export_states(model)
    for index in range(2):
        batch, draws = make_batch(model, seed=index), make_pool_draws(2, index)
        model.step(batch, draws=draws if model.stream_names else None)
        by_hand.step(batch["images"]["a"], batch["images"]["b"], draws, **weights)
    assert_equal_weights(model, by_hand.nets)
    moved = {
        part for part, state in export_states(model).items() if any((state[key] - start[part][key]).abs().max() > 1e-5 for key in state)
    }
    assert moved == set(start)


@pytest.mark.parametrize(
    "options",
    [{}, {"blocks": 3}, {"down": "blurred", "up": "bilinear"}, {"down": "blurred"}, {"up": "bilinear"}],
    ids=["paper", "blocks", "antialiased", "blurred", "bilinear"],
)
def test_the_generator_equals_the_one_written_by_hand(options: dict[str, Any]) -> None:
    model = build_small(generator=options)
    image, states = make_batch(model)["images"]["a"], export_states(model)
    for part, pair in (("generator_a", "a_to_b"), ("generator_b", "b_to_a")):
        fake = model.slot("generator").get_submodule(pair)(Code((image,)))
        torch.testing.assert_close(fake, generate(states[part], image), rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "options", [{}, {"depth": 3}, {"depth": 1}, {"depth": 0}, {"antialiased": True}, {"antialiased": True, "depth": 3}]
)
def test_the_discriminator_equals_the_one_written_by_hand(options: dict[str, Any]) -> None:
    model = build_small(discriminator=options, size=32)
    image, states = make_batch(model)["images"]["a"], export_states(model)
    for part, scored in (("discriminator_a", "b"), ("discriminator_b", "a")):
        (scores,) = model.slot("discriminator").get_submodule(scored)(image).scores
        torch.testing.assert_close(scores, discriminate(states[part], image), rtol=0, atol=1e-10)


def test_two_steps_equal_the_paper() -> None:
    model = build_small()
    assert_steps_equal(model, CycleGAN(export_states(model)))


def test_two_steps_with_full_pools_equal_the_paper() -> None:
    model = build_small(players={"discriminator": {"pool": 3}})
    assert_steps_equal(model, CycleGAN(export_states(model), pool=3))


@pytest.mark.parametrize(("recipe", "official"), [("cyclegan-identity", False), ("cyclegan", True)])
def test_two_steps_with_the_identity_loss_equal_the_original(recipe: str, official: bool) -> None:
    model = build_small(recipe, official=official)
    assert_steps_equal(model, CycleGAN(export_states(model)), identity=0.5)


def test_the_identity_loss_uses_the_weight_of_the_other_direction() -> None:
    model = build_small(terms=make_official_terms(10.0, 4.0, 0.3))
    assert_steps_equal(model, CycleGAN(export_states(model)), lambda_a=10.0, lambda_b=4.0, identity=0.3)


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
    model = build_small(recipe)
    assert_steps_equal(model, CycleGAN(export_states(model)), **weights)


def test_two_steps_of_the_antialiased_networks_equal_the_paper_on_them() -> None:
    model = build_small(generator={"down": "blurred", "up": "bilinear"}, discriminator={"antialiased": True})
    assert_steps_equal(model, CycleGAN(export_states(model)))


def test_two_steps_equal_discogan() -> None:
    model = build_small("discogan")
    start = export_states(model)
    g_a, g_b, d_a, d_b = (copy_parameters(start[name]) for name in NETWORKS)
    for_g, for_d = make_adam((g_a, g_b), decay=1e-4), make_adam((d_a, d_b), decay=1e-4)
    for index in range(2):
        batch = make_batch(model, seed=index)
        a, b = batch["images"]["a"], batch["images"]["b"]
        model.step(batch)
        fake_b, fake_a = generate(g_a, a), generate(g_b, b)
        game = -F.logsigmoid(discriminate(d_a, fake_b)).mean() - F.logsigmoid(discriminate(d_b, fake_a)).mean()
        minimise(game + F.mse_loss(generate(g_b, fake_b), a) + F.mse_loss(generate(g_a, fake_a), b), for_g)
        scored = ((d_a, b, fake_b.detach()), (d_b, a, fake_a.detach()))
        games = [-F.logsigmoid(discriminate(d, real)).mean() - F.logsigmoid(-discriminate(d, fake)).mean() for d, real, fake in scored]
        minimise(games[0] + games[1], for_d)
    assert_equal_weights(model, {"generator_a": g_a, "generator_b": g_b, "discriminator_a": d_a, "discriminator_b": d_b})


def gradient_penalty(d: Weights, real: Tensor, fake: Tensor, alpha: Tensor) -> Tensor:
    between = (alpha[:, None, None, None] * real + (1 - alpha[:, None, None, None]) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(discriminate(d, between).sum(), between, create_graph=True)
    return (slope.flatten(1).norm(dim=1) - 1).square().mean()


def test_two_steps_equal_dualgan() -> None:
    model = build_small("dualgan", generator={"dropout": 0.0}, players={"translator": {"every": 2}})
    g_a, g_b, d_a, d_b = (copy_parameters(export_states(model)[name]) for name in NETWORKS)
    for_g, for_d = (make_adam(nets, lr=5e-5, betas=(0.0, 0.9)) for nets in ((g_a, g_b), (d_a, d_b)))
    for index in range(4):
        batch = make_batch(model, seed=index)
        a, b, alpha = (
            batch["images"]["a"],
            batch["images"]["b"],
            torch.rand(2, dtype=torch.float64, generator=torch.Generator().manual_seed(index)),
        )
        model.step(batch, draws={"a_to_b/alpha": alpha, "b_to_a/alpha": 1 - alpha})
        fake_b, fake_a = generate(g_a, a), generate(g_b, b)
        total = torch.zeros((), dtype=torch.float64)
        for d, real, fake, share in ((d_a, b, fake_b.detach(), alpha), (d_b, a, fake_a.detach(), 1 - alpha)):
            total = total + discriminate(d, fake).mean() - discriminate(d, real).mean() + 10 * gradient_penalty(d, real, fake, share)
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
    model = build_small(recipe)
    calls = Calls(model)
    model.step(make_batch(model))
    counts, requires_grad = calls.pop_counts()
    assert counts["generator"] == requires_grad["generator"] == generator
    assert counts.get("discriminator") == discriminator


def test_dualgan_steps_of_the_discriminators_alone_generate_without_gradients_and_cycle() -> None:
    model = build_small("dualgan")
    calls = Calls(model)
    model.step(make_batch(model))
    counts, requires_grad = calls.pop_counts()
    assert (counts["generator"], requires_grad["generator"]) == (2, 0)
    assert counts["discriminator"] == 6  # references, fakes, and interpolations between them


def test_three_domains_have_a_generator_per_ordered_pair_and_a_discriminator_per_domain() -> None:
    model = build_small(labels=("a", "b", "c"))
    assert list(model.slot("generator")._modules) == ["a_to_b", "a_to_c", "b_to_a", "b_to_c", "c_to_a", "c_to_b"]
    assert list(model.slot("discriminator")._modules) == ["a", "b", "c"]
    calls = Calls(model)
    model.step(make_batch(model))
    assert calls.pop_counts()[0] == {"encoder": 9, "generator": 12, "discriminator": 15}


def test_three_domains_have_the_cycle_loss_of_three_cyclegans() -> None:
    model = build_small(labels=("a", "b", "c"), players={"discriminator": {"pool": 0}})
    batch = make_batch(model)
    logs = model.step(batch)
    two = [build_small(labels=pair) for pair in (("a", "b"), ("b", "c"), ("a", "c"))]
    start = build_small(labels=("a", "b", "c")).nets.state_dict()
    expected = torch.zeros((), dtype=torch.float64)
    for each in two:
        own = each.nets.state_dict()
        each.nets.load_state_dict({key: start[key] for key in own})
        expected = expected + each.step({"images": {name: batch["images"][name] for name in each.domain.names}})["translator/cycle"]
    torch.testing.assert_close(logs["translator/cycle"], expected)


def test_a_term_of_one_direction_applies_to_every_pair_of_domains() -> None:
    forward = build_small(labels=("a", "b", "c"), terms={"translator/cycle": Term("cycle_loss", 10.0, translations="forward")})
    calls = Calls(forward)
    forward.step(make_batch(forward))
    assert calls.pop_counts()[0]["generator"] == 6 + 3
    assert "cycle_loss on forward" in forward.explain()
