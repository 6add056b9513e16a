"""A model told in text: slots, shapes, terms and views, who trains what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    from i2ikit.core.model import Model


def explain(model: Model) -> str:
    """Return the assembly as a few tables of plain text."""
    recipe, domain = model.recipe, model.domain
    lines = [f"{recipe.name}: {recipe.description}" if recipe.description else recipe.name]
    if recipe.paper:
        lines.append(recipe.paper)
    lines += ["", f"images   {model.image} in [-1, 1]", f"plan     {recipe.plan_name}{_options(recipe.plan_options)}{_ways(model)}"]
    for part in domain.sets:
        said = ", ".join(f"{each.name} ({' '.join(each.values)})" if each.values else f"{each.name} (yes no)" for each in part.attributes)
        lines.append(f"labels   {part.name}: {said}")
    if domain.width:
        lines.append(f"         [{domain.width} entries: {', '.join(domain.entries)}]")
    lines += ["", *_table(["slot", "component", "output_spec", "weights", "trained by"], _slots(model))]
    lines += ["", *_table(["term", "weight", "every", "reads", "updates"], _terms(model))]
    lines += ["", *_training(model)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _ways(model: Model) -> str:
    """Return between which domains is translated, where that is not between all of them."""
    every = len(model.domain.names) * (len(model.domain.names) - 1)
    return ": " + ", ".join(f"{source} to {target}" for source, target in model.routes) if 0 < len(model.routes) < every else ""


def _slots(model: Model) -> list[list[str]]:
    rows = []
    for name, slot in model.recipe.slots.items():
        net = model.slot(name)
        first = next(iter(net.values())) if isinstance(net, nn.ModuleDict) else net
        output_spec = str(getattr(first, "output_spec", "")) or {"generator": str(model.image), "discriminator": "scores"}.get(
            model.nets.roles[name], ""
        )
        count = sum(parameter.numel() for parameter in {id(p): p for p in net.parameters()}.values())
        owners = [player.name for player in model.recipe.players if name in player.trains]
        per = f" x{len(net)} (one a {slot.per})" if isinstance(net, nn.ModuleDict) else ""
        trained = "frozen" if slot.frozen else ", ".join(owners) if count else "-"
        rows.append([name, slot.component + per + _options(slot.options), output_spec, f"{count:,}", trained])
    return rows


def _terms(model: Model) -> list[list[str]]:
    rows = []
    for player in model.recipe.players:
        for name, term in player.terms.items():
            key = f"{player.name}/{name}"
            loss = term.loss if isinstance(term.loss, str) else getattr(term.loss, "__name__", type(term.loss).__name__)
            every = player.every * term.every
            played = f" on {', '.join(term.translations)}" if term.translations else ""
            reads = ", ".join(dict.fromkeys(model.views_read.get(key, [])))
            rows.append(
                [
                    f"{key} = {loss}{played}",
                    f"{term.weight:g}",
                    "step" if every == 1 else f"{every} steps",
                    reads,
                    ", ".join(term.updates or player.trains),
                ]
            )
    return rows


def _training(model: Model) -> list[str]:
    recipe = model.recipe
    lines = []
    for player in recipe.players:
        optimizer = player.optimizer
        pool = f", shown a pool of {player.pool} past fakes" if player.pool else ""
        decay = f", weight decay {optimizer.weight_decay:g}" if optimizer.weight_decay else ""
        betas = f"betas {optimizer.betas[0]:g} {optimizer.betas[1]:g}"
        lines.append(f"{player.name:10} {optimizer.name}, lr {optimizer.lr:g}, {betas}{decay}{pool}")
    decay = f"constant rate, {recipe.steps:,} steps"
    if recipe.schedule.kind == "linear":
        decay = f"linear decay to zero from step {int(recipe.steps * recipe.schedule.start):,} to {recipe.steps:,}"
    if recipe.schedule.kind == "step":
        decay = f"rate times {recipe.schedule.gamma:g} every {recipe.schedule.every:,} of {recipe.steps:,} steps"
    lines.append(f"{'schedule':10} {decay}; batch {recipe.batch}")
    if model.idle:
        lines.append(f"{'untrained':10} no term reaches {', '.join(model.idle[:5])}{', ...' if len(model.idle) > 5 else ''}")
    if not model.steps_done:
        lines.append(f"{'weights':10} {_origin(model.preprocessing)}")
    return lines


def _origin(preprocessing: Mapping[str, Any]) -> str:
    """Say where the weights of a model come from that was never trained here."""
    if "imported" not in preprocessing:
        return "random: this model has not been trained"
    untrained = list(preprocessing.get("untrained", ()))
    rest = f"; those of the {' and the '.join(untrained)} are random, because no file of them was given" if untrained else ""
    return f'imported from an original "{preprocessing["imported"]}"{rest}'


def _options(options: Mapping[str, Any]) -> str:
    return f" ({', '.join(f'{key}={value}' for key, value in options.items())})" if options else ""


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [head, *rows]]
