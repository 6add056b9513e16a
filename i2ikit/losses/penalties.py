"""Gradient penalties on the discriminator. They run in float32 and call the discriminator eagerly, not compiled."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor

from i2ikit.core.translation import Translation
from i2ikit.losses.adversarial import promote_to_float32


def gradient_penalty_loss(t: Translation, *, discriminator: str = "discriminator", eps: float = 0.0) -> Tensor:
    """Gradient penalty of WGAN-GP: squared distance of the discriminator's gradient norm from 1 (Gulrajani et al. 2017, equation 3).

    The gradient is taken at ``alpha * real + (1 - alpha) * fake``, with one uniform alpha per image from the random stream "alpha". It is
    the gradient of the sum of all scores of an image, over patches and scales. The penalty is the mean of ``(norm - 1) ** 2`` over the
    batch.

    Args:
        t: The translation.
        discriminator: Slot of the discriminator.
        eps: Added to the squared norm before the square root. The default is 0, as in the usual code. The square root has an infinite slope
            at 0, so with eps 0 a gradient of exactly zero makes the step non-finite. Allowed: 0 or more.
    """
    real, fake = promote_to_float32(t.reference), promote_to_float32(t.fake.detach())
    alpha = t.uniform("alpha", 1, 1, 1)
    mixed = alpha * real + (1 - alpha) * fake
    gradient = _compute_gradient(t, mixed, "fake", discriminator)
    norm = (gradient.flatten(1).square().sum(1) + eps).sqrt()
    return (norm - 1).square().mean()


def r1_loss(t: Translation, *, discriminator: str = "discriminator", factor: float = 0.5) -> Tensor:
    """R1 penalty: squared gradient of the discriminator on real images (Mescheder et al. 2018, equation 9).

    The squared gradient is summed over each image and averaged over the batch.

    Args:
        t: The translation.
        discriminator: Slot of the discriminator.
        factor: Factor of the mean. The paper's factor is gamma / 2: with the default 0.5, the weight of the term is gamma. Allowed: any
            number.
    """
    gradient = _compute_gradient(t, promote_to_float32(t.reference), "reference", discriminator)
    return factor * gradient.flatten(1).square().sum(1).mean()


def _compute_gradient(t: Translation, image: Tensor, view: str, discriminator: str) -> Tensor:
    image = image.detach().requires_grad_()
    with _disable_autocast(image.device.type), _force_eager():
        scores = t.discriminate_image(image, view, discriminator).scores
        total = torch.stack([promote_to_float32(score).sum() for score in scores]).sum()
        (gradient,) = torch.autograd.grad(total, image, create_graph=True)
    return gradient


def _disable_autocast(device: str) -> AbstractContextManager[Any]:
    # A rehearsal runs on the meta device, which does not support autocast.
    return torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext()


@contextmanager
def _force_eager() -> Iterator[None]:
    # Compiled code has no second derivative. set_stance imports dynamo, so it is used only if dynamo is already loaded.
    if "torch._dynamo" not in sys.modules:
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield
