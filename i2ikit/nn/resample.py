"""Layers that blur, upsample and downsample maps with a fixed filter (Karras et al. 2020, appendix B; Zhang 2019)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit import ops
from i2ikit.ops import checks

Taps = Sequence[float] | Sequence[Sequence[float]] | Tensor
BINOMIAL = (1.0, 3.0, 3.0, 1.0)


class Resample(nn.Module):
    """Base of the three layers below: insert zeros between pixels, pad, filter, and keep every ``down``-th pixel.

    Args:
        taps: The filter. It is normalised so that constant maps keep their value; see ``i2ikit.ops.fir_filter``.
        up: Upsampling factor: one number, or two in the order [x, y].
        down: Downsampling factor: one number, or two in the order [x, y].
        padding: Extra zeros on each side of the upsampled maps, in addition to those that keep the output centred and of size up / down:
            one number, [x, y], or [x before, x after, y before, y after]. Negative numbers crop.
        gain: Factor of the output; with 1 the mean of the maps is kept.
        flip: Correlate with the taps instead of convolving.
        reflect: Pad by reflection instead of zeros.

    Shapes:
        in:  maps [B, C, H, W]; skip [B, C, H * up / down, W * up / down], added to the output in the same operation
        out: [B, C, H * up / down, W * up / down], rounded down, for a padding of 0
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
        self.up, self.down = checks.parse_pair(name, "up", up), checks.parse_pair(name, "down", down)
        self.flip, self.reflect, self.gain = flip, reflect, gain * self.up[0] * self.up[1]
        # Not saved: it is computed from the options.
        self.register_buffer("fir", ops.fir_filter(taps), persistent=False)
        extra = checks.parse_padding(name, "padding", padding)
        lengths = (self.fir.shape[-1], self.fir.shape[0])
        ends = [end for sizes in zip(lengths, self.up, self.down, strict=True) for end in _compute_padding(*sizes)]
        self.padding = tuple(each + more for each, more in zip(ends, extra, strict=True))

    def forward(self, maps: Tensor, skip: Tensor | None = None) -> Tensor:
        """Resample maps and add the skip."""
        padding = self.padding
        if self.reflect:
            maps, padding = F.pad(maps, padding, mode="reflect"), (0, 0, 0, 0)
        arguments = (maps, self.fir, self.up, self.down, padding, self.flip, self.gain)
        return ops.upfirdn(*arguments) if skip is None else ops.upfirdn_act(*arguments, activation="linear", skip=skip)

    def extra_repr(self) -> str:
        """Show the options in a printed model."""
        return f"taps={list(self.fir.shape)}, up={self.up}, down={self.down}, padding={self.padding}, gain={self.gain}"


class Blur(Resample):
    """Blur maps without a change of size: for antialiasing, or after a transposed convolution.

    Args:
        taps: The filter.
        padding: Zeros on each side, in addition to those that keep the size. Negative numbers crop.
        gain: Factor of the output.
        flip: Correlate with the taps instead of convolving.

    Shapes:
        in, out: [B, C, H, W]
    """

    def __init__(self, taps: Taps = BINOMIAL, *, padding: int | Sequence[int] = 0, gain: float = 1.0, flip: bool = False) -> None:
        super().__init__(taps, up=1, down=1, padding=padding, gain=gain, flip=flip)


class Upsample(Resample):
    """Upsample maps and filter them; the mean is kept.

    Args:
        taps: The filter.
        up: Factor: one number, or two in the order [x, y].
        padding: Zeros on each side of the upsampled maps, in addition to those that keep the factor. Negative numbers crop.
        gain: Factor of the output, in addition to the up * up that keeps the mean.
        flip: Correlate with the taps instead of convolving.

    Shapes:
        in:  maps [B, C, H, W]; skip [B, C, H * up, W * up], added to the output, as StyleGAN2 adds the images of two resolutions
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
    """Filter maps and downsample them.

    Args:
        taps: The filter.
        down: Factor: one number, or two in the order [x, y].
        padding: Zeros on each side, in addition to those that keep the factor. Negative numbers crop.
        gain: Factor of the output.
        flip: Correlate with the taps instead of convolving.
        reflect: Pad by reflection instead of zeros (Zhang 2019), so that edges keep their brightness.

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


def make_blur_pool() -> Downsample:
    """Return an antialiased downsampling layer of factor 2: filter [1, 2, 1] with reflection padding (BlurPool; Zhang 2019).

    A convolution of stride 1 and this layer replace a convolution of stride 2. Odd sides are rounded up, as with stride 2.
    """
    return Downsample((1.0, 2.0, 1.0), padding=(0, 1, 0, 1), reflect=True)


def _compute_padding(taps: int, up: int, down: int) -> tuple[int, int]:
    """Return the zeros before and after an axis that keep the output centred and of size up / down."""
    if up > 1:  # each pixel is followed by its inserted zeros, so the filter starts later
        return (taps + up - 1) // 2, (taps - up) // 2
    # If a blur cannot have as many zeros before as after, it has one more before, as in the original codes.
    return (taps - down + 1) // 2 if down > 1 else taps // 2, (taps - down) // 2
