"""Averaged weights."""

from __future__ import annotations

import torch
from toy_training import make_model

from i2ikit import Ema
from i2ikit.train import Averages


def test_the_averages_follow_their_formula() -> None:
    model = make_model(ema=0.9)
    averages = Averages(model, 0.9)
    name = next(each for each, _ in model.nets.named_state() if each.startswith("generator"))
    weight = dict(model.nets.named_state())[name]
    expected = weight.detach().clone().double()
    for update in range(1, 30):
        with torch.no_grad():
            weight.add_(0.1)
        model.steps_done += 1
        averages.update()
        decay = min(0.9, (1 + update) / (10 + update))
        expected = decay * expected + (1 - decay) * weight.detach().double()
    torch.testing.assert_close(averages.weights()[f"nets.{name}"].double(), expected, rtol=1e-5, atol=1e-6)
    assert not any(each.startswith("nets.discriminator") for each in averages.weights())


def test_averages_move_only_in_steps_in_which_a_translator_plays() -> None:
    model = make_model(ema=0.9, players={"translator": {"every": 3}})
    averages = Averages(model, 0.9)
    for model.steps_done in range(1, 8):
        averages.update()
    assert averages.updates == 2


def test_a_half_life_in_images_gives_the_decay_since_the_last_update() -> None:
    model = make_model(ema=Ema(half_life=100, ramp=0.5), players={"translator": {"every": 2}}, batch=4)
    averages = Averages(model, model.recipe.ema)
    name = next(each for each, _ in model.nets.named_state() if each.startswith("generator"))
    weight = dict(model.nets.named_state())[name]
    expected = weight.detach().clone().double()
    for model.steps_done in range(1, 101):
        with torch.no_grad():
            weight.add_(0.1)
        averages.update()
        if model.steps_done % 2 == 0:  # 8 images since the last update; StyleGAN2's code: half of the images so far, at most 100
            decay = 0.5 ** (8 / min(100, 0.5 * 4 * model.steps_done))
            expected = decay * expected + (1 - decay) * weight.detach().double()
    assert averages.updates == 50
    torch.testing.assert_close(averages.weights()[f"nets.{name}"].double(), expected, rtol=1e-5, atol=1e-6)


def test_averages_are_swapped_in_and_out() -> None:
    model = make_model(ema=0.9)
    averages = Averages(model, 0.9)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    before = [each.detach().clone() for each in model.parameters()]
    with averages.swap_in() as averaged:
        assert not torch.equal(next(averaged.nets.generator.parameters()), before[0])  # type: ignore[operator]
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
