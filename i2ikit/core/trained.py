"""Slots whose networks were trained before: their component, options and weights come from a run or a saved model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from attrs import evolve, frozen
from torch import Tensor, nn

from i2ikit.core import storage
from i2ikit.core.component import is_restoring
from i2ikit.core.copy_weights import copy_weights
from i2ikit.core.nets import module_key
from i2ikit.core.newest_model import read_newest_model
from i2ikit.core.player import Player
from i2ikit.core.recipe import Recipe
from i2ikit.core.slot import Slot
from i2ikit.core.slot_overrides import is_saved
from i2ikit.core.stages import is_stage_place, list_stages, parse_place
from i2ikit.errors import CheckpointError, I2IKitError, UnknownNameError

_PLACE = re.compile(r"(?P<path>.+?):(?P<slot>\w+)(?:/(?P<domain>.+))?")


@frozen(eq=False)
class TrainedSlot:
    """The networks of a slot in a saved model.

    Attributes:
        place: Where they are, as the user wrote it.
        name: The name of the stored slot.
        slot: The stored slot: component, options and settings.
        nets: The weights of each network by name, by the key of the network; "" for a single one.
    """

    place: str
    name: str
    slot: Slot
    nets: Mapping[str, Mapping[str, Tensor]]

    def load_into(self, module: nn.Module) -> None:
        """Copy the weights into the networks of a slot. One stored network serves all networks of the slot.

        Raises:
            CheckpointError: A network is missing, or names or shapes differ; the message names the first differences.
        """
        targets = dict(module.items()) if isinstance(module, nn.ModuleDict) else {"": module}
        for key, net in targets.items():
            if "" not in self.nets and key not in self.nets:
                known = ", ".join(self.nets)
                which = "one network" if not key else f'a network "{key}"'
                raise CheckpointError(
                    f'"{self.place}" has one network per {self.slot.per} ({known}), but this slot needs {which}. '
                    f'Name the network: "{self.place.removesuffix(f":{self.name}")}:{self.name}/{next(iter(self.nets))}".'
                )
            copy_weights(
                net.state_dict(keep_vars=True),
                self.nets.get(key, self.nets.get("", {})),
                problem=f'the weights of "{self.place}" do not fit',
                remedy="Build the model with the size, labels and options that these weights were trained with.",
            )


def resolve_trained_slots(recipe: Recipe) -> tuple[Recipe, dict[str, TrainedSlot], list[str]]:
    """Return the recipe with components and options of its trained slots, these slots, and the problems.

    A slot is trained if it names ``weights``, or if its component is a folder. It then has the stored component with its stored options. A
    frozen slot is trained by no player. A slot of an earlier stage has the component and options of that stage, but is not among
    the trained slots.
    """
    slots, trained, problems = dict(recipe.slots), dict[str, TrainedSlot](), list[str]()
    for name, slot in recipe.slots.items():
        is_path = isinstance(slot.component, str) and is_saved(slot.component)
        place = str(slot.component) if is_path else slot.weights
        if not place or is_restoring.get():
            continue
        try:
            is_of_stage = is_stage_place(place)  # its weights exist when the stage is trained
            found = _find_stage_slot(recipe, place, name) if is_of_stage else read_trained_slot(place, name)
            if not is_path and found.slot.component != slot.component:
                another = "" if found.name == name else " Name another slot of it, or take the component, too:"
                raise CheckpointError(
                    f'"{place}" has "{found.slot.title}" in slot "{found.name}", but the recipe has "{slot.title}".'
                    f'{another or " Take the component, too:"} {name}="{place}".'
                )
        except I2IKitError as error:
            problems.append(f'Slot "{name}": {error}')
            continue
        trained |= {} if is_of_stage else {name: found}
        per = found.slot.per if is_path and not slot.per else slot.per
        shared = slot.shared or (found.slot.shared if per else ())
        came = found.slot
        slots[name] = evolve(slot, component=came.component, options=came.options, per=per, shared=shared, weights=place)
    return _leave_frozen_slots(evolve(recipe, slots=slots)), trained, problems


def _find_stage_slot(recipe: Recipe, place: str, name: str) -> TrainedSlot:
    """Return the slot of an earlier stage that a place names, with the component and options that it has there, and no weights yet."""
    stage_name, _, slot_name, domain = parse_place(place, recipe.stages)
    stage, _, problems = resolve_trained_slots(list_stages(recipe)[stage_name])
    if problems:
        raise CheckpointError(f'stage "{stage_name}": {problems[0]}')
    if (slot_name or name) not in stage.slots:
        raise UnknownNameError(f'slot of stage "{stage_name}"', slot_name or name, stage.slots)
    slot = stage.slots[slot_name or name]
    _check_has_domains(place, slot, domain)
    return TrainedSlot(place, slot_name or name, slot if domain is None else _take_one(slot), {})


def _check_has_domains(place: str, slot: Slot, domain: str | None) -> None:
    if domain is not None and slot.per is None:
        raise CheckpointError(f'"{place}": that slot has one network, without a name. Leave out "/{domain}".')


def _leave_frozen_slots(recipe: Recipe) -> Recipe:
    """Return the recipe whose players train no frozen slot. A player that trains nothing else stays as it is, and is reported."""

    def leave(player: Player) -> Player:
        kept = tuple(name for name in player.trains if name not in recipe.slots or not recipe.slots[name].frozen)
        return evolve(player, trains=kept) if kept and kept != player.trains else player

    return evolve(recipe, players=tuple(leave(player) for player in recipe.players))


def read_trained_slot(place: str, name: str) -> TrainedSlot:
    """Read the networks of a slot from a run or a saved model.

    Args:
        place: The folder of a run or of a model, ``"FOLDER:slot"``, or ``"FOLDER:slot/domain"`` for one network of a slot.
        name: The slot, if ``place`` names none.

    Raises:
        CheckpointError: There is no model in the folder, or it is damaged.
        UnknownNameError: The model has no such slot or network.
    """
    match = None if Path(place).is_dir() else _PLACE.fullmatch(place)
    path, slot_name, domain = (match["path"], match["slot"], match["domain"]) if match else (place, name, None)

    def read(folder: Path) -> TrainedSlot:
        recipe = storage.restore_recipe(storage.read_config(folder), folder)
        if slot_name not in recipe.slots:
            raise UnknownNameError(f'slot of "{path}"', slot_name, recipe.slots)
        return take_slot(place, recipe.slots[slot_name], slot_name, storage.read_tensors(folder / storage.WEIGHTS), domain)

    return read_newest_model(Path(path), read)


def take_slot(place: str, slot: Slot, name: str, tensors: Mapping[str, Tensor], domain: str | None) -> TrainedSlot:
    """Return the networks of a slot from the weights of a model.

    Args:
        place: Where they are, for messages.
        slot: The slot.
        name: Its name in the model.
        tensors: The weights of the model.
        domain: The domain of the network, if only one is needed.

    Raises:
        UnknownNameError: The slot has no such network.
        CheckpointError: The slot has one network, which has no domain.
    """
    _check_has_domains(place, slot, domain)
    prefix = f"nets.{name}."
    weights = {key.removeprefix(prefix): tensor for key, tensor in tensors.items() if key.startswith(prefix)}
    nets = {"": weights} if slot.per is None else _split_nets(weights, slot)
    if domain is None:
        return TrainedSlot(place, name, slot, nets)
    if module_key(domain) not in nets:
        raise UnknownNameError(f'network of slot "{name}" of "{place}"', domain, [key for key in nets if key])
    return TrainedSlot(place, name, _take_one(slot), {"": nets[module_key(domain)]})


def _take_one(slot: Slot) -> Slot:
    """Return a slot with one network."""
    return evolve(slot, per=None, shared=(), input="")


def _split_nets(weights: Mapping[str, Tensor], slot: Slot) -> dict[str, dict[str, Tensor]]:
    """Return the weights of each network of a slot. A shared part is stored with one of them only: the first domain that was declared."""
    nets: dict[str, dict[str, Tensor]] = {}
    for key, tensor in weights.items():
        net, _, name = key.partition(".")
        nets.setdefault(net, {})[name] = tensor
    shared = {name: tensor for own in nets.values() for name, tensor in own.items() if name.split(".")[0] in slot.shared}
    return {key: {**shared, **own} for key, own in nets.items()}
