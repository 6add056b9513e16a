"""First weights."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

from i2ikit.nn.norms import InstanceNorm

M = TypeVar("M", bound=nn.Module)


def kaiming(net: M) -> M:
    """Draw the weights of all convolutions and linear layers so that ReLUs keep the second moment, and return the net (He et al. 2015).

    Biases begin at 0.
    """
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return net


def gaussian(net: M, deviation: float = 0.02) -> M:
    """Draw the weights of all convolutions and linear layers from a normal distribution, and return the net (DCGAN, section 3).

    Biases begin at 0, and the scales of learnt norms near 1, with the same deviation.
    """
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(module.weight, 0.0, deviation)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, (nn.BatchNorm2d, InstanceNorm)) and module.weight is not None and module.bias is not None:
            nn.init.normal_(module.weight, 1.0, deviation)
            nn.init.zeros_(module.bias)
    return net
