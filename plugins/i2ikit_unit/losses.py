"""UNIT's KL loss: the prior of the codes is a standard normal distribution."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from i2ikit import Translation
from i2ikit.errors import SpecError
from i2ikit.losses.adversarial import promote_to_float32


def latent_kl_loss(t: Translation, *, view: Literal["code", "recode"] = "code") -> Tensor:
    """KL divergence between the distribution of the code and a standard normal distribution (UNIT, equations 3 and 6).

    Twice the divergence, as the mean over all entries of the code. With UNIT's unit variance this is the mean of the squared means, as in
    the original code. The paper takes the sum over the entries, which differs by a constant factor.

    Args:
        t: The translation.
        view: Which code: "code", that of the source image; or "recode", that of its translation, which the cycle uses.

    Raises:
        SpecError: The encoder does not return a posterior.
    """
    posterior = t.code.posterior if view == "code" else t.recode.posterior
    if posterior is None:
        raise SpecError(
            '"latent_kl_loss" requires an encoder that returns a posterior; found none. Use a variational encoder, such as "unit_encoder".'
        )
    mean, logvar = promote_to_float32(posterior.mean), promote_to_float32(posterior.logvar)
    return (mean.square() + logvar.exp() - logvar - 1).mean()
