"""The one generic round that serves every recipe.

``play`` and ``update`` are public: a method with a strange schedule writes its own loop over the same translations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from attrs import frozen
from torch import Tensor, nn

from i2ikit.core.draws import Draws, Share
from i2ikit.core.recipe import Player, Term
from i2ikit.core.translation import Translation
from i2ikit.errors import NonFiniteLossError

if TYPE_CHECKING:
    from i2ikit.core.model import Model

Logs = dict[str, Tensor]


class Engine(Protocol):
    """What differs between one process and several, and between precisions. ``train`` brings another one."""

    index: int
    count: int

    def autocast(self) -> Any:
        """Return the context that forward passes run in."""
        ...

    def backward(self, total: Tensor, inputs: Sequence[nn.Parameter], retain: bool) -> None:
        """Add the gradient of ``total`` to the ``grad`` of ``inputs``."""
        ...

    def average(self, parameters: Sequence[nn.Parameter], finite: Tensor) -> Tensor:
        """Average gradients over the processes; return whether all of them found finite losses."""
        ...

    def gather(self, tensor: Tensor) -> Tensor:
        """Return the rows of all processes, in order."""
        ...

    def apply(self, optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], finite: Tensor, clip: float) -> Tensor:
        """Step the optimizer where everything is finite; return whether it was."""
        ...


@frozen
class Turn:
    """The terms of a player that share one backward pass and one optimizer step.

    Attributes:
        updates: All slots that the turn changes.
        on: The translations it plays, by name; all where None.
    """

    player: Player
    terms: Mapping[str, Term]
    updates: frozenset[str]
    on: tuple[str, ...] | None

    def plays(self, translation: Translation) -> bool:
        """Return whether the turn plays this translation."""
        return self.on is None or translation.name in self.on


def turns(player: Player, done: int) -> list[Turn]:
    """Return the turns of a player in the round that follows ``done`` rounds: the terms due, grouped by interval and translations."""
    groups: dict[Any, dict[str, Term]] = {}
    for name, term in player.terms.items():
        if (done // player.every) % term.every == 0:
            groups.setdefault((term.every, term.on), {})[name] = term
    return [
        Turn(player, terms, frozenset(slot for term in terms.values() for slot in (term.updates or player.trains)), on)
        for (_, on), terms in groups.items()
    ]


def step(
    model: Model,
    batches: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    draws: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]] | None = None,
    accumulate: int = 1,
) -> Logs:
    """Play one round: one batch, or one batch per label set or data set, played in turn.

    Args:
        batches: One batch or several.
        draws: Tensors that replace random draws by name; one mapping a batch where there are several.
        accumulate: Into how many micro-batches each batch is split; each player runs over all of them before its optimizer steps.

    Returns:
        The unweighted value of each term, as ``{"translator/cycle": tensor}``, detached, the last batch's where there are several.

    Raises:
        NonFiniteLossError: The round before had a NaN or an infinite loss; the weights are those before it.
    """
    model.raise_if_not_finite()
    rounds = [batches] if isinstance(batches, Mapping) else list(batches)
    given = list(draws) if isinstance(draws, Sequence) else [draws or {}] * len(rounds)
    due = [player for player in model.recipe.players if (model.round + 1) % player.every == 0]
    logs: Logs = {}
    for index, batch in enumerate(rounds):
        parts = split(model, batch, given[index], index, accumulate)
        shared = _translate(model, parts[0], due) if accumulate == 1 and not model.recipe.retranslate else None
        for player in due:
            for turn in turns(player, model.round):
                _play_turn(model, turn, parts, shared or (None if accumulate > 1 else _translate(model, parts[0], [player])), logs, batch)
    model.round += 1
    return logs


def _play_turn(
    model: Model, turn: Turn, parts: list[tuple[Mapping[str, Any], Draws]], made: list[Translation] | None, logs: Logs, batch: Mapping[str, Any]
) -> None:
    parameters = model.nets.parameters_of(sorted(turn.updates))
    for parameter in parameters:
        parameter.grad = None
    values: Logs = {}
    for part in parts:
        translations = made if made is not None else _translate(model, part, [turn.player])
        for name, value in play(model, turn, translations, scale=1.0 / len(parts)).items():
            values[name] = values[name] + value / len(parts) if name in values else value / len(parts)
    update(model, turn, parameters, values, batch.get("file"))
    logs.update(values)
    for translation in made or ():
        translation.forget(turn.updates)


def play(model: Model, turn: Turn, translations: Iterable[Translation], scale: float = 1.0) -> Logs:
    """Play one turn: terms, totals by receiver, backward. A term is summed over the translations.

    Returns:
        The unweighted terms by "player/term".
    """
    totals: dict[tuple[str, ...], Tensor] = {}
    logs: Logs = {}
    played = [translation for translation in translations if turn.plays(translation)]
    with model.engine.autocast():
        for translation in played:
            translation.reading = turn.updates
            translation.pools = model.pools_of(turn.player, translation)
        for name, term in turn.terms.items():
            loss = model.losses[f"{turn.player.name}/{name}"]
            value = _summed(loss, played, f"{turn.player.name}/{name}")
            receivers = tuple(term.updates or turn.player.trains)
            weighted = value * (term.weight * scale)
            totals[receivers] = totals[receivers] + weighted if receivers in totals else weighted
            logs[f"{turn.player.name}/{name}"] = value.detach()
    for index, (receivers, total) in enumerate(totals.items()):
        if total.requires_grad:
            model.engine.backward(total, model.nets.parameters_of(receivers), index + 1 < len(totals))
    for translation in played:
        translation.reading = None
    return logs


def update(model: Model, turn: Turn, parameters: Sequence[nn.Parameter], values: Logs, files: object = None) -> None:
    """Average the gradients over the processes and step the player's optimizer, unless something was not finite."""
    flags = torch.stack([torch.isfinite(value).all() for value in values.values()])
    finite = model.engine.average(parameters, flags.all())
    optimizer = model.optimizer(turn.player)
    model.set_rates(turn.player, optimizer)
    finite = model.engine.apply(optimizer, parameters, finite, turn.player.optimizer.clip)
    model.remember_finite(turn.player.name, tuple(values), flags, finite, files)


def split(model: Model, batch: Mapping[str, Any], given: Mapping[str, Tensor], index: int, parts: int) -> list[tuple[Mapping[str, Any], Draws]]:
    """Split a batch into micro-batches, each with its share of the batch's draws."""
    engine = model.engine
    tensors = {key: value for key, value in batch.items() if isinstance(value, Tensor)}
    device = next(iter(tensors.values())).device if tensors else torch.device("cpu")
    whole = {"label": engine.gather(tensors["label"])} if "label" in tensors and engine.count > 1 else {k: tensors[k] for k in ("label",) if k in tensors}
    made = []
    for part in range(parts):
        rows = {key: Share(part, parts).of(value) if parts > 1 else value for key, value in tensors.items()}
        share = Share(engine.index * parts + part, engine.count * parts)
        made.append(({**batch, **rows}, Draws((model.seed, model.round, index), given, share, whole, device)))
    return made


def _translate(model: Model, part: tuple[Mapping[str, Any], Draws], players: Sequence[Player]) -> list[Translation]:
    batch, draws = part
    owned = {slot for player in players for slot in player.trains}
    learning = any(model.nets.roles[slot] != "discriminator" for slot in owned)
    return model.plan(model.nets, batch, draws, learning, **model.recipe.plan_options)


def _summed(loss: Any, translations: Sequence[Translation], term: str) -> Tensor:
    total: Tensor | None = None
    for translation in translations:
        translation.term = term
        value = loss(translation)
        total = value if total is None else total + value
        translation.term = ""
    assert total is not None, f"{term} plays no translation"
    return total


class SingleProcess:
    """The plain engine: one process, no scaling, autocast where the user has switched it on."""

    index, count = 0, 1

    def autocast(self) -> Any:
        """Leave autocast as the caller has it."""
        return torch.enable_grad()

    def backward(self, total: Tensor, inputs: Sequence[nn.Parameter], retain: bool) -> None:
        """Run autograd to ``inputs`` alone."""
        total.backward(inputs=list(inputs), retain_graph=retain)  # type: ignore[no-untyped-call]

    def average(self, parameters: Sequence[nn.Parameter], finite: Tensor) -> Tensor:
        """Return ``finite``: there is nobody to average with."""
        return finite

    def gather(self, tensor: Tensor) -> Tensor:
        """Return the tensor."""
        return tensor

    def apply(self, optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], finite: Tensor, clip: float) -> Tensor:
        """Step where the losses and the gradients are finite, without asking the host."""
        return gated_step(optimizer, parameters, finite, clip)


def gated_step(optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], finite: Tensor, clip: float = 0.0) -> Tensor:
    """Step an optimizer unless a loss or a gradient is not finite; the decision stays on the device.

    Fused optimizers skip the step where their ``found_inf`` is 1, which is how a gradient scaler stops them too.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return finite
    norm = nn.utils.get_total_norm(gradients)
    finite = finite & torch.isfinite(norm)
    if clip:
        nn.utils.clip_grads_with_norm_(parameters, clip, norm)
    optimizer.found_inf = (~finite).to(torch.float32)  # type: ignore[attr-defined]
    optimizer.step()
    return finite


def finite_or_raise(reports: Sequence[tuple[str, tuple[str, ...], Tensor, Tensor, object]], done: int) -> None:
    """Read the flags of the last round on the host.

    Raises:
        NonFiniteLossError: A term or a gradient was not finite.
    """
    for player, names, flags, finite, files in reports:
        if not bool(finite):
            bad = [name for name, flag in zip(names, flags.tolist(), strict=True) if not flag]
            what = " and ".join(f'"{name}"' for name in bad) or f'The gradient of "{player}"'
            shown = list(files)[:8] if isinstance(files, (list, tuple)) else []
            where = f" Its files: {', '.join(map(str, shown))}{', ...' if isinstance(files, (list, tuple)) and len(files) > 8 else ''}." if shown else ""
            raise NonFiniteLossError(
                f"{what} became NaN or infinite in round {done}; the weights are those of the round before.{where} "
                f"Look at these images, or lower the learning rate."
            )
