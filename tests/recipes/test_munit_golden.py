"""MUNIT against numbers of the original code, where the folder with them lies beside the repository."""

from __future__ import annotations

import pytest
import torch
from golden import Golden, needs_golden, state_of
from munit_by_hand import content, discriminate, draw, parameters_of_norms, style

from i2ikit import Code, import_official
from i2ikit_munit.official import export_official

pytestmark = needs_golden
FILES = ["munit_small", "munit_small_b1"]


@pytest.mark.parametrize("name", FILES)
def test_imported_networks_give_the_originals_outputs(name: str) -> None:
    golden = Golden(name)
    gen, dis = golden.states["gen"], golden.states["dis"]
    model = import_official("munit", generator={"a": gen, "b": gen}, discriminator={"a": dis, "b": dis}, size=64)
    image, generate = golden.input(f"{name}/x"), golden.input(f"{name}/style").flatten(1)
    for mode in (True, False):
        model.train(mode)
        encoder, decoder = model.slot("encoder")["b"], model.slot("generator")["b"]
        code = encoder(image)
        golden.assert_output("content", code.maps[0])
        golden.assert_output("style", code.style[:, :, None, None])
        golden.assert_output("adain_params", decoder.mlp(generate))
        golden.assert_output("decoded", decoder(Code(code.maps, generate)))
        golden.assert_output("recon", decoder(code))
        for scale, score in enumerate(model.slot("discriminator")["b"](image).scores):
            golden.assert_output(f"dis_{scale}", score)


@pytest.mark.parametrize("name", FILES)
def test_the_networks_written_by_hand_give_the_originals_outputs(name: str) -> None:
    golden = Golden(name)
    gen, dis = golden.states["gen"], golden.states["dis"]
    image, generate = golden.input(f"{name}/x"), golden.input(f"{name}/style").flatten(1)
    maps, own = content(gen, image), style(gen, image)
    golden.assert_output("content", maps)
    golden.assert_output("style", own[:, :, None, None])
    golden.assert_output("adain_params", parameters_of_norms(gen, generate))
    golden.assert_output("decoded", draw(gen, maps, generate))
    golden.assert_output("recon", draw(gen, maps, own))
    for scale, score in enumerate(discriminate(dis, image)):
        golden.assert_output(f"dis_{scale}", score)


def test_the_full_networks_take_exactly_the_originals_keys_and_give_its_outputs() -> None:
    gen = {domain: state_of("munit_full.json", "gen", seed) for seed, domain in enumerate("ab")}
    dis = {domain: state_of("munit_full.json", "dis", seed) for seed, domain in enumerate("ab")}
    model = import_official("munit", generator=gen, discriminator=dis, size=64).eval()
    exported = export_official(model)
    for name, states in (("generator", gen), ("discriminator", dis)):
        for domain, state in states.items():
            assert set(exported[name][domain]) == set(state)
            assert all(torch.equal(exported[name][domain][key], value) for key, value in state.items() if "running" not in key)
    image, generate = torch.rand(1, 3, 64, 64) * 2 - 1, torch.randn(1, 8)
    with torch.no_grad():
        fake = model.slot("generator")["b"](Code(model.slot("encoder")["a"](image).maps, generate))
        torch.testing.assert_close(fake, draw(gen["b"], content(gen["a"], image), generate), rtol=0, atol=1e-4)
        for one, other in zip(model.slot("discriminator")["a"](image).scores, discriminate(dis["a"], image), strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-4)
