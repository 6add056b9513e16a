"""Recipes of CycleGAN: the settings of the paper, with identity loss, and a small one that learns in minutes. Does not import torch."""

from __future__ import annotations

from i2ikit import ImageSpec, Optimizer, Player, Recipe, Schedule, Slot, Term

ADAM = Optimizer("adam", lr=2e-4, betas=(0.5, 0.999))

CYCLEGAN = Recipe(
    name="cyclegan",
    description="CycleGAN: unpaired translation between two domains, with one generator per direction and a cycle-consistency loss.",
    paper="Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks (Zhu et al., 2017)",
    slots={
        "encoder": Slot("identity_encoder"),
        "generator": Slot("cyclegan_generator", {"width": 64}, per="pair"),
        "discriminator": Slot("patch_discriminator", {"width": 64, "depth": 3}, per="domain"),
    },
    plan="unpaired",
    players=(
        Player(
            "translator",
            trains=("encoder", "generator"),
            terms={
                "adversarial": Term("lsgan_generator_loss"),
                "cycle": Term("cycle_loss", 10.0),
            },
            optimizer=ADAM,
        ),
        Player(
            "discriminator",
            trains=("discriminator",),
            terms={"adversarial": Term("lsgan_discriminator_loss", 0.5)},
            optimizer=ADAM,
            pool=50,
        ),
    ),
    image=ImageSpec(3, 256, 256),
    labels=("horse", "zebra"),
    batch=1,
    steps=240_000,
    schedule=Schedule("linear", start=0.5),
    flip=True,
    jitter=30 / 256,
    official={"terms": {"translator/identity": Term("identity_loss", 5.0)}},
)
"""Networks, losses and settings of the paper (sections 3 and 4, appendix 7). The steps are its 200 epochs for 1,200 images."""


def make_official_terms(lambda_a: float = 10.0, lambda_b: float = 10.0, lambda_identity: float = 0.5) -> dict[str, Term]:
    """Return terms with the three loss weights of the original code: ``build("cyclegan", terms=make_official_terms(10, 5))``.

    ``lambda_a`` is the weight of the cycle loss that starts in the first domain, ``lambda_b`` of the one that starts in the second. The
    identity loss has the weight ``lambda_identity * lambda_b`` for the generator to the second domain, and
    ``lambda_identity * lambda_a`` for the other.
    """
    terms = {
        "translator/cycle": Term("cycle_loss", lambda_a, translations="forward"),
        "translator/cycle_backward": Term("cycle_loss", lambda_b, translations="backward"),
    }
    if lambda_identity:
        terms["translator/identity"] = Term("identity_loss", lambda_identity * lambda_b, translations="forward")
        terms["translator/identity_backward"] = Term("identity_loss", lambda_identity * lambda_a, translations="backward")
    return terms


IDENTITY = CYCLEGAN.with_overrides(
    terms={"translator/identity": Term("identity_loss", 5.0)},
    name="cyclegan-identity",
    description="CycleGAN with the identity loss, which preserves colours: a generator must not change images of its target domain.",
    labels=("monet", "photo"),
    official={},
)
"""Identity loss with half the weight of the cycle loss: the paper's setting for paintings to photos, and the original code's default."""

FAST = CYCLEGAN.with_overrides(
    name="cyclegan-fast",
    description="CycleGAN with narrow networks for 64 pixels: learns in minutes.",
    generator={"width": 24, "blocks": 4, "up": "nearest"},
    discriminator={"width": 32},
    size=64,
    batch=4,
    steps=10_000,
    ema=0.998,
    official={},
)
"""The same components for a budget of minutes on a CPU."""
