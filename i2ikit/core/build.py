"""Builds a model from a recipe. It checks names, then shapes, then runs a rehearsal, and reports all problems of a stage together."""

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

from i2ikit.core.component import get_annotation, get_factory_options
from i2ikit.core.model import Losses, Model
from i2ikit.core.nets import Nets, module_key, pair_key
from i2ikit.core.overrides import apply_overrides
from i2ikit.core.plans import PRIOR, complete_plan_options, find_plan, get_batch_kind
from i2ikit.core.recipe import SLOT_ROLES, Player, Recipe, Slot, Term
from i2ikit.core.registry import Registry, default_registry
from i2ikit.core.rehearsal import rehearse
from i2ikit.core.specs import CodeSpec, StyleSpec
from i2ikit.core.validators import check_type
from i2ikit.errors import BuildError, I2IKitError, OptionError, SpecError, UnknownNameError, format_count

SPEC_ARGUMENTS = ("image", "source", "domain", "code")  # arguments of factories that build sets; they are not options


def build(recipe: str | Recipe, *, registry: Registry | None = None, seed: int = 0, rehearsal: bool = True, **overrides: Any) -> Model:
    """Build a model.

    Args:
        recipe: The name of a registered recipe, or a Recipe.
        registry: The registry of components (default: that of the installed plugins).
        seed: Seed of the initial weights and of all random streams during training.
        rehearsal: Whether to run a step on tensors without memory, to check the model, before it is returned.
        **overrides: Changes to the recipe: ``size``, ``channels``, ``labels``, ``official``, ``lr``, ``steps``, ``batch`` and all others
            that :func:`i2ikit.core.overrides.apply_overrides` accepts. A slot's name with a component name, a dict of options or a Slot.
            ``terms={"translator/cycle": 5.0}``.

    Raises:
        UnknownNameError: The recipe, or a name in the overrides, does not exist.
        BuildError: The recipe cannot be built; the message names every problem.

    Example:
        >>> model = build("stargan", size=32, labels={"hair": ("black", "blond"), "male": bool}, generator={"width": 8, "blocks": 1})
    """
    registry = registry or default_registry()
    resolved = apply_overrides(registry.recipe(recipe) if isinstance(recipe, str) else recipe, overrides)
    problems = _check_names(resolved, registry)
    if problems:
        raise BuildError(resolved.name, problems)
    resolved = _with_plan_options(resolved, registry)
    with torch.random.fork_rng(devices=[]):  # the networks are made on the CPU, on every machine
        torch.default_generator.manual_seed(seed)
        nets, problems = _make_nets(resolved, registry)
        losses, more = _make_losses(resolved, registry)
    problems = [*problems, *more, *(_check_ownership(resolved, nets) if nets else [])]
    if problems or nets is None:
        raise BuildError(resolved.name, problems)
    plans = [find_plan(plan, registry) for plan in resolved.plans]
    model = Model(resolved, nets, losses, plans, seed=seed)
    model.train()
    if rehearsal:
        problems = rehearse(model)
        if problems:
            raise BuildError(resolved.name, problems)
    return model


def _with_plan_options(recipe: Recipe, registry: Registry) -> Recipe:
    """Return the recipe with the defaults of its plan. A saved model then does not depend on later changes of these defaults."""
    completed = []
    for plan, options in zip(recipe.plans, recipe.options_by_plan, strict=True):
        known = complete_plan_options(find_plan(plan, registry), options)
        completed.append({name: value for name, value in known.items() if value or name in options})
    return evolve(recipe, plan_options=tuple(completed) if isinstance(recipe.plan, (tuple, list)) else completed[0])


def _check_names(recipe: Recipe, registry: Registry) -> list[str]:
    """Return the problems with names of slots, components, plans, players and terms."""
    problems = []
    if "generator" not in recipe.slots:
        problems.append('It has no slot "generator", which makes the images. Add one: generator="COMPONENT".')
    for name, slot in recipe.slots.items():
        problems += _list_problems(lambda name=name, slot=slot: registry.component(slot.component, recipe.role(name)))  # type: ignore[misc]
    for plan, options in zip(recipe.plans, recipe.options_by_plan, strict=True):
        problems += _list_problems(lambda plan=plan, options=options: complete_plan_options(find_plan(plan, registry), options))  # type: ignore[misc]
    problems += _list_problems(lambda: _check_channels(recipe, registry))
    for player in recipe.players:
        problems += _check_player(player, recipe, registry)
    return problems


def _check_channels(recipe: Recipe, registry: Registry) -> None:
    if recipe.source == recipe.image:
        return
    for kind in (get_batch_kind(find_plan(plan, registry)) for plan in recipe.plans):
        if not kind.target:
            raise OptionError(
                f"source_channels={recipe.source.channels} differs from channels={recipe.image.channels}, or source_content= is not "
                f'"picture". Only paired batches support this; plan "{recipe.plan_name}" takes {kind} batches.'
            )


def _check_player(player: Player, recipe: Recipe, registry: Registry) -> list[str]:
    problems = []
    if not player.name.startswith(("translator", "discriminator")):
        problems.append(f'Player "{player.name}" must be called "translator" or "discriminator"; a suffix may follow, such as "_a".')
    for slot in player.trains:
        if slot not in recipe.slots:
            problems.append(f'Player "{player.name}" trains a slot that does not exist. {UnknownNameError("slot", slot, recipe.slots)}')
        elif recipe.slots[slot].frozen:
            problems.append(f'Player "{player.name}" trains slot "{slot}", which is frozen. Remove it from trains=, or set frozen=False.')
    for name, term in player.terms.items():
        if isinstance(term.loss, str):
            problems += _list_problems(functools.partial(registry.component, term.loss, "loss"))
        problems += [
            f'Term "{player.name}/{name}" updates "{slot}", which player "{player.name}" does not train. '
            f"Remove it from updates=, or add it to trains= of the player."
            for slot in term.updates or ()
            if slot not in player.trains
        ]
    return problems


def _list_problems(check: Callable[[], Any]) -> list[str]:
    """Return the message of the error that a check raises, if any."""
    try:
        check()
    except I2IKitError as error:
        return [str(error)]
    return []


def _make_nets(recipe: Recipe, registry: Registry) -> tuple[Nets | None, list[str]]:
    """Make the networks of all slots, front to back: each from the spec of the code that enters it."""
    specs: dict[str, Any] = {"image": recipe.image, "source": recipe.source, "domain": recipe.labels}
    style = next((options["style"] for options in recipe.options_by_plan if options.get("style")), 0)  # all plans draw the same styles
    code = CodeSpec() if "encoder" in recipe.slots else _replace_style(CodeSpec(), style)
    sampled_style = code.style
    modules: dict[str, nn.Module] = {}
    problems: list[str] = []
    order = sorted(recipe.slots, key=lambda name: (name not in SLOT_ROLES, SLOT_ROLES.index(recipe.role(name))))
    for name in order:
        slot = recipe.slots[name]
        try:
            factory = cast(Callable[..., nn.Module], registry.resolve(slot.component, recipe.role(name)))
            image = recipe.source if name == "encoder" else recipe.image  # all other encoders take target images
            make = functools.partial(_make_net, factory, slot, {**specs, "image": image, "code": code})
            module = _make_slot(slot, recipe, make)
            first = next(iter(module.values())) if isinstance(module, nn.ModuleDict) else module
            modules[name] = module
            if name in ("encoder", "conditioner"):
                code = _get_output_spec(first, slot)
            if name == "encoder":
                code = _replace_style(code, style)
                sampled_style = code.style if style else None
        except I2IKitError as error:
            problems.append(f'Slot "{name}": {error}')
            if name in ("encoder", "conditioner"):
                return None, problems
    if problems:
        return None, problems
    ordered = {name: modules[name] for name in recipe.slots}
    roles = {name: recipe.role(name) for name in recipe.slots}
    return Nets(ordered, dict(recipe.slots), roles, recipe.plan_name, recipe.image, recipe.labels, sampled_style), []


def _get_output_spec(module: nn.Module, slot: Slot) -> CodeSpec:
    output_spec = getattr(module, "output_spec", None)
    if not isinstance(output_spec, CodeSpec):
        raise SpecError(f'"{slot.component}" has no output_spec. Set self.output_spec = CodeSpec(...) in its constructor.')
    return output_spec


def _replace_style(code: CodeSpec, style: int | str) -> CodeSpec:
    """Return the code with the style that the plan samples from the prior instead of the encoder's style."""
    if not style:
        return code
    if style != PRIOR:
        check_type("style", int | Literal["prior"], style)
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


def _make_slot(slot: Slot, recipe: Recipe, make: Callable[[], nn.Module]) -> nn.Module:
    """Make the network of a slot, or a ModuleDict with one network for each domain or ordered pair of domains."""
    if slot.per is None:
        return make()
    names = recipe.labels.names
    if len(names) < 2 and recipe.labels.width:
        attributes = ", ".join(each.name for each in recipe.labels.attributes)
        raise OptionError(
            f"it has one network per {slot.per}, so the labels must be one categorical attribute, whose values are the domains; "
            f'found the attributes: {attributes}. Name the domains: labels=("a", "b").'
        )
    if len(names) < 2:
        raise OptionError(f'it has one network per {slot.per}, which requires two or more domains. Name them: labels=("photo", "monet").')
    keys = names if slot.per == "domain" else [pair_key(*pair) for pair in itertools.permutations(names, 2)]
    nets = nn.ModuleDict({module_key(key): make() for key in keys})
    first = nets[module_key(keys[0])]
    for part in slot.shared:
        if not hasattr(first, part):
            raise UnknownNameError("part to share", part, [name for name, _ in first.named_children()])
        for net in nets.values():
            setattr(net, part, getattr(first, part))
    return nets


def _make_net(factory: Callable[..., nn.Module], slot: Slot, specs: Mapping[str, Any]) -> nn.Module:
    return cast(nn.Module, _call_factory(slot.component, factory, get_factory_options(factory), slot.options, specs))


def _call_factory(
    component: str,
    factory: Callable[..., Any],
    parameters: Mapping[str, inspect.Parameter],
    options: Mapping[str, Any],
    specs: Mapping[str, Any],
) -> Any:
    """Call a factory with its options and specs. If it fails, the error names the options."""
    arguments = _make_arguments(component, factory, parameters, options, specs)
    given = ", ".join(f"{name}={value!r}" for name, value in options.items())
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Initializing zero-element tensors")
            made = factory(**arguments)
    except (TypeError, ValueError, ArithmeticError, RuntimeError, LookupError) as error:
        if isinstance(error, I2IKitError) or not options:
            raise
        raise OptionError(f'"{component}" cannot be made with {given} ({type(error).__name__}: {error}). Change these options.') from error
    if isinstance(made, nn.Module) and any(not weight.numel() for weight in made.parameters()):
        raise OptionError(f'"{component}" has empty weights{f" with {given}" if given else ""}. Use larger values.')
    return made


def _make_arguments(
    component: str,
    factory: Callable[..., Any],
    parameters: Mapping[str, inspect.Parameter],
    options: Mapping[str, Any],
    specs: Mapping[str, Any],
) -> dict[str, Any]:
    known = [name for name in parameters if name not in SPEC_ARGUMENTS]
    for name, value in options.items():
        if name not in known:
            raise UnknownNameError(f'option of "{component}"', name, known)
        check_type(f"{component}.{name}", get_annotation(factory, parameters[name]), value)
    missing = [name for name in known if parameters[name].default is inspect.Parameter.empty and name not in options]
    if missing:
        raise OptionError(f'"{component}" requires the option "{missing[0]}", which is missing. Add it: {{"{missing[0]}": VALUE}}.')
    return {**{name: specs[name] for name in SPEC_ARGUMENTS if name in parameters and name in specs}, **options}


def _make_losses(recipe: Recipe, registry: Registry) -> tuple[Losses, list[str]]:
    losses: Losses = {}
    problems = []
    for player in recipe.players:
        for name, term in player.terms.items():
            try:
                losses[f"{player.name}/{name}"] = _make_loss(term, recipe, registry)
            except I2IKitError as error:
                problems.append(f'Term "{player.name}/{name}": {error}')
    return losses, problems


def _make_loss(term: Term, recipe: Recipe, registry: Registry) -> Any:
    factory = registry.resolve(term.loss, "loss") if isinstance(term.loss, str) else term.loss
    if isinstance(factory, nn.Module):
        return factory.requires_grad_(False)
    name = term.loss if isinstance(term.loss, str) else getattr(term.loss, "__name__", "loss")
    parameters = dict(get_factory_options(factory))
    if inspect.isclass(factory):
        made = _call_factory(name, factory, parameters, term.options, {"image": recipe.image, "domain": recipe.labels})
        return made.requires_grad_(False) if isinstance(made, nn.Module) else made
    parameters.pop(next(iter(parameters), ""), None)  # the first parameter of a loss is the translation, not an option
    arguments = _make_arguments(name, factory, parameters, term.options, {})
    return functools.partial(factory, **arguments) if arguments else factory


def _check_ownership(recipe: Recipe, nets: Nets) -> list[str]:
    """Return the slots with weights that no player trains, as problems."""
    owned = {slot for player in recipe.players for slot in player.trains}
    return [
        f'Slot "{name}" has weights, but no player trains it. Add it to trains= of a player, or freeze it: Slot(..., frozen=True).'
        for name, slot in recipe.slots.items()
        if name not in owned and not slot.frozen and nets.get_parameters([name])
    ]
