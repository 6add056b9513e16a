"""StarGAN's discriminator."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit import DiscriminatorOutput, DomainSpec, ImageSpec
from i2ikit.errors import OptionError


class StarGANDiscriminator(nn.Module):
    """Score overlapping patches and read the label off the whole image (StarGAN, table 5).

    Strided 4x4 convolutions without norm, each with a leaky ReLU of slope 0.01; then one head scores each place, the other looks at all
    of them and gives a logit for each label entry, the mask left out.

    Args:
        image: Size and channels of the images.
        domain: The label sets; without labels there is no second head.
        width: Channels after the first convolution; doubled by each further one.
        depth: Strided convolutions. The paper has 6 for 128 pixels; by default 6 too, or as many as the smaller side can be halved.
        max_width: No layer has more channels than this; no limit where 0, as in the paper.
        conditional: Whether each place is also scored for the label that the image should have, by one map a label entry
            (Miyato and Koyama 2018, equation 3, at every place). The paper's discriminator is not.

    Shapes:
        in:  [B, C, H, W]
        out: scores[0] [B, 1, H / 2**depth, W / 2**depth];  domain [B, D] or None;  features[0]: one map a strided convolution

    Attributes:
        fixed_size: Whether only images of the size it was built for can be scored, as the second head needs.

    Raises:
        OptionError: The image cannot be halved ``depth`` times, or a number of channels that cannot be.
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
        most = int(math.log2(min(image.height, image.width)))
        depth = min(6, most) if depth is None else depth
        if not 1 <= depth <= most:
            raise OptionError(f'"stargan_discriminator" with depth={depth} does not fit {image}. Use a depth from 1 to {most}.')
        if width < 1 or max_width < 0:
            raise OptionError(
                f'"stargan_discriminator" with width={width} and widest={max_width}: the first is 1 or more, the second 0 or more.'
            )
        widths = [min(width * 2**step, max_width or width * 2**step) for step in range(depth)]
        self.trunk = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 4, 2, 1) for inputs, outputs in zip([image.channels, *widths], widths, strict=False)
        )
        self.score = nn.Conv2d(widths[-1], 1, 3, padding=1, bias=False)
        whole = (image.height // 2**depth, image.width // 2**depth)
        self.domain = nn.Conv2d(widths[-1], domain.content, whole, bias=False) if domain.content else None
        self.fixed_size = self.domain is not None
        self.inputs: tuple[str, ...] = ("label",) if conditional else ()
        self.match = nn.Conv2d(widths[-1], domain.content, 3, padding=1, bias=False) if conditional else None

    def forward(self, image: Tensor, label: Tensor | None = None) -> DiscriminatorOutput:
        """Score images; ``label`` [B, D] is the label that they should have, which only a conditional discriminator reads."""
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
