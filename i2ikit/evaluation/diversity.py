"""The diversity of the translations of one input, as distances between pixels; no network is used."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit.errors import OptionError

SCALES = 4
"""The number of sizes of the multi-scale diversity, each half the one before."""


def pairwise_diversity(images: Tensor) -> Tensor:
    """Return the mean absolute difference over all unordered pairs of images, a scalar tensor.

    Args:
        images: Two or more translations of one input [N, C, H, W] in [0, 1].

    Raises:
        OptionError: There are fewer than two images.
    """
    if images.ndim != 4 or len(images) < 2:
        raise OptionError(f"Diversity requires two or more images [N, C, H, W]; found {list(images.shape)}.")
    flat = images.flatten(1)
    return torch.pdist(flat.double(), p=1).mean().div(flat.shape[1]).float()


def multiscale_diversity(images: Tensor) -> Tensor:
    """Return the mean of :func:`pairwise_diversity` over up to four sizes, each the average of 2x2 pixels of the one before.

    At smaller sizes, noise and shifted edges fade, and changes of colour and shape remain. Small images have fewer sizes: no size is below
    one pixel.

    Args:
        images: Two or more translations of one input [N, C, H, W] in [0, 1].

    Raises:
        OptionError: There are fewer than two images.
    """
    distances = [pairwise_diversity(images)]
    while len(distances) < SCALES and min(images.shape[-2:]) >= 2:
        images = F.avg_pool2d(images, 2)
        distances.append(pairwise_diversity(images))
    return torch.stack(distances).mean()
