"""UNIT equals a UNIT written by hand, in forward passes and after training steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from core.toys.assembly import Calls
from golden import make_state, needs_golden
from munit_by_hand import Unit, decode, discriminate, encode_content
from torch import Tensor

from i2ikit import Code, Model, build, import_official
from i2ikit_unit.official import export_official

SMALL: dict[str, Any] = {
    "encoder": {"width": 4, "blocks": 2},
    "generator": {"blocks": 2},
    "discriminator": {"width": 4, "depth": 3, "scales": 2},
}
LATENT = ("enc.model.3.model.1.", "dec.model.0.model.0.")
"""The layers that the paper shares: the last block of the encoder and the first of the decoder."""


def build_small(**overrides: Any) -> Model:
    """Build a small UNIT in double precision, with perturbed initial weights."""
    slots = {name: {**SMALL[name], **overrides.pop(name, {})} for name in SMALL}
    model = build("unit", **{"size": (16, 24), **overrides}, **slots).double()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.nets.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return model


def make_images(model: Model, seed: int = 0, rows: int = 2) -> dict[str, Tensor]:
    return {name: image.double() for name, image in model.example_batch(rows, seed=seed)["images"].items()}


def make_noise(seed: int) -> dict[str, Tensor]:
    one, other = torch.randn(2, 2, 16, 4, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return {"a": one, "b": other}


def make_draws(noise: dict[str, Tensor], player: str = "", view: str = "code") -> dict[str, Tensor]:
    return {f"{player}a_to_b/{view}/encoder/noise": noise["a"], f"{player}b_to_a/{view}/encoder/noise": noise["b"]}


@pytest.mark.parametrize(("size", "downsamples", "channels"), [((16, 24), 2, 3), ((16, 16), 1, 1), ((24, 40), 3, 4)])
def test_encoder_and_decoder_equal_those_written_by_hand(size: tuple[int, int], downsamples: int, channels: int) -> None:
    model = build_small(size=size, channels=channels, encoder={"downsamples": downsamples}, discriminator={"depth": 2}).eval()
    weights, image = export_official(model)["generator"]["b"], make_images(model)["b"]
    code = model.slot("encoder")["b"](image)
    torch.testing.assert_close(code.maps[0], encode_content(weights, image, "enc"), rtol=0, atol=1e-10)
    torch.testing.assert_close(code.posterior.mean, code.maps[0])
    torch.testing.assert_close(model.slot("generator")["b"](Code(code.maps)), decode(weights, code.maps[0]), rtol=0, atol=1e-10)


def test_two_steps_equal_the_paper_with_a_shared_latent_space() -> None:
    model = build_small()
    by_hand = Unit(export_official(model), {"prefixes": LATENT})
    for index in range(2):
        batch, noise, again = make_images(model, index), make_noise(index), make_noise(10 + index)
        logs = model.step({"images": batch}, draws={**make_draws(noise), **make_draws(again, view="recode")})
        losses = {**by_hand.step_discriminators(batch, noise), **by_hand.step_translators(batch, noise, again)}
        assert {name: float(value) for name, value in logs.items()} == pytest.approx(losses, rel=1e-9)
    by_hand.assert_equal(export_official(model))


def test_official_steps_share_no_weights_and_sample_separately_for_each_player() -> None:
    model = build_small(official=True)
    by_hand = Unit(export_official(model))
    for index in range(2):
        batch, for_discriminators, noise, again = (
            make_images(model, index),
            make_noise(20 + index),
            make_noise(index),
            make_noise(10 + index),
        )
        draws = {
            **make_draws(for_discriminators, "discriminator/"),
            **make_draws(noise, "translator/"),
            **make_draws(again, "translator/", "recode"),
        }
        logs = model.step({"images": batch}, draws=draws)
        losses = {**by_hand.step_discriminators(batch, for_discriminators), **by_hand.step_translators(batch, noise, again)}
        assert {name: float(value) for name, value in logs.items()} == pytest.approx(losses, rel=1e-9)
    by_hand.assert_equal(export_official(model))


@pytest.mark.parametrize(("official", "calls"), [(False, (4, 6, 6)), (True, (6, 8, 6))])
def test_no_view_is_computed_twice_and_none_without_need(official: bool, calls: tuple[int, int, int]) -> None:
    model = build_small(official=official)
    counter = Calls(model)
    model.step({"images": make_images(model)})
    assert counter.pop_counts()[0] == dict(zip(("encoder", "generator", "discriminator"), calls, strict=True))


def test_the_domains_share_the_latent_parts_and_no_other() -> None:
    encoders, decoders = (list(build_small().slot(slot).children()) for slot in ("encoder", "generator"))
    assert encoders[0].latent is encoders[1].latent
    assert decoders[0].latent is decoders[1].latent
    assert encoders[0].content is not encoders[1].content
    apart = list(build_small(official=True).slot("encoder").children())
    assert apart[0].latent is not apart[1].latent


def test_the_code_is_sampled_in_training_and_the_mean_at_inference() -> None:
    model = build_small()
    encoder, image = model.slot("encoder")["a"], make_images(model)["a"]
    code = encoder(image, noise={"noise": make_noise(0)["a"]})
    torch.testing.assert_close(code.maps[0], code.posterior.mean + make_noise(0)["a"])
    assert encoder.noise_shapes(image) == {"noise": (2, 16, 4, 6)}
    model.eval()
    assert encoder.noise_shapes(image) == {}
    assert torch.equal(encoder(image).maps[0], encoder(image).posterior.mean)


def test_three_domains_share_one_latent_space() -> None:
    model = build_small(domains=("cat", "dog", "tiger")).float()
    logs = model.step(model.example_batch(2))
    assert all(bool(torch.isfinite(value)) for value in logs.values())
    assert len({id(net.latent) for net in model.slot("encoder").children()}) == 1
    assert model.translate(model.example_batch(1)["images"]["cat"], to="tiger", source="cat").shape == (1, 3, 16, 24)


def test_the_comparison_detects_swapped_noise() -> None:
    model = build_small()
    by_hand = Unit(export_official(model), {"prefixes": LATENT})
    batch, noise = make_images(model), make_noise(0)
    model.step({"images": batch}, draws=make_draws(noise))
    by_hand.step_discriminators(batch, {"a": noise["b"], "b": noise["a"]})
    with pytest.raises(AssertionError):
        by_hand.assert_equal(export_official(model))


@needs_golden
@pytest.mark.parametrize("network", ["dim16", "dim64"])
def test_networks_with_the_originals_keys_equal_those_written_by_hand(network: str) -> None:
    gen = {domain: make_state("unit_small.json", network, seed) for seed, domain in enumerate("ab")}
    dis = {domain: make_state("munit_full.json", "dis", seed) for seed, domain in enumerate("ab")}
    model = import_official("unit", generator=gen, discriminator=dis, size=64).eval()
    exported = export_official(model)
    for name, states in (("generator", gen), ("discriminator", dis)):
        for domain, state in states.items():
            assert set(exported[name][domain]) == set(state)
            assert all(torch.equal(exported[name][domain][key], value) for key, value in state.items())
    image = torch.rand(1, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        fake = model.slot("generator")["b"](model.slot("encoder")["a"](image))
        torch.testing.assert_close(fake, decode(gen["b"], encode_content(gen["a"], image, "enc")), rtol=0, atol=1e-4)
        for one, other in zip(model.slot("discriminator")["a"](image).scores, discriminate(dis["a"], image), strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-4)
