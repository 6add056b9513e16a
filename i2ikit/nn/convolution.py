"""The 2D convolution of generators and encoders, with a faster 3x3 path on CPUs."""

from __future__ import annotations

from torch import Tensor, nn

from i2ikit.ops.winograd import conv3x3, is_winograd_faster


class Conv2d(nn.Conv2d):
    """torch's Conv2d with the same options and weights. A 3x3 kernel of stride 1 uses the faster Winograd algorithm for large maps on CPUs.

    Shapes:
        in:  [B, in_channels, H, W]
        out: [B, out_channels, H', W']
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Pad and convolve maps."""
        plain = self.kernel_size == (3, 3) and self.stride == self.dilation == (1, 1) and self.groups == 1
        if not plain or isinstance(self.padding, str) or self.padding_mode not in {"zeros", "reflect"}:
            return super().forward(maps)
        if not is_winograd_faster(maps, self.weight):
            return super().forward(maps)
        height, width = self.padding
        return conv3x3(maps, self.weight, self.bias, (height, width), reflect=self.padding_mode == "reflect")
