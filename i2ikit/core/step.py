"""The training step, which is the same for all recipes.

``play`` and ``update`` are public: a method with an unusual schedule uses them in its own training loop.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from attrs import frozen
from torch import Tensor, nn

from i2ikit.core import mixture
from i2ikit.core.batch_checks import check_tensors, explain_sizes, list_batches
from i2ikit.core.batch_kinds import list_tensors, map_tensors
from i2ikit.core.batch_logs import merge_logs
from i2ikit.core.buffer_gate import keep_gate, open_gate, settle_gate
from i2ikit.core.engine import Engine, SingleProcess, step_if_finite
from i2ikit.core.given_draws import check_draws, list_draws
from i2ikit.core.optimizers import get_weight, set_learning_rates
from i2ikit.core.player import Player
from i2ikit.core.random_streams import RandomStreams, Share
from i2ikit.core.slot import Term
from i2ikit.core.translation import Translation
from i2ikit.errors import PlanError, UnknownNameError

if TYPE_CHECKING:
    from i2ikit.core.model import Model

__all__ = ["Engine", "Logs", "SingleProcess", "Turn", "make_translations", "play", "split", "step", "step_if_finite", "turns", "update"]

Logs = dict[str, Tensor]
Part = tuple[Mapping[str, Any], RandomStreams]  # a micro-batch and its random streams


@frozen
class Turn:
    """The terms of a player that share one backward pass and one optimizer step.

    Attributes:
        player: The player.
        terms: The terms by name.
        updates: All slots that the turn updates.
    """

    player: Player
    terms: Mapping[str, Term]
    updates: frozenset[str]


def turns(player: Player, done: int) -> list[Turn]:
    """Return the turns of a player in the step after ``done`` finished steps: the terms of this step, grouped by interval and turn."""
    groups: dict[Any, dict[str, Term]] = {}
    for name, term in player.terms.items():
        if (done // player.every) % term.every == 0:
            groups.setdefault((term.every, term.turn), {})[name] = term
    return [
        Turn(player, terms, frozenset(slot for term in terms.values() for slot in (term.updates or player.trains)))
        for terms in groups.values()
    ]


def step(
    model: Model,
    batches: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    draws: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]] | None = None,
    accumulate: int = 1,
) -> Logs:
    """Run one training step with one batch, or with one batch for each label set or data set, one after the other.

    Args:
        model: The model to train.
        batches: One batch, or a sequence of batches.
        draws: Tensors that replace random draws, by name: one mapping for all batches, or a sequence with one mapping for each batch.
        accumulate: The number of micro-batches into which each batch is split. Each player processes all of them before its optimizer step.

    Returns:
        The unweighted value of each term, ``{"translator/cycle": tensor}``, detached. A term of several batches has its mean under this
        name, and the value of each batch under its number, ``"translator/cycle/1"``.

    Raises:
        NonFiniteLossError: In the previous step, a loss or gradient was NaN or infinite; its update and the rest of the step were skipped.
        PlanError: There is no batch, one lacks something that the plan requires or does not fit the model, or the number of mappings in
            ``draws`` differs from that of batches.
        UnknownNameError: A name in ``draws`` is not the name of a random draw.
    """
    model.raise_if_not_finite()
    model.finite = None
    listed = list_batches(batches, accumulate)
    mixture.check_batches(model, len(listed))
    replacements = list_draws(draws, len(listed))
    players = [player for player in model.recipe.players if (model.steps_done + 1) % player.every == 0]
    split_batches = [split(model, batch, replacements[index], index, accumulate) for index, batch in enumerate(listed)]
    all_logs: list[Logs] = []
    with keep_gate(model):
        for index, batch in enumerate(listed):
            with explain_sizes(model, batch):
                all_logs.append(_play_batch(model, players, split_batches[index], batch, index))
    model.steps_done += 1
    return merge_logs(all_logs)


def _play_batch(model: Model, players: Sequence[Player], parts: Sequence[Part], batch: Mapping[str, Any], index: int) -> Logs:
    """Let all players of a step play on the micro-batches of a batch, and return the values of the terms."""
    logs: Logs = {}
    translations: list[list[Translation]] = []
    for player in players:
        if not translations or model.recipe.retranslate:
            for translation in itertools.chain(*translations):
                translation.close()
            sharing = [player] if model.recipe.retranslate else players
            translations = [make_translations(model, part, sharing, index) for part in parts]
        for turn in turns(player, model.steps_done):
            _play_turn(model, turn, translations, logs, batch)
    for translation in itertools.chain(*translations):
        translation.close()
    return logs


def _play_turn(model: Model, turn: Turn, parts: Sequence[Sequence[Translation]], logs: Logs, batch: Mapping[str, Any]) -> None:
    """Play a turn over the translations of all micro-batches, then update."""
    parameters = model.nets.get_parameters(sorted(turn.updates))
    for parameter in model.nets.get_parameters(turn.player.trains):
        parameter.grad = None  # also for slots that this turn does not update: the optimizer skips parameters without gradient
    values: Logs = {}
    for translations in parts:
        for translation in translations if len(parts) > 1 else ():
            translation.requires_grad = _trains_translator(model, turn.updates)
        for name, value in play(model, turn, translations, scale=1.0 / len(parts)).items():
            values[name] = values[name] + value / len(parts) if name in values else value / len(parts)
        for translation in translations if len(parts) > 1 else ():
            translation.release()
    if values:  # none if no term of this turn is for the translations of this batch
        update(model, turn, parameters, values, batch.get("file"))
    logs.update(values)
    for translation in itertools.chain(*parts):
        translation.forget(turn.updates)


def play(model: Model, turn: Turn, translations: Iterable[Translation], scale: float = 1.0) -> Logs:
    """Play one turn: compute its terms and run the backward passes. A term is the sum of its loss over the translations.

    Args:
        model: The model.
        turn: The turn.
        translations: The translations of one micro-batch.
        scale: A factor of the total loss: one divided by the number of micro-batches.

    Returns:
        The unweighted values of the terms by "player/term", detached.
    """
    totals: dict[tuple[str, ...], Tensor] = {}
    logs: Logs = {}
    translations = list(translations)
    open_gate(model)
    with model.engine.autocast():
        for translation in translations:
            translation.updating = turn.updates
            translation.pools = model.get_pools(turn.player, translation)
        for name, term in turn.terms.items():
            selected = select_translations(term, translations, len(model.plans))
            if not selected and len(model.plans) > 1:  # the term is for the translations of another plan
                continue
            loss = model.losses[f"{turn.player.name}/{name}"]
            value = _sum_loss(loss, selected, f"{turn.player.name}/{name}")
            receivers = tuple(term.updates or turn.player.trains)
            weighted = value * (get_weight(model.recipe, turn.player, term, model.steps_done) * scale)
            totals[receivers] = totals[receivers] + weighted if receivers in totals else weighted
            logs[f"{turn.player.name}/{name}"] = value.detach()
    for index, (receivers, total) in enumerate(totals.items()):
        if total.requires_grad:
            model.engine.backward(total, model.nets.get_parameters(receivers), index + 1 < len(totals))
    for translation in translations:
        translation.updating, translation.pools = None, {}
    return logs


def select_translations(term: Term, translations: Sequence[Translation], plans: int = 1) -> list[Translation]:
    """Return the translations of a batch for which a term is computed.

    Args:
        term: The term.
        translations: The translations of the batch.
        plans: The number of plans of the recipe. With several, a name may be that of a translation of another batch.

    Raises:
        UnknownNameError: The plan makes no translation with a name in ``term.translations``.
    """
    if term.translations is None:
        return list(translations)
    known = [name for translation in translations for name in translation.names]
    for name in term.translations if plans == 1 else ():
        if name not in known:
            raise UnknownNameError("translation", name, list(dict.fromkeys(known)))
    return [translation for translation in translations if not set(term.translations).isdisjoint(translation.names)]


def update(model: Model, turn: Turn, parameters: Sequence[nn.Parameter], values: Logs, files: object = None) -> None:
    """Average the gradients over the processes and step the player's optimizer, unless a loss or gradient of this step is not finite.

    Then the buffers of the networks and the pools are restored, too.

    Args:
        model: The model.
        turn: The turn.
        parameters: The parameters that the turn updates.
        values: The values of the turn's terms.
        files: The image files of the batch, for the error message.
    """
    flags = torch.stack([torch.isfinite(value).all() for value in values.values()])
    so_far = flags.all() if model.finite is None else flags.all() & model.finite
    finite = model.engine.average(parameters, so_far)
    optimizer = model.optimizer(turn.player)
    set_learning_rates(model.recipe, turn.player, optimizer, model.steps_done)
    finite = model.engine.step_optimizer(optimizer, parameters, finite, turn.player.optimizer.clip)
    model.finite = finite
    settle_gate(model, finite)
    model.record_finite(turn.player.name, tuple(values), flags, finite, files)


def split(model: Model, batch: Mapping[str, Any], draws: Mapping[str, Tensor], index: int, parts: int) -> list[Part]:
    """Split a batch into micro-batches, each with its random streams.

    Args:
        model: The model.
        batch: The batch.
        draws: Tensors that replace random draws, by name.
        index: The position of the batch within the step.
        parts: The number of micro-batches.

    Raises:
        PlanError: The tensors of the batch do not fit the model, or a draw is no tensor of numbers.
        UnknownNameError: A name in ``draws`` is not the name of a random draw.
    """
    engine = model.engine
    tensors = list_tensors(batch)
    check_tensors(model, batch, index)
    check_draws(model, draws)
    first = next((tensor for tensor in tensors if tensor.ndim == 4), next(iter(tensors), torch.empty(0)))
    dtype = first.dtype if first.is_floating_point() else torch.get_default_dtype()
    label = batch.get("label")
    whole = {"label": engine.gather(label) if engine.count > 1 else label} if isinstance(label, Tensor) else {}
    split_parts: list[Part] = []
    for part in range(parts):
        rows = map_tensors(batch, Share(part, parts).take_rows) if parts > 1 else batch
        share = Share(engine.index * parts + part, engine.count * parts)
        streams = RandomStreams((model.seed, model.steps_done, index), draws, share, whole, first.device, dtype, step=model.steps_done)
        split_parts.append((rows, streams))
    return split_parts


def make_translations(model: Model, part: Part, players: Sequence[Player], index: int = 0) -> list[Translation]:
    """Return the translations of a micro-batch of the batch ``index`` of a step, by its plan.

    They have gradients if one of the players trains the translator.
    """
    open_gate(model)
    batch, streams = part
    if model.recipe.retranslate and model.recipe.redraw:
        streams = streams.for_player(players[0].name)
    requires_grad = _trains_translator(model, {slot for player in players for slot in player.trains})
    return mixture.run_plan(model, batch, streams, requires_grad, index)


def _trains_translator(model: Model, slots: Iterable[str]) -> bool:
    """Return whether one of the slots belongs to the translator."""
    return not set(model.nets.translator_slots).isdisjoint(slots)


def _sum_loss(loss: Any, translations: Sequence[Translation], term: str) -> Tensor:
    total: Tensor | None = None
    for translation in translations:
        translation.term = term
        value = loss(translation)
        if not isinstance(value, Tensor) or value.numel() != 1:
            found = (
                f"a tensor of shape {list(value.shape)}. Return its mean" if isinstance(value, Tensor) else f"{value!r}. Return a tensor"
            )
            raise PlanError(f'The loss of term "{term}" must be one number; found {found}.')
        total = value if total is None else total + value
        translation.term = ""
    if total is None:
        raise PlanError(f'Term "{term}" is not computed for any translation. Name one in translations=, or leave translations= out.')
    return total
