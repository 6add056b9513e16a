"""Tests of translations by every recipe: size, channels and bits are preserved, styles are sampled or given, tiles equal the whole."""

from __future__ import annotations

import functools
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_recipes import build_tiny, can_translate, find_batch_kind, get_recipe, get_request, list_recipes, needs_weights, write_weights
from torch import Tensor

from i2ikit import Model
from i2ikit.errors import DataError, I2IKitError, OptionError, UnknownNameError
from i2ikit.inference.batched import Request
from i2ikit.inference.padding import get_size_constraints
from i2ikit.inference.tiles import measure_reach
from i2ikit.pixels import get_bits, read_pixels, write_image

TRANSLATING = [name for name in list_recipes() if can_translate(name)]
GENERATING_FROM_NOISE = ("cogan",)
few = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def get_model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    weights = write_weights(tmp_path_factory.mktemp("weights") / "vgg16.pth")

    @functools.cache
    def build_once(name: str, channels: int = 3, domains: int = 2) -> Model:
        return build_tiny(name, weights, channels=channels, domains=domains, rehearsal=False)

    return build_once


def list_channels(name: str) -> Any:
    return st.sampled_from((1, 3)) if needs_weights(name) else st.integers(1, 4)


def make_image(channels: int, height: int, width: int, rows: int = 1) -> Tensor:
    return torch.rand(rows, channels, height, width, generator=torch.Generator().manual_seed(height * width)) * 2 - 1


def has_style(model: Model) -> bool:
    return model.nets.style is not None


def can_encode_style(model: Model) -> bool:
    slot = "style_encoder" if "style_encoder" in model.nets.slots else "encoder"
    net = model.slot(slot)
    first = next(iter(net.values())) if isinstance(net, torch.nn.ModuleDict) else net
    return has_style(model) and first.output_spec.style is not None


@pytest.mark.parametrize("name", TRANSLATING)
@few
@given(data=st.data(), height=st.integers(1, 45), width=st.integers(1, 45))
def test_any_size_is_preserved_for_one_to_four_channels(get_model: Any, name: str, data: Any, height: int, width: int) -> None:
    channels = data.draw(list_channels(name))
    model = get_model(name, channels)
    fake = model.translate(make_image(channels, height, width, rows=2), **get_request(model))
    assert fake.shape == (2, channels, height, width)
    assert torch.isfinite(fake).all()
    assert fake.abs().max() <= 1


@pytest.mark.parametrize("name", TRANSLATING)
@few
@given(data=st.data(), height=st.integers(1, 33), width=st.integers(1, 33), bits=st.sampled_from((8, 16)))
def test_arrays_and_files_preserve_size_channels_and_bits(
    get_model: Any, tmp_path: Path, name: str, data: Any, height: int, width: int, bits: int
) -> None:
    channels = data.draw(list_channels(name))
    model, image = get_model(name, channels), make_image(channels, height, width)
    source = write_image(image[0], tmp_path / "in.png", bits)
    array = read_pixels(source)

    fake = model.translate(array, **get_request(model))
    assert (fake.shape, fake.dtype) == (array.shape, array.dtype)

    written = model.translate(source, out=tmp_path / "out.png", **get_request(model))
    again = read_pixels(written)
    assert (again.shape, get_bits(again)) == (array.shape, bits)
    assert np.abs(again.astype(float).reshape(fake.shape) - fake.astype(float)).max() <= 1


@pytest.mark.parametrize("name", TRANSLATING)
def test_a_wrong_domain_is_named(get_model: Any, name: str) -> None:
    model, image = get_model(name), make_image(3, 16, 16)
    match find_batch_kind(name).data:
        case "unpaired":
            with pytest.raises(UnknownNameError, match=r'^No domain of this model \(to=\) is called "z"\. Available: a, b\.$'):
                model.translate(image, to="z")
            with pytest.raises(UnknownNameError, match=r'^No domain of this model \(source=\) is called "z"\. Available: a, b\.$'):
                model.translate(image, to="b", source="z")
            if len({end for _, end in model.routes}) > 1:
                with pytest.raises(OptionError, match=r"^to= .* a, b\.$"):
                    model.translate(image)
        case "labelled":
            with pytest.raises(UnknownNameError, match=r'"hare".* Did you mean "hair"\?'):
                model.translate(image, to={"hare": "red"})
        case "paired":
            with pytest.raises(OptionError, match=rf"^\"{re.escape(name)}\" does not accept to='b'"):
                model.translate(image, to="b")


@pytest.mark.parametrize("name", [name for name in TRANSLATING if find_batch_kind(name).domains])
def test_a_direction_without_generator_is_refused(get_model: Any, name: str) -> None:
    model = get_model(name)
    for begin, end in (("a", "b"), ("b", "a")):
        if (begin, end) in model.routes:
            assert model.translate(make_image(3, 16, 16), to=end, source=begin).shape == (1, 3, 16, 16)
            continue
        with pytest.raises(OptionError, match=rf"does not translate from {begin} to {end}\..* from a to b\.$"):
            model.translate(make_image(3, 16, 16), to=end, source=begin)


@pytest.mark.parametrize("name", GENERATING_FROM_NOISE)
def test_a_recipe_that_generates_from_noise_refuses_to_translate(get_model: Any, name: str) -> None:
    for options in ({"to": "b"}, {}, {"to": "b", "samples": 2}, {"to": "b", "tile": 32}):
        with pytest.raises(OptionError, match=rf'^"{name}" generates images from noise\.'):
            get_model(name).translate(make_image(3, 16, 16), **options)


@pytest.mark.parametrize("name", TRANSLATING)
def test_samples_differ_for_random_models_and_are_refused_for_others(get_model: Any, name: str) -> None:
    model, image = get_model(name), make_image(3, 19, 14)
    is_random = has_style(model) or any(getattr(module, "stochastic", False) for module in model.nets.modules())
    if not is_random:
        with pytest.raises(OptionError, match=r"^samples=2: .* equal.* samples="):
            model.translate(image, samples=2, **get_request(model))
        return
    first, second = model.translate(image, samples=2, seed=3, **get_request(model))
    assert first.shape == second.shape == image.shape
    assert not torch.equal(first, second)
    assert torch.equal(second, model.translate(image, seed=4, **get_request(model)))


@pytest.mark.parametrize("name", TRANSLATING)
@few
@given(height=st.integers(1, 40), width=st.integers(1, 40))
def test_the_style_of_an_example_is_used_or_refused(get_model: Any, name: str, height: int, width: int) -> None:
    model, image = get_model(name), make_image(3, height, width)
    example = make_image(3, height, width).flip(1)
    if not has_style(model):
        with pytest.raises(OptionError, match="does not accept style="):
            model.translate(image, style=example, **get_request(model))
    elif not can_encode_style(model):
        with pytest.raises(OptionError, match=r"style.* tensor \[\d+\]\.$"):
            model.translate(image, style=example, **get_request(model))
    else:
        fake = model.translate(image, style=example, **get_request(model))
        assert fake.shape == image.shape
        assert torch.equal(fake, model.translate(image, style=example, seed=9, **get_request(model)))


@pytest.mark.parametrize("name", [name for name in TRANSLATING if get_recipe(name).plan_options.get("style")])
def test_a_style_image_of_another_size_is_named_with_both_sizes(get_model: Any, name: str) -> None:
    model = get_model(name)
    if not can_encode_style(model):
        return
    with pytest.raises(DataError, match=r"style image .* 12x16 and 16x16\. .* size=\"trained\""):
        model.translate(make_image(3, 16, 16), style=make_image(3, 12, 16), **get_request(model))
    assert model.translate(make_image(3, 16, 16), style=make_image(3, 12, 20), size="trained", **get_request(model)).shape == (1, 3, 16, 16)


@pytest.mark.parametrize("name", TRANSLATING)
def test_tiles_equal_the_whole_image_or_a_warning_is_given(get_model: Any, name: str) -> None:
    model, image = get_model(name), make_image(3, 70, 50)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fake = model.translate(image, tile=48, **get_request(model))
    whole = model.translate(image, **get_request(model))
    assert fake.shape == image.shape
    messages = [str(each.message) for each in caught]
    assert all("tiles differs from that of the whole image" in each for each in messages)
    assert len(messages) <= 1
    assert bool(messages) == (not torch.allclose(fake, whole, atol=1e-5))


def test_a_tile_below_the_receptive_field_is_refused_with_a_sufficient_size(get_model: Any) -> None:
    with pytest.raises(OptionError, match=r"^tile=8 is too small: .* (\d+) or more\.$") as caught:
        get_model("simgan").translate(make_image(3, 40, 40), to="b", tile=8)
    enough = int(str(caught.value).split()[-3])
    assert get_model("simgan").translate(make_image(3, 40, 40), to="b", tile=enough).shape == (1, 3, 40, 40)


def test_the_measured_reach_is_that_of_the_networks(get_model: Any) -> None:
    model = get_model("simgan")
    multiple, least = get_size_constraints(model)

    def translate(image: Tensor) -> Tensor:
        return Request(None, "a", "b", 0).make_translation(model, image, requires_grad=True).fake

    assert 1 < (measure_reach(translate, 3, multiple, least, model.device) or 0) < 16


@pytest.mark.parametrize("name", TRANSLATING)
def test_invalid_images_are_errors_of_one_line(get_model: Any, name: str) -> None:
    model = get_model(name)
    for strange in (torch.rand(16, 16), torch.rand(1, 5, 16, 16), torch.zeros(1, 3, 16, 16, dtype=torch.int64), 3):
        with pytest.raises(I2IKitError) as caught:
            model.translate(strange, **get_request(model))
        assert "\n" not in str(caught.value)
