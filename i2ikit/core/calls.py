"""A call of a network: its noise, its random numbers, components in series, and the wrappers around it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from attrs import evolve, frozen
from torch import Tensor, nn

from i2ikit.core.code import Code, DiscriminatorOutput
from i2ikit.core.contract import get_noise_shapes, read
from i2ikit.core.random_streams import RandomStreams
from i2ikit.errors import SpecError


@frozen(eq=False)
class Call:
    """What a wrapper knows about a call of its network, besides the inputs.

    Attributes:
        slot: The slot of the network.
        stream: The first part of the names of its random streams: the view and the slot.
        streams: The random streams of the translation.
        is_real: Whether a discriminator scores real images; None for other networks.
        taps: Collects the maps of feature taps; None if nothing reads them.
    """

    slot: str
    stream: str
    streams: RandomStreams
    is_real: bool | None = None
    taps: list[Tensor] | None = None

    @property
    def step(self) -> int:
        """The number of finished training steps."""
        return self.streams.step

    def uniform(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Draw uniform random numbers [B, ...] in [0, 1) from the stream of that name."""
        return self.streams.uniform(f"{self.stream}/{name}", shape)

    def normal(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Draw standard normal random numbers [B, ...] from the stream of that name."""
        return self.streams.normal(f"{self.stream}/{name}", shape)


class Series(nn.ModuleList):
    """Components one after another in one slot: each takes the code that the one before returns."""


def is_plain(net: nn.Module) -> bool:
    """Return whether a network is called as it is: it has neither noise nor random numbers, and no components in series."""
    return not isinstance(net, Series) and read(net, "noise_shapes") is None and not read(net, "stochastic")


def run_network(net: nn.Module, call: Call, wrappers: Sequence[nn.Module], inputs: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    """Call a network with its noise, through its wrappers, the first of which is the innermost.

    Args:
        net: The network.
        call: The call.
        wrappers: The wrappers.
        inputs: Inputs by position.
        named: Inputs by name.
    """
    function: Callable[..., Any] = functools.partial(_run_plain, net, call)
    for index, wrapper in enumerate(wrappers):
        function = functools.partial(wrapper, function, evolve(call, stream=f"{call.stream}/wrapper{index}"))
    return function(*inputs, **named)


def _run_plain(net: nn.Module, call: Call, *inputs: Any, **named: Any) -> Any:
    if isinstance(net, Series):
        code, *others = inputs
        for index, part in enumerate(net):
            code = _run_plain(part, evolve(call, stream=f"{call.stream}/{index}"), code, *others, **named)
        return code
    shapes = get_noise_shapes(net, inputs)
    if shapes:
        named["noise"] = {name: call.normal(name, shape) for name, shape in shapes.items()}
    with call.streams.seed_torch(call.stream) if read(net, "stochastic") else nullcontext():
        return net(*inputs, **named)


RETURNED: dict[str, tuple[type, str]] = {
    "encoder": (Code, "a Code"),
    "conditioner": (Code, "a Code"),
    "generator": (Tensor, "images [B, C, H, W]"),
    "discriminator": (DiscriminatorOutput, "a DiscriminatorOutput with a tuple of scores"),
}
"""What the networks of each role return."""


def check_output(output: object, role: str, slot: str) -> None:
    """Check the type of what the network of a slot returns, through its wrappers.

    Raises:
        SpecError: It is something else.
    """
    kind, expected = RETURNED.get(role, (object, ""))
    if not isinstance(output, kind) or (isinstance(output, DiscriminatorOutput) and isinstance(output.scores, Tensor)):
        found = f"a {type(output).__name__}" if output is not None else "None"
        found += " whose scores are a tensor" if isinstance(output, DiscriminatorOutput) else ""
        raise SpecError(f'Slot "{slot}" returns {found}; a network of the role {role} and its wrappers must return {expected}.')
