"""The one generic step that serves every recipe.

``play`` and ``update`` are public: a method with a strange schedule writes its own loop over the same translations.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from attrs import frozen
from torch import Tensor, nn

from i2ikit.core.engine import Engine, SingleProcess, gated_step
from i2ikit.core.random_streams import RandomStreams, Share
from i2ikit.core.recipe import Player, Term
from i2ikit.core.translation import NON_TRANSLATOR_ROLES, Translation
from i2ikit.errors import NonFiniteLossError, PlanError, UnknownNameError

if TYPE_CHECKING:
    from i2ikit.core.model import Model

__all__ = ["Engine", "Logs", "SingleProcess", "Turn", "gated_step", "make_translations", "play", "split", "step", "turns", "update"]

Logs = dict[str, Tensor]
Part = tuple[Mapping[str, Any], RandomStreams]  # a micro-batch and its share of the draws


@frozen
class Turn:
    """The terms of a player that share one backward pass and one optimizer step.

    Attributes:
        updates: All slots that the turn changes.
    """

    player: Player
    terms: Mapping[str, Term]
    updates: frozenset[str]


def turns(player: Player, done: int) -> list[Turn]:
    """Return the turns of a player in the step that follows ``done`` steps: the terms due, grouped by interval and turn."""
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
    """Play one step: one batch, or one batch per label set or data set, played in turn.

    Args:
        batches: One batch or several.
        draws: Tensors that replace random draws by name; one mapping a batch where there are several.
        accumulate: Into how many micro-batches each batch is split; each player runs over all of them before its optimizer steps.

    Returns:
        The unweighted value of each term, as ``{"translator/cycle": tensor}``, detached, the last batch's where there are several.

    Raises:
        NonFiniteLossError: The step before had a NaN or an infinite loss; that update and the rest of its step were left out.
        PlanError: The batch does not hold what the plan needs, or draws are given for another number of batches.
        UnknownNameError: A draw is given that nothing draws.
    """
    model.raise_if_not_finite()
    model.finite = None
    listed = [batches] if isinstance(batches, Mapping) else list(batches)
    given = _given(model, draws, len(listed))
    due = [player for player in model.recipe.players if (model.steps_done + 1) % player.every == 0]
    logs: Logs = {}
    for index, batch in enumerate(listed):
        parts = split(model, batch, given[index], index, accumulate)
        made: list[list[Translation]] = []
        for player in due:
            if not made or model.recipe.retranslate:
                players = [player] if model.recipe.retranslate else due
                made = [make_translations(model, part, players) for part in parts]
            for turn in turns(player, model.steps_done):
                _play_turn(model, turn, made, logs, batch)
        for translation in itertools.chain(*made):
            translation.close()
    model.steps_done += 1
    return logs


def _given(model: Model, draws: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]] | None, batches: int) -> list[Mapping[str, Tensor]]:
    given = list(draws) if isinstance(draws, Sequence) else [draws or {}] * batches
    if len(given) != batches:
        raise PlanError(f"Draws were given for {len(given)} batches, and the step has {batches}. Give one mapping a batch, or one for all.")
    for name in {name for each in given for name in each}:
        if model.stream_names and name not in model.stream_names:
            raise UnknownNameError("draw", name, model.stream_names)
    return given


def _play_turn(model: Model, turn: Turn, made: Sequence[Sequence[Translation]], logs: Logs, batch: Mapping[str, Any]) -> None:
    """Play a turn over all micro-batches, then update."""
    parameters = model.nets.parameters_of(sorted(turn.updates))
    for parameter in model.nets.parameters_of(turn.player.trains):
        parameter.grad = None  # also of slots that this turn leaves alone: the optimizer skips what has no gradient
    values: Logs = {}
    for translations in made:
        for translation in translations if len(made) > 1 else ():
            translation.requires_grad = _learns(model, turn.updates)
        for name, value in play(model, turn, translations, scale=1.0 / len(made)).items():
            values[name] = values[name] + value / len(made) if name in values else value / len(made)
        for translation in translations if len(made) > 1 else ():
            translation.release()
    update(model, turn, parameters, values, batch.get("file"))
    logs.update(values)
    for translation in itertools.chain(*made):
        translation.forget(turn.updates)


def play(model: Model, turn: Turn, translations: Iterable[Translation], scale: float = 1.0) -> Logs:
    """Play one turn: terms, totals by receiver, backward. A term is summed over the translations.

    Returns:
        The unweighted terms by "player/term".
    """
    totals: dict[tuple[str, ...], Tensor] = {}
    logs: Logs = {}
    translations = list(translations)
    with model.engine.autocast():
        for translation in translations:
            translation.updating = turn.updates
            translation.pools = model.pools_of(turn.player, translation)
        for name, term in turn.terms.items():
            loss = model.losses[f"{turn.player.name}/{name}"]
            value = _summed(loss, played_by(term, translations), f"{turn.player.name}/{name}")
            receivers = tuple(term.updates or turn.player.trains)
            weighted = value * (term.weight * scale)
            totals[receivers] = totals[receivers] + weighted if receivers in totals else weighted
            logs[f"{turn.player.name}/{name}"] = value.detach()
    for index, (receivers, total) in enumerate(totals.items()):
        if total.requires_grad:
            model.engine.backward(total, model.nets.parameters_of(receivers), index + 1 < len(totals))
    for translation in translations:
        translation.updating, translation.pools = None, {}
    return logs


def played_by(term: Term, translations: Sequence[Translation]) -> list[Translation]:
    """Return the translations that a term plays.

    Raises:
        UnknownNameError: The plan makes no translation of a name that the term asks for.
    """
    if term.translations is None:
        return list(translations)
    known = [name for translation in translations for name in translation.names]
    for name in term.translations:
        if name not in known:
            raise UnknownNameError("translation", name, list(dict.fromkeys(known)))
    return [translation for translation in translations if not set(term.translations).isdisjoint(translation.names)]


def update(model: Model, turn: Turn, parameters: Sequence[nn.Parameter], values: Logs, files: object = None) -> None:
    """Average the gradients over the processes and step the player's optimizer, unless something of the step was not finite."""
    flags = torch.stack([torch.isfinite(value).all() for value in values.values()])
    so_far = flags.all() if model.finite is None else flags.all() & model.finite
    finite = model.engine.average(parameters, so_far)
    optimizer = model.optimizer(turn.player)
    model.set_rates(turn.player, optimizer)
    finite = model.engine.apply(optimizer, parameters, finite, turn.player.optimizer.clip)
    model.finite = finite
    model.remember_finite(turn.player.name, tuple(values), flags, finite, files)


def split(model: Model, batch: Mapping[str, Any], given: Mapping[str, Tensor], index: int, parts: int) -> list[Part]:
    """Split a batch into micro-batches, each with its share of the batch's draws."""
    engine = model.engine
    tensors = {key: value for key, value in batch.items() if isinstance(value, Tensor)}
    first = next((tensor for tensor in tensors.values() if tensor.ndim == 4), next(iter(tensors.values()), torch.empty(0)))
    dtype = first.dtype if first.is_floating_point() else torch.get_default_dtype()
    whole = (
        {"label": engine.gather(tensors["label"])}
        if "label" in tensors and engine.count > 1
        else {k: tensors[k] for k in ("label",) if k in tensors}
    )
    made: list[Part] = []
    for part in range(parts):
        rows = {key: Share(part, parts).of(value) if parts > 1 else value for key, value in tensors.items()}
        share = Share(engine.index * parts + part, engine.count * parts)
        made.append(({**batch, **rows}, RandomStreams((model.seed, model.steps_done, index), given, share, whole, first.device, dtype)))
    return made


def make_translations(model: Model, part: Part, players: Sequence[Player]) -> list[Translation]:
    """Ask the plan for the translations of a micro-batch; they learn if one of the players trains a part of the translator."""
    batch, streams = part
    if model.recipe.retranslate and model.recipe.redraw:
        streams = streams.by(players[0].name)
    requires_grad = _learns(model, {slot for player in players for slot in player.trains})
    return model.plan(model.nets, batch, streams, requires_grad, **model.recipe.plan_options)


def _learns(model: Model, slots: Iterable[str]) -> bool:
    return any(model.nets.roles[slot] not in NON_TRANSLATOR_ROLES for slot in slots)


def _summed(loss: Any, translations: Sequence[Translation], term: str) -> Tensor:
    total: Tensor | None = None
    for translation in translations:
        translation.term = term
        value = loss(translation)
        total = value if total is None else total + value
        translation.term = ""
    if total is None:
        raise PlanError(f'Term "{term}" plays no translation. Name one in translations=, or leave translations= out.')
    return total


def finite_or_raise(reports: Sequence[tuple[str, tuple[str, ...], Tensor, Tensor, object]], done: int) -> None:
    """Read the flags of the last step on the host.

    Raises:
        NonFiniteLossError: A term or a gradient was not finite.
    """
    for player, names, flags, finite, files in reports:
        if not bool(finite):
            bad = [name for name, flag in zip(names, flags.tolist(), strict=True) if not flag]
            what = " and ".join(f'"{name}"' for name in bad) or f'The gradient of "{player}"'
            shown = list(files)[:8] if isinstance(files, (list, tuple)) else []
            where = (
                f" Its files: {', '.join(map(str, shown))}{', ...' if isinstance(files, (list, tuple)) and len(files) > 8 else ''}."
                if shown
                else ""
            )
            raise NonFiniteLossError(
                f"{what} became NaN or infinite in step {done}; this update and the rest of the step were left out.{where} "
                f"Look at these images, or lower the learning rate.",
                terms=bad,
                step=done,
                files=[str(file) for file in files] if isinstance(files, (list, tuple)) else (),
            )
