"""The two things that travel between components."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Posterior(NamedTuple):
    """A diagonal Gaussian over the last map or the style of a code.

    Shapes:
        mean, logvar: equal, [B, ...]
    """

    mean: Tensor
    logvar: Tensor


class Code(NamedTuple):
    """What an encoder makes of an image, what a conditioner changes and what a generator draws from.

    Shapes:
        maps: fine to coarse, each [B, C, H, W]; may be empty
        style: [B, S] or [B, V, S], or None
        posterior: the distribution that a variational encoder drew from, or None
    """

    maps: tuple[Tensor, ...] = ()
    style: Tensor | None = None
    posterior: Posterior | None = None


class DiscriminatorOutput(NamedTuple):
    """What a discriminator says of an image.

    Shapes:
        scores: one tensor a scale, each [B, 1, H, W] or [B, 1], unbounded; higher means more real
        domain_logits: logits without the mask entries [B, D], or None
        features: for each scale the hidden maps, early to late; may be empty
    """

    scores: tuple[Tensor, ...]
    domain_logits: Tensor | None = None
    features: tuple[tuple[Tensor, ...], ...] = ()

    def __repr__(self) -> str:
        """Return shapes and mean scores: the numbers of all pixels help nobody."""
        scores = ", ".join(f"{list(each.shape)}{_mean(each)}" for each in self.scores) or "none"
        maps = ", ".join(str(len(each)) for each in self.features)
        parts = [f"scores {scores}", f"domain_logits {'none' if self.domain_logits is None else list(self.domain_logits.shape)}"]
        return f"DiscriminatorOutput({', '.join([*parts, *([f'features {maps}'] if maps else [])])})"


def _mean(tensor: Tensor) -> str:
    try:
        return f" mean {float(tensor.detach().float().mean()):.4g}"
    except (RuntimeError, NotImplementedError):  # without values, as on the meta device
        return ""
