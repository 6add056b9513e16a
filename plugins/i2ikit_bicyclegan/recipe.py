"""Recipes of BicycleGAN: the settings of the paper, the methods that it compares with, and a fast variant. Does not import torch."""

from __future__ import annotations

from i2ikit import ImageSpec, Optimizer, Player, Recipe, Schedule, Slot, Term

ADAM = Optimizer("adam", lr=2e-4, betas=(0.5, 0.999))
STYLE_WIDTH = 8

_ON_RANDOM = {"discriminator": "discriminator_random"}
_DISCRIMINATOR = Slot(
    "patch_discriminator", {"width": 64, "depth": 3, "norm": "instance", "scales": 2, "narrower": True}, role="discriminator"
)

BICYCLEGAN = Recipe(
    name="bicyclegan",
    description="BicycleGAN: multimodal paired translation; the style is sampled from the prior or encoded from a reference image.",
    paper="Toward Multimodal Image-to-Image Translation (Zhu et al., 2017)",
    slots={
        "encoder": Slot("identity_encoder"),
        "generator": Slot("bicyclegan_generator", {"width": 64}),
        "style_encoder": Slot("bicyclegan_style_encoder", {"width": 64}, role="encoder"),
        "discriminator": _DISCRIMINATOR,
        "discriminator_random": _DISCRIMINATOR,
    },
    plan="bicyclegan_two_styles",
    plan_options={"style": STYLE_WIDTH},
    players=(
        Player(
            "translator",
            trains=("encoder", "generator", "style_encoder"),
            terms={
                "adversarial_encoded": Term("lsgan_generator_loss", translations="encoded"),
                "l1": Term("l1_loss", 10.0, translations="encoded"),
                "adversarial_random": Term("lsgan_generator_loss", options=_ON_RANDOM, translations="random"),
                "kl": Term("style_kl_loss", 0.01, translations="encoded"),
                "latent": Term("latent_loss", 0.5, translations="random"),
            },
            optimizer=ADAM,
        ),
        Player(
            "discriminator",
            trains=("discriminator", "discriminator_random"),
            terms={
                "encoded": Term("lsgan_discriminator_loss", translations="encoded"),
                "random": Term("lsgan_discriminator_loss", options=_ON_RANDOM, translations="random"),
            },
            optimizer=ADAM,
        ),
    ),
    image=ImageSpec(3, 256, 256),
    batch=1,
    steps=80_000,
    schedule=Schedule("linear", start=0.5),
    flip=True,
    jitter=30 / 256,
    official={
        "batch": 2,
        "plan_options": {"style": STYLE_WIDTH, "official": True},
        "terms": {
            "translator/kl": {"official": True},
            "discriminator/encoded": {"fake_first": True},
            "discriminator/random": {"fake_first": True},
        },
    },
)
"""Objective and settings of the paper (sections 3.4 and 4). Settings that the paper does not state are those of the original code."""


CVAE_GAN = BICYCLEGAN.with_overrides(
    name="cvae-gan",
    description="cVAE-GAN: the first half of BicycleGAN, with the encoded style of the target and a KL divergence to the prior "
    "(section 3.2).",
    discriminator_random=None,
    terms={"translator/adversarial_random": None, "translator/latent": None, "discriminator/random": None},
    official={},
)

CVAE_GAN_PLUS = BICYCLEGAN.with_overrides(
    name="cvae-gan++",
    description="cVAE-GAN++: cVAE-GAN with an adversarial loss also for translations with styles from the prior (section 5).",
    terms={"translator/latent": None},
    official={},
)

CAE_GAN = CVAE_GAN.with_overrides(
    name="cae-gan",
    description="cAE-GAN: cVAE-GAN with a deterministic encoder and without the KL divergence to the prior (section 5).",
    terms={"translator/kl": None},
    plan_options={"sample": False},
)

CLR_GAN = BICYCLEGAN.with_overrides(
    name="clr-gan",
    description="cLR-GAN: the second half of BicycleGAN; the encoder recovers a style from the prior from the translation (section 3.3).",
    discriminator_random=None,
    plan="paired",
    players={
        "translator": Player(
            "translator",
            trains=("encoder", "generator", "style_encoder"),
            terms={"adversarial": Term("lsgan_generator_loss"), "latent": Term("latent_loss", 0.5, {"fixed": False})},
            optimizer=ADAM,
        ),
        "discriminator": Player(
            "discriminator", trains=("discriminator",), terms={"adversarial": Term("lsgan_discriminator_loss")}, optimizer=ADAM
        ),
    },
    official={},
)

PIX2PIX_NOISE = CLR_GAN.with_overrides(
    name="pix2pix+noise",
    description="pix2pix+noise: pix2pix with a style from the prior as an additional input, and no loss on the style (section 3.1).",
    style_encoder=None,
    terms={"translator/latent": None, "translator/l1": Term("l1_loss", 10.0)},
)

BICYCLEGAN_FAST = BICYCLEGAN.with_overrides(
    name="bicyclegan-fast",
    description="BicycleGAN with narrow networks for 64 pixels: learns in minutes.",
    generator={"width": 32, "up": "bilinear"},
    style_encoder={"width": 32},
    discriminator={"width": 32, "scales": 1},
    discriminator_random={"width": 32, "scales": 1},
    lr=4e-4,
    size=64,
    batch=8,
    steps=5_000,
    ema=0.998,
    official={},
)
"""The same components for a budget of minutes. docs/systems/bicyclegan.md lists the changes and the reasons."""
