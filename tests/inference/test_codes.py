"""Images are encoded, and codes decoded: into reconstructions, other domains, and with other styles."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from core.small_systems import BICYCLEGAN, CYCLEGAN, MUNIT
from core.toys.assembly import assemble
from inference.noise_systems import build_cogan, build_noisy
from torch import Tensor

from i2ikit import Code, ConditionedCode, Model
from i2ikit.errors import OptionError, UnknownNameError
from i2ikit.inference.batched import Request


@pytest.fixture(scope="module")
def munit() -> Model:
    return assemble(MUNIT, size=16, labels=("a", "b")).float()


@pytest.fixture
def image() -> Tensor:
    return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_decode_of_encode_is_the_reconstruction(munit: Model, image: Tensor) -> None:
    munit.eval()
    with torch.no_grad():
        expected = Request(None, "a", "b", 0).make_translation(munit, image).recon
    assert torch.equal(munit.decode(munit.encode(image, domain="a"), domain="a"), expected)


def test_a_code_is_decoded_in_another_domain_with_another_style(munit: Model, image: Tensor) -> None:
    code, style = munit.encode(image, domain="a"), torch.randn(2, 2)
    expected = munit.translate(image, to="b", source="a", style=style)
    assert torch.equal(munit.decode(code, domain="b", style=style), expected)
    assert torch.equal(munit.decode(code._replace(style=style), domain="b"), expected)


def test_any_image_type_is_encoded_by_any_encoder() -> None:
    from PIL import Image

    model = assemble(BICYCLEGAN, size=8).float()
    code = model.encode(Image.new("RGB", (8, 8), "red"), slot="style_encoder")
    assert code.style is not None
    assert code.style.shape == (1, 2)
    assert model.decode(model.encode(torch.zeros(3, 8, 8)), style=code.style).shape == (1, 3, 8, 8)


def test_a_network_of_a_pair_needs_the_source(image: Tensor) -> None:
    model = assemble(CYCLEGAN, size=16).float()
    decoded = model.decode(model.encode(image, domain="a"), domain="b", source="a")
    assert torch.equal(decoded, model.translate(image, to="b", source="a"))


def test_a_conditioned_code_enters_the_generator_as_it_is() -> None:
    model = build_noisy(generator={"noise": 0.0}).eval()
    noise = torch.randn(2, 5)
    styles = model.conditioner(Code(style=noise)).style.detach()
    assert torch.equal(model.decode(ConditionedCode(style=styles)), model.decode(Code(style=noise)))
    assert torch.equal(model.decode(Code(style=noise)), model.sample(2, style=noise))
    average = model.slot("conditioner").get_buffer("average_style").expand(2, -1, -1)
    assert torch.equal(model.decode(Code(style=noise), truncation=0.0), model.decode(ConditionedCode(style=average)))


def test_bad_requests_are_named(munit: Model, image: Tensor) -> None:
    code = munit.encode(image, domain="a")
    refused: list[tuple[Any, type[Exception], str]] = [
        (lambda: munit.encode(image), OptionError, "domain= is not given"),
        (lambda: munit.encode(image, domain="a", slot="encodr"), UnknownNameError, 'No encoder of this model is called "encodr"'),
        (lambda: munit.encode(image[..., :15], domain="a"), OptionError, r"multiples of 4, 16 or more; found 16x15.*size="),
        (lambda: munit.encode(image, domain="a", size="small"), OptionError, "size='small'"),
        (lambda: munit.decode(code), OptionError, "domain= is not given"),
        (lambda: munit.decode(code, domain="a", source="c"), UnknownNameError, '"c"'),
        (lambda: munit.decode(image, domain="a"), OptionError, "must be a Code.*found Tensor"),
        (lambda: munit.decode(Code(), domain="a"), OptionError, "neither maps nor a style"),
        (lambda: munit.decode(code._replace(style=None), domain="a"), OptionError, r"no style, .* needs one.*\[2\]"),
        (lambda: build_cogan().encode(image), OptionError, '"cogan" has no encoder. Search for a code: model.invert.'),
        (lambda: build_noisy().decode(Code(style=torch.zeros(1, 5)), source="a"), OptionError, "source='a': it has no domains"),
    ]
    for call, error, text in refused:
        with pytest.raises(error, match=text):
            call()
