"""Scores of a discriminator outside of a step: one network per domain, further inputs, codes, and refused calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from published_specs import StyleDiscriminator, StyleEncoder
from toy_plugins import make_plugin, make_registry

from i2ikit import Code, Component, Model, Player, Recipe, Slot, Term, Translation, build, default_registry
from i2ikit.errors import I2IKitError

TINY: dict[str, Any] = {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 2}, "size": 32}
IMAGES = torch.linspace(-1, 1, 2 * 3 * 32 * 32).reshape(2, 3, 32, 32)


def make_cyclegan() -> Model:
    return build("cyclegan", **TINY)


def make_maps() -> Model:
    return build("pix2pix", **{**TINY, "generator": {"width": 4}}, source_channels=5, source_content="label_map")


def make_stargan() -> Model:
    return build("stargan-fast", **TINY)


def code_loss(t: Translation) -> torch.Tensor:
    """Return the mean score of the codes of the source images."""
    return t.discriminate("code").scores[0].mean()


def make_code_model() -> Model:
    roles = {"encoder": StyleEncoder, "discriminator": StyleDiscriminator}
    parts = [Component(f"style_{role}", role, f"published_specs:{part.__name__}", "A part.") for role, part in roles.items()]  # type: ignore[arg-type]
    parts += [Component("noisy_generator", "generator", "published_specs:NoisyGenerator", "A part.")]
    recipe = Recipe(
        "codes",
        {"encoder": Slot("style_encoder"), "generator": Slot("noisy_generator"), "discriminator": Slot("style_discriminator")},
        "images",
        (
            Player("translator", ("encoder", "generator"), {"l1": Term("l1")}),
            Player("discriminator", ("discriminator",), {"codes": Term(code_loss)}),
        ),
    )
    loss = Component("l1", "loss", default_registry().component("l1_loss").factory, "L1.")
    return build(recipe, registry=make_registry(parts=make_plugin([*parts, loss])), size=32)


def test_each_domain_has_its_discriminator() -> None:
    model = make_cyclegan()
    for domain in ("horse", "zebra"):
        assert torch.equal(model.discriminate(IMAGES, domain=domain).scores[0], model.discriminator[domain].eval()(IMAGES).scores[0])


def test_a_conditional_discriminator_gets_the_source_as_maps_and_the_image_as_a_picture() -> None:
    model = make_maps()
    maps = torch.eye(5)[torch.arange(2 * 32 * 32).remainder(5)].reshape(2, 32, 32, 5).permute(0, 3, 1, 2)
    found = model.discriminate(IMAGES, source=maps).scores[0]
    assert torch.equal(found, model.discriminator.eval()(IMAGES, source=maps).scores[0])


def test_the_label_is_given_as_values() -> None:
    model = make_stargan()
    values = {"hair": "black", "male": True, "young": False}
    label = torch.tensor([model.domain.encode(values)] * 2)
    found = model.discriminate(IMAGES, domain=values).scores[0]
    assert torch.equal(found, model.discriminator.eval()(IMAGES, label=label).scores[0])
    assert not torch.equal(found, model.discriminate(IMAGES).scores[0])  # the label is optional for StarGAN's discriminator


def test_a_discriminator_of_codes_scores_codes() -> None:
    model = make_code_model()
    code = model.encode(IMAGES)
    assert torch.equal(model.discriminate(code).scores[0], model.discriminator.eval()(code).scores[0])


def test_a_model_stays_in_its_mode_and_records_no_gradients() -> None:
    model = make_cyclegan().train()
    assert not model.discriminate(IMAGES, domain="horse").scores[0].requires_grad
    assert model.training


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (make_cyclegan, {}, r"domain= is not given, .* Available: horse, zebra"),
        (make_cyclegan, {"domain": "zebre"}, r'No domain .* "zebre"\. Did you mean "zebra"'),
        (make_cyclegan, {"slot": "generator"}, r'No discriminator of this model is called "generator"\. Available: discriminator'),
        (make_cyclegan, {"domain": "zebra", "source": IMAGES}, r"does not take the source image\. Leave source= out"),
        (make_maps, {}, r'source= is missing: the discriminator "discriminator" also takes the source image'),
        (make_maps, {"source": IMAGES, "domain": "a"}, r"does not take the label\. Leave domain= out"),
        (make_stargan, {"domain": {"hair": "black"}}, r'gives no value of "male"'),
        (make_stargan, {"image": Code(style=torch.zeros(1, 8))}, r"scores images; found Code\. Give an image"),
        (make_code_model, {}, r"scores codes; found Tensor\. Give a Code, such as model.encode returns"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_wrong_inputs_are_refused(make: Callable[[], Model], arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(I2IKitError, match=message):
        make().discriminate(**{"image": IMAGES, **arguments})
