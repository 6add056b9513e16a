"""Samples, styles and domains of a translation that is asked for."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from core.small_systems import BICYCLEGAN, CYCLEGAN, MUNIT
from core.toys.assembly import Calls, assemble
from PIL import Image
from torch import Tensor

from i2ikit import Model, build
from i2ikit.errors import DataError, OptionError, UnknownNameError


@pytest.fixture(scope="module")
def munit() -> Model:
    return assemble(MUNIT, size=16).float()


@pytest.fixture(scope="module")
def bicyclegan() -> Model:
    return assemble(BICYCLEGAN, size=16).float()


@pytest.fixture
def image() -> Tensor:
    return torch.rand(2, 3, 16, 20, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_samples_are_what_the_following_seeds_give(munit: Model, image: Tensor) -> None:
    samples = munit.translate(image, to="b", samples=3, seed=5)

    assert len(samples) == 3
    for number, sample in enumerate(samples):
        assert torch.equal(sample, munit.translate(image, to="b", seed=5 + number))
    assert not torch.allclose(samples[0], samples[1], atol=1e-3)


def test_one_sample_is_a_list_too(munit: Model, image: Tensor) -> None:
    assert [each.shape for each in munit.translate(image, to="b", samples=1)] == [image.shape]


def test_samples_share_one_code(munit: Model, image: Tensor) -> None:
    calls = Calls(munit)
    munit.translate(image, to="b", samples=4)

    assert calls.pop_counts()[0] == {"encoder": 1, "generator": 4}


def test_an_example_gives_its_style(munit: Model, image: Tensor) -> None:
    example = torch.rand(1, 3, 16, 20, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        style = munit.nets.net("encoder", "b")(example, None).style

    made = munit.translate(image, to="b", style=example)

    assert torch.equal(made, munit.translate(image, to="b", style=style.expand(2, -1)))
    assert torch.equal(made, munit.translate(image, to="b", style=style[0]))
    assert not torch.allclose(made, munit.translate(image, to="b"), atol=1e-3)


def test_an_example_is_read_by_the_slot_that_encodes_styles(bicyclegan: Model, image: Tensor) -> None:
    with torch.no_grad():
        style = bicyclegan.slot("style_encoder").eval()(image, None).posterior.mean

    made = bicyclegan.translate(image[:1], style=image[1:])

    assert made.shape == image[:1].shape
    torch.testing.assert_close(made, bicyclegan.translate(image[:1], style=style[1]))


def test_an_example_may_be_a_file_and_samples_are_numbered_files(munit: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for name in ("in", "style"):
        Image.new("RGB", (20, 16), "red" if name == "in" else "blue").save(tmp_path / f"{name}.png")

    [one, two] = munit.translate(tmp_path / "in.png", to="b", samples=2)
    named = munit.translate(tmp_path / "in.png", to="b", samples=2, out=tmp_path / "out.png")
    like = munit.translate(tmp_path / "in.png", to="b", style=tmp_path / "style.png", out=tmp_path / "like.png")

    assert (one.name, two.name) == ("in.b.1.png", "in.b.2.png")
    assert [path.name for path in named] == ["out.1.png", "out.2.png"]
    assert like.exists()


def test_an_example_of_another_size_is_named_and_may_be_brought_to_the_size_of_the_training(munit: Model, image: Tensor) -> None:
    other = torch.zeros(1, 3, 8, 8)

    with pytest.raises(DataError, match=r'style image .* 8x8 and 16x20\. .*size="trained"'):
        munit.translate(image, to="b", style=other)
    assert munit.translate(image, to="b", style=other, size="trained").shape == (2, 3, 16, 16)


@pytest.mark.parametrize(
    ("options", "description"),
    [
        ({"samples": 0}, r"samples=0 is not supported\. Give the number of translations"),
        ({"samples": 2, "style": torch.zeros(2)}, "samples=2: .*style= fixes the style"),
        ({"style": torch.zeros(5)}, r"style= has shape \[5\].* \[2\], \[2, 2\]"),
        ({"style": torch.zeros(3, 2)}, "3 styles for 2 images"),
        ({"style": torch.zeros(3, 3, 16, 20)}, "3 style images for 2 images"),
    ],
)
def test_a_style_that_cannot_be_is_named(munit: Model, image: Tensor, options: dict[str, object], description: str) -> None:
    with pytest.raises(OptionError, match=description):
        munit.translate(image, to="b", **options)


def test_a_model_without_styles_says_so(image: Tensor) -> None:
    model = assemble(CYCLEGAN, size=16).float()

    with pytest.raises(OptionError, match=r'samples=2: .*"cyclegan-identity" has no styles\. Leave samples= out'):
        model.translate(image, to="b", samples=2)
    with pytest.raises(OptionError, match='"cyclegan-identity" does not accept style='):
        model.translate(image, to="b", style=image)


def test_domains_that_do_not_exist_are_named(munit: Model, image: Tensor) -> None:
    with pytest.raises(UnknownNameError, match=r'No domain of this model \(to=\) is called "dog". Available: a, b\.'):
        munit.translate(image, to="dog")
    with pytest.raises(UnknownNameError, match=r"source="):
        munit.translate(image, to="a", source="dog")
    with pytest.raises(OptionError, match=r"to= is not given.*Available: a, b\."):
        munit.translate(image)


THREE = {"labels": ("cat", "dog", "tiger"), "size": 16}


def test_the_discriminators_tell_where_an_image_of_three_domains_comes_from(image: Tensor) -> None:
    model = assemble(MUNIT, **THREE).float()
    with torch.no_grad():  # the discriminator of tigers finds everything real
        head = [each for each in model.nets.net("discriminator", "tiger").modules() if isinstance(each, torch.nn.Conv2d)][-1]
        head.bias.add_(100.0)
    with pytest.warns(UserWarning, match='source= is not given.*"tiger"'):
        told = model.translate(image, to="dog", seed=2)

    assert torch.equal(told, model.translate(image, to="dog", source="tiger", seed=2))
    assert not torch.equal(told, model.translate(image, to="dog", source="cat", seed=2))


def test_a_source_is_asked_for_where_discriminators_know_nothing(image: Tensor) -> None:
    model = assemble(MUNIT, **THREE).float()
    model.preprocessing["untrained"] = ["discriminator"]
    with pytest.raises(OptionError, match=r"source= is not given.*3 domains.*cat, tiger"):
        model.translate(image, to="dog")


def test_random_weights_of_an_import_are_told_where_they_draw(image: Tensor) -> None:
    model = assemble(CYCLEGAN, size=16).float()
    model.preprocessing["untrained"] = ["generator b_to_a", "discriminator"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.translate(image, to="b")
    with pytest.warns(UserWarning, match='^The weights of "generator" b_to_a are random'):
        model.translate(image, to="a")


def test_a_random_style_encoder_is_told_only_if_it_encodes_a_style() -> None:
    small = {
        "generator": {"width": 2, "depth": 3},
        "discriminator": {"width": 4, "depth": 2},
        "discriminator_random": {"width": 4, "depth": 2},
    }
    model = build("bicyclegan", size=32, style=3, rehearsal=False, **small)
    model.preprocessing["untrained"] = ["style_encoder", "discriminator"]
    image = torch.zeros(1, 3, 32, 32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.translate(image)
        model.translate(image, style=torch.zeros(3))
    with pytest.warns(UserWarning, match='^The weights of "style_encoder" are random'):
        model.translate(image, style=torch.zeros(1, 3, 32, 32))


def test_a_random_encoder_of_a_domain_is_told_where_it_encodes() -> None:
    small = {"encoder": {"width": 2, "blocks": 1}, "generator": {"blocks": 1, "hidden": 4}, "discriminator": {"width": 2, "depth": 2}}
    model = build("munit", size=32, rehearsal=False, **small)
    model.preprocessing["untrained"] = ["encoder a"]
    image = torch.zeros(1, 3, 32, 32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.translate(image, to="a", source="b", style=torch.zeros(8))
    with pytest.warns(UserWarning, match='^The weights of "encoder" are random'):
        model.translate(image, to="b", source="a")
    with pytest.warns(UserWarning, match='^The weights of "encoder" are random'):
        model.translate(image, to="a", source="b", style=image)


def test_a_generator_that_draws_noise_is_sampled_and_one_that_draws_in_training_alone_is_not(image: Tensor) -> None:
    model = assemble(CYCLEGAN, size=16).float()
    for generator in model.generator.children():
        forward = generator.forward
        generator.noise_shapes = lambda code: {"pixels": tuple(code.maps[0].shape)}
        generator.forward = lambda code, noise=None, forward=forward: forward(code) + 0.1 * noise["pixels"]
    one, two, three = model.translate(image, to="b", samples=3)
    assert not torch.allclose(one, two, atol=1e-3)
    assert not torch.allclose(two, three, atol=1e-3)
    for generator in model.generator.children():
        generator.deterministic_at_inference = True
    model.nets._known_draws.clear()
    with pytest.raises(OptionError, match="samples=2: all samples would be equal"):
        model.translate(image, to="b", samples=2)
