"""Filters for upfirdn."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from i2ikit.errors import OptionError, SpecError


def fir_filter(
    taps: Sequence[float] | Sequence[Sequence[float]] | Tensor,
    *,
    normalize: bool = True,
    flip: bool = False,
    gain: float = 1.0,
    separable: bool | None = None,
) -> Tensor:
    """Make a filter out of its taps.

    Args:
        taps: One axis, which stands for both, or two.
        normalize: Divide by the sum, so that a constant image keeps its value.
        flip: Turn the filter around.
        gain: Multiplies what an image is filtered to; for a separable filter it is split between its two passes.
        separable: Keep one axis as one, to be applied twice; where None, from 8 taps on, below which one pass is faster.

    Returns:
        [k] or [kh, kw], float32.

    Raises:
        ValueError: The taps have no or more than two axes, are empty, or sum to zero where they are to be normalised.

    Example:
        >>> from i2ikit import ops
        >>> ops.fir_filter([1, 2, 1])
        tensor([[0.0625, 0.1250, 0.0625],
                [0.1250, 0.2500, 0.1250],
                [0.0625, 0.1250, 0.0625]])
    """
    fir = torch.as_tensor(taps, dtype=torch.float32, device=None if isinstance(taps, Tensor) else "cpu")
    if fir.ndim not in {1, 2} or fir.numel() == 0:
        raise SpecError(f"fir_filter: taps have shape {list(fir.shape)}; they have to be [k] or [kh, kw], with one at least.")
    if fir.ndim == 1 and not (len(fir) >= 8 if separable is None else separable):
        fir = torch.outer(fir, fir)
    if normalize:
        if fir.sum() == 0:
            raise OptionError("fir_filter: the taps sum to zero and cannot be normalised. Pass normalize=False.")
        fir = fir / fir.sum()
    if flip:
        fir = fir.flip(tuple(range(fir.ndim)))
    return fir * float(gain ** (fir.ndim / 2))


def lowpass_filter(taps: int, cutoff: float, width: float, rate: float, *, radial: bool = False) -> Tensor | None:
    """Design a low-pass filter by a Kaiser window (Kaiser 1974), as StyleGAN3 does (Karras et al. 2021, appendix C.1).

    Args:
        taps: Length of the filter; 1 gives None, no filter.
        cutoff: Frequency at which half the amplitude is left.
        width: Width of the transition band around it, in the unit of ``rate``.
        rate: Sampling rate.
        radial: Make a circular filter [taps, taps] in place of a separable one (the same, appendix C.2).

    Returns:
        [taps], or [taps, taps], float32, of sum 1; or None.

    Raises:
        ValueError: No taps, or a cutoff that is not between zero and half the rate.
    """
    if taps < 1:
        raise OptionError(f"lowpass_filter: taps is {taps}; it has to be at least 1.")
    if taps == 1:
        return None
    if not 0 < cutoff < rate / 2 or width <= 0:
        raise OptionError(
            f"lowpass_filter: cutoff is {cutoff} and width {width}; for a rate of {rate} the cutoff has to lie between 0 and {rate / 2}, "
            "and the width above 0."
        )
    # Kaiser's estimate of the attenuation in dB that so many taps reach for this width, and of the window's shape for it.
    attenuation = 2.285 * (taps - 1) * math.pi * width / (rate / 2) + 7.95
    window = torch.kaiser_window(taps, periodic=False, beta=_kaiser_shape(attenuation), dtype=torch.float64)
    place = torch.arange(taps, dtype=torch.float64) - (taps - 1) / 2
    edge = 2 * cutoff / rate
    if not radial:
        fir = edge * torch.sinc(edge * place) * window
        return (fir / fir.sum()).float()
    radius = torch.hypot(place[:, None], place[None, :])
    # The inverse Fourier transform of a disc: a Bessel function of the first order over the radius, and its limit in the middle.
    argument = math.pi * edge * radius
    disc = torch.where(radius > 0, torch.special.bessel_j1(argument) / radius.clamp(min=1e-12), math.pi * edge / 2)
    fir = disc * window[:, None] * window[None, :]
    return (fir / fir.sum()).float()


def _kaiser_shape(attenuation: float) -> float:
    if attenuation > 50:
        return 0.1102 * (attenuation - 8.7)
    if attenuation > 21:
        return float(0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21))
    return 0.0
