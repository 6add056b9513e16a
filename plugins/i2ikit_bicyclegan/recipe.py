"""Recipes of BicycleGAN: the settings of the paper, the methods that it compares with, and a fast variant. Does not import torch."""

from __future__ import annotations

from attrs import evolve

from i2ikit import ImageSpec, Optimizer, Player, Recipe, Schedule, Slot, Term

ADAM = Optimizer("adam", lr=2e-4, betas=(0.5, 0.999))
STYLE_WIDTH = 8

_ENCODED = {
    "adversarial_encoded": Term("lsgan_generator_loss", translations="encoded"),
    "l1": Term("l1_loss", 10.0, translations="encoded"),
}
_KL = {"kl": Term("style_kl_loss", 0.01, translations="encoded")}
_RANDOM = {"adversarial_random": Term("lsgan_generator_loss", options={"discriminator": "discriminator_random"}, translations="random")}
_LATENT = {"latent": Term("latent_loss", 0.5, translations="random")}
_ON_ENCODED = {"encoded": Term("lsgan_discriminator_loss", translations="encoded")}
_ON_RANDOM = {"random": Term("lsgan_discriminator_loss", options={"discriminator": "discriminator_random"}, translations="random")}

_TRANSLATOR = Player("translator", ("encoder", "generator", "style_encoder"), {**_ENCODED, **_RANDOM, **_KL, **_LATENT}, optimizer=ADAM)
_DISCRIMINATOR = Player("discriminator", ("discriminator", "discriminator_random"), {**_ON_ENCODED, **_ON_RANDOM}, optimizer=ADAM)


def _make_discriminator_slot(width: int, scales: int) -> Slot:
    options = {"width": width, "depth": 3, "norm": "instance", "scales": scales, "narrower": True}
    return Slot("patch_discriminator", options, role="discriminator")


BICYCLEGAN = Recipe(
    name="bicyclegan",
    description="BicycleGAN: multimodal paired translation; the style is sampled from the prior or encoded from a reference image.",
    paper="Toward Multimodal Image-to-Image Translation (Zhu et al., 2017)",
    slots={
        "encoder": Slot("identity_encoder"),
        "generator": Slot("bicyclegan_generator", {"width": 64}),
        "style_encoder": Slot("bicyclegan_style_encoder", {"width": 64}, role="encoder"),
        "discriminator": _make_discriminator_slot(64, 2),
        "discriminator_random": _make_discriminator_slot(64, 2),
    },
    plan="bicyclegan_two_styles",
    plan_options={"style": STYLE_WIDTH},
    players=(_TRANSLATOR, _DISCRIMINATOR),
    image=ImageSpec(3, 256, 256),
    batch=1,
    steps=80_000,
    schedule=Schedule("linear", start=0.5),
    flip=True,
    jitter=30 / 256,
    official={
        "batch": 2,
        "plan_options": {"style": STYLE_WIDTH, "official": True},
        "terms": {"translator/kl": {"official": True}},
    },
)
"""Objective and settings of the paper (sections 3.4 and 4). Settings that the paper does not state are those of the original code."""


def _make_variant(
    name: str, description: str, translator: dict[str, Term], discriminator: dict[str, Term], *without: str, **overrides: object
) -> Recipe:
    """Return BicycleGAN with other terms and without the slots ``without``."""
    slots = {name: slot for name, slot in BICYCLEGAN.slots.items() if name not in without}
    players = (
        Player("translator", tuple(name for name in _TRANSLATOR.trains if name in slots), translator, optimizer=ADAM),
        Player("discriminator", tuple(name for name in _DISCRIMINATOR.trains if name in slots), discriminator, optimizer=ADAM),
    )
    return evolve(BICYCLEGAN, name=name, description=description, slots=slots, players=players, **{"official": {}, **overrides})  # type: ignore[arg-type]


CVAE_GAN = _make_variant(
    "cvae-gan",
    "cVAE-GAN: the first half of BicycleGAN, with the encoded style of the target and a KL divergence to the prior (section 3.2).",
    {**_ENCODED, **_KL},
    _ON_ENCODED,
    "discriminator_random",
)

CVAE_GAN_PLUS = _make_variant(
    "cvae-gan++",
    "cVAE-GAN++: cVAE-GAN with an adversarial loss also for translations with styles from the prior (section 5).",
    {**_ENCODED, **_RANDOM, **_KL},
    {**_ON_ENCODED, **_ON_RANDOM},
)

CAE_GAN = _make_variant(
    "cae-gan",
    "cAE-GAN: cVAE-GAN with a deterministic encoder and without the KL divergence to the prior (section 5).",
    _ENCODED,
    _ON_ENCODED,
    "discriminator_random",
    plan_options={"style": STYLE_WIDTH, "sample": False},
)

CLR_GAN = _make_variant(
    "clr-gan",
    "cLR-GAN: the second half of BicycleGAN; the encoder recovers a style from the prior from the translation (section 3.3).",
    {"adversarial": Term("lsgan_generator_loss"), "latent": Term("latent_loss", 0.5, {"fixed": False})},
    {"adversarial": Term("lsgan_discriminator_loss")},
    "discriminator_random",
    plan="paired",
)

PIX2PIX_NOISE = _make_variant(
    "pix2pix+noise",
    "pix2pix+noise: pix2pix with a style from the prior as an additional input, and no loss on the style (section 3.1).",
    {"adversarial": Term("lsgan_generator_loss"), "l1": Term("l1_loss", 10.0)},
    {"adversarial": Term("lsgan_discriminator_loss")},
    "discriminator_random",
    "style_encoder",
    plan="paired",
)

_FAST = Optimizer("adam", lr=4e-4, betas=(0.5, 0.999))

BICYCLEGAN_FAST = evolve(
    BICYCLEGAN,
    name="bicyclegan-fast",
    description="BicycleGAN with narrow networks for 64 pixels: learns in minutes.",
    slots={
        "encoder": Slot("identity_encoder"),
        "generator": Slot("bicyclegan_generator", {"width": 32, "up": "bilinear"}),
        "style_encoder": Slot("bicyclegan_style_encoder", {"width": 32}, role="encoder"),
        "discriminator": _make_discriminator_slot(32, 1),
        "discriminator_random": _make_discriminator_slot(32, 1),
    },
    players=(evolve(_TRANSLATOR, optimizer=_FAST), evolve(_DISCRIMINATOR, optimizer=_FAST)),
    image=ImageSpec(3, 64, 64),
    batch=8,
    steps=5_000,
    ema=0.998,
    official={},
)
"""The same components for a budget of minutes. docs/systems/bicyclegan.md lists the changes and the reasons."""
