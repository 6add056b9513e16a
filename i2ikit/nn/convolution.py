"""The convolution of generators and encoders."""

from __future__ import annotations

from torch import Tensor, nn

from i2ikit.ops.winograd import conv3x3, pays


class Conv2d(nn.Conv2d):
    """torch's convolution, with the same options and weights. One of 3x3 and stride 1 takes a faster way on a CPU where the maps are large.

    Shapes:
        in:  [B, in_channels, H, W]
        out: [B, out_channels, H', W']
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Pad and convolve maps."""
        plain = self.kernel_size == (3, 3) and self.stride == self.dilation == (1, 1) and self.groups == 1
        if not plain or isinstance(self.padding, str) or self.padding_mode not in {"zeros", "reflect"} or not pays(maps, self.weight):
            return super().forward(maps)
        height, width = self.padding
        return conv3x3(maps, self.weight, self.bias, (height, width), reflect=self.padding_mode == "reflect")
