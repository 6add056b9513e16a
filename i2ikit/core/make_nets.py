"""Makes the networks of a recipe, each from the spec of what enters it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from torch import nn

from i2ikit.core.calls import Series
from i2ikit.core.component import get_factory_options
from i2ikit.core.contract import check_members, read
from i2ikit.core.factories import call_factory
from i2ikit.core.nets import Nets, get_first, module_key, pair_key
from i2ikit.core.plans import PRIOR
from i2ikit.core.recipe import SLOT_ROLES, Recipe
from i2ikit.core.registry import Registry
from i2ikit.core.slot import Slot
from i2ikit.core.specs import CodeSpec, StyleSpec
from i2ikit.core.trained import TrainedSlot
from i2ikit.core.validators import check_type
from i2ikit.errors import I2IKitError, OptionError, SpecError, UnknownNameError, format_count

Modules = dict[str, nn.Module]
IMAGES = ("source", "target")  # inputs of slots that are images


class NetMaker:
    """Makes the networks of a recipe.

    The order is that of the data: encoder, conditioner, generator, discriminators, extra slots. If an encoder or a conditioner asks for the
    code that the generator takes, the generator is made first.

    Args:
        recipe: The recipe.
        registry: The registry of components.
        style: The plan's option "style": the width of the styles that it samples, "prior" for the width of the encoder's, or 0.
        trained: The slots whose weights are read from a run or a saved model.

    Attributes:
        problems: What is wrong, one sentence for each slot.
    """

    def __init__(self, recipe: Recipe, registry: Registry, style: Any, trained: Mapping[str, TrainedSlot]) -> None:
        self.recipe, self.registry, self.trained, self.style = recipe, registry, trained, style
        self.problems: list[str] = []
        self.modules: Modules = {}
        self.wrappers: Modules = {}
        self.codes: dict[str, CodeSpec] = {}  # what each encoder or conditioner returns
        self.sampled_style: StyleSpec | None = None
        self.asking = ""  # the first slot that asks for the code that the generator takes

    def make(self) -> Nets | None:
        """Return the networks; None if there are problems."""
        for name in self._list_in_order():
            try:
                self._make_slot(name)
            except I2IKitError as error:
                self.problems.append(f'Slot "{name}": {error}')
                if name == "generator" and self.asking:
                    self.problems[-1] += f' The generator is made first, because slot "{self.asking}" asks what it takes.'
                    return None
                if name in ("encoder", "conditioner"):  # what follows is built from its code
                    return None
        try:
            self._check_generator_input()
        except I2IKitError as error:
            self.problems.append(f'Slot "generator": {error}')
        if self.problems:
            return None
        recipe = self.recipe
        ordered = {name: self.modules[name] for name in recipe.slots}
        roles = {name: recipe.role(name) for name in recipe.slots}
        wrappers = {name: self.wrappers[name] for name in recipe.slots if name in self.wrappers}
        return Nets(ordered, dict(recipe.slots), roles, recipe.plan_names, recipe.image, recipe.labels, self.sampled_style, wrappers)

    def _list_in_order(self) -> list[str]:
        recipe = self.recipe
        order = sorted(recipe.slots, key=lambda name: (name not in SLOT_ROLES, SLOT_ROLES.index(recipe.role(name))))
        order.sort(key=lambda name: recipe.slots[name].input in recipe.slots)  # after the slot whose code enters it
        self.asking = next((name for name in order if name != "generator" and self._asks_for_generator(name)), "")
        if "generator" in order and self.asking:
            order.remove("generator")
            order.insert(0, "generator")
        return order

    def _asks_for_generator(self, name: str) -> bool:
        for component, _ in self.recipe.slots[name].parts:
            try:
                if "generator" in get_factory_options(self.registry.resolve(component, self.recipe.role(name))):
                    return True
            except I2IKitError:  # reported when the slot is made
                continue
        return False

    # -- what enters a slot

    def _get_prior(self) -> CodeSpec:
        """Return the code of a model without encoder: the sampled style."""
        return _replace_style(CodeSpec(), self.style)

    def _get_code(self, name: str) -> CodeSpec | None:
        """Return the spec of the code that enters a slot; None if it is not known yet."""
        encoded = self.codes.get("encoder", None if "encoder" in self.recipe.slots else self._get_prior())
        given = self.recipe.slots[name].input
        if given == "style":
            return CodeSpec(style=self.sampled_style)
        if given and given not in IMAGES:
            if given not in self.codes:
                raise UnknownNameError("slot whose code enters it", given, self.codes, note='Or write input="source", "target" or "style".')
            return self.codes[given]
        if name == "generator" and "conditioner" in self.recipe.slots:
            return self.codes.get("conditioner")
        if name not in SLOT_ROLES and self.recipe.role(name) in ("conditioner", "generator"):
            return self.codes.get("conditioner", encoded)
        return encoded

    def _make_specs(self, name: str) -> dict[str, Any]:
        recipe = self.recipe
        given = recipe.slots[name].input
        is_source = given == "source" or (name == "encoder" and given != "target")
        image = recipe.source if is_source else recipe.image  # all encoders but the main one take target images
        specs: dict[str, Any] = {"image": image, "source": recipe.source, "domain": recipe.labels}
        code = self._get_code(name)
        if code is not None:
            specs["code"] = code
        generator = self.modules.get("generator")
        needed = None if generator is None else read(get_first(generator), "input_spec")
        if isinstance(needed, CodeSpec):
            specs["generator"] = needed
        return specs

    # -- one slot

    def _make_slot(self, name: str) -> None:
        slot, role, specs = self.recipe.slots[name], self.recipe.role(name), self._make_specs(name)
        made = {key: self._make_net(slot, role, specs) for key in _list_keys(slot, self.recipe)}
        if slot.per is not None:
            _share_parts(slot, made)
        module: nn.Module = made[""] if slot.per is None else nn.ModuleDict({module_key(key): net for key, net in made.items()})
        if name in self.trained:
            self.trained[name].load_into(module)
        first = get_first(module)
        check_members(_get_last(first), role, slot.title)
        self.modules[name] = module
        if slot.wrappers:
            chains = {key: self._make_wrappers(slot, net, specs) for key, net in made.items()}
            self.wrappers[name] = chains[""] if slot.per is None else nn.ModuleDict({module_key(key): each for key, each in chains.items()})
        if role in ("encoder", "conditioner"):
            self.codes[name] = _get_last(first).output_spec  # type: ignore[assignment]
        if name == "encoder":
            self.codes[name] = _replace_style(self.codes[name], self.style)
        if (name == "encoder" and self.style) or "encoder" not in self.recipe.slots:
            self.sampled_style = self.codes["encoder"].style if "encoder" in self.codes else self._get_prior().style

    def _make_net(self, slot: Slot, role: str, specs: Mapping[str, Any]) -> nn.Module:
        """Make one network, or the components of a series, each from the code that the one before it returns."""
        specs, nets = dict(specs), []
        for component, options in slot.parts:
            net = self._make_module(component, role, options, specs)
            nets.append(net)
            if len(slot.parts) > 1:
                if role != "conditioner":
                    raise OptionError(f"{slot.title} cannot stand in series: only conditioners take what they return. Use one {role}.")
                check_members(net, role, component)
                specs["code"] = net.output_spec
        return nets[0] if len(nets) == 1 else Series(nets)

    def _make_wrappers(self, slot: Slot, net: nn.Module, specs: Mapping[str, Any]) -> nn.ModuleList:
        wrappers = [self._make_module(component, "wrapper", options, {**specs, "net": net}) for component, options in slot.wrappers]
        for (component, _), wrapper in zip(slot.wrappers, wrappers, strict=True):
            if weights := [name for name, _ in wrapper.named_parameters()]:
                raise OptionError(
                    f'"{component}" has weights ("{weights[0]}"), but no player trains those of a wrapper. Keep state in buffers; '
                    "keep the network, if it is needed, in a list."
                )
        return nn.ModuleList(wrappers)

    def _make_module(self, component: str, role: str, options: Mapping[str, Any], specs: Mapping[str, Any]) -> nn.Module:
        made = call_factory(component, self.registry.resolve(component, role), options, specs)
        if not isinstance(made, nn.Module):
            raise OptionError(f'the factory of "{component}" returns a {type(made).__name__}; it must return an nn.Module.')
        return made

    def _check_generator_input(self) -> None:
        """Check that the generator gets the code that it publishes as its input."""
        generator, given = self.modules.get("generator"), self._get_code("generator")
        needed = None if generator is None else read(get_first(generator), "input_spec")
        if not isinstance(needed, CodeSpec) or given is None:
            return
        if (needed.style and needed.style != given.style) or (needed.maps and needed.maps != given.maps):
            slots = self.recipe.slots
            before = next((name for name in ("conditioner", "encoder") if name in slots), None)
            origin = f'"{slots[before].title}" gives' if before else "the plan samples"
            raise SpecError(
                f'"{slots["generator"].title}" takes {needed}, but {origin} {given}. Use components whose code has these shapes.'
            )


def _get_last(net: nn.Module) -> nn.Module:
    """Return the last component of a series, or the network itself."""
    return net[-1] if isinstance(net, Series) else net


def _list_keys(slot: Slot, recipe: Recipe) -> Iterator[str]:
    """Yield the keys of the networks of a slot: "" for a single one, else the domains or ordered pairs of domains.

    Raises:
        OptionError: The slot has one network per domain or pair, and there are no domains.
    """
    if slot.per is None:
        yield ""
        return
    names = recipe.labels.names
    if len(names) < 2 and recipe.labels.width:
        attributes = ", ".join(each.name for each in recipe.labels.attributes)
        raise OptionError(
            f"it has one network per {slot.per}, so the labels must be one categorical attribute, whose values are the domains; "
            f'found the attributes: {attributes}. Name the domains: labels=("a", "b").'
        )
    if len(names) < 2:
        raise OptionError(f'it has one network per {slot.per}, which requires two or more domains. Name them: labels=("photo", "monet").')
    yield from names if slot.per == "domain" else [pair_key(*pair) for pair in itertools.permutations(names, 2)]


def _share_parts(slot: Slot, nets: Mapping[str, nn.Module]) -> None:
    """Give all networks of a slot the shared parts of the first one."""
    first = next(iter(nets.values()))
    for part in slot.shared:
        if not hasattr(first, part):
            note = f'"{slot.title}" has no such part. To share nothing: slots={{"SLOT": {{"shared": ()}}}}.'
            raise UnknownNameError("part to share", part, [name for name, _ in first.named_children()], note=note)
        for net in nets.values():
            setattr(net, part, getattr(first, part))


def _replace_style(code: CodeSpec, style: int | str) -> CodeSpec:
    """Return the code with the style that the plan samples from the prior instead of the encoder's style."""
    if not style:
        return code
    if style != PRIOR:
        check_type("style", int | Literal["prior"], style)
        if int(style) < 0:
            raise OptionError(f'"style" is {style}; it must be the width of the sampled styles, "prior", or 0 for no styles.')
        if code.style is not None and code.style.width != int(style):
            raise SpecError(
                f"style={style} samples styles of {format_count(int(style), 'number')}, but the encoder's style has {code.style.width}. "
                f"Change both: style_dim={style}."
            )
        return code.with_style(StyleSpec(int(style)))
    if code.style is None:
        raise SpecError(
            'style="prior" replaces the encoder\'s style, but there is none. Use an encoder with style, or set a width: style=8.'
        )
    return code
