"""A pool of past fakes, which a discriminator scores half of the time (Shrivastava et al. 2017, section 2.3; CycleGAN, section 4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from i2ikit.core.specs import ImageSpec


class Pool(nn.Module):
    """A pool of up to ``size`` past fakes [size, C, H, W]; it is saved with the model.

    Until the pool is full, it stores each fake and returns it. Then, with probability one half, it stores a fake and returns a stored one
    instead. Images that are not finite are not stored, because their step has no effect.

    Attributes:
        images: The stored images.
        filled: The number of stored images.
    """

    images: Tensor
    filled: Tensor

    def __init__(self, size: int, image: ImageSpec) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(size, image.channels, image.height, image.width))
        self.register_buffer("filled", torch.zeros((), dtype=torch.long))
        self._changes: list[tuple[Tensor, Tensor, Tensor]] | None = None  # place, past image and past number of images of each change

    def record_changes(self) -> None:
        """Record all changes from now on, until :meth:`settle`."""
        self._changes = []

    @torch.no_grad()
    def settle(self, finite: Tensor) -> None:
        """Keep the recorded changes if ``finite``, a boolean tensor [], is true; undo them if not."""
        for slot, past, filled in reversed(self._changes or []):
            self.images.index_copy_(0, slot, torch.where(finite, self.images.index_select(0, slot), past))
            self.filled.copy_(torch.where(finite, self.filled, filled))
        self._changes = None

    @torch.no_grad()
    def exchange(self, fake: Tensor, chance: Tensor, place: Tensor) -> Tensor:
        """Return images [B, C, H, W] in [-1, 1] for the discriminator instead of ``fake``.

        Args:
            fake: The fakes of this step [B, C, H, W] in [-1, 1].
            chance: Uniform random numbers [B]; above 0.5, a fake is exchanged for a stored image.
            place: Uniform random numbers [B]; they select the stored image.
        """
        size = self.images.shape[0]
        images = []
        for row in range(fake.shape[0]):
            full = self.filled >= size
            slot = torch.where(full, (place[row] * size).long().clamp(max=size - 1), self.filled.clamp(max=size - 1))
            swap = full & (chance[row] > 0.5)
            past = self.images.index_select(0, slot.view(1))
            if self._changes is not None:
                self._changes.append((slot.view(1), past, self.filled.clone()))
            images.append(torch.where(swap, past, fake[row : row + 1]))
            finite = torch.isfinite(fake[row]).all()
            stored = torch.where((swap | ~full) & finite, fake[row : row + 1].to(past.dtype), past)
            self.images.index_copy_(0, slot.view(1), stored)
            self.filled.add_((~full & finite).long())
        return torch.cat(images)
