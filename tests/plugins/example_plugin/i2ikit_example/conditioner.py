"""A conditioner that returns the code unchanged."""

from __future__ import annotations

from torch import Tensor, nn

from i2ikit import Code, CodeSpec, DomainSpec


class Tint(nn.Module):
    """Returns the code unchanged.

    Args:
        strength: Not used; an example of an option.
    """

    def __init__(self, code: CodeSpec, domain: DomainSpec, strength: float = 1.0) -> None:
        super().__init__()
        self.output_spec = code
        self.strength = strength

    def forward(self, code: Code, label: Tensor) -> Code:
        """Return the code."""
        return code
