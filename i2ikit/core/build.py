"""From a recipe to a model: names, then shapes, then a rehearsal; every problem that is found is reported together."""

from __future__ import annotations

import functools
import inspect
import itertools
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

import torch
from attrs import evolve
from torch import nn

from i2ikit.core.component import annotation_of, get_factory_options
from i2ikit.core.model import Losses, Model
from i2ikit.core.nets import Nets, module_key, pair_key
from i2ikit.core.overrides import apply_overrides
from i2ikit.core.plans import PRIOR, complete_plan_options, find_plan, get_batch_kind
from i2ikit.core.recipe import SLOT_ROLES, Player, Recipe, Slot, Term
from i2ikit.core.registry import Registry, default_registry
from i2ikit.core.rehearsal import rehearse
from i2ikit.core.specs import CodeSpec, StyleSpec
from i2ikit.core.validators import refuse_kind
from i2ikit.errors import BuildError, I2IKitError, OptionError, SpecError, UnknownNameError, format_count

INJECTED = ("image", "source", "domain", "code")


def build(recipe: str | Recipe, *, registry: Registry | None = None, seed: int = 0, rehearsal: bool = True, **changes: Any) -> Model:
    """Build a model.

    Args:
        recipe: A registered name or a Recipe.
        registry: Where components are looked up; the installed plugins by default.
        seed: Of the first weights and of every draw in training.
        rehearsal: Whether to try the assembly on shapes alone before it is returned.
        **changes: ``size``, ``channels``, ``labels``, ``official``, ``lr``, ``steps``, ``batch`` and what else
            :func:`i2ikit.core.overrides.apply_overrides` takes: a slot's name with a component name, a dict of options or a Slot;
            ``terms={"translator/cycle": 5.0}``.

    Raises:
        UnknownNameError: A recipe or a change that does not exist.
        BuildError: The assembly cannot work; every problem is named.

    Example:
        >>> model = build("stargan", size=32, labels={"hair": ("black", "blond"), "male": bool}, generator={"width": 8, "blocks": 1})
    """
    registry = registry or default_registry()
    resolved = apply_overrides(registry.recipe(recipe) if isinstance(recipe, str) else recipe, changes)
    problems = _names(resolved, registry)
    if problems:
        raise BuildError(resolved.name, problems)
    resolved = _with_plan_options(resolved, registry)
    with torch.random.fork_rng(devices=[]):  # networks are made on the CPU, whatever other devices there are
        torch.default_generator.manual_seed(seed)
        nets, problems = _fill(resolved, registry)
        losses, more = _losses(resolved, registry)
    problems = [*problems, *more, *(_ownership(resolved, nets) if nets else [])]
    if problems or nets is None:
        raise BuildError(resolved.name, problems)
    model = Model(resolved, nets, losses, find_plan(resolved.plan, registry), seed=seed)
    model.train()
    if rehearsal:
        problems = rehearse(model)
        if problems:
            raise BuildError(resolved.name, problems)
    return model


def _with_plan_options(recipe: Recipe, registry: Registry) -> Recipe:
    """Return the recipe with the defaults of its plan: what a file holds must not depend on them."""
    known = complete_plan_options(find_plan(recipe.plan, registry), recipe.plan_options)
    return evolve(recipe, plan_options={name: value for name, value in known.items() if value or name in recipe.plan_options})


def _names(recipe: Recipe, registry: Registry) -> list[str]:
    problems = []
    if "generator" not in recipe.slots:
        problems.append('It has no slot "generator": nothing would draw an image. Name a component for it.')
    for name, slot in recipe.slots.items():
        problems += _asked(lambda name=name, slot=slot: registry.component(slot.component, recipe.role(name)))  # type: ignore[misc]
    problems += _asked(lambda: complete_plan_options(find_plan(recipe.plan, registry), recipe.plan_options))
    problems += _asked(lambda: _channels(recipe, registry))
    for player in recipe.players:
        problems += _names_of(player, recipe, registry)
    return problems


def _channels(recipe: Recipe, registry: Registry) -> None:
    if recipe.source.channels == recipe.image.channels:
        return
    kind = get_batch_kind(find_plan(recipe.plan, registry))
    if kind != "paired":
        raise OptionError(
            f"source_channels={recipe.source.channels} differs from channels={recipe.image.channels}, which only paired data can have; "
            f'plan "{recipe.plan_name}" takes {kind} batches.'
        )


def _names_of(player: Player, recipe: Recipe, registry: Registry) -> list[str]:
    problems = []
    if not player.name.startswith(("translator", "discriminator")):
        problems.append(
            f'A player is called "{player.name}". Players are "translator" or "discriminator", with a suffix where there are several.'
        )
    for slot in player.trains:
        if slot not in recipe.slots:
            problems.append(f'Player "{player.name}" trains a slot that does not exist. {UnknownNameError("slot", slot, recipe.slots)}')
        elif recipe.slots[slot].frozen:
            problems.append(f'Player "{player.name}" trains slot "{slot}", which is frozen. Leave it out, or unfreeze it.')
    for name, term in player.terms.items():
        if isinstance(term.loss, str):
            problems += _asked(functools.partial(registry.component, term.loss, "loss"))
        strange = [slot for slot in term.updates or () if slot not in player.trains]
        problems += [f'Term "{player.name}/{name}" updates "{slot}", which player "{player.name}" does not train.' for slot in strange]
    return problems


def _asked(question: Callable[[], Any]) -> list[str]:
    """Return the problem that a question runs into, if any."""
    try:
        question()
    except I2IKitError as error:
        return [str(error)]
    return []


def _fill(recipe: Recipe, registry: Registry) -> tuple[Nets | None, list[str]]:
    """Build the components front to back, each from the spec that feeds it."""
    specs: dict[str, Any] = {"image": recipe.image, "source": recipe.source, "domain": recipe.labels}
    style = recipe.plan_options.get("style", 0)
    code = CodeSpec() if "encoder" in recipe.slots else _drawn(CodeSpec(), style)
    drawn = code.style
    filled: dict[str, nn.Module] = {}
    problems: list[str] = []
    order = sorted(recipe.slots, key=lambda name: (name not in SLOT_ROLES, SLOT_ROLES.index(recipe.role(name))))
    for name in order:
        slot = recipe.slots[name]
        try:
            factory = cast(Callable[..., nn.Module], registry.resolve(slot.component, recipe.role(name)))
            read = recipe.source if name == "encoder" else recipe.image  # other encoders look at what is drawn
            make = functools.partial(_made, factory, slot, {**specs, "image": read, "code": code})
            module = _per(slot, recipe, make)
            first = next(iter(module.values())) if isinstance(module, nn.ModuleDict) else module
            filled[name] = module
            if name in ("encoder", "conditioner"):
                code = _given(first, slot)
            if name == "encoder":
                code = _drawn(code, style)
                drawn = code.style if style else None
        except I2IKitError as error:
            problems.append(f'Slot "{name}": {error}')
            if name in ("encoder", "conditioner"):
                return None, problems
    if problems:
        return None, problems
    ordered = {name: filled[name] for name in recipe.slots}
    roles = {name: recipe.role(name) for name in recipe.slots}
    return Nets(ordered, dict(recipe.slots), roles, recipe.plan_name, recipe.image, recipe.labels, drawn), []


def _given(module: nn.Module, slot: Slot) -> CodeSpec:
    output_spec = getattr(module, "output_spec", None)
    if not isinstance(output_spec, CodeSpec):
        raise SpecError(f'"{slot.component}" does not say what it gives. Set self.output_spec = CodeSpec(...) in its constructor.')
    return output_spec


def _drawn(code: CodeSpec, style: int | str) -> CodeSpec:
    """Return the code with the style that the plan draws in place of the encoder's."""
    if not style:
        return code
    if style != PRIOR:
        refuse_kind("style", int | Literal["prior"], style)
        if code.style is not None and code.style.width != int(style):
            raise SpecError(
                f"style={style} draws styles of {format_count(int(style), 'number')}, and the encoder reads {code.style.width} off an image. "
                f"Set both: style_dim={style}."
            )
        return code.styled(StyleSpec(int(style)))
    if code.style is None:
        raise SpecError(
            'style="prior" draws a style in place of the encoder\'s, and there is none. Use an encoder with style or give a width: style=8.'
        )
    return code


def _per(slot: Slot, recipe: Recipe, make: Callable[[], nn.Module]) -> nn.Module:
    if slot.per is None:
        return make()
    names = recipe.labels.names
    if len(names) < 2 and recipe.labels.width:
        found = ", ".join(each.name for each in recipe.labels.attributes)
        raise OptionError(
            f'it has one net per {slot.per}, whose domains are the values of one group; found {found}. Name them: labels=("a", "b").'
        )
    if len(names) < 2:
        raise OptionError(f'it has one net per {slot.per}, which needs two or more domains. Declare them: labels=("photo", "monet").')
    keys = names if slot.per == "domain" else [pair_key(*pair) for pair in itertools.permutations(names, 2)]
    nets = nn.ModuleDict({module_key(key): make() for key in keys})
    first = nets[module_key(keys[0])]
    for part in slot.shared:
        if not hasattr(first, part):
            raise UnknownNameError("part to share", part, [name for name, _ in first.named_children()])
        for net in nets.values():
            setattr(net, part, getattr(first, part))
    return nets


def _made(factory: Callable[..., nn.Module], slot: Slot, specs: Mapping[str, Any]) -> nn.Module:
    return cast(nn.Module, _called(slot.component, factory, get_factory_options(factory), slot.options, specs))


def _called(
    component: str,
    factory: Callable[..., Any],
    parameters: Mapping[str, inspect.Parameter],
    options: Mapping[str, Any],
    specs: Mapping[str, Any],
) -> Any:
    """Call a factory with what it asks for; what its options make it fail on is said with them."""
    arguments = _arguments(component, factory, parameters, options, specs)
    given = ", ".join(f"{name}={value!r}" for name, value in options.items())
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Initializing zero-element tensors")
            made = factory(**arguments)
    except (TypeError, ValueError, ArithmeticError, RuntimeError, LookupError) as error:
        if isinstance(error, I2IKitError) or not options:
            raise
        raise OptionError(f'"{component}" cannot be made with {given} ({type(error).__name__}: {error}).') from error
    if isinstance(made, nn.Module) and any(not weight.numel() for weight in made.parameters()):
        raise OptionError(f'"{component}" would have empty weights{f" with {given}" if given else ""}. Use larger values.')
    return made


def _arguments(
    component: str,
    factory: Callable[..., Any],
    parameters: Mapping[str, inspect.Parameter],
    options: Mapping[str, Any],
    specs: Mapping[str, Any],
) -> dict[str, Any]:
    known = [name for name in parameters if name not in INJECTED]
    for name, value in options.items():
        if name not in known:
            raise UnknownNameError(f'option of "{component}"', name, known)
        refuse_kind(f"{component}.{name}", annotation_of(factory, parameters[name]), value)
    missing = [name for name in known if parameters[name].default is inspect.Parameter.empty and name not in options]
    if missing:
        raise OptionError(f'"{component}" needs the option "{missing[0]}". Give it: {{"{missing[0]}": ...}}.')
    return {**{name: specs[name] for name in INJECTED if name in parameters and name in specs}, **options}


def _losses(recipe: Recipe, registry: Registry) -> tuple[Losses, list[str]]:
    losses: Losses = {}
    problems = []
    for player in recipe.players:
        for name, term in player.terms.items():
            try:
                losses[f"{player.name}/{name}"] = _loss(term, recipe, registry)
            except I2IKitError as error:
                problems.append(f'Term "{player.name}/{name}": {error}')
    return losses, problems


def _loss(term: Term, recipe: Recipe, registry: Registry) -> Any:
    factory = registry.resolve(term.loss, "loss") if isinstance(term.loss, str) else term.loss
    if isinstance(factory, nn.Module):
        return factory.requires_grad_(False)
    name = term.loss if isinstance(term.loss, str) else getattr(term.loss, "__name__", "loss")
    parameters = dict(get_factory_options(factory))
    if inspect.isclass(factory):
        made = _called(name, factory, parameters, term.options, {"image": recipe.image, "domain": recipe.labels})
        return made.requires_grad_(False) if isinstance(made, nn.Module) else made
    parameters.pop(next(iter(parameters), ""), None)  # the translation itself
    arguments = _arguments(name, factory, parameters, term.options, {})
    return functools.partial(factory, **arguments) if arguments else factory


def _ownership(recipe: Recipe, nets: Nets) -> list[str]:
    owned = {slot for player in recipe.players for slot in player.trains}
    return [
        f'Slot "{name}" has weights, but no player trains it. Add it to a player\'s trains, or freeze it: Slot(..., frozen=True).'
        for name, slot in recipe.slots.items()
        if name not in owned and not slot.frozen and nets.parameters_of([name])
    ]
