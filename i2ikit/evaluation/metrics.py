"""Distances between an image and its target, as functions and as classes, under the names of torchmetrics.

All of them take images [B, C, H, W] in [0, 1], first the translations (``preds``), then the true images (``target``). The functions return
one value for each image [B], as those of torchmetrics with ``reduction="none"``. The classes average these values over all images; for
PSNR, this is not the PSNR of the mean error.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.functional import image as functional

from i2ikit.errors import OptionError

MAX_PSNR = 100.0
"""The PSNR in dB of two equal images and the upper limit for all others: a mean squared error of 1e-10."""
SSIM_WINDOW, SSIM_SIGMA = 11, 1.5
"""The Gaussian window of SSIM (Wang et al., 2004)."""

TOLERANCE = 0.02
"""How far images may exceed [0, 1]: resizing and networks overshoot a little."""
SIGNED_LIMIT = 1.2
"""The largest value that passes for an image in [-1, 1]: images that are optimised may leave the range a little more."""


def to_unit_range(images: Tensor) -> Tensor:
    """Return images in [-1, 1] as images in [0, 1]; values outside are clamped."""
    return images.clamp(-1.0, 1.0).add(1.0).div(2.0)


def check_unit_range(images: Tensor) -> Tensor:
    """Return the images unchanged after checking that they are floats in [0, 1].

    Raises:
        OptionError: They have another type, or values clearly outside, such as the [-1, 1] of models and losses.
    """
    if not images.is_floating_point():
        raise OptionError(f"Metrics require images in [0, 1] as floats; found {images.dtype}. Divide uint8 by 255.")
    if images.numel():
        low, high = (float(each) for each in images.detach().aminmax())
        if low < -TOLERANCE or high > 1 + TOLERANCE:
            is_signed = low >= -1 - TOLERANCE and high <= 1 + TOLERANCE
            remedy = "Convert [-1, 1] with i2ikit.evaluation.to_unit_range(images)" if is_signed else "Scale them"
            raise OptionError(f"Metrics require images in [0, 1]; found {low:.3g} to {high:.3g}. {remedy}.")
    return images


def check_signed_range(images: Tensor) -> Tensor:
    """Return the images unchanged after checking that they are floats in [-1, 1].

    Raises:
        OptionError: They have another type, or values clearly outside. Images in [0, 1] cannot be told from dark images in [-1, 1].
    """
    if not images.is_floating_point():
        raise OptionError(f"A perceptual distance requires images in [-1, 1] as floats; found {images.dtype}. Convert: images / 127.5 - 1.")
    if images.numel():
        low, high = (float(each) for each in images.detach().aminmax())
        if max(-low, high) > SIGNED_LIMIT:
            raise OptionError(f"A perceptual distance requires images in [-1, 1]; found {low:.3g} to {high:.3g}. Scale them.")
    return images


def to_signed_range(images: Tensor) -> Tensor:
    """Return images in [0, 1] as images in [-1, 1], the range of networks.

    Raises:
        OptionError: They are not in [0, 1].
    """
    images = check_unit_range(images)
    return images * 2.0 - 1.0


def peak_signal_noise_ratio(preds: Tensor, target: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio of each image [B] in dB, at most :data:`MAX_PSNR`.

    Args:
        preds: [B, C, H, W] in [0, 1].
        target: [B, C, H, W] in [0, 1].

    Raises:
        OptionError: The shapes differ, or values are out of range.
    """
    _check_pair(preds, target)
    ratio: Tensor = functional.peak_signal_noise_ratio(preds, target, data_range=1.0, reduction="none", dim=(1, 2, 3))
    return ratio.clamp(max=MAX_PSNR)


def structural_similarity_index_measure(preds: Tensor, target: Tensor) -> Tensor:
    """Return the structural similarity of each image [B] (Wang et al., 2004): Gaussian window of 11x11, sigma 1.5, K1 0.01, K2 0.03.

    Args:
        preds: [B, C, H, W] in [0, 1], at least 11 pixels high and wide.
        target: [B, C, H, W] in [0, 1].

    Raises:
        OptionError: The shapes differ, values are out of range, or the images are smaller than the window.
    """
    _check_pair(preds, target)
    if min(preds.shape[-2:]) < SSIM_WINDOW:
        height, width = preds.shape[-2:]
        raise OptionError(f"SSIM requires {SSIM_WINDOW}x{SSIM_WINDOW} pixels or more, the size of its window; found {height}x{width}.")
    similarity = functional.structural_similarity_index_measure(
        preds, target, sigma=SSIM_SIGMA, kernel_size=SSIM_WINDOW, data_range=1.0, reduction="none"
    )
    assert isinstance(similarity, Tensor)
    return similarity


def mean_absolute_error(preds: Tensor, target: Tensor) -> Tensor:
    """Return the mean absolute error of each image [B].

    Args:
        preds: [B, C, H, W] in [0, 1].
        target: [B, C, H, W] in [0, 1].

    Raises:
        OptionError: The shapes differ, or values are out of range.
    """
    _check_pair(preds, target)
    return (preds - target).abs().mean(dim=(1, 2, 3))


def edge_energy(images: Tensor) -> Tensor:
    """Return the mean gradient magnitude of each image [B].

    The gradient magnitude is the root of the sum of both squared forward differences; the mean is over pixels and channels.

    Args:
        images: [B, C, H, W] in [0, 1], at least 2 pixels high and wide.

    Raises:
        OptionError: The shape is another, the images are smaller, or values are out of range.
    """
    if images.ndim != 4 or min(images.shape[-2:]) < 2:
        raise OptionError(f"Edge energy requires images [B, C, H, W] with 2 pixels or more on each side; found {list(images.shape)}.")
    check_unit_range(images)
    corner = images[..., :-1, :-1]
    down, right = images[..., 1:, :-1] - corner, images[..., :-1, 1:] - corner
    return (down.square() + right.square()).sqrt().mean(dim=(1, 2, 3))


def blur(images: Tensor) -> Tensor:
    """Return images [B, C, H, W] in any range, blurred by a Gaussian with sigma 1/16 of their shorter side, edges reflected."""
    sigma = min(images.shape[-2:]) / 16
    reach = min(math.ceil(3 * sigma), min(images.shape[-2:]) - 1)
    offsets = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    weights = (-0.5 * (offsets / sigma).square()).exp()
    weights = (weights / weights.sum()).expand(images.shape[1], 1, -1)
    padded = F.pad(images, (reach,) * 4, mode="reflect")
    rows = F.conv2d(padded, weights[:, :, None, :], groups=images.shape[1])
    return F.conv2d(rows, weights[:, :, :, None], groups=images.shape[1])


class Mean(Metric):
    """Mean over all images of one value for each image."""

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
    """Mean :func:`edge_energy` of all images divided by that of their targets: 1 if they are as sharp as the targets, less if blurred."""

    is_differentiable = True
    full_state_update = False
    higher_is_better = None
    total: Tensor
    target_total: Tensor

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("target_total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add translations and their targets, both [B, C, H, W] in [0, 1]."""
        check_shapes(preds, target)
        self.total += edge_energy(preds.detach()).double().sum()
        self.target_total += edge_energy(target.detach()).double().sum()

    def compute(self) -> Tensor:
        """Return the ratio, NaN before the first image."""
        return (self.total / self.target_total).float()


class PeakSignalNoiseRatio(Mean):
    """Mean over images of :func:`peak_signal_noise_ratio`, in dB."""

    higher_is_better = True

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add translations and their targets, both [B, C, H, W] in [0, 1]."""
        self._add(peak_signal_noise_ratio(preds, target))


class StructuralSimilarityIndexMeasure(Mean):
    """Mean over images of :func:`structural_similarity_index_measure`."""

    higher_is_better = True

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add translations and their targets, both [B, C, H, W] in [0, 1]."""
        self._add(structural_similarity_index_measure(preds, target))


class MeanAbsoluteError(Mean):
    """Mean over images of :func:`mean_absolute_error`."""

    higher_is_better = False

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add translations and their targets, both [B, C, H, W] in [0, 1]."""
        self._add(mean_absolute_error(preds, target))


def _check_pair(preds: Tensor, target: Tensor) -> None:
    check_shapes(preds, target)
    check_unit_range(preds)
    check_unit_range(target)


def check_shapes(preds: Tensor, target: Tensor) -> None:
    """Raise OptionError if translations and targets are not both [B, C, H, W] of the same shape."""
    if preds.shape != target.shape or preds.ndim != 4:
        raise OptionError(
            f"preds and target must be [B, C, H, W] and have the same shape; found {list(preds.shape)} and {list(target.shape)}."
        )
