"""Layers that blur, enlarge and shrink maps by a fixed filter (Karras et al. 2020, appendix B; Zhang 2019)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit import ops
from i2ikit.ops import checks

Taps = Sequence[float] | Sequence[Sequence[float]] | Tensor
BINOMIAL = (1.0, 3.0, 3.0, 1.0)


class Resample(nn.Module):
    """Put zeros between pixels, pad, filter, and keep every so-many-th pixel: what the three layers below have in common.

    Args:
        taps: The filter; normalised, so that constant maps keep their value. See ``i2ikit.ops.fir_filter``.
        up: Each pixel becomes this many: one number, or two in the order [x, y].
        down: Every this-many-th pixel stays: one number, or two in the order [x, y].
        padding: Zeros on each side of the maps with their zeros between, beyond those that keep the result centred and of the size up /
            down: one number, [x, y], or [x before, x after, y before, y after]. Negative ones crop.
        gain: Multiplies the result, beyond what keeps the mean.
        flip: Correlate with the taps in place of convolving.
        reflect: The mirror image of the maps in place of the zeros around them.

    Shapes:
        in:  maps [B, C, H, W]; skip [B, C, H * up / down, W * up / down], added to the result in the same step
        out: [B, C, H * up / down, W * up / down], rounded down, with a padding of 0
    """

    fir: Tensor

    def __init__(
        self,
        taps: Taps,
        *,
        up: int | Sequence[int],
        down: int | Sequence[int],
        padding: int | Sequence[int],
        gain: float,
        flip: bool,
        reflect: bool = False,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.up, self.down = checks.pair(name, "up", up), checks.pair(name, "down", down)
        self.flip, self.reflect, self.gain = flip, reflect, gain * self.up[0] * self.up[1]
        # Made anew from the options, and so no part of what is saved.
        self.register_buffer("fir", ops.fir_filter(taps), persistent=False)
        extra = checks.margins(name, "padding", padding)
        lengths = (self.fir.shape[-1], self.fir.shape[0])
        ends = [end for sizes in zip(lengths, self.up, self.down, strict=True) for end in _centred(*sizes)]
        self.padding = tuple(each + more for each, more in zip(ends, extra, strict=True))

    def forward(self, maps: Tensor, skip: Tensor | None = None) -> Tensor:
        """Resample maps, and add a skip."""
        padding = self.padding
        if self.reflect:
            maps, padding = F.pad(maps, padding, mode="reflect"), (0, 0, 0, 0)
        step = (maps, self.fir, self.up, self.down, padding, self.flip, self.gain)
        return ops.upfirdn(*step) if skip is None else ops.upfirdn_act(*step, activation="linear", skip=skip)

    def extra_repr(self) -> str:
        """Show the options in a printed model."""
        return f"taps={list(self.fir.shape)}, up={self.up}, down={self.down}, padding={self.padding}, gain={self.gain}"


class Blur(Resample):
    """Filter maps at their size: antialiasing, and the smoothing after a transposed convolution.

    Args:
        taps: The filter.
        padding: Zeros on each side beyond those that keep the size; negative ones crop.
        gain: Multiplies the result.
        flip: Correlate with the taps in place of convolving.

    Shapes:
        in, out: [B, C, H, W]
    """

    def __init__(self, taps: Taps = BINOMIAL, *, padding: int | Sequence[int] = 0, gain: float = 1.0, flip: bool = False) -> None:
        super().__init__(taps, up=1, down=1, padding=padding, gain=gain, flip=flip)


class Upsample(Resample):
    """Enlarge maps and filter them, keeping their mean.

    Args:
        taps: The filter.
        up: Factor: one number, or two in the order [x, y].
        padding: Zeros on each side of the enlarged maps beyond those that keep the factor; negative ones crop.
        gain: Multiplies the result, beyond the up * up that keeps the mean.
        flip: Correlate with the taps in place of convolving.

    Shapes:
        in:  maps [B, C, H, W]; skip [B, C, H * up, W * up], such as the image that StyleGAN2 adds to at each size
        out: [B, C, H * up, W * up]
    """

    def __init__(
        self,
        taps: Taps = BINOMIAL,
        *,
        up: int | Sequence[int] = 2,
        padding: int | Sequence[int] = 0,
        gain: float = 1.0,
        flip: bool = False,
    ) -> None:
        super().__init__(taps, up=up, down=1, padding=padding, gain=gain, flip=flip)


class Downsample(Resample):
    """Filter maps and shrink them.

    Args:
        taps: The filter.
        down: Factor: one number, or two in the order [x, y].
        padding: Zeros on each side beyond those that keep the factor; negative ones crop.
        gain: Multiplies the result.
        flip: Correlate with the taps in place of convolving.
        reflect: The mirror image of the maps in place of zeros around them (Zhang 2019): edges keep their brightness.

    Shapes:
        in:  [B, C, H, W]
        out: [B, C, H / down, W / down]
    """

    def __init__(
        self,
        taps: Taps = BINOMIAL,
        *,
        down: int | Sequence[int] = 2,
        padding: int | Sequence[int] = 0,
        gain: float = 1.0,
        flip: bool = False,
        reflect: bool = False,
    ) -> None:
        super().__init__(taps, up=1, down=down, padding=padding, gain=gain, flip=flip, reflect=reflect)


def halving() -> Downsample:
    """Return what halves maps after a convolution of stride 1, in place of its stride: [1, 2, 1] with mirrored edges (Zhang 2019).

    An odd side is rounded up, as a convolution of stride 2 steps it.
    """
    return Downsample((1.0, 2.0, 1.0), padding=(0, 1, 0, 1), reflect=True)


def _centred(taps: int, up: int, down: int) -> tuple[int, int]:
    """Return the zeros before and after an axis that keep the result centred and of the size up / down."""
    if up > 1:  # a pixel stands before its zeros, and so the filter begins later
        return (taps + up - 1) // 2, (taps - up) // 2
    # A blur has one zero more before than after where they cannot be equal, as the original codes have it.
    return (taps - down + 1) // 2 if down > 1 else taps // 2, (taps - down) // 2
