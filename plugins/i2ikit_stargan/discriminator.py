"""StarGAN's discriminator."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit import DiscriminatorOutput, DomainSpec, ImageSpec
from i2ikit.errors import OptionError


class StarGANDiscriminator(nn.Module):
    """Discriminator of StarGAN: scores overlapping patches and predicts the label of the whole image (StarGAN, table 5).

    Strided 4x4 convolutions without norm, each followed by a leaky ReLU of slope 0.01. Two heads follow: one scores each position, and the
    domain head, an auxiliary classifier over all positions, returns one logit per label entry (without the mask).

    Args:
        image: Size and channels of the images.
        domain: The label sets. Without labels there is no domain head.
        width: Channels after the first convolution. Each further convolution doubles them. Allowed: 1 or more.
        depth: Number of strided convolutions. The paper uses 6 for 128 pixels. The default is 6, or how often the smaller side can be
            halved if that is less. Allowed: 1 or more, or None.
        max_width: The maximal number of channels of a layer; 0 means no limit, as in the paper. Allowed: 0 or more.
        conditional: Whether the scores also depend on the label that the image should have: a projection discriminator at each position,
            with one map per label entry (Miyato and Koyama 2018, equation 3). The paper's discriminator is unconditional.

    Shapes:
        in:  [B, C, H, W] in [-1, 1]
        out: scores[0] [B, 1, H / 2**depth, W / 2**depth];  domain_logits [B, D] or None;  features[0]: one map per strided convolution

    Attributes:
        fixed_size: Whether the discriminator accepts only images of the size it was built for, as the domain head requires.

    Raises:
        OptionError: The image cannot be halved ``depth`` times, or a number of channels is out of range.
    """

    def __init__(
        self,
        image: ImageSpec,
        domain: DomainSpec,
        *,
        width: int = 64,
        depth: int | None = None,
        max_width: int = 0,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        max_depth = int(math.log2(min(image.height, image.width)))
        depth = min(6, max_depth) if depth is None else depth
        if not 1 <= depth <= max_depth:
            raise OptionError(f'"stargan_discriminator" with depth={depth} does not fit {image}. Use a depth from 1 to {max_depth}.')
        if width < 1 or max_width < 0:
            raise OptionError(
                f'"stargan_discriminator" does not support width={width}, max_width={max_width}: width must be 1 or more, max_width '
                "0 or more."
            )
        widths = [min(width * 2**step, max_width or width * 2**step) for step in range(depth)]
        self.trunk = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 4, 2, 1) for inputs, outputs in zip([image.channels, *widths], widths, strict=False)
        )
        self.score = nn.Conv2d(widths[-1], 1, 3, padding=1, bias=False)
        map_size = (image.height // 2**depth, image.width // 2**depth)
        self.domain = nn.Conv2d(widths[-1], domain.num_values, map_size, bias=False) if domain.num_values else None
        self.fixed_size = self.domain is not None
        self.inputs: tuple[str, ...] = ("label",) if conditional else ()
        self.match = nn.Conv2d(widths[-1], domain.num_values, 3, padding=1, bias=False) if conditional else None

    def forward(self, image: Tensor, label: Tensor | None = None) -> DiscriminatorOutput:
        """Score images. ``label`` [B, D], the label that they should have, is used only by a conditional discriminator."""
        maps, hidden = image, []
        for convolution in self.trunk:
            maps = F.leaky_relu(convolution(maps), 0.01)
            hidden.append(maps)
        logits = self.domain(maps).flatten(1) if self.domain is not None else None
        score = self.score(maps)
        if self.match is not None and label is not None:
            entries = label[:, : self.match.out_channels, None, None].to(maps.dtype)
            score = score + (self.match(maps) * entries).sum(1, keepdim=True)
        return DiscriminatorOutput((score,), logits, (tuple(hidden),))
