"""The state of a model as tensors by name: weights, pools of past fakes and optimizer states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve
from torch import Tensor

from i2ikit.core.copy_weights import copy_weights
from i2ikit.core.nets import module_key
from i2ikit.core.player import Player
from i2ikit.core.pool import Pool
from i2ikit.errors import CheckpointError

if TYPE_CHECKING:
    from i2ikit.core.model import Model


def get_weights(model: Model) -> dict[str, Tensor]:
    """Return the tensors that are saved with a model, by name: those of its networks, of its losses and of its pools."""
    tensors = {f"nets.{name}": tensor for name, tensor in model.nets.named_state()}
    tensors |= {f"losses.{name}": tensor for name, tensor in model.loss_modules.state_dict(keep_vars=True).items()}
    tensors |= {f"pools.{name}": tensor for name, tensor in model.pools.state_dict(keep_vars=True).items()}
    return tensors


def load_weights(model: Model, tensors: Mapping[str, Tensor], origin: str) -> None:
    """Copy saved weights into a model.

    Args:
        model: The model.
        tensors: The weights by name.
        origin: The file, for the error message.

    Raises:
        CheckpointError: Names or shapes differ; the message names the first five differences.
    """
    own = get_weights(model)
    # Weights of a loss that was a Python module are left out: that loss was not saved, and loading the model has warned about it.
    tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith(_list_missing_prefixes(model))}
    for name, tensor in tensors.items():
        if name.startswith("pools.") and (name not in own or own[name].shape[:2] == tensor.shape[:2]):
            _make_pool(model, name, tensor)
    own = get_weights(model)
    copy_weights(
        own,
        tensors,
        problem=f'"{origin}" does not fit recipe "{model.recipe.name}"',
        remedy="Use weights that were saved with the same recipe, options and labels.",
    )


def get_training_state(model: Model) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the JSON data of a training: weights, optimizer states, pools, number of finished steps, seed."""
    tensors = get_weights(model)
    for player in model.recipe.players:
        for index, state in model.optimizer(player).state_dict()["state"].items():
            tensors |= {f"optimizers.{player.name}.{index}.{key}": value for key, value in state.items() if isinstance(value, Tensor)}
    return tensors, {"step": model.steps_done, "seed": model.seed}


def restore_training_state(model: Model, tensors: Mapping[str, Tensor], data: Mapping[str, Any]) -> None:
    """Restore the state of a training that :func:`get_training_state` returned.

    Raises:
        CheckpointError: The tensors do not fit the model, or step or seed is no whole number of 0 or more. Nothing is then restored.
    """
    for name in ("step", "seed"):
        value = data.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise CheckpointError(f'The state of a training has "{name}" {value!r}; it must be a whole number of 0 or more.')
    states = {player.name: _read_optimizer_state(model, player, tensors) for player in model.recipe.players}
    load_weights(model, {name: value for name, value in tensors.items() if not name.startswith("optimizers.")}, "the checkpoint")
    for player in model.recipe.players:
        optimizer = model.optimizer(player)
        optimizer.load_state_dict({"state": states[player.name], "param_groups": optimizer.state_dict()["param_groups"]})
    model.steps_done, model.seed = int(data["step"]), int(data["seed"])
    model.finite, model.gate, model._reports = None, None, []  # of the last step, which belongs to the state before


def _read_optimizer_state(model: Model, player: Player, tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    """Return the state of a player's optimizer by the number of the parameter, or raise CheckpointError if it does not fit."""
    parameters = [parameter for group in model.optimizer(player).param_groups for parameter in group["params"]]
    prefix = f"optimizers.{player.name}."
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if not name.startswith(prefix):
            continue
        index, _, key = name.removeprefix(prefix).partition(".")
        own = parameters[int(index)] if index.isdecimal() and int(index) < len(parameters) else None
        if own is None or not key or value.shape not in ((), own.shape) or not value.is_floating_point():
            expected = "no such tensor" if own is None else f"floats of the shape {list(own.shape)} or []"
            found = f"{value.dtype} of the shape {list(value.shape)}"
            raise CheckpointError(f'The checkpoint does not fit recipe "{model.recipe.name}": {name} is {found}; expected {expected}.')
        state.setdefault(int(index), {})[key] = value.clone()
    return state


def _list_missing_prefixes(model: Model) -> tuple[str, ...]:
    """Return the name prefixes of the weights of losses that were not saved with the model."""
    terms = {f"{player.name}__{name}" for player in model.recipe.players for name in player.terms}
    return tuple(f"losses.{module_key(name)}." for name in model.missing_losses if name not in terms)


def _make_pool(model: Model, name: str, tensor: Tensor) -> None:
    key, _, leaf = name.removeprefix("pools.").rpartition(".")
    if leaf == "images":
        size = evolve(model.image, height=tensor.shape[-2], width=tensor.shape[-1])
        model.pools[key] = Pool(tensor.shape[0], size).to(next(model.nets.parameters()))
