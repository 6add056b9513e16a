"""Builds a model from a recipe. It checks names, then shapes, then runs a rehearsal, and reports all problems of a stage together."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from attrs import evolve

from i2ikit.core.arguments import a_text, check_arguments, either, instance, whole, yes_or_no
from i2ikit.core.catalogue import recipe as find_recipe
from i2ikit.core.factories import make_loss
from i2ikit.core.make_nets import NetMaker
from i2ikit.core.model import Losses, Model
from i2ikit.core.nets import Nets
from i2ikit.core.plans import complete_plan_options, find_plan, get_batch_kind
from i2ikit.core.player import Player
from i2ikit.core.recipe import Recipe
from i2ikit.core.registry import Registry, default_registry
from i2ikit.core.rehearsal import rehearse
from i2ikit.core.slot_overrides import is_saved
from i2ikit.core.trained import resolve_trained_slots
from i2ikit.core.validators import MAX_SEED
from i2ikit.errors import BuildError, I2IKitError, OptionError, UnknownNameError


@check_arguments(recipe=either(instance("i2ikit.core.recipe:Recipe", "a recipe"), a_text), seed=whole(0, MAX_SEED), rehearsal=yes_or_no)
def build(recipe: str | Recipe, *, registry: Registry | None = None, seed: int = 0, rehearsal: bool = True, **overrides: Any) -> Model:
    """Build a model.

    Args:
        recipe: The name of a registered recipe, the path of a recipe file (``.toml``), or a Recipe.
        registry: The registry of components (default: that of the installed plugins).
        seed: Seed of the initial weights and of all random streams during training.
        rehearsal: Whether to run a step on tensors without memory, to check the model, before it is returned.
        **overrides: Changes to the recipe, as :meth:`Recipe.with_overrides` accepts them: ``size=64``, ``generator={"width": 32}``,
            ``terms={"translator/cycle": 5.0}``.

    Raises:
        UnknownNameError: The recipe, or a name in the overrides, does not exist.
        BuildError: The recipe cannot be built; the message names every problem.

    Example:
        >>> model = build("stargan", size=32, labels={"hair": ("black", "blond"), "male": bool}, generator={"width": 8, "blocks": 1})
    """
    registry = registry or default_registry()
    resolved = (find_recipe(recipe, registry) if isinstance(recipe, str) else recipe).with_overrides(**overrides)
    resolved, trained, problems = resolve_trained_slots(resolved)
    problems += _check_names(resolved, registry)
    if problems:
        raise BuildError(resolved.name, problems)
    resolved = _with_plan_options(resolved, registry)
    style = next((options["style"] for options in resolved.options_by_plan if options.get("style")), 0)  # all plans draw the same styles
    maker = NetMaker(resolved, registry, style, trained)
    with torch.random.fork_rng(devices=[]):  # the networks are made on the CPU, on every machine
        torch.default_generator.manual_seed(seed)
        nets = maker.make()
        losses, more = _make_losses(resolved, registry)
    problems = [*maker.problems, *more, *(_check_ownership(resolved, nets) if nets else [])]
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
        if not str(name).isidentifier() or name in Nets.ATTRIBUTES or hasattr(Nets, name):
            problems.append(
                f'A slot cannot be called "{name}": the name must be that of a Python variable, and none that the networks have already, '
                f'such as "style" or "plan". Choose another one, such as "{name or "generator"}_net".'
            )
        for component in (each for each, _ in slot.parts if not is_saved(each)):  # weights that were not found are reported already
            problems += _list_problems(lambda name=name, component=component: registry.component(component, recipe.role(name)))  # type: ignore[misc]
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
    for slot in player.trains:
        if slot not in recipe.slots:
            problems.append(f'Player "{player.name}" trains a slot that does not exist. {UnknownNameError("slot", slot, recipe.slots)}')
        elif recipe.slots[slot].frozen:
            problems.append(f'Player "{player.name}" trains only frozen slots ("{slot}"). Remove it: players={{"{player.name}": None}}.')
    for slot in player.optimizer.lr_multipliers:
        if slot not in recipe.slots:
            error = UnknownNameError("slot", slot, recipe.slots)
            problems.append(f'Player "{player.name}" has a factor in lr_multipliers= for a slot that does not exist. {error}')
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


def _make_losses(recipe: Recipe, registry: Registry) -> tuple[Losses, list[str]]:
    losses: Losses = {}
    problems = []
    for player in recipe.players:
        for name, term in player.terms.items():
            try:
                losses[f"{player.name}/{name}"] = make_loss(term, recipe, registry)
            except I2IKitError as error:
                problems.append(f'Term "{player.name}/{name}": {error}')
    return losses, problems


def _check_ownership(recipe: Recipe, nets: Nets) -> list[str]:
    """Return the slots with weights that no player trains, and the players and terms that train no weights, as problems."""
    owned = {slot for player in recipe.players for slot in player.trains}
    problems = []
    for player in recipe.players:
        slots = ", ".join(f'"{name}"' for name in player.trains) or "none"
        if player.terms and not nets.get_parameters(player.trains):
            problems.append(
                f'Player "{player.name}" has terms, but trains no weights: its slots are {slots}. '
                f'Remove it: players={{"{player.name}": None}}.'
            )
            continue
        problems += [
            f'Term "{player.name}/{name}" updates only slots without weights ({", ".join(term.updates)}). Change its updates=; '
            f"the slots of the player are {slots}."
            for name, term in player.terms.items()
            if term.updates and not nets.get_parameters(term.updates)
        ]
    return problems + [
        f'Slot "{name}" has weights, but no player trains it. Add it to trains= of a player, or freeze it: Slot(..., frozen=True).'
        for name, slot in recipe.slots.items()
        if name not in owned and not slot.frozen and nets.get_parameters([name])
    ]
