"""The two kinds of data that pass between components: :class:`Code` and :class:`DiscriminatorOutput`."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Posterior(NamedTuple):
    """A diagonal Gaussian distribution of the last map or of the style of a code.

    Shapes:
        mean, logvar: equal shapes [B, ...]
    """

    mean: Tensor
    logvar: Tensor


class Code(NamedTuple):
    """The code of an image: an encoder returns it, a conditioner changes it, and a generator makes an image from it.

    Shapes:
        maps: feature maps from fine to coarse, each [B, C, H, W]; may be empty
        style: [B, S] or [B, V, S], or None
        posterior: the distribution from which a variational encoder sampled, or None
    """

    maps: tuple[Tensor, ...] = ()
    style: Tensor | None = None
    posterior: Posterior | None = None

    def __repr__(self) -> str:
        """Return shapes instead of all values."""
        maps = ", ".join(str(list(each.shape)) for each in self.maps) or "none"
        style = "none" if self.style is None else list(self.style.shape)
        posterior = "" if self.posterior is None else f", posterior {list(self.posterior.mean.shape)}"
        return f"{type(self).__name__}(maps {maps}, style {style}{posterior})"


class ConditionedCode(Code):
    """A code that is conditioned on its target already: what the generator takes, such as StyleGAN's styles w. ``decode`` keeps it so."""

    __slots__ = ()


class DiscriminatorOutput(NamedTuple):
    """The output of a discriminator for a batch of images.

    Shapes:
        scores: one tensor for each scale, [B, 1, H, W] or [B, 1], unbounded; a higher score means more real
        domain_logits: one logit for each label entry except the mask entries, [B, D], or None
        features: for each scale, the hidden feature maps from the first layer to the last; may be empty
    """

    scores: tuple[Tensor, ...]
    domain_logits: Tensor | None = None
    features: tuple[tuple[Tensor, ...], ...] = ()

    def __repr__(self) -> str:
        """Return shapes and mean scores instead of the scores of all pixels."""
        scores = ", ".join(f"{list(each.shape)}{_format_mean(each)}" for each in self.scores) or "none"
        maps = ", ".join(str(len(each)) for each in self.features)
        parts = [f"scores {scores}", f"domain_logits {'none' if self.domain_logits is None else list(self.domain_logits.shape)}"]
        return f"DiscriminatorOutput({', '.join([*parts, *([f'features {maps}'] if maps else [])])})"


def _format_mean(tensor: Tensor) -> str:
    try:
        return f" mean {float(tensor.detach().float().mean()):.4g}"
    except (RuntimeError, NotImplementedError):  # a tensor without values, as on the meta device
        return ""
