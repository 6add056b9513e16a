"""A pool of past fakes, shown to a discriminator half of the time (Shrivastava et al. 2017, section 2.3; CycleGAN, section 4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from i2ikit.core.specs import ImageSpec


class Pool(nn.Module):
    """Up to ``size`` images [size, C, H, W]; saved with the model.

    Until it is full, images pass through and are kept. Then each image is, with probability one half, exchanged for a kept one.
    Images that are not finite are not kept: the step that made them is undone.
    """

    images: Tensor
    filled: Tensor

    def __init__(self, size: int, image: ImageSpec) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(size, image.channels, image.height, image.width))
        self.register_buffer("filled", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def exchange(self, fake: Tensor, chance: Tensor, place: Tensor) -> Tensor:
        """Return images [B, C, H, W] to score in place of ``fake``.

        Args:
            fake: Fresh fakes [B, C, H, W].
            chance: Uniform [B]; an image is exchanged above one half.
            place: Uniform [B]; which kept image is given back.
        """
        size = self.images.shape[0]
        shown = []
        for row in range(fake.shape[0]):
            full = self.filled >= size
            slot = torch.where(full, (place[row] * size).long().clamp(max=size - 1), self.filled.clamp(max=size - 1))
            swap = full & (chance[row] > 0.5)
            kept = self.images.index_select(0, slot.view(1))
            shown.append(torch.where(swap, kept, fake[row : row + 1]))
            stored = torch.where((swap | ~full) & torch.isfinite(fake[row]).all(), fake[row : row + 1].to(kept.dtype), kept)
            self.images.index_copy_(0, slot.view(1), stored)
            self.filled.add_((~full).long())
        return torch.cat(shown)
