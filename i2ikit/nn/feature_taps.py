"""Feature taps: the outputs of inner modules of a network become maps that losses can read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from torch import Tensor, nn

from i2ikit.core.calls import Call
from i2ikit.errors import OptionError, UnknownNameError


class FeatureTaps(nn.Module):
    """Feature taps: the outputs of inner modules become maps (CUT, section 3.2, takes five layers of the generator).

    A loss reads them with ``t.tap("generator", image)``. The network itself returns what it returned before.

    Args:
        net: The network.
        layers: The names of the modules, as ``named_modules`` gives them, such as ``("down.0", "middle.3")``.

    Shapes:
        in:  the inputs of the network
        out: what the network returns; the maps [B, C, H, W] go to the reader

    Raises:
        OptionError: No layer is named.
        UnknownNameError: The network has no such module.
    """

    def __init__(self, net: nn.Module, layers: tuple[str, ...]) -> None:
        super().__init__()
        modules = dict(net.named_modules())
        if not layers:
            raise OptionError(f'"feature_taps" requires layers. Available: {", ".join(name for name in modules if name)}.')
        for name in layers:
            if name not in modules:
                raise UnknownNameError("layer of the network", name, [each for each in modules if each])
        self.layers = tuple(layers)
        self._modules_tapped = [modules[name] for name in layers]  # a list: these modules belong to the network, not to this one

    def forward(self, net: Callable[..., Any], call: Call, *inputs: Any, **named: Any) -> Any:
        """Call the network; collect the maps if a loss reads them."""
        taps = call.taps
        if taps is None:
            return net(*inputs, **named)

        def collect(module: nn.Module, given: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                taps.append(output)

        with ExitStack() as stack:
            for module in self._modules_tapped:
                stack.callback(module.register_forward_hook(collect).remove)
            return net(*inputs, **named)

    def extra_repr(self) -> str:
        """Return the names of the layers."""
        return f"layers={self.layers}"
