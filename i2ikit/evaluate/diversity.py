"""How different the translations of one input are from each other. No network is asked: these are distances of pixels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit.errors import OptionError

SCALES = 4
"""The multi-scale distance is the mean over this many sizes, each half the one before."""


def pairwise(images: Tensor) -> Tensor:
    """Return the mean absolute difference over all unordered pairs of images, a scalar.

    Args:
        images: Translations of one input [N C H W] in [0, 1], two or more.

    Raises:
        OptionError: There are fewer than two images.
    """
    if images.ndim != 4 or len(images) < 2:
        raise OptionError(f"Diversity needs two or more images [N, C, H, W]; found shape {list(images.shape)}.")
    flat = images.flatten(1)
    return torch.pdist(flat.double(), p=1).mean().div(flat.shape[1]).float()


def multiscale(images: Tensor) -> Tensor:
    """Return the mean of :func:`pairwise` over up to four sizes, each the average of 2x2 pixels of the one before.

    Noise and shifted edges fade at the smaller sizes, changes of colour and shape stay. There are fewer sizes where the image becomes
    smaller than 2 pixels.

    Args:
        images: Translations of one input [N C H W] in [0, 1], two or more.

    Raises:
        OptionError: There are fewer than two images.
    """
    distances = [pairwise(images)]
    while len(distances) < SCALES and min(images.shape[-2:]) >= 2:
        images = F.avg_pool2d(images, 2)
        distances.append(pairwise(images))
    return torch.stack(distances).mean()
