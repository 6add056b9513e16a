"""StarGAN's conditioner: the target label as constant channels, concatenated with the image."""

from __future__ import annotations

import torch
from einops import repeat
from torch import Tensor, nn

from i2ikit import Code, CodeSpec, DomainSpec
from i2ikit.errors import LabelError, SpecError


class LabelPlanes(nn.Module):
    """Concatenate the target label with the last map of the code, as one constant channel per label entry (StarGAN, figure 2).

    Several label sets share one vector ``[c_1, ..., c_n, mask]``: the entries of unknown sets are zero, and the mask marks the known
    sets (section 3.2).

    Args:
        code: Spec of the code from the encoder. The code must have a map.
        domain: The label sets.

    Shapes:
        in:  code.maps[-1] [B, C, H, W];  label [B, D]
        out: code.maps[-1] [B, C + D, H, W]

    Raises:
        SpecError: The code has no map.
        LabelError: No labels are declared.
    """

    def __init__(self, code: CodeSpec, domain: DomainSpec) -> None:
        super().__init__()
        if not code.maps:
            raise SpecError(
                f'"stargan_conditioner" requires a code with a map; found {code}. Use an encoder with maps, such as "identity_encoder".'
            )
        if not domain.width:
            raise LabelError('"stargan_conditioner" requires labels; none are declared. Declare them: build(..., labels={"male": bool}).')
        self.output_spec = code.with_channels_added(domain.width)

    def forward(self, code: Code, label: Tensor) -> Code:
        """Return the code, with the label concatenated with its last map."""
        *finer, last = code.maps
        planes = repeat(label.to(last.dtype), "b d -> b d h w", h=last.shape[-2], w=last.shape[-1])
        return code._replace(maps=(*finer, torch.cat([last, planes], dim=1)))
