"""BiGAN's game. Each translation gives pairs of one kind: forward (a, G(a)), what was drawn, or backward (F(b), b), what was encoded."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit import Translation
from i2ikit.losses.adversarial import precise


def bigan_discriminator_loss(t: Translation, *, discriminator: str = "discriminator") -> Tensor:
    """Scores of backward pairs up, of forward pairs down, as binary cross entropy (Donahue et al. 2017, equation 2).

    Args:
        t: The translation.
        discriminator: The slot of the discriminator.
    """
    return _priced(t, discriminator, 1.0 if _is_forward(t) else -1.0)


def bigan_generator_loss(t: Translation, *, discriminator: str = "discriminator") -> Tensor:
    """Each kind of pair taken for the other, the non-saturating form (Donahue et al. 2017, section 3.4; Dumoulin et al. 2017, section 2.1).

    Args:
        t: The translation.
        discriminator: The slot of the discriminator.
    """
    return _priced(t, discriminator, -1.0 if _is_forward(t) else 1.0)


def _is_forward(t: Translation) -> bool:
    return t.target_name is None or t.target_name != t.nets.domain.names[0]


def _priced(t: Translation, discriminator: str, sign: float) -> Tensor:
    return torch.stack([F.softplus(sign * precise(score)).mean() for score in t.discriminate("fake", by=discriminator).scores]).sum()
