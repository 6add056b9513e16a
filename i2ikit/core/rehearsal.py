"""The rehearsal: a whole step on tensors without memory. It records the views that each term reads, and finds models that cannot learn.

Tensors on the meta device have shapes and autograd, but no values. The rehearsal therefore requires no memory and no computation, and does
not depend on the device of the model. The first such operation in a process imports modules of torch, which takes about two seconds.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from attrs import evolve
from torch import nn

from i2ikit.core import step
from i2ikit.core.batch_kinds import map_tensors
from i2ikit.core.conditions import check_conditions, check_unused_slots
from i2ikit.core.mixture import run_plan
from i2ikit.errors import I2IKitError, UnknownNameError, describe_exception

if TYPE_CHECKING:
    from i2ikit.core.model import Model


def rehearse(model: Model) -> list[str]:
    """Run one step on tensors without memory and return all problems.

    This sets ``views_read``, ``stream_names`` and ``unreached_weights`` of the model.
    """
    double = _copy_without_memory(model)
    double.train()  # as in training, whatever the mode of the model
    double.nets.calls = set()
    problems: list[str] = []
    requested, played, names = set[str](), set[str](), dict[str, None]()
    for index in range(len(model.plans)):
        problems += _rehearse_plan(model, double, index, requested, played, names)
    model.stream_names = None if problems else sorted(requested)  # with a problem, not all of them are known
    problems += [] if problems else check_unused_slots(double)
    if len(model.plans) > 1 and not problems:
        terms = [term for player in model.recipe.players for term in player.terms.values()]
        unknown = [name for term in terms for name in term.translations or () if name not in names]
        problems += [str(UnknownNameError("translation", name, names)) for name in unknown]
    for key in () if problems else model.losses:
        if key not in played:
            problems.append(f'Term "{key}" is not computed for any translation. Name one in translations=, or leave translations= out.')
    model.unreached_weights = (
        [name for name, p in double.nets.named_parameters() if p.requires_grad and p.grad is None] if not problems else []
    )
    return problems


def find_stream_names(model: Model) -> list[str] | None:
    """Return the names of all random draws of a step; None if the model cannot be rehearsed.

    A model that was loaded or imported has not been rehearsed yet.
    """
    if model.stream_names is None:
        rehearse(model)
    return model.stream_names


def _rehearse_plan(model: Model, double: Model, index: int, requested: set[str], played: set[str], names: dict[str, None]) -> list[str]:
    """Run one step with one of the plans, and return the problems.

    Its random draws, its terms and the names of its translations are added to ``requested``, ``played`` and ``names``.
    """
    problems: list[str] = []
    try:
        batch = _make_batch(double, index)
        [(part, streams)] = step.split(double, batch, {}, index, 1)
        streams = evolve(streams, requested=requested)
        for player in model.recipe.players:
            player_streams = streams.for_player(player.name) if model.recipe.retranslate and model.recipe.redraw else streams
            translations = run_plan(double, part, player_streams, True, index)
            for translation in translations:
                translation.trace = {}
                names.update(dict.fromkeys(translation.names))
            for turn in step.turns(player, 0):  # in the first step all terms are due
                played.update(step.play(double, turn, translations))
                for translation in translations:
                    for term, views in (translation.trace or {}).items():
                        seen = model.views_read.setdefault(term, [])
                        seen += [name for name in views if name not in seen]
                    translation.forget(turn.updates)
        problems += check_conditions(double, part, streams, index)
    except I2IKitError as error:
        problems.append(str(error))
    except Exception as error:  # noqa: BLE001 - whatever a component, a loss or a plan of a plugin raises
        term = next((t.term for t in locals().get("translations", []) if t.term), "")
        where = f' in term "{term}"' if term else ""
        problems.append(f"The rehearsal of one step failed{where}: {describe_exception(error)}")
    return problems


def _make_batch(double: Model, index: int) -> dict[str, Any]:
    """Return a batch without memory, of the data type of the weights."""
    batch = double.get_batch_kind(index).make_example(double.image, double.source, double.domain, 2, 0, torch.device("meta"))
    dtype = next((weight.dtype for weight in double.nets.parameters()), torch.get_default_dtype())
    return map_tensors(batch, lambda tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor)


def _copy_without_memory(model: Model) -> Model:
    """Return a copy of the model on the meta device."""
    memo: dict[int, Any] = {}
    for weight in [*model.nets.parameters(), *model.loss_modules.parameters()]:
        memo[id(weight)] = nn.Parameter(torch.empty_like(weight, device="meta"), requires_grad=weight.requires_grad)
    for tensor in [*model.nets.buffers(), *model.loss_modules.buffers()]:
        memo[id(tensor)] = torch.empty_like(tensor, device="meta")
    nets = copy.deepcopy(model.nets, memo)
    losses = {name: copy.deepcopy(loss, memo) if isinstance(loss, nn.Module) else loss for name, loss in model.losses.items()}
    return type(model)(model.recipe, nets, losses, model.plans, seed=model.seed)
