"""UNIT's prior: codes are normal numbers."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from i2ikit import Translation
from i2ikit.errors import SpecError
from i2ikit.losses.adversarial import precise


def latent_kl_loss(t: Translation, *, of: Literal["code", "recode"] = "code") -> Tensor:
    """Codes are close to standard normal numbers (UNIT, equations 3 and 6).

    Twice the Kullback-Leibler divergence from a standard normal distribution, in the mean over all numbers of the code: with UNIT's unit
    variance the mean of the squared means, as in the original code. The paper's sum over all numbers differs by a factor.

    Args:
        t: The translation.
        of: "code", of the source image; or "recode", of its translation, which the cycle passes through.

    Raises:
        SpecError: The encoder gives no posterior.
    """
    posterior = t.code.posterior if of == "code" else t.recode.posterior
    if posterior is None:
        raise SpecError(
            '"latent_kl_loss" needs the posterior of a code, and the encoder gives none. Use a variational one, such as unit_encoder.'
        )
    mean, logvar = precise(posterior.mean), precise(posterior.logvar)
    return (mean.square() + logvar.exp() - logvar - 1).mean()
