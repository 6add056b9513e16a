"""The target label as planes beside the image."""

from __future__ import annotations

import torch
from einops import repeat
from torch import Tensor, nn

from i2ikit import Code, CodeSpec, DomainSpec
from i2ikit.errors import LabelError, SpecError


class LabelPlanes(nn.Module):
    """Append the target label to the last map of the code, one constant plane an entry (StarGAN, figure 2).

    The label of several label sets is one vector ``[c_1, ..., c_n, mask]``: unknown parts are zero and the mask says which sets are
    known (section 3.2).

    Args:
        code: What the encoder gives; it needs a map.
        domain: The label sets.

    Shapes:
        in:  code.maps[-1] [B, C, H, W];  domain [B, D]
        out: code.maps[-1] [B, C + D, H, W]

    Raises:
        SpecError: The code has no map.
        LabelError: No labels are declared.
    """

    def __init__(self, code: CodeSpec, domain: DomainSpec) -> None:
        super().__init__()
        if not code.maps:
            raise SpecError(f'"stargan_conditioner" puts the label beside a map, but is given {code}. Use an encoder that gives maps.')
        if not domain.width:
            raise LabelError('"stargan_conditioner" needs labels, and none are declared. Declare them: build(..., labels={"male": bool}).')
        self.output_spec = code.widened(domain.width)

    def forward(self, code: Code, label: Tensor) -> Code:
        """Return the code with the label's planes."""
        *finer, last = code.maps
        planes = repeat(label.to(last.dtype), "b d -> b d h w", h=last.shape[-2], w=last.shape[-1])
        return code._replace(maps=(*finer, torch.cat([last, planes], dim=1)))
