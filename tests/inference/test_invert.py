"""Inversion finds the style or the noise of an image, and leaves the model as it was."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from inference.noise_systems import build_cogan, build_noisy
from torch import Tensor

from i2ikit import Code, ConditionedCode, Model, build
from i2ikit.errors import OptionError, UnknownNameError


def train_cogan() -> Model:
    model = build_cogan()
    with torch.no_grad():
        for weight in model.generator.parameters():
            weight.mul_(4)  # the images of new weights are almost equal
    for index in range(2):
        model.step(model.example_batch(4, seed=index))
    return model


def get_error(one: Tensor, other: Tensor) -> float:
    return float((one - other).square().mean())


@pytest.mark.parametrize("of", ["style", "noise"])
def test_an_image_is_found_again_and_nothing_of_the_model_changes(of: Any) -> None:
    model = train_cogan()
    noise = torch.rand(2, 8, generator=torch.Generator().manual_seed(3)) * 2 - 1
    image = model.sample(2, style=noise, domain="a")
    before = [parameter.clone() for parameter in model.parameters()]
    model.zero_grad()
    code = model.invert(image, of=of, domain="a", steps=300, start="random", seed=1)
    opposite = model.sample(2, style=-noise, domain="a")
    assert get_error(model.decode(code, domain="a"), image) < 0.05 * get_error(opposite, image)
    assert torch.equal(model.sample(2, style=code.style, domain="b"), model.decode(code, domain="b"))
    assert all(torch.equal(one, two) for one, two in zip(before, model.parameters(), strict=True))
    assert all(parameter.grad is None for parameter in model.parameters())
    assert model.training
    assert isinstance(code, ConditionedCode) == (of == "style")


def test_noise_stays_in_the_range_of_the_prior() -> None:
    model = train_cogan()
    beyond = model.sample(1, domain="a", style=torch.full((8,), 2.0))
    bounded = model.invert(beyond, of="noise", domain="a", steps=60, lr=0.2)
    free = model.invert(beyond, of="style", domain="a", steps=60, lr=0.2)
    assert bounded.style is not None
    assert free.style is not None
    assert 0.9 < float(bounded.style.abs().max()) <= 1 < float(free.style.abs().max())


def test_the_conditioned_style_reproduces_more_than_the_noise() -> None:
    model = build_noisy(generator={"noise": 0.0})
    image = model.decode(ConditionedCode(style=torch.randn(1, 2, 3, generator=torch.Generator().manual_seed(0)) * 2))
    found = {of: model.invert(image, of=of, steps=100) for of in ("style", "noise")}
    assert found["style"].style is not None
    assert found["style"].style.shape == (1, 2, 3)
    assert get_error(model.decode(found["style"]), image) < 0.5 * get_error(model.decode(found["noise"]), image)


def test_the_noise_of_the_generator_is_that_of_the_decoding() -> None:
    model = build_noisy()
    image = model.decode(ConditionedCode(style=torch.randn(1, 2, 3)), seed=4)
    code = model.invert(image, steps=200, seed=4)
    assert get_error(model.decode(code, seed=4), image) < 0.2 * get_error(model.decode(code, seed=5), image)


def test_each_image_has_its_best_step() -> None:
    model = build_noisy(generator={"noise": 0.0})
    style = torch.randn(2, 2, 3)
    image, start = model.decode(ConditionedCode(style=style)), ConditionedCode(style=style + 0.01)
    found = model.invert(image, start=start, steps=3, lr=5.0)  # every step is worse than the start
    assert torch.equal(found.style, start.style)  # type: ignore[arg-type]
    one = model.invert(image[:1], steps=5, lr=0.3)
    both = model.invert(image, steps=5, lr=0.3)
    assert both.style is not None
    assert torch.allclose(one.style, both.style[:1], atol=1e-5)  # type: ignore[arg-type]


def test_the_mean_start_is_the_average_style_that_the_conditioner_publishes() -> None:
    model = build_noisy(generator={"noise": 0.0})
    found = model.invert(torch.zeros(1, 3, 16, 16), steps=1)
    assert found.style is not None
    assert torch.equal(found.style[0], model.slot("conditioner").get_buffer("average_style"))


def test_losses_are_names_or_functions() -> None:
    model = build_noisy(generator={"noise": 0.0})
    image = model.sample(2)
    seen = []

    def count(fake: Tensor, target: Tensor) -> Tensor:
        seen.append(fake.shape)
        return (fake - target).abs().mean((1, 2, 3))

    ours = model.invert(image, losses=(count,), steps=4)
    assert len(seen) == 4
    named = model.invert(image, losses=("mae",), steps=4)
    assert torch.allclose(ours.style, named.style)  # type: ignore[arg-type]


def test_labels_condition_the_search() -> None:
    model = build_noisy(generator={"noise": 0.0}, labels={"glasses": bool})
    image = model.sample(2, domain="yes")
    code = model.invert(image, of="noise", domain="yes", steps=150)
    assert get_error(model.decode(code, domain="yes"), image) < 0.3 * get_error(model.sample(2, seed=9, domain="yes"), image)


def test_an_encoder_gives_the_start() -> None:
    from core.test_toy_psp import PSP
    from core.toys.assembly import assemble

    model = assemble(PSP).float()
    image = model.decode(Code(style=torch.randn(2, 2, 2)))
    encoded = model.decode(model.encode(image))
    assert get_error(model.decode(model.invert(image, start="encoder", steps=50)), image) < get_error(encoded, image)
    with pytest.raises(OptionError, match=r'no prior to start from\. Start from the encoder: of="style", start="encoder"'):
        model.invert(image)


def test_bad_options_are_named() -> None:
    model = build_cogan()
    image = torch.zeros(1, 3, 16, 16)
    stargan: dict[str, Any] = {"labels": {"male": bool}, "generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 2}}
    other = build("stargan", size=16, **stargan)
    refused: list[tuple[Model, dict[str, Any], type[Exception], str]] = [
        (model, {"image": torch.zeros(1, 3, 8, 8)}, OptionError, r"must be \[B, 3, 16, 16\], the size of the model; found \[1, 3, 8, 8\]"),
        (model, {"domain": "c"}, UnknownNameError, 'No domain of this model is called "c"'),
        (model, {"steps": 0}, OptionError, "steps=0 is out of range"),
        (model, {"lr": 0}, OptionError, "lr=0 is out of range"),
        (model, {"of": "w"}, OptionError, "of='w' is not supported. Available: style, noise"),
        (model, {"losses": "mse"}, OptionError, "losses='mse' is not supported"),
        (model, {"losses": ("msee",)}, UnknownNameError, 'No loss of an inversion is called "msee". Did you mean "mse"'),
        (model, {"losses": (lambda fake, image: fake[0, 0, 0],)}, OptionError, "one value for each of 1 images"),
        (model, {"start": "middle"}, OptionError, "start='middle' is not supported. Available: mean, random, encoder"),
        (model, {"start": "encoder"}, OptionError, "has no encoder"),
        (model, {"start": Code((image,))}, OptionError, "start= has maps"),
        (model, {"start": Code(style=torch.zeros(3, 8))}, OptionError, "has 3 rows for 1 image"),
        (model, {"start": ConditionedCode(style=torch.zeros(1, 8)), "of": "noise"}, OptionError, "is conditioned already"),
        (other, {"domain": None}, OptionError, '"stargan" does not generate images from noise.*model.translate'),
    ]
    for each, options, error, text in refused:
        with pytest.raises(error, match=text):
            each.invert(**{"image": image, "domain": "a", **options})
