"""MUNIT against recorded numbers of the original code, if the folder with them is available."""

from __future__ import annotations

import pytest
import torch
from golden import Golden, make_state, needs_golden
from munit_by_hand import compute_adain_parameters, decode, discriminate, encode_content, encode_style

from i2ikit import Code, import_official
from i2ikit_munit.official import export_official

pytestmark = needs_golden
FILES = ["munit_small", "munit_small_b1"]


@pytest.mark.parametrize("name", FILES)
def test_imported_networks_give_the_originals_outputs(name: str) -> None:
    golden = Golden(name)
    gen, dis = golden.states["gen"], golden.states["dis"]
    model = import_official("munit", generator={"a": gen, "b": gen}, discriminator={"a": dis, "b": dis}, size=64)
    image, style = golden.input(f"{name}/x"), golden.input(f"{name}/style").flatten(1)
    for mode in (True, False):
        model.train(mode)
        encoder, decoder = model.slot("encoder")["b"], model.slot("generator")["b"]
        code = encoder(image)
        golden.assert_output("content", code.maps[0])
        golden.assert_output("style", code.style[:, :, None, None])
        golden.assert_output("adain_params", decoder.mlp(style))
        golden.assert_output("decoded", decoder(Code(code.maps, style)))
        golden.assert_output("recon", decoder(code))
        for scale, score in enumerate(model.slot("discriminator")["b"](image).scores):
            golden.assert_output(f"dis_{scale}", score)


@pytest.mark.parametrize("name", FILES)
def test_the_networks_written_by_hand_give_the_originals_outputs(name: str) -> None:
    golden = Golden(name)
    gen, dis = golden.states["gen"], golden.states["dis"]
    image, style = golden.input(f"{name}/x"), golden.input(f"{name}/style").flatten(1)
    maps, own = encode_content(gen, image), encode_style(gen, image)
    golden.assert_output("content", maps)
    golden.assert_output("style", own[:, :, None, None])
    golden.assert_output("adain_params", compute_adain_parameters(gen, style))
    golden.assert_output("decoded", decode(gen, maps, style))
    golden.assert_output("recon", decode(gen, maps, own))
    for scale, score in enumerate(discriminate(dis, image)):
        golden.assert_output(f"dis_{scale}", score)


def test_the_full_networks_have_the_originals_keys_and_equal_those_written_by_hand() -> None:
    gen = {domain: make_state("munit_full.json", "gen", seed) for seed, domain in enumerate("ab")}
    dis = {domain: make_state("munit_full.json", "dis", seed) for seed, domain in enumerate("ab")}
    model = import_official("munit", generator=gen, discriminator=dis, size=64).eval()
    exported = export_official(model)
    for name, states in (("generator", gen), ("discriminator", dis)):
        for domain, state in states.items():
            assert set(exported[name][domain]) == set(state)
            assert all(torch.equal(exported[name][domain][key], value) for key, value in state.items() if "running" not in key)
    image, style = torch.rand(1, 3, 64, 64) * 2 - 1, torch.randn(1, 8)
    with torch.no_grad():
        fake = model.slot("generator")["b"](Code(model.slot("encoder")["a"](image).maps, style))
        torch.testing.assert_close(fake, decode(gen["b"], encode_content(gen["a"], image), style), rtol=0, atol=1e-4)
        for one, other in zip(model.slot("discriminator")["a"](image).scores, discriminate(dis["a"], image), strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-4)
