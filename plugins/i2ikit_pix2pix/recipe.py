"""pix2pix as its paper has it, its ablations, and a variant that learns in minutes. Imports no torch."""

from __future__ import annotations

from attrs import evolve

from i2ikit import ImageSpec, Optimizer, Player, Recipe, Schedule, Slot, Term

ADAM = Optimizer("adam", lr=2e-4, betas=(0.5, 0.999))

_CRITIC = Player(
    "critic",
    trains=("discriminator",),
    terms={"adversarial": Term("logistic_critic_loss", 0.5)},  # "we divide the objective by 2 while optimizing D" (section 3.3)
    optimizer=ADAM,
)
_TRANSLATOR = Player(
    "translator",
    trains=("encoder", "generator"),
    terms={"adversarial": Term("logistic_translator_loss"), "l1": Term("l1_loss", 100.0)},
    optimizer=ADAM,
)

PIX2PIX = Recipe(
    name="pix2pix",
    says="Paired translation: a U-Net against a critic that sees source and translation side by side, and L1 to the true target.",
    paper="Image-to-Image Translation with Conditional Adversarial Networks (Isola et al., 2017)",
    slots={
        "encoder": Slot("identity_encoder"),
        "generator": Slot("pix2pix_unet", width=64),
        "discriminator": Slot("patch_critic", width=64, depth=3, norm="batch", conditional=True),
    },
    plan="paired",
    players=(_CRITIC, _TRANSLATOR),
    image=ImageSpec(3, 256, 256),
    batch=1,
    rounds=80_000,
    schedule=Schedule("linear", start=0.5),
    flip=True,
    jitter=30 / 256,
    official={"generator": {"late_dropout": True}},
)
"""The paper's networks, losses and numbers (sections 3 and 3.3, appendix 6); 200 epochs of the 400 facades. The decay is the code's."""

PIX2PIX_L1 = evolve(
    PIX2PIX,
    name="pix2pix-l1",
    says="pix2pix without a critic: L1 to the true target alone, which blurs (the paper's L1).",
    slots={name: PIX2PIX.slots[name] for name in ("encoder", "generator")},
    players=(evolve(_TRANSLATOR, terms={"l1": Term("l1_loss", 100.0)}),),
)

PIX2PIX_GAN = evolve(
    PIX2PIX,
    name="pix2pix-gan",
    says="pix2pix without L1: the conditional critic alone (the paper's cGAN).",
    players=(_CRITIC, evolve(_TRANSLATOR, terms={"adversarial": Term("logistic_translator_loss")})),
)

PIX2PIX_UNCONDITIONAL = evolve(
    PIX2PIX,
    name="pix2pix-unconditional",
    says="pix2pix with a critic that does not see the source (the paper's L1+GAN).",
    slots={**PIX2PIX.slots, "discriminator": Slot("patch_critic", width=64, depth=3, norm="batch", conditional=False)},
)

_FAST = Optimizer("adam", lr=4e-4, betas=(0.5, 0.999))

PIX2PIX_FAST = evolve(
    PIX2PIX,
    name="pix2pix-fast",
    says="pix2pix's parts, narrower, for 64 pixels: learns in minutes.",
    slots={
        "encoder": Slot("identity_encoder"),
        "generator": Slot("pix2pix_unet", width=32, norm="instance", dropout=0.0),
        "discriminator": Slot("patch_critic", width=32, depth=3, norm="instance", conditional=True),
    },
    players=(evolve(_CRITIC, optimizer=_FAST), evolve(_TRANSLATOR, optimizer=_FAST)),
    image=ImageSpec(3, 64, 64),
    batch=8,
    rounds=5_000,
    ema=0.998,
    official={},
)
"""The same parts for a budget of minutes; docs/systems/pix2pix.md says what is changed and why."""
