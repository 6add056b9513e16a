"""BicycleGAN equals a BicycleGAN written by hand, in forward passes and after training steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from bicyclegan_by_hand import BicycleGAN, discriminate, encode, generate
from core.toys.assembly import Calls
from torch import Tensor

from i2ikit import Code, Model, build
from i2ikit_bicyclegan.official import export_official

WIDTHS = {"generator": 2, "style_encoder": 2, "discriminator": 4, "discriminator_random": 4}
WITHOUT = {"cvae-gan": ("discriminator_random",), "cae-gan": ("discriminator_random",), "clr-gan": ("discriminator_random",)}
WITHOUT["pix2pix+noise"] = ("discriminator_random", "style_encoder")


def build_small(name: str = "bicyclegan", **overrides: Any) -> Model:
    """Build a small BicycleGAN in double precision, with perturbed initial weights."""
    slots = {slot: {"width": width, **overrides.pop(slot, {})} for slot, width in WIDTHS.items() if slot not in WITHOUT.get(name, ())}
    slots["generator"] = {"depth": 4, **slots["generator"]}
    for discriminator in ("discriminator", "discriminator_random"):
        if discriminator in slots:
            slots[discriminator] = {"depth": 2, **slots[discriminator]}
    plan = {} if "plan_options" in overrides else {"style": 3}
    model = build(name, **{"size": 32, "schedule": "constant", **plan, **overrides}, **slots)
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.nets.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return model.double()


def make_batch(model: Model, rows: int = 2, seed: int = 0) -> dict[str, Tensor]:
    return {name: tensor.double() for name, tensor in model.example_batch(rows, seed=seed).items()}


def build_by_hand(model: Model, **weights: Any) -> BicycleGAN:
    state = export_official(model)
    random = state.get("discriminator_random", state["discriminator"])
    return BicycleGAN(state["generator"], state.get("encoder"), state["discriminator"], random, **weights)


def assert_equal_weights(model: Model, by_hand: BicycleGAN) -> None:
    state = export_official(model)
    theirs = {"generator": "g", "encoder": "e", "discriminator": "d" if by_hand.encoded else "d2", "discriminator_random": "d2"}
    for part, own in state.items():
        for key, tensor in by_hand.nets[theirs[part]].items():
            # A bias before an instance norm has gradient zero; its step of Adam depends on rounding.
            idle = by_hand.adams[theirs[part]].v[key].max() < 1e-20
            tolerance = 1e-7 if idle else 1e-10
            torch.testing.assert_close(own[key], tensor.detach(), rtol=0, atol=tolerance, msg=lambda text, key=key: f"{key}: {text}")


GENERATORS: list[dict[str, Any]] = [
    {},
    {"style_placement": "input"},
    {"norm": "batch", "depth": 3},
    {"up": "bilinear", "depth": 5},
    {"style_placement": "input", "up": "bilinear", "norm": "batch"},
]


@pytest.mark.parametrize("options", GENERATORS, ids=str)
def test_the_generator_equals_the_one_written_by_hand(options: dict[str, Any]) -> None:
    model = build_small(source_channels=1, generator=options)
    image, z = make_batch(model)["image"], torch.randn(2, 3, dtype=torch.float64)
    fake = model.slot("generator")(Code((image,), z))
    torch.testing.assert_close(fake, generate(export_official(model)["generator"], image, z), rtol=0, atol=1e-10)
    assert (fake[0] - fake[1]).std() > 1e-3


@pytest.mark.parametrize(
    "options", [{"depth": 3}, {"norm": "batch", "depth": 2}, {"architecture": "conv", "depth": 3}, {"depth": 5}], ids=str
)
def test_the_style_encoder_equals_the_one_written_by_hand(options: dict[str, Any]) -> None:
    model = build_small(size=64, style_encoder=options)
    image = make_batch(model)["target"]
    code = model.slot("style_encoder")(image)
    for ours, theirs in zip(code.posterior, encode(export_official(model)["encoder"], image), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)
    assert code.style is code.posterior.mean


@pytest.mark.parametrize("options", [{}, {"scales": 1, "depth": 3}, {"scales": 3, "depth": 1}], ids=str)
def test_the_discriminator_equals_the_one_written_by_hand(options: dict[str, Any]) -> None:
    model = build_small(discriminator=options)
    image = make_batch(model)["target"]
    scores = model.slot("discriminator")(image).scores
    for ours, theirs in zip(scores, discriminate(export_official(model)["discriminator"], image), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "overrides", "weights", "how"),
    [
        ("bicyclegan", {}, {}, {}),
        (
            "bicyclegan",
            {"generator": {"style_placement": "input"}, "style_encoder": {"architecture": "conv"}, "source_channels": 1},
            {},
            {},
        ),
        ("cvae-gan", {}, {"random": 0, "latent": 0}, {}),
        ("cvae-gan++", {}, {"latent": 0}, {}),
        ("cae-gan", {"plan_options": {"style": 3, "sample": False}}, {"random": 0, "latent": 0, "kl": 0}, {}),
        ("clr-gan", {}, {"encoded": 0, "latent_reaches_encoder": True}, {}),
        ("pix2pix+noise", {}, {"encoded": 0, "latent": 0}, {"l1_on_random": True}),
    ],
    ids=["paper", "input", "cvae", "cvae++", "cae", "clr", "noise"],
)
def test_two_steps_equal_those_written_by_hand(name: str, overrides: Any, weights: Any, how: Any) -> None:
    model = build_small(name, **overrides)
    by_hand = build_by_hand(model, **weights)
    start = {key: tensor.clone() for key, tensor in model.nets.state_dict().items()}
    for index in range(2):
        batch = make_batch(model, seed=index)
        noise, z = torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(index)).double()
        single = name in ("clr-gan", "pix2pix+noise")
        sampled = {} if name == "cae-gan" else {"encoded/style": noise}
        model.step(batch, draws={"style": z} if single else {**sampled, "random/style": z})
        by_hand.step(batch["image"], batch["target"], noise * (name != "cae-gan"), z, **how)
    assert_equal_weights(model, by_hand)
    unchanged = {key for key, weight in model.nets.named_parameters() if torch.equal(weight, start[key])}
    assert unchanged == ({"style_encoder.logvar.weight", "style_encoder.logvar.bias"} if name in ("cae-gan", "clr-gan") else set())


def test_official_steps_split_the_batch_and_sum_the_kl_divergence() -> None:
    model = build_small(official=True, plan_options={"style": 3, "official": True})
    assert model.recipe.batch == 2
    by_hand = build_by_hand(model)
    for index in range(2):
        batch = make_batch(model, 4, seed=index)
        noise, z = torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(index)).double()
        model.step(batch, draws={"encoded/style": noise, "random/style": z})
        by_hand.step(batch["image"][:2], batch["target"][:2], noise, z, reference=batch["target"][2:], sum_kl=True)
    assert_equal_weights(model, by_hand)


def test_the_comparison_detects_a_latent_loss_that_trains_the_encoder() -> None:
    model = build_small(terms={"translator/latent": {"fixed": False}})
    by_hand = build_by_hand(model)
    batch = make_batch(model)
    noise, z = torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(0)).double()
    model.step(batch, draws={"encoded/style": noise, "random/style": z})
    by_hand.step(batch["image"], batch["target"], noise, z)
    with pytest.raises(AssertionError, match=r"fc\.0|conv\."):
        assert_equal_weights(model, by_hand)


def test_the_latent_loss_trains_the_generator_alone_without_an_extra_backward_pass() -> None:
    others = ("adversarial_encoded", "adversarial_random", "l1", "kl")
    model = build_small(terms={f"translator/{name}": None for name in others})
    start = {key: tensor.clone() for key, tensor in model.nets.state_dict().items()}
    model.step(make_batch(model))
    moved = {key.partition(".")[0] for key, weight in model.nets.named_parameters() if not torch.equal(weight, start[key])}
    assert moved == {"generator", "discriminator", "discriminator_random"}
    assert all(weight.requires_grad for weight in model.nets.parameters())
    terms = build_small().recipe.player("translator").terms
    assert all(term.updates is None for term in terms.values())


def test_no_view_is_computed_twice_and_none_without_need() -> None:
    counts = {
        "bicyclegan": {"encoder": 1, "generator": 2, "style_encoder": 2, "discriminator": 3, "discriminator_random": 3},
        "cvae-gan": {"encoder": 1, "generator": 1, "style_encoder": 1, "discriminator": 3},
        "cvae-gan++": {"encoder": 1, "generator": 2, "style_encoder": 1, "discriminator": 3, "discriminator_random": 3},
        "clr-gan": {"encoder": 1, "generator": 1, "style_encoder": 1, "discriminator": 3},
        "pix2pix+noise": {"encoder": 1, "generator": 1, "discriminator": 3},
    }
    for name, expected in counts.items():
        model = build_small(name)
        calls = Calls(model)
        model.step(make_batch(model))
        assert calls.pop_counts()[0] == expected, name
