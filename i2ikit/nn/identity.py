"""The encoder that returns the image unchanged."""

from __future__ import annotations

from torch import Tensor, nn

from i2ikit.core.code import Code
from i2ikit.core.specs import CodeSpec, ImageSpec, MapSpec


class IdentityEncoder(nn.Module):
    """Identity encoder: passes the image on as the code's only map (StarGAN, CycleGAN, pix2pix).

    It is for generators that take whole images.

    Shapes:
        in:  image [B, C, H, W] in [-1, 1]
        out: code.maps[0] [B, C, H, W], the same tensor
    """

    def __init__(self, image: ImageSpec) -> None:
        super().__init__()
        self.output_spec = CodeSpec((MapSpec(image.channels, 1),))

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        """Return the image as a code."""
        return Code((image,))
