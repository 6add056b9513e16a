"""CycleGAN as its paper has it, with the identity loss, and small enough for minutes. Imports no torch."""

from __future__ import annotations

from attrs import evolve

from i2ikit import ImageSpec, Optimizer, Player, Recipe, Schedule, Slot, Term

ADAM = Optimizer("adam", lr=2e-4, betas=(0.5, 0.999))

CYCLEGAN = Recipe(
    name="cyclegan",
    description="Two domains without pairs: a generator each way, and back again gives the image itself.",
    paper="Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks (Zhu et al., 2017)",
    slots={
        "encoder": Slot("identity_encoder"),
        "generator": Slot("cyclegan_generator", per="pair", width=64),
        "discriminator": Slot("patch_discriminator", per="domain", width=64, depth=3),
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
"""The paper's networks, losses and numbers (sections 3 and 4, appendix 7). It trains for 200 epochs: here those of 1,200 images."""


def with_term(recipe: Recipe, player: str, **terms: Term | None) -> Recipe:
    """Return the recipe with some terms of a player added, changed, or left out where None."""
    found = recipe.player(player)
    kept = {name: term for name, term in {**found.terms, **terms}.items() if term is not None}
    return recipe.with_player(evolve(found, terms=kept))


def official_weights(lambda_a: float = 10.0, lambda_b: float = 10.0, lambda_identity: float = 0.5) -> dict[str, Term]:
    """Return the original code's three weights as terms: ``build("cyclegan", terms=official_weights(10, 5))``.

    The cycle from the first domain weighs ``lambda_a``, the one from the second ``lambda_b``. The identity loss of the generator to the
    second domain, whose images it is given, weighs ``lambda_identity * lambda_b``, the other one ``lambda_identity * lambda_a``.
    """
    terms = {
        "translator/cycle": Term("cycle_loss", lambda_a, translations="forward"),
        "translator/cycle_backward": Term("cycle_loss", lambda_b, translations="backward"),
    }
    if lambda_identity:
        terms["translator/identity"] = Term("identity_loss", lambda_identity * lambda_b, translations="forward")
        terms["translator/identity_backward"] = Term("identity_loss", lambda_identity * lambda_a, translations="backward")
    return terms


IDENTITY = evolve(
    with_term(CYCLEGAN, "translator", identity=Term("identity_loss", 5.0)),
    name="cyclegan-identity",
    description="CycleGAN that keeps colours: an image of the target domain stays as it is.",
    labels=("monet", "photo"),
    official={},
)
"""The identity loss at half the weight of the cycle loss: the paper's for paintings to photos, and the original code's default."""

FAST = evolve(
    CYCLEGAN,
    name="cyclegan-fast",
    description="CycleGAN with narrow networks for images of 64 pixels: learns in minutes.",
    slots={
        "encoder": Slot("identity_encoder"),
        "generator": Slot("cyclegan_generator", per="pair", width=24, blocks=4, up="nearest"),
        "discriminator": Slot("patch_discriminator", per="domain", width=32, depth=3),
    },
    image=ImageSpec(3, 64, 64),
    batch=4,
    steps=10_000,
    ema=0.998,
    official={},
)
"""The same parts for a budget of minutes on a processor."""
