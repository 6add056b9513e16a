"""Initial weights of networks."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

from i2ikit.nn.norms import InstanceNorm

M = TypeVar("M", bound=nn.Module)


def init_kaiming(net: M) -> M:
    """Initialise all convolutions and linear layers by Kaiming's normal distribution, and return the network (He et al. 2015).

    It preserves the second moment of activations through ReLUs. Biases are 0.
    """
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return net


def init_gaussian(net: M, std: float = 0.02) -> M:
    """Initialise all convolutions and linear layers by a normal distribution of mean 0, and return the network (DCGAN, section 3).

    Biases are 0. Scales of learned norms are normal with mean 1 and the same standard deviation.

    Args:
        net: The network to initialise, in place.
        std: Standard deviation.
    """
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(module.weight, 0.0, std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, (nn.BatchNorm2d, InstanceNorm)) and module.weight is not None and module.bias is not None:
            nn.init.normal_(module.weight, 1.0, std)
            nn.init.zeros_(module.bias)
    return net
