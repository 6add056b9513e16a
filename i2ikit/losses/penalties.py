"""Penalties on the discriminator's gradient with respect to the image. They run in float32 and call the discriminator eagerly."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor

from i2ikit.core.translation import Translation
from i2ikit.losses.adversarial import precise


def gradient_penalty_loss(t: Translation, *, discriminator: str = "discriminator", eps: float = 0.0) -> Tensor:
    """Hold the norm of the discriminator's gradient at 1 between real and fake images (Gulrajani et al. 2017, equation 3).

    The image is ``alpha * real + (1 - alpha) * fake`` with one uniform alpha an image, drawn from the stream "alpha". The gradient is
    that of the sum of all scores of an image, patches and scales included, and the penalty is the mean over the batch of
    ``(norm - 1) ** 2``.

    Args:
        t: The translation.
        discriminator: The slot of the discriminator.
        eps: Added to the squared norm under the root. The usual code has none, and so has the default; the slope of the root at 0 is
            infinite, and a discriminator whose gradient vanishes altogether makes the step not finite.
    """
    real, fake = precise(t.reference), precise(t.fake.detach())
    alpha = t.uniform("alpha", 1, 1, 1)
    between = alpha * real + (1 - alpha) * fake
    gradient = _gradient(t, between, "fake", discriminator)
    norm = (gradient.flatten(1).square().sum(1) + eps).sqrt()
    return (norm - 1).square().mean()


def r1_loss(t: Translation, *, discriminator: str = "discriminator", factor: float = 0.5) -> Tensor:
    """Flatten the discriminator on real images (Mescheder et al. 2018, equation 9).

    The squared gradient is summed over an image and averaged over the batch.

    Args:
        t: The translation.
        discriminator: The slot of the discriminator.
        factor: What the mean is multiplied by. With the default, the weight of the term is the paper's gamma, which stands there as
            gamma / 2.
    """
    gradient = _gradient(t, precise(t.reference), "reference", discriminator)
    return factor * gradient.flatten(1).square().sum(1).mean()


def _gradient(t: Translation, image: Tensor, of: str, discriminator: str) -> Tensor:
    image = image.detach().requires_grad_()
    with _full_precision(image.device.type), _eager():
        scores = t.discriminate_image(image, of, discriminator).scores
        total = torch.stack([precise(score).sum() for score in scores]).sum()
        (gradient,) = torch.autograd.grad(total, image, create_graph=True)
    return gradient


def _full_precision(device: str) -> AbstractContextManager[Any]:
    # A rehearsal runs on the meta device, which has no autocast.
    return torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext()


@contextmanager
def _eager() -> Iterator[None]:
    # Compiled code has no second derivative. Asking dynamo would import it, so it is asked only where somebody compiles.
    if "torch._dynamo" not in sys.modules:
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield
