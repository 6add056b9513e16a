"""BicycleGAN as its paper has it, what the paper compares with, and a variant that learns in minutes. Imports no torch."""

from __future__ import annotations

from attrs import evolve

from i2ikit import ImageSpec, Optimizer, Player, Recipe, Schedule, Slot, Term

ADAM = Optimizer("adam", lr=2e-4, betas=(0.5, 0.999))
STYLE = 8

_ENCODED = {
    "adversarial_encoded": Term("lsgan_generator_loss", translations="encoded"),
    "l1": Term("l1_loss", 10.0, translations="encoded"),
}
_KL = {"kl": Term("style_kl_loss", 0.01, translations="encoded")}
_RANDOM = {"adversarial_random": Term("lsgan_generator_loss", translations="random", discriminator="discriminator_random")}
_LATENT = {"latent": Term("latent_loss", 0.5, translations="random")}
_ON_ENCODED = {"encoded": Term("lsgan_discriminator_loss", translations="encoded")}
_ON_RANDOM = {"random": Term("lsgan_discriminator_loss", translations="random", discriminator="discriminator_random")}

_TRANSLATOR = Player("translator", ("encoder", "generator", "style_encoder"), {**_ENCODED, **_RANDOM, **_KL, **_LATENT}, optimizer=ADAM)
_DISCRIMINATOR = Player("discriminator", ("discriminator", "discriminator_random"), {**_ON_ENCODED, **_ON_RANDOM}, optimizer=ADAM)


def _discriminator_slot(width: int, scales: int) -> Slot:
    return Slot("patch_discriminator", role="discriminator", width=width, depth=3, norm="instance", scales=scales, narrower=True)


BICYCLEGAN = Recipe(
    name="bicyclegan",
    description="Paired translation with many answers: a style is drawn, or read off an example, and no style is ignored.",
    paper="Toward Multimodal Image-to-Image Translation (Zhu et al., 2017)",
    slots={
        "encoder": Slot("identity_encoder"),
        "generator": Slot("bicyclegan_generator", width=64),
        "style_encoder": Slot("bicyclegan_style_encoder", role="encoder", width=64),
        "discriminator": _discriminator_slot(64, 2),
        "discriminator_random": _discriminator_slot(64, 2),
    },
    plan="bicyclegan_two_styles",
    plan_options={"style": STYLE},
    players=(_TRANSLATOR, _DISCRIMINATOR),
    image=ImageSpec(3, 256, 256),
    batch=1,
    steps=80_000,
    schedule=Schedule("linear", start=0.5),
    flip=True,
    jitter=30 / 256,
    official={
        "batch": 2,
        "plan_options": {"style": STYLE, "official": True},
        "terms": {"translator/kl": {"official": True}},
    },
)
"""The paper's objective and numbers (sections 3.4 and 4); what it leaves open is as in the original code."""


def _variant(
    name: str, description: str, translator: dict[str, Term], discriminator: dict[str, Term], *without: str, **changes: object
) -> Recipe:
    """Return BicycleGAN with other terms and without some slots."""
    slots = {slot: filled for slot, filled in BICYCLEGAN.slots.items() if slot not in without}
    players = (
        Player("translator", tuple(slot for slot in _TRANSLATOR.trains if slot in slots), translator, optimizer=ADAM),
        Player("discriminator", tuple(slot for slot in _DISCRIMINATOR.trains if slot in slots), discriminator, optimizer=ADAM),
    )
    return evolve(BICYCLEGAN, name=name, description=description, slots=slots, players=players, **{"official": {}, **changes})  # type: ignore[arg-type]


CVAE_GAN = _variant(
    "cvae-gan",
    "BicycleGAN's first half: the style of the true target, kept close to the prior (section 3.2).",
    {**_ENCODED, **_KL},
    _ON_ENCODED,
    "discriminator_random",
)

CVAE_GAN_PLUS = _variant(
    "cvae-gan++",
    "cVAE-GAN whose translations with styles from the prior are scored too (section 5).",
    {**_ENCODED, **_RANDOM, **_KL},
    {**_ON_ENCODED, **_ON_RANDOM},
)

CAE_GAN = _variant(
    "cae-gan",
    "cVAE-GAN without variation: the style of the true target as it is read, free of the prior (section 5).",
    _ENCODED,
    _ON_ENCODED,
    "discriminator_random",
    plan_options={"style": STYLE, "sample": False},
)

CLR_GAN = _variant(
    "clr-gan",
    "BicycleGAN's second half: a style from the prior is read off the translation again (section 3.3).",
    {"adversarial": Term("lsgan_generator_loss"), "latent": Term("latent_loss", 0.5, fixed=False)},
    {"adversarial": Term("lsgan_discriminator_loss")},
    "discriminator_random",
    plan="paired",
)

PIX2PIX_NOISE = _variant(
    "pix2pix+noise",
    "A style from the prior that nobody asks for: a discriminator and L1 alone (section 3.1).",
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
    description="BicycleGAN's parts, narrower, for 64 pixels: learns in minutes.",
    slots={
        "encoder": Slot("identity_encoder"),
        "generator": Slot("bicyclegan_generator", width=32, up="bilinear"),
        "style_encoder": Slot("bicyclegan_style_encoder", role="encoder", width=32),
        "discriminator": _discriminator_slot(32, 1),
        "discriminator_random": _discriminator_slot(32, 1),
    },
    players=(evolve(_TRANSLATOR, optimizer=_FAST), evolve(_DISCRIMINATOR, optimizer=_FAST)),
    image=ImageSpec(3, 64, 64),
    batch=8,
    steps=5_000,
    ema=0.998,
    official={},
)
"""The same parts for a budget of minutes; docs/systems/bicyclegan.md says what is changed and why."""
