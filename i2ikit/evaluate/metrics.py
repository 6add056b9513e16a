"""Distances between an image and its target, as functions and as torchmetrics metrics.

All take images [B C H W] in [0, 1]. The functions give one value an image [B]; the metrics average these over all images, which for PSNR is
not the PSNR of the average error.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from i2ikit.errors import OptionError

CAP = 100.0
"""The PSNR in dB of two equal images, and the most that any pair gets: a mean squared error of 1e-10."""
WINDOW, SIGMA = 11, 1.5
"""The Gaussian window of SSIM (Wang et al., 2004)."""

TOLERANCE = 0.02
"""How far outside [0, 1] images may be: resizing and networks overshoot a little."""


def unit(images: Tensor) -> Tensor:
    """Return images in [-1, 1] as images in [0, 1], values outside clamped."""
    return images.clamp(-1.0, 1.0).add(1.0).div(2.0)


def in_unit(images: Tensor) -> Tensor:
    """Return images as they are, if they are floats in [0, 1].

    Raises:
        OptionError: They are of another type, or clearly outside: what models and losses work with is in [-1, 1].
    """
    if not images.is_floating_point():
        raise OptionError(f"Metrics take images in [0, 1] as floats; found {images.dtype}. Divide uint8 by 255.")
    if images.numel():
        low, high = (float(each) for each in images.detach().aminmax())
        if low < -TOLERANCE or high > 1 + TOLERANCE:
            hint = "i2ikit.evaluate.unit(images) brings [-1, 1] there" if low >= -1 - TOLERANCE and high <= 1 + TOLERANCE else "Scale them"
            raise OptionError(f"Metrics take images in [0, 1]; found {low:.3g} to {high:.3g}. {hint}.")
    return images


def signed(images: Tensor) -> Tensor:
    """Return images in [0, 1] as images in [-1, 1], as networks read them.

    Raises:
        OptionError: They are not in [0, 1].
    """
    images = in_unit(images)
    return images * 2.0 - 1.0


def psnr(images: Tensor, target: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio of each image [B] in dB, at most :data:`CAP`.

    Args:
        images: [B C H W] in [0, 1].
        target: [B C H W] in [0, 1].

    Raises:
        OptionError: The shapes differ, or values are outside.
    """
    _same(images, target)
    ratio: Tensor = peak_signal_noise_ratio(images, target, data_range=1.0, reduction="none", dim=(1, 2, 3))
    return ratio.clamp(max=CAP)


def ssim(images: Tensor, target: Tensor) -> Tensor:
    """Return the structural similarity of each image [B], with a Gaussian window of 11x11, sigma 1.5, K1 0.01, K2 0.03 (Wang et al., 2004).

    Args:
        images: [B C H W] in [0, 1], 11 pixels or more high and wide.
        target: [B C H W] in [0, 1].

    Raises:
        OptionError: The shapes differ, values are outside, or the window does not fit.
    """
    _same(images, target)
    if min(images.shape[-2:]) < WINDOW:
        height, width = images.shape[-2:]
        raise OptionError(f"SSIM needs {WINDOW}x{WINDOW} pixels or more for its window; found {height}x{width}.")
    similarity = structural_similarity_index_measure(images, target, sigma=SIGMA, kernel_size=WINDOW, data_range=1.0, reduction="none")
    assert isinstance(similarity, Tensor)
    return similarity


def l1(images: Tensor, target: Tensor) -> Tensor:
    """Return the mean absolute difference of each image [B].

    Args:
        images: [B C H W] in [0, 1].
        target: [B C H W] in [0, 1].

    Raises:
        OptionError: The shapes differ, or values are outside.
    """
    _same(images, target)
    return (images - target).abs().mean(dim=(1, 2, 3))


def edge_energy(images: Tensor) -> Tensor:
    """Return the mean gradient magnitude of each image [B]: the root of both squared forward differences, over pixels and channels.

    Args:
        images: [B C H W] in [0, 1], 2 pixels or more high and wide.

    Raises:
        OptionError: The images are no batch, or smaller.
    """
    if images.ndim != 4 or min(images.shape[-2:]) < 2:
        raise OptionError(f"Gradients need images [B, C, H, W] of 2 pixels or more a side; found {list(images.shape)}.")
    in_unit(images)
    corner = images[..., :-1, :-1]
    down, right = images[..., 1:, :-1] - corner, images[..., :-1, 1:] - corner
    return (down.square() + right.square()).sqrt().mean(dim=(1, 2, 3))


def blurred(images: Tensor) -> Tensor:
    """Return images [B C H W] under a Gaussian of a sixteenth of their shorter side, reflected at the edges: details gone, layout kept."""
    sigma = min(images.shape[-2:]) / 16
    reach = min(math.ceil(3 * sigma), min(images.shape[-2:]) - 1)
    places = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    weights = (-0.5 * (places / sigma).square()).exp()
    weights = (weights / weights.sum()).expand(images.shape[1], 1, -1)
    padded = F.pad(images, (reach,) * 4, mode="reflect")
    across = F.conv2d(padded, weights[:, :, None, :], groups=images.shape[1])
    return F.conv2d(across, weights[:, :, :, None], groups=images.shape[1])


class Mean(Metric):
    """The mean over all images of one value an image."""

    is_differentiable = True
    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def compute(self) -> Tensor:
        """Return the mean, NaN before the first image."""
        return (self.total / self.count).float()

    def _add(self, values: Tensor) -> None:
        self.total += values.detach().double().sum()
        self.count += len(values)


class EdgeEnergy(Metric):
    """Mean of :func:`edge_energy` over all images, over that of their targets: 1 where images are as sharp as these, less where blurred."""

    is_differentiable = True
    full_state_update = False
    higher_is_better = None
    total: Tensor
    true_total: Tensor

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("true_total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, images: Tensor, target: Tensor) -> None:
        """Add images [B C H W] in [0, 1]."""
        _alike(images, target)
        self.total += edge_energy(images.detach()).double().sum()
        self.true_total += edge_energy(target.detach()).double().sum()

    def compute(self) -> Tensor:
        """Return the ratio, NaN before the first image."""
        return (self.total / self.true_total).float()


class PSNR(Mean):
    """Mean over images of :func:`psnr`, in dB."""

    higher_is_better = True

    def update(self, images: Tensor, target: Tensor) -> None:
        """Add images [B C H W] in [0, 1]."""
        self._add(psnr(images, target))


class SSIM(Mean):
    """Mean over images of :func:`ssim`."""

    higher_is_better = True

    def update(self, images: Tensor, target: Tensor) -> None:
        """Add images [B C H W] in [0, 1]."""
        self._add(ssim(images, target))


class L1(Mean):
    """Mean over images of :func:`l1`."""

    higher_is_better = False

    def update(self, images: Tensor, target: Tensor) -> None:
        """Add images [B C H W] in [0, 1]."""
        self._add(l1(images, target))


def _same(images: Tensor, target: Tensor) -> None:
    _alike(images, target)
    in_unit(images)
    in_unit(target)


def _alike(images: Tensor, target: Tensor) -> None:
    if images.shape != target.shape or images.ndim != 4:
        raise OptionError(f"Images and target are [B, C, H, W] of one shape; found {list(images.shape)} and {list(target.shape)}.")
