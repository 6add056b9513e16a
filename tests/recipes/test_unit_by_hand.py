"""UNIT equals a UNIT written by hand, in its forward passes and after whole training iterations."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from core.toys.assembly import Calls
from golden import needs_golden, state_of
from munit_by_hand import Unit, content, discriminate, draw
from torch import Tensor

from i2ikit import Code, Model, build, import_official
from i2ikit_unit.official import export_official

SMALL: dict[str, Any] = {
    "encoder": {"width": 4, "blocks": 2},
    "generator": {"blocks": 2},
    "discriminator": {"width": 4, "depth": 3, "scales": 2},
}
LATENT = ("enc.model.3.model.1.", "dec.model.0.model.0.")
"""The last block of the encoder and the first of the decoder, which the paper shares."""


def small(**changes: Any) -> Model:
    """A small UNIT in double precision with biases that are not at their start."""
    slots = {name: {**SMALL[name], **changes.pop(name, {})} for name in SMALL}
    model = build("unit", **{"size": (16, 24), **changes}, **slots).double()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.nets.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return model


def images(model: Model, seed: int = 0, rows: int = 2) -> dict[str, Tensor]:
    return {name: image.double() for name, image in model.example_batch(rows, seed=seed).items()}


def noises(seed: int) -> dict[str, Tensor]:
    one, other = torch.randn(2, 2, 16, 4, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return {"a": one, "b": other}


def given(noise: dict[str, Tensor], player: str = "", of: str = "code") -> dict[str, Tensor]:
    return {f"{player}a_to_b/{of}/encoder/noise": noise["a"], f"{player}b_to_a/{of}/encoder/noise": noise["b"]}


@pytest.mark.parametrize(("size", "downsamples", "channels"), [((16, 24), 2, 3), ((16, 16), 1, 1), ((24, 40), 3, 4)])
def test_encoder_and_decoder_equal_those_written_by_hand(size: tuple[int, int], downsamples: int, channels: int) -> None:
    model = small(size=size, channels=channels, encoder={"downsamples": downsamples}, discriminator={"depth": 2}).eval()
    weights, image = export_official(model)["generator"]["b"], images(model)["b"]
    code = model.slot("encoder")["b"](image)
    torch.testing.assert_close(code.maps[0], content(weights, image, "enc"), rtol=0, atol=1e-10)
    torch.testing.assert_close(code.posterior.mean, code.maps[0])
    torch.testing.assert_close(model.slot("generator")["b"](Code(code.maps)), draw(weights, code.maps[0]), rtol=0, atol=1e-10)


def test_two_steps_equal_the_paper_with_a_shared_latent_space() -> None:
    model = small()
    by_hand = Unit(export_official(model), {"prefixes": LATENT})
    for index in range(2):
        batch, noise, again = images(model, index), noises(index), noises(10 + index)
        logs = model.step(batch, draws={**given(noise), **given(again, of="recode")})
        losses = {**by_hand.discriminators(batch, noise), **by_hand.translators(batch, noise, again)}
        assert {name: float(value) for name, value in logs.items()} == pytest.approx(losses, rel=1e-9)
    by_hand.assert_equal(export_official(model))


def test_two_official_steps_share_nothing_and_draw_for_discriminators_and_translators_apart() -> None:
    model = small(official=True)
    by_hand = Unit(export_official(model))
    for index in range(2):
        batch, for_discriminators, noise, again = images(model, index), noises(20 + index), noises(index), noises(10 + index)
        draws = {**given(for_discriminators, "discriminator/"), **given(noise, "translator/"), **given(again, "translator/", "recode")}
        logs = model.step(batch, draws=draws)
        losses = {**by_hand.discriminators(batch, for_discriminators), **by_hand.translators(batch, noise, again)}
        assert {name: float(value) for name, value in logs.items()} == pytest.approx(losses, rel=1e-9)
    by_hand.assert_equal(export_official(model))


@pytest.mark.parametrize(("official", "calls"), [(False, (4, 6, 6)), (True, (6, 8, 6))])
def test_no_view_is_computed_twice_and_none_without_need(official: bool, calls: tuple[int, int, int]) -> None:
    model = small(official=official)
    format_count = Calls(model)
    model.step(images(model))
    assert format_count.take()[0] == dict(zip(("encoder", "generator", "discriminator"), calls, strict=True))


def test_the_domains_share_the_latent_parts_and_no_other() -> None:
    encoders, decoders = (list(small().slot(slot).children()) for slot in ("encoder", "generator"))
    assert encoders[0].latent is encoders[1].latent
    assert decoders[0].latent is decoders[1].latent
    assert encoders[0].content is not encoders[1].content
    apart = list(small(official=True).slot("encoder").children())
    assert apart[0].latent is not apart[1].latent


def test_training_draws_around_the_code_and_use_takes_the_code_itself() -> None:
    model = small()
    encoder, image = model.slot("encoder")["a"], images(model)["a"]
    code = encoder(image, noise=noises(0)["a"])
    torch.testing.assert_close(code.maps[0], code.posterior.mean + noises(0)["a"])
    assert encoder.noise_shape(image) == (2, 16, 4, 6)
    model.eval()
    assert encoder.noise_shape(image) is None
    assert torch.equal(encoder(image).maps[0], encoder(image).posterior.mean)


def test_three_domains_meet_in_one_latent_space() -> None:
    model = small(domains=("cat", "dog", "tiger")).float()
    logs = model.step(model.example_batch(2))
    assert all(bool(torch.isfinite(value)) for value in logs.values())
    assert len({id(net.latent) for net in model.slot("encoder").children()}) == 1
    assert model.translate(model.example_batch(1)["cat"], to="tiger", source="cat").shape == (1, 3, 16, 24)


def test_the_comparison_notices_exchanged_noise() -> None:
    model = small()
    by_hand = Unit(export_official(model), {"prefixes": LATENT})
    batch, noise = images(model), noises(0)
    model.step(batch, draws=given(noise))
    by_hand.discriminators(batch, {"a": noise["b"], "b": noise["a"]})
    with pytest.raises(AssertionError):
        by_hand.assert_equal(export_official(model))


@needs_golden
@pytest.mark.parametrize("network", ["dim16", "dim64"])
def test_networks_under_the_originals_keys_give_its_outputs(network: str) -> None:
    gen = {domain: state_of("unit_small.json", network, seed) for seed, domain in enumerate("ab")}
    dis = {domain: state_of("munit_full.json", "dis", seed) for seed, domain in enumerate("ab")}
    model = import_official("unit", generator=gen, discriminator=dis, size=64).eval()
    exported = export_official(model)
    for name, states in (("generator", gen), ("discriminator", dis)):
        for domain, state in states.items():
            assert set(exported[name][domain]) == set(state)
            assert all(torch.equal(exported[name][domain][key], value) for key, value in state.items())
    image = torch.rand(1, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        fake = model.slot("generator")["b"](model.slot("encoder")["a"](image))
        torch.testing.assert_close(fake, draw(gen["b"], content(gen["a"], image, "enc")), rtol=0, atol=1e-4)
        for one, other in zip(model.slot("discriminator")["a"](image).scores, discriminate(dis["a"], image), strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-4)
