"""Images are generated from noise alone: the same whatever their number, from the draws of the plan, in every domain."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from inference.noise_systems import build_cogan, build_noisy
from torch import Tensor

from i2ikit import Code, ConditionedCode, RandomStreams, build
from i2ikit.errors import LabelError, OptionError, PlanError, UnknownNameError

LABELS = {"hair": ("black", "blond", "red"), "glasses": bool}
BLOND = {"hair": "blond", "glasses": "no"}


def get_difference(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max())


@pytest.mark.parametrize("make", [build_noisy, build_cogan], ids=["noise in the generator", "CoGAN"])
def test_image_3_of_4_is_image_3_of_100_for_any_batch_size(make: Any) -> None:
    model = make().double()
    options = {"domain": "b"} if model.domain.names else {}
    four, hundred = model.sample(4, seed=1, **options), model.sample(100, seed=1, batch=7, **options)
    assert four.shape == (4, 3, 16, 16)
    assert get_difference(four, hundred[:4]) < 1e-10
    assert float(four.abs().max()) <= 1
    assert get_difference(four[0], four[1]) > 1e-6
    assert get_difference(four, model.sample(4, seed=2, **options)) > 1e-6


def test_a_network_with_dropout_gives_the_same_image_whatever_the_number() -> None:
    model = build_noisy(generator={"dropout": 0.5})
    assert get_difference(model.sample(2), model.sample(5)[:2]) < 1e-6


def test_the_noise_is_that_of_the_plan() -> None:
    cogan, noisy = build_cogan(), build_noisy()
    streams = RandomStreams(("sample", 0), rows=tuple(range(64)))
    [one, _] = cogan.plan(cogan.nets, cogan.example_batch(64), streams, False)
    cogan.eval()
    assert -1 <= float(one.style.min()) < -0.9 < 0.9 < float(one.style.max()) <= 1  # uniform, as CoGAN's plan draws it
    assert get_difference(cogan.sample(64, domain="a"), one.fake) < 1e-6
    [other] = noisy.plan(noisy.nets, noisy.example_batch(64), streams, False)
    assert float(other.style.std()) == pytest.approx(1, abs=0.2)
    assert get_difference(noisy.sample(64), other.fake) < 1e-6


def test_the_same_noise_in_two_domains_gives_a_pair() -> None:
    model = build_cogan().eval()
    generators: Any = model.slot("generator")
    generators["b"].load_state_dict(generators["a"].state_dict())
    assert torch.equal(model.sample(2, domain="a"), model.sample(2, domain="b"))


def test_a_given_style_replaces_the_draw() -> None:
    model = build_cogan().eval()
    noise = torch.rand(2, 8) * 2 - 1
    with torch.no_grad():
        expected = model.nets.net("generator", "b")(Code(style=noise))
    assert torch.equal(model.sample(2, domain="b", style=noise), expected)
    assert get_difference(model.sample(2, domain="b", style=noise[0]), expected[[0, 0]]) < 1e-6


def test_images_are_generated_for_given_labels() -> None:
    model = build_noisy(labels=LABELS)
    whole = model.sample(2, domain=BLOND)
    assert torch.equal(whole, model.sample(2, domain=model.domain.encode(BLOND)))
    rows = model.sample(2, domain=[BLOND, {"hair": "red", "glasses": "yes"}])
    assert get_difference(rows[0], whole[0]) < 1e-6 < get_difference(rows[1], whole[1])
    long = model.sample(40, domain=BLOND)
    assert get_difference(long[:2], whole) < 1e-6


def test_truncation_moves_styles_towards_their_average() -> None:
    model = build_noisy(generator={"noise": 0.0}).double()
    average = model.decode(ConditionedCode(style=model.slot("conditioner").get_buffer("average_style")[None]))
    distances = [get_difference(model.sample(1, truncation=each), average) for each in (1.0, 0.5, 0.0)]
    assert distances[0] > distances[1] > distances[2]
    assert distances[2] < 1e-10
    assert get_difference(model.sample(2, truncation=1), model.sample(2)) < 1e-10


def test_the_model_stays_in_training_mode() -> None:
    model = build_noisy().train()
    assert not model.sample(1).requires_grad
    assert model.training


def test_row_keys_must_match_the_rows() -> None:
    with pytest.raises(PlanError, match=r'"alpha" has the shape \[2, 3\]; expected one row for each of 3 images'):
        RandomStreams(rows=(0, 1, 2)).normal("alpha", (2, 3))


STARGAN: dict[str, Any] = {"labels": {"male": bool}, "generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 2}}
REFUSED: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    (build_cogan, {}, OptionError, "domain= is not given.*Available: a, b"),
    (build_cogan, {"domain": "c"}, UnknownNameError, 'No domain of this model is called "c"'),
    (build_cogan, {"domain": 3}, OptionError, "domain=3 is not the name of a domain"),
    (build_cogan, {"domain": "a", "truncation": 0.7}, OptionError, "truncation=0.7: it has no conditioner"),
    (build_cogan, {"domain": "a", "style": torch.zeros(3, 8)}, OptionError, r"style= has the shape \[3, 8\]; expected \[8\], or \[2, 8\]"),
    (build_cogan, {"domain": "a", "style": "x"}, OptionError, "style= must be a tensor.*found str"),
    (build_noisy, {"domain": "a"}, OptionError, "domain='a': it has no domains and no labels"),
    (build_noisy, {"truncation": "much"}, OptionError, "truncation='much'.*number"),
    (build_noisy, {"n": 0}, OptionError, "n=0 is out of range"),
    (build_noisy, {"batch": 0}, OptionError, "batch=0 is out of range"),
    (lambda: build_noisy(labels=LABELS), {}, OptionError, 'domain= is not given.*domain={"hair": "red", "glasses": "yes"}'),
    (lambda: build_noisy(labels=LABELS), {"domain": "red"}, OptionError, "does not name its attribute"),
    (lambda: build_noisy(labels=LABELS), {"domain": {"hair": "red"}}, LabelError, 'no value of "glasses". Available: no, yes'),
    (lambda: build_noisy(labels=LABELS), {"domain": [1.0]}, LabelError, r"domain= has shape \[2, 1\]; expected \[2, 4\]"),
    (lambda: build("stargan", size=16, **STARGAN), {}, OptionError, '"stargan" does not generate images from noise.*model.translate'),
]  # fmt: skip


@pytest.mark.parametrize(("make", "options", "error", "text"), REFUSED, ids=[text[:30] for *_, text in REFUSED])
def test_bad_options_are_named(make: Any, options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make().sample(**{"n": 2, **options})
