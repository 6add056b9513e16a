"""The networks of a model: one for each slot, or one for each domain or ordered pair of domains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, nn

from i2ikit.core import contract
from i2ikit.core.domain import DomainSpec
from i2ikit.core.slot import Slot
from i2ikit.core.specs import ImageSpec, StyleSpec
from i2ikit.errors import PlanError, UnknownNameError

NON_TRANSLATOR_ROLES = ("discriminator", "loss")  # roles of networks that are not part of the translator
WRAPPERS = "%wrappers"  # beside the slots, whose names have no "%": the names of a network's own weights do not change


class Nets(nn.Module):
    """The networks of a model by slot.

    Attributes:
        slots: The slots by name.
        roles: The role of each slot.
        plan_names: The name of each plan, for error messages.
        wrapped: The slots whose networks have wrappers.
        calls: Collects the slots that are called, each with the domain; None if they are not recorded.
        image: Size and channels of the generated images.
        domain: The label sets.
        style: The shape of the styles that the plan samples from the prior; None if it samples no styles.
    """

    ATTRIBUTES = ("slots", "roles", "plan", "plan_names", "image", "domain", "style", "calls", "wrapped", "training")
    """Names that no slot can have, besides those of methods."""

    def __init__(
        self,
        modules: dict[str, nn.Module],
        slots: dict[str, Slot],
        roles: dict[str, str],
        plan_names: tuple[str, ...],
        image: ImageSpec,
        domain: DomainSpec,
        style: StyleSpec | None = None,
        wrappers: Mapping[str, nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.slots, self.roles, self.plan_names, self.image, self.domain, self.style = slots, roles, plan_names, image, domain, style
        self.calls: set[tuple[str, str | None]] | None = None
        self._known_draws: dict[tuple[str, bool], tuple[nn.Module, bool]] = {}
        for name, module in modules.items():
            self.add_module(name, module)
        self.wrapped = frozenset(wrappers or ())
        if wrappers:
            self.add_module(WRAPPERS, nn.ModuleDict(wrappers))
        self.freeze()

    @property
    def plan(self) -> str:
        """The name of the plan in messages, or the names of several."""
        return " + ".join(self.plan_names)

    def net(
        self, slot: str, domain: str | None = None, pair: tuple[str | None, str | None] = (None, None), *, translation: str = ""
    ) -> nn.Module:
        """Return the network of a slot for a domain or an ordered pair of domains.

        Args:
            slot: The slot.
            domain: The domain, for a slot with one network per domain.
            pair: Source and target, for a slot with one network per pair.
            translation: The name of the translation, for the error message.

        Raises:
            PlanError: The slot has no network for that domain or pair.
            UnknownNameError: The recipe has no such slot.
        """
        if self.calls is not None:
            self.calls.add((slot, domain))
        return self._select(self._get_slot(slot), slot, domain, pair, translation)

    def get_wrappers(
        self, slot: str, domain: str | None = None, pair: tuple[str | None, str | None] = (None, None)
    ) -> tuple[nn.Module, ...]:
        """Return the wrappers around the network of a slot for a domain or a pair of domains, the innermost first."""
        if slot not in self.wrapped:
            return ()
        wrappers = self._select(self.get_submodule(WRAPPERS).get_submodule(slot), slot, domain, pair, "")
        assert isinstance(wrappers, nn.ModuleList)
        return tuple(wrappers)

    def _select(self, module: nn.Module, slot: str, domain: str | None, pair: tuple[str | None, str | None], translation: str) -> nn.Module:
        per = self.slots[slot].per
        if per is None:
            return module
        key = domain if per == "domain" else pair_key(*pair)
        assert isinstance(module, nn.ModuleDict)
        if key is None or module_key(key) not in module:
            if per == "pair" and None in pair:
                raise PlanError(
                    f'Slot "{slot}" has one network per pair of domains, but here translation "{translation}" of plan "{self.plan}" names '
                    f'no source and target for it. Use one network: slots={{"{slot}": {{"per": None}}}}, or a plan for domains.'
                )
            raise PlanError(
                f'Translation "{translation}" requires a network for "{key}", but slot "{slot}" has one network per {per} '
                f"and the domains are: {', '.join(self.domain.names)}. Set source_name and target_name of the translation to two of these."
            )
        return module[module_key(key)]

    def get_inputs(self, slot: str) -> tuple[str, ...]:
        """Return the inputs that the discriminator of a slot requires in addition to the image."""
        return tuple(contract.read(get_first(self._get_slot(slot)), "inputs"))

    def _get_slot(self, name: str) -> nn.Module:
        module = self._modules.get(name)
        if module is None:
            raise UnknownNameError("slot", name, self.slots)
        return module

    @property
    def translator_slots(self) -> tuple[str, ...]:
        """The slots of the networks that make an image: all but discriminators and losses."""
        return tuple(name for name, role in self.roles.items() if role not in NON_TRANSLATOR_ROLES)

    def is_stochastic(self, slots: Iterable[str], *, training: bool | None = None) -> bool:
        """Return whether a network of some slots draws random numbers, in training or at inference (default: in its present mode)."""
        return any(self._draws(name, self.training if training is None else training) for name in slots if name in self.slots)

    @property
    def is_random(self) -> bool:
        """Whether the images of a model depend on a seed at inference: a style is sampled, or a network draws random numbers."""
        return self.style is not None or self.is_stochastic(self.translator_slots, training=False)

    def _draws(self, slot: str, training: bool) -> bool:
        module = self._get_slot(slot)
        known = self._known_draws.get((slot, training))
        if known is None or known[0] is not module:  # a walk over all submodules, which each read of a shared view would repeat
            known = self._known_draws[slot, training] = module, contract.draws(module, training=training)
        return known[1]

    @contextmanager
    def freeze_weights(self, slot: str) -> Iterator[None]:
        """Return a context in which the weights of a slot are constants: calls of its networks record no gradient for them."""
        weights = self.get_parameters([slot])
        for weight in weights:
            weight.requires_grad_(False)
        try:
            yield
        finally:
            for weight in weights:
                weight.requires_grad_()

    def get_parameters(self, slots: Iterable[str]) -> list[nn.Parameter]:
        """Return the trainable parameters of some slots; a shared parameter occurs once."""
        found = {id(p): p for name in slots for p in self._modules[name].parameters() if p.requires_grad}  # type: ignore[union-attr]
        return list(found.values())

    def named_state(self) -> Iterator[tuple[str, Tensor]]:
        """Yield each parameter and persistent buffer once, with its first name."""
        seen: set[int] = set()
        for name, tensor in self.state_dict(keep_vars=True).items():
            if id(tensor) not in seen:
                seen.add(id(tensor))
                yield name, tensor

    def freeze(self) -> None:
        """Set frozen slots to eval mode, without gradients."""
        for name, slot in self.slots.items():
            if slot.frozen:
                self._modules[name].eval().requires_grad_(False)  # type: ignore[union-attr]
                if name in self.wrapped:
                    self.get_submodule(WRAPPERS).get_submodule(name).eval()

    def train(self, mode: bool = True) -> Nets:
        """Set training or eval mode; frozen slots stay in eval mode."""
        super().train(mode)
        self.freeze()
        return self


def module_key(name: str) -> str:
    """Return a valid name of a submodule: dots and the names of torch's own attributes are escaped."""
    escaped = name.replace("%", "%25").replace(".", "%2E")
    return f"%{escaped}" if not escaped or hasattr(nn.ModuleDict, escaped) else escaped


def pair_key(source: str | None, target: str | None) -> str:
    """Return the name of the network from one domain to another."""
    return f"{source}_to_{target}"


def get_first(module: nn.Module) -> nn.Module:
    """Return the first network of a slot, or the only one."""
    return next(iter(module.values())) if isinstance(module, nn.ModuleDict) else module
