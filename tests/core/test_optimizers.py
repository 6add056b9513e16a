"""Optimizers of players: steps that are skipped, resumed, or corrected for lazy terms, and weights that change."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from i2ikit import Model, Optimizer, Schedule, Term, Translation, build
from i2ikit.core.optimizers import LOOKAHEAD_STEPS, get_learning_rate, get_weight, make_optimizer
from i2ikit.core.step import step_if_finite
from i2ikit.core.training import OPTIMIZERS

TINY: dict[str, Any] = {
    "size": 16,
    "domains": ("a", "b"),
    "generator": {"width": 4, "blocks": 1},
    "discriminator": {"width": 4, "depth": 2},
    "rehearsal": False,
}


def make_model(optimizer: Any = None, **overrides: Any) -> Model:
    players = {name: {"optimizer": optimizer or {}} for name in ("translator", "discriminator")}
    return build("cyclegan-fast", **TINY, players=players, **overrides)


def train(model: Model, steps: int) -> Model:
    for _ in range(steps):
        model.step(model.example_batch(2, seed=model.steps_done))
    return model


def get_values(model: Model) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.training_state()[0].items()}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("done", [0, 3])
def test_a_step_that_is_not_finite_changes_nothing(name: str, done: int) -> None:
    model = train(make_model(Optimizer(name, lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)), done)
    before, player = get_values(model), model.recipe.players[0]
    parameters = model.nets.get_parameters(player.trains)
    for finite, gradient in ((torch.tensor(False), 1.0), (torch.tensor(True), float("nan"))):
        for parameter in parameters:
            parameter.grad = torch.full_like(parameter, gradient)
        assert not step_if_finite(model.optimizer(player), parameters, finite)
        after = get_values(model)
        assert [each for each in before if not torch.equal(before[each], after[each])] == []


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_resumed_training_equals_an_uninterrupted_one(name: str) -> None:
    optimizer = Optimizer(name, lr=1e-3, betas=(0.9, 0.99))
    whole = train(make_model(optimizer), LOOKAHEAD_STEPS + 1)
    first, second = train(make_model(optimizer), LOOKAHEAD_STEPS - 1), make_model(optimizer)
    second.restore_training_state(*first.training_state())
    train(second, 2)
    expected, found = get_values(whole), get_values(second)
    assert [each for each in expected if not torch.equal(expected[each], found[each])] == []


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("rmsprop", lambda weights: torch.optim.RMSprop(weights, lr=0.01, alpha=0.99, momentum=0.9, eps=1e-5)),
        ("radam", lambda weights: torch.optim.RAdam(weights, lr=0.01, betas=(0.9, 0.99), eps=1e-5)),
    ],
)
def test_an_optimizer_is_that_of_torch(name: str, make: Any) -> None:
    model = make_model(Optimizer(name, lr=0.01, betas=(0.9, 0.99), eps=1e-5))
    player = model.recipe.players[0]
    parameters = model.nets.get_parameters(player.trains)
    expected = [nn.Parameter(parameter.detach().clone()) for parameter in parameters]
    ours, reference = make_optimizer(model.nets, player), make(expected)
    for step in range(8):
        for parameter, other in zip(parameters, expected, strict=True):
            parameter.grad = other.grad = torch.sin(parameter.detach() * 9 + step)
        ours.step()
        reference.step()
    assert all(torch.equal(parameter, other) for parameter, other in zip(parameters, expected, strict=True))


def test_ranger_goes_half_of_the_way_every_six_steps() -> None:
    """Lookahead (Zhang et al., 2019), algorithm 1."""
    model = make_model(Optimizer("ranger", lr=0.01, betas=(0.9, 0.99)))
    player = model.recipe.players[0]
    parameters = model.nets.get_parameters(player.trains)
    fast = [nn.Parameter(parameter.detach().clone()) for parameter in parameters]
    slow = [parameter.detach().clone() for parameter in parameters]
    ours, inner = make_optimizer(model.nets, player), torch.optim.RAdam(fast, lr=0.01, betas=(0.9, 0.99), eps=1e-8)
    for step in range(1, 14):
        for parameter, other in zip(parameters, fast, strict=True):
            parameter.grad = torch.sin(parameter.detach() * 9 + step)
            other.grad = torch.sin(other.detach() * 9 + step)
        ours.step()
        inner.step()
        if step % 6 == 0:
            with torch.no_grad():
                for index, weight in enumerate(fast):
                    slow[index] = slow[index] + 0.5 * (weight - slow[index])
                    weight.copy_(slow[index])
    for parameter, other in zip(parameters, fast, strict=True):
        torch.testing.assert_close(parameter, other, rtol=1e-5, atol=1e-6)


def test_lazy_terms_correct_weight_rate_and_betas_only_if_asked() -> None:
    penalty = {"discriminator/r1": Term("r1_loss", 5.0, every=16)}
    for lazy in (False, True):
        model = make_model(Optimizer(lr=0.002, betas=(0.5, 0.99), lazy=lazy), terms=penalty)
        player = model.recipe.player("discriminator")
        factor = 16 / 17 if lazy else 1.0  # StyleGAN2, appendix B
        assert get_weight(model.recipe, player, player.terms["r1"], 0) == (80.0 if lazy else 5.0)
        assert get_weight(model.recipe, player, player.terms["adversarial"], 0) == player.terms["adversarial"].weight
        assert get_learning_rate(model.recipe, player, 0) == pytest.approx(0.002 * factor)
        [group] = model.optimizer(player).param_groups
        assert group["betas"] == pytest.approx((0.5**factor, 0.99**factor))


def test_the_rate_of_a_slot_follows_its_multiplier_and_the_schedule() -> None:
    model = make_model(Optimizer(lr=0.1, lr_multipliers={"generator": 0.5}), steps=100)
    player = model.recipe.player("translator")
    assert get_learning_rate(model.recipe, player, 0, "generator") == pytest.approx(0.05)
    assert get_learning_rate(model.recipe, player, 75, "encoder") == pytest.approx(0.05)


def test_a_weight_that_changes_is_followed_and_logged_unweighted() -> None:
    def constant_loss(t: Translation) -> torch.Tensor:
        return (t.fake * 0).mean() + 1.0

    def move(weight: Any, done: int) -> dict[str, torch.Tensor]:
        terms: dict[str, Any] = {"translator/adversarial": None, "translator/cycle": {"weight": weight}, "translator/one": constant_loss}
        model = make_model({"name": "sgd", "betas": (0.0, 0.0), "lr": 0.01}, terms=terms, steps=10, schedule="constant")
        model.steps_done = done
        assert float(model.step(model.example_batch(2))["translator/one"]) == 2.0  # of two translations
        return get_values(model)

    for done, weight in ((0, 4.0), (5, 2.0), (9, 0.4)):
        expected, found = move(weight, done), move(Schedule("linear", start=0.0, value=4.0), done)
        for name in expected:
            torch.testing.assert_close(found[name], expected[name], rtol=1e-6, atol=1e-8)
