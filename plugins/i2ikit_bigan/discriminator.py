"""BiGAN's joint discriminator, for pairs of images."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from i2ikit import DiscriminatorOutput, DomainSpec, ImageSpec
from i2ikit.errors import SpecError
from i2ikit.nn import PatchDiscriminator
from i2ikit.nn.discriminators import Norm


class BiGANDiscriminator(nn.Module):
    """Joint discriminator of BiGAN, for pairs of images (Donahue et al. 2017, section 3; Dumoulin et al. 2017, section 2).

    A pair has one image of each domain. The two images are concatenated as channels, and the image of the first domain always comes
    first. The input therefore does not reveal which image is a translation of the other.

    Args:
        image, source: Channels of the images of the two domains, which must be equal.
        domain: The two domains.
        width, depth, norm: Options of :class:`i2ikit.nn.PatchDiscriminator`.

    Shapes:
        in:  image, source [B, C, H, W] in [-1, 1]; label [B, D], the domain of ``image``
        out: scores[0] [B, 1, about H / 2**depth, about W / 2**depth];  features[0]: one map per convolution, except the last

    Attributes:
        inputs: Its inputs in addition to the image.

    Raises:
        SpecError: The number of domains is not two.
        OptionError: A number is out of range.
    """

    inputs: tuple[str, ...] = ("source", "label")

    def __init__(
        self, image: ImageSpec, source: ImageSpec, domain: DomainSpec, *, width: int = 64, depth: int = 3, norm: Norm = "instance"
    ) -> None:
        super().__init__()
        if len(domain.names) != 2:
            found = ", ".join(domain.names) or "none"
            raise SpecError(f'"bigan_discriminator" requires two domains; found {found}. Declare two: labels=("photo", "painting").')
        self.patches = PatchDiscriminator(image, source, width=width, depth=depth, norm=norm, conditional=True)

    def forward(self, image: Tensor, source: Tensor, label: Tensor) -> DiscriminatorOutput:
        """Score pairs of images and their source images."""
        is_first = label[:, :1, None, None] > 0.5
        first, second = torch.where(is_first, image, source), torch.where(is_first, source, image)
        return cast(DiscriminatorOutput, self.patches(second, first))
