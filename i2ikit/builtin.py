"""What the library brings by itself: a plugin like any other. Hooks only, imports no torch."""

from __future__ import annotations

from i2ikit import Component, hookimpl

_ADVERSARIAL = "i2ikit.losses.adversarial"
_PENALTIES = "i2ikit.losses.penalties"
_RECONSTRUCTION = "i2ikit.losses.reconstruction"

_LOSSES = (
    ("wgan_critic_loss", _ADVERSARIAL, "Wasserstein critic: scores of fakes down, scores of real images up."),
    ("wgan_translator_loss", _ADVERSARIAL, "Wasserstein translator: scores of fakes up."),
    ("lsgan_critic_loss", _ADVERSARIAL, "Least-squares critic: scores of real images to 1, of fakes to 0."),
    ("lsgan_translator_loss", _ADVERSARIAL, "Least-squares translator: scores of fakes to 1."),
    ("hinge_critic_loss", _ADVERSARIAL, "Hinge critic: scores of real images above 1, of fakes below -1."),
    ("hinge_translator_loss", _ADVERSARIAL, "Hinge translator: scores of fakes up."),
    ("logistic_critic_loss", _ADVERSARIAL, "Logistic critic: real or fake as cross entropy."),
    ("logistic_translator_loss", _ADVERSARIAL, "Logistic translator, non-saturating: fakes taken for real."),
    ("gradient_penalty_loss", _PENALTIES, "WGAN-GP: the critic's gradient between real and fake images has norm 1."),
    ("r1_loss", _PENALTIES, "R1: the critic's gradient vanishes on real images."),
    ("cycle_loss", _RECONSTRUCTION, "There and back again gives the image itself."),
    ("recon_loss", _RECONSTRUCTION, "Drawing an image from its own code gives the image itself."),
    ("identity_loss", _RECONSTRUCTION, "An image that is already in the target domain stays as it is."),
    ("l1_loss", _RECONSTRUCTION, "The translation equals the true target."),
)


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the identity encoder and the losses that several families share."""
    identity = Component("identity_encoder", "encoder", "i2ikit.nn.identity:IdentityEncoder", "The image itself is the code, as one map.")
    return [identity, *(Component(name, "loss", f"{module}:{name}", says) for name, module, says in _LOSSES)]
