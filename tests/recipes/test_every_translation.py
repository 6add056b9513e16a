"""What holds for the translations of every recipe: size, channels and bits are kept, styles are drawn or taken, tiles equal the whole."""

from __future__ import annotations

import functools
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_recipes import asked, batch_kind, names, needs_weights, recipe, tiny, translates, write_weights
from torch import Tensor

from i2ikit import Model
from i2ikit.errors import DataError, I2IKitError, OptionError, UnknownNameError
from i2ikit.inference.batched import Request
from i2ikit.inference.padding import get_size_constraints
from i2ikit.inference.tiles import measure_reach
from i2ikit.pixels import bits_of, read_pixels, write_image

TRANSLATING = [name for name in names() if translates(name)]
DRAWING = ("cogan",)
few = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Any:
    weights = write_weights(tmp_path_factory.mktemp("weights") / "vgg16.pth")

    @functools.cache
    def made(name: str, channels: int = 3, domains: int = 2) -> Model:
        return tiny(name, weights, channels=channels, domains=domains, rehearsal=False)

    return made


def channels_of(name: str) -> Any:
    return st.sampled_from((1, 3)) if needs_weights(name) else st.integers(1, 4)


def image_of(channels: int, height: int, width: int, rows: int = 1) -> Tensor:
    return torch.rand(rows, channels, height, width, generator=torch.Generator().manual_seed(height * width)) * 2 - 1


def styled(model: Model) -> bool:
    return model.nets.style is not None


def reads_styles(model: Model) -> bool:
    slot = "style_encoder" if "style_encoder" in model.nets.slots else "encoder"
    net = model.slot(slot)
    first = next(iter(net.values())) if isinstance(net, torch.nn.ModuleDict) else net
    return styled(model) and first.output_spec.style is not None


@pytest.mark.parametrize("name", TRANSLATING)
@few
@given(data=st.data(), height=st.integers(1, 45), width=st.integers(1, 45))
def test_any_size_is_kept_for_one_to_four_channels(built: Any, name: str, data: Any, height: int, width: int) -> None:
    channels = data.draw(channels_of(name))
    model = built(name, channels)
    made = model.translate(image_of(channels, height, width, rows=2), **asked(model))
    assert made.shape == (2, channels, height, width)
    assert torch.isfinite(made).all()
    assert made.abs().max() <= 1


@pytest.mark.parametrize("name", TRANSLATING)
@few
@given(data=st.data(), height=st.integers(1, 33), width=st.integers(1, 33), bits=st.sampled_from((8, 16)))
def test_arrays_and_files_keep_size_channels_and_bits(
    built: Any, tmp_path: Path, name: str, data: Any, height: int, width: int, bits: int
) -> None:
    channels = data.draw(channels_of(name))
    model, image = built(name, channels), image_of(channels, height, width)
    source = write_image(image[0], tmp_path / "in.png", bits)
    array = read_pixels(source)

    made = model.translate(array, **asked(model))
    assert (made.shape, made.dtype) == (array.shape, array.dtype)

    written = model.translate(source, out=tmp_path / "out.png", **asked(model))
    again = read_pixels(written)
    assert (again.shape, bits_of(again)) == (array.shape, bits)
    assert np.abs(again.astype(float).reshape(made.shape) - made.astype(float)).max() <= 1


@pytest.mark.parametrize("name", TRANSLATING)
def test_a_wrong_domain_is_named(built: Any, name: str) -> None:
    model, image = built(name), image_of(3, 16, 16)
    match batch_kind(name):
        case "unpaired":
            with pytest.raises(UnknownNameError, match=r'^No domain of this model \(to=\) is called "z"\. Available: a, b\.$'):
                model.translate(image, to="z")
            with pytest.raises(UnknownNameError, match=r'^No domain of this model \(source=\) is called "z"\. Available: a, b\.$'):
                model.translate(image, to="b", source="z")
            if len({end for _, end in model.routes}) > 1:
                with pytest.raises(OptionError, match=r"^to= names no domain; this model translates to: a, b\.$"):
                    model.translate(image)
        case "labelled":
            with pytest.raises(UnknownNameError, match=r'"hare".* Did you mean "hair"\?'):
                model.translate(image, to={"hare": "red"})
        case "paired":
            with pytest.raises(OptionError, match=r"^to='b' says nothing to .*, which has one target\. Leave it out\.$"):
                model.translate(image, to="b")


@pytest.mark.parametrize("name", [name for name in TRANSLATING if batch_kind(name) == "unpaired"])
def test_a_way_that_was_not_learnt_is_refused(built: Any, name: str) -> None:
    model = built(name)
    for begin, end in (("a", "b"), ("b", "a")):
        if (begin, end) in model.routes:
            assert model.translate(image_of(3, 16, 16), to=end, source=begin).shape == (1, 3, 16, 16)
            continue
        with pytest.raises(OptionError, match=rf"does not translate from {begin} to {end}\. It translates from a to b\.$"):
            model.translate(image_of(3, 16, 16), to=end, source=begin)


@pytest.mark.parametrize("name", DRAWING)
def test_one_that_draws_from_noise_says_that_it_translates_nothing(built: Any, name: str) -> None:
    for options in ({"to": "b"}, {}, {"to": "b", "samples": 2}, {"to": "b", "tile": 32}):
        with pytest.raises(OptionError, match=rf'^"{name}" draws images from noise and translates none\.$'):
            built(name).translate(image_of(3, 16, 16), **options)


@pytest.mark.parametrize("name", TRANSLATING)
def test_samples_differ_where_something_is_drawn_and_are_refused_elsewhere(built: Any, name: str) -> None:
    model, image = built(name), image_of(3, 19, 14)
    drawing = styled(model) or any(getattr(module, "stochastic", False) for module in model.nets.modules())
    if not drawing:
        with pytest.raises(OptionError, match=r"draws no style, so that all would be equal\. Leave samples= out\."):
            model.translate(image, samples=2, **asked(model))
        return
    first, second = model.translate(image, samples=2, seed=3, **asked(model))
    assert first.shape == second.shape == image.shape
    assert not torch.equal(first, second)
    assert torch.equal(second, model.translate(image, seed=4, **asked(model)))


@pytest.mark.parametrize("name", TRANSLATING)
@few
@given(height=st.integers(1, 40), width=st.integers(1, 40))
def test_the_style_of_an_example_is_taken_or_refused(built: Any, name: str, height: int, width: int) -> None:
    model, image = built(name), image_of(3, height, width)
    example = image_of(3, height, width).flip(1)
    if not styled(model):
        with pytest.raises(OptionError, match=r"^style= is given, and .* draws no style\. Leave it out\.$"):
            model.translate(image, style=example, **asked(model))
    elif not reads_styles(model):
        with pytest.raises(OptionError, match=r"reads no style \[\d+\] off an image\. Give a tensor \[\d+\]\.$"):
            model.translate(image, style=example, **asked(model))
    else:
        made = model.translate(image, style=example, **asked(model))
        assert made.shape == image.shape
        assert torch.equal(made, model.translate(image, style=example, seed=9, **asked(model)))


@pytest.mark.parametrize("name", [name for name in TRANSLATING if recipe(name).plan_options.get("style")])
def test_a_style_image_of_another_size_is_named_with_both_sizes(built: Any, name: str) -> None:
    model = built(name)
    if not reads_styles(model):
        return
    with pytest.raises(DataError, match=r"^The style image and the image to translate are 12x16 and 16x16\. Give equal"):
        model.translate(image_of(3, 16, 16), style=image_of(3, 12, 16), **asked(model))
    assert model.translate(image_of(3, 16, 16), style=image_of(3, 12, 20), size="trained", **asked(model)).shape == (1, 3, 16, 16)


@pytest.mark.parametrize("name", TRANSLATING)
def test_tiles_equal_the_whole_or_a_warning_says_that_they_do_not(built: Any, name: str) -> None:
    model, image = built(name), image_of(3, 70, 50)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = model.translate(image, tile=48, **asked(model))
    whole = model.translate(image, **asked(model))
    assert made.shape == image.shape
    said = [str(each.message) for each in caught]
    assert all(each.startswith("The tiles do not equal the whole image: these networks ") for each in said)
    assert len(said) <= 1
    assert bool(said) == (not torch.allclose(made, whole, atol=1e-5))


def test_a_tile_too_small_for_what_the_networks_see_is_refused_with_one_that_is_not(built: Any) -> None:
    with pytest.raises(OptionError, match=r"^tile=8 is too small: .* Take (\d+) or more\.$") as caught:
        built("simgan").translate(image_of(3, 40, 40), to="b", tile=8)
    enough = int(str(caught.value).split("Take ")[1].split()[0])
    assert built("simgan").translate(image_of(3, 40, 40), to="b", tile=enough).shape == (1, 3, 40, 40)


def test_the_reach_that_decides_is_that_of_the_networks(built: Any) -> None:
    model = built("simgan")
    multiple, least = get_size_constraints(model)

    def look(image: Tensor) -> Tensor:
        return Request(None, "a", "b", 0).translation(model, image, requires_grad=True).fake

    assert 1 < (measure_reach(look, 3, multiple, least, model.device) or 0) < 16


@pytest.mark.parametrize("name", TRANSLATING)
def test_what_is_no_image_is_one_line(built: Any, name: str) -> None:
    model = built(name)
    for strange in (torch.rand(16, 16), torch.rand(1, 5, 16, 16), torch.zeros(1, 3, 16, 16, dtype=torch.int64), 3):
        with pytest.raises(I2IKitError) as caught:
            model.translate(strange, **asked(model))
        assert "\n" not in str(caught.value)
