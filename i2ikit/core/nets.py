"""The networks of an assembly: one per slot, per domain or per ordered pair of domains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import Tensor, nn

from i2ikit.core.domain import DomainSpec
from i2ikit.core.recipe import Slot
from i2ikit.core.specs import ImageSpec, StyleSpec
from i2ikit.errors import PlanError


class Nets(nn.Module):
    """The slots of a model, filled.

    Attributes:
        slots: The filled slots by name.
        roles: The role of each slot.
        plan: The name of the plan, for error messages.
        image, domain: What the nets were built for.
        style: The style that the plan draws from the prior, and whose width it therefore has to know; None where it draws none.
    """

    def __init__(
        self,
        filled: dict[str, nn.Module],
        slots: dict[str, Slot],
        roles: dict[str, str],
        plan: str,
        image: ImageSpec,
        domain: DomainSpec,
        style: StyleSpec | None = None,
    ) -> None:
        super().__init__()
        self.slots, self.roles, self.plan, self.image, self.domain, self.style = slots, roles, plan, image, domain, style
        for name, module in filled.items():
            self.add_module(name, module)
        self.freeze()

    def net(
        self, slot: str, domain: str | None = None, pair: tuple[str | None, str | None] = (None, None), *, asker: str = ""
    ) -> nn.Module:
        """Return the net of a slot for a domain or an ordered pair.

        Raises:
            PlanError: There is none for that domain or pair.
        """
        module = self._modules[slot]
        assert module is not None
        per = self.slots[slot].per
        if per is None:
            return module
        key = domain if per == "domain" else pair_key(*pair)
        assert isinstance(module, nn.ModuleDict)
        if key is None or module_key(key) not in module:
            there = ", ".join(self.domain.names)
            raise PlanError(f'Slot "{slot}" has one net per {per}, and translation "{asker}" asked for "{key}"; the domains are: {there}.')
        return module[module_key(key)]

    def inputs_of(self, slot: str) -> tuple[str, ...]:
        """Return what the discriminator of a slot wants to be told beside the image."""
        module = self._modules[slot]
        first = next(iter(module.values())) if isinstance(module, nn.ModuleDict) else module
        return tuple(getattr(first, "inputs", ()))

    def draws_random_numbers(self, slots: Iterable[str]) -> bool:
        """Return whether a net of some slots draws random numbers."""
        nets = [module for name in slots if name in self.slots for module in self._modules[name].modules()]  # type: ignore[union-attr]
        return any(getattr(module, "stochastic", False) or hasattr(module, "noise_shape") for module in nets)

    def parameters_of(self, slots: Iterable[str]) -> list[nn.Parameter]:
        """Return the trainable parameters of some slots, a shared one once."""
        found = {id(p): p for name in slots for p in self._modules[name].parameters() if p.requires_grad}  # type: ignore[union-attr]
        return list(found.values())

    def named_state(self) -> Iterator[tuple[str, Tensor]]:
        """Yield every parameter and persistent buffer once, under its first name."""
        seen: set[int] = set()
        for name, tensor in self.state_dict(keep_vars=True).items():
            if id(tensor) not in seen:
                seen.add(id(tensor))
                yield name, tensor

    def freeze(self) -> None:
        """Put frozen slots into eval mode without gradients."""
        for name, slot in self.slots.items():
            if slot.frozen:
                self._modules[name].eval().requires_grad_(False)  # type: ignore[union-attr]

    def train(self, mode: bool = True) -> Nets:
        """Set the mode; frozen slots stay in eval mode."""
        super().train(mode)
        self.freeze()
        return self


def module_key(name: str) -> str:
    """Return a name under which torch keeps a module: dots and the names of torch's own attributes are escaped."""
    escaped = name.replace("%", "%25").replace(".", "%2E")
    return f"%{escaped}" if not escaped or hasattr(nn.ModuleDict, escaped) else escaped


def pair_key(source: str | None, target: str | None) -> str:
    """Return the name of the net from one domain to another."""
    return f"{source}_to_{target}"
