"""BiGAN's losses. Each translation gives pairs of one kind: forward (a, G(a)), generated, or backward (F(b), b), encoded."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit import Translation
from i2ikit.losses.adversarial import promote_to_float32


def bigan_discriminator_loss(t: Translation, *, discriminator: str = "discriminator") -> Tensor:
    """Binary cross entropy with target 1 for backward pairs and 0 for forward pairs (Donahue et al. 2017, equation 2).

    Args:
        t: The translation.
        discriminator: The slot of the discriminator.
    """
    return _cross_entropy(t, discriminator, 1.0 if _is_forward(t) else -1.0)


def bigan_generator_loss(t: Translation, *, discriminator: str = "discriminator") -> Tensor:
    """Non-saturating loss with exchanged targets of the two kinds (Donahue et al. 2017, section 3.4; Dumoulin et al. 2017, section 2.1).

    Args:
        t: The translation.
        discriminator: The slot of the discriminator.
    """
    return _cross_entropy(t, discriminator, -1.0 if _is_forward(t) else 1.0)


def _is_forward(t: Translation) -> bool:
    return t.target_name is None or t.target_name != t.nets.domain.names[0]


def _cross_entropy(t: Translation, discriminator: str, sign: float) -> Tensor:
    return torch.stack(
        [F.softplus(sign * promote_to_float32(score)).mean() for score in t.discriminate("fake", slot=discriminator).scores]
    ).sum()
