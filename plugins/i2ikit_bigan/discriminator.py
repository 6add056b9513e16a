"""The joint discriminator of BiGAN, for pairs of images."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from i2ikit import DiscriminatorOutput, DomainSpec, ImageSpec
from i2ikit.errors import SpecError
from i2ikit.nn import PatchDiscriminator
from i2ikit.nn.discriminators import Norm


class BiGANDiscriminator(nn.Module):
    """Score pairs of one image of each domain, side by side as channels (Donahue et al. 2017, section 3; Dumoulin et al. 2017, section 2).

    The image of the first domain always comes first: what the discriminator sees does not tell which one was made of the other.

    Args:
        image, source: Channels of the images of either domain, which are equal.
        domain: The two domains.
        width, depth, norm: As :class:`i2ikit.nn.PatchDiscriminator` takes them.

    Shapes:
        in:  image, source [B, C, H, W]; domain [B, D], that of ``image``
        out: scores[0] [B, 1, about H / 2**depth, about W / 2**depth];  features[0]: one map for each convolution but the last

    Attributes:
        inputs: What it is given beside the image.

    Raises:
        SpecError: There are more or fewer than two domains.
        OptionError: A number that cannot be.
    """

    inputs: tuple[str, ...] = ("source", "label")

    def __init__(
        self, image: ImageSpec, source: ImageSpec, domain: DomainSpec, *, width: int = 64, depth: int = 3, norm: Norm = "instance"
    ) -> None:
        super().__init__()
        if len(domain.names) != 2:
            found = ", ".join(domain.names) or "none"
            raise SpecError(f'"bigan_discriminator" scores pairs of two domains; found {found}. Declare two: labels=("photo", "painting").')
        self.patches = PatchDiscriminator(image, source, width=width, depth=depth, norm=norm, conditional=True)

    def forward(self, image: Tensor, source: Tensor, label: Tensor) -> DiscriminatorOutput:
        """Score images beside those that they were made of."""
        is_first = label[:, :1, None, None] > 0.5
        first, second = torch.where(is_first, image, source), torch.where(is_first, source, image)
        return cast(DiscriminatorOutput, self.patches(second, first))
