"""Filters for ``upfirdn``."""

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
    """Make a filter from its taps.

    Args:
        taps: [k], the same along both axes, or [kh, kw].
        normalize: Divide by the sum, so that a constant image does not change.
        flip: Reverse the filter along its axes.
        gain: Multiplies the filtered image. A filter [k] is applied twice, and so takes the square root of the gain.
        separable: Return a filter of one axis as [k], to be applied along both axes in turn. None: for 8 taps or more; shorter filters are
            faster in one pass.

    Returns:
        [k] or [kh, kw], float32.

    Raises:
        ValueError: The taps do not have one or two axes, are empty, or sum to zero although they should be normalised.

    Example:
        >>> from i2ikit import ops
        >>> ops.fir_filter([1, 2, 1])
        tensor([[0.0625, 0.1250, 0.0625],
                [0.1250, 0.2500, 0.1250],
                [0.0625, 0.1250, 0.0625]])
    """
    fir = torch.as_tensor(taps, dtype=torch.float32, device=None if isinstance(taps, Tensor) else "cpu")
    if fir.ndim not in {1, 2} or fir.numel() == 0:
        raise SpecError(f"fir_filter: taps have shape {list(fir.shape)}; they must be [k] or [kh, kw], with at least one tap.")
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
    """Design a low-pass filter with a Kaiser window (Kaiser 1974), as in StyleGAN3 (Karras et al. 2021, appendix C.1).

    Args:
        taps: Length of the filter; 1 means no filter, and None is returned.
        cutoff: Frequency at which the amplitude is halved, in the unit of ``rate``.
        width: Width of the transition band around the cutoff, in the unit of ``rate``.
        rate: Sampling rate.
        radial: Return a radially symmetric filter [taps, taps] instead of a separable one (appendix C.2).

    Returns:
        [taps], or [taps, taps] if ``radial``, float32, with sum 1; or None.

    Raises:
        ValueError: ``taps`` is below 1, ``cutoff`` is not between 0 and half the rate, or ``width`` is not above 0.
    """
    if taps < 1:
        raise OptionError(f"lowpass_filter: taps is {taps}; it must be at least 1.")
    if taps == 1:
        return None
    if not 0 < cutoff < rate / 2 or width <= 0:
        raise OptionError(
            f"lowpass_filter: cutoff is {cutoff} and width is {width}; for a rate of {rate} cutoff must be between 0 and {rate / 2}, "
            "and width above 0."
        )
    # Kaiser's estimate of the attenuation in dB for this number of taps and this width, from which the window's shape follows.
    attenuation = 2.285 * (taps - 1) * math.pi * width / (rate / 2) + 7.95
    window = torch.kaiser_window(taps, periodic=False, beta=_get_kaiser_beta(attenuation), dtype=torch.float64)
    position = torch.arange(taps, dtype=torch.float64) - (taps - 1) / 2
    edge = 2 * cutoff / rate
    if not radial:
        fir = edge * torch.sinc(edge * position) * window
        return (fir / fir.sum()).float()
    radius = torch.hypot(position[:, None], position[None, :])
    # The inverse Fourier transform of a disc: the Bessel function J1 divided by the radius, and its limit at the centre.
    argument = math.pi * edge * radius
    disc = torch.where(radius > 0, torch.special.bessel_j1(argument) / radius.clamp(min=1e-12), math.pi * edge / 2)
    fir = disc * window[:, None] * window[None, :]
    return (fir / fir.sum()).float()


def _get_kaiser_beta(attenuation: float) -> float:
    if attenuation > 50:
        return 0.1102 * (attenuation - 8.7)
    if attenuation > 21:
        return float(0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21))
    return 0.0
