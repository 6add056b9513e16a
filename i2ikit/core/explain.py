"""A text that describes a model: slots, shapes, terms, views, and which player trains what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import nn

from i2ikit.core.contract import read
from i2ikit.core.nets import get_first
from i2ikit.core.rehearsal import rehearse
from i2ikit.core.stages import is_stage_place
from i2ikit.errors import format_count

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.core.specs import ImageSpec


def explain(model: Model) -> str:
    """Return a description of a model as a few tables of plain text."""
    recipe, domain = model.recipe, model.domain
    if not model.views_read:  # a model that was loaded has not been rehearsed
        rehearse(model)
    lines = [f"{recipe.name}: {recipe.description}" if recipe.description else recipe.name]
    if recipe.paper:
        lines.append(recipe.paper)
    lines += [
        "",
        f"images   {_describe_images(model.image)}",
        *([f"sources  {_describe_images(model.source)}"] if model.source != model.image and model.can_translate else []),
        *_list_plans(model),
    ]
    for part in domain.sets:
        attributes = ", ".join(f"{each.name} ({' '.join(each.values or ('yes', 'no'))})" for each in part.attributes)
        lines.append(f"labels   {part.name}: {attributes}")
    if domain.width:
        entries = "1 entry" if domain.width == 1 else f"{domain.width} entries"
        lines.append(f"         [{entries}: {', '.join(domain.entries)}]")
    lines += ["", *_format_table(["slot", "component", "output", "parameters", "trained by"], _list_slots(model))]
    lines += ["", *_format_table(["term", "weight", "every", "views", "updates"], _list_terms(model))]
    lines += ["", *_describe_training(model)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def list_draw_names(model: Model) -> list[str]:
    """Return the names of the random draws of a step, without the player and the translation that may stand before them."""
    names = set(model.find_stream_names() or ())
    return sorted(name for name in names if name.partition("/")[2] not in names)


def _describe_images(image: ImageSpec) -> str:
    """Return shape, range and content of images."""
    shape = f"[{image.channels}, {image.height}, {image.width}]"
    return f"{shape} in [-1, 1]" if image.is_picture else f"{shape}, {image.content.replace('_', ' ')}"


def _list_plans(model: Model) -> list[str]:
    """Return a line for each plan."""
    plans = zip(model.recipe.plan_names, model.recipe.options_by_plan, strict=True)
    lines = [f"plan     {name}{_format_options(options)}" for name, options in plans]
    return [f"{lines[0]}{_format_routes(model)}", *lines[1:]]


def _format_routes(model: Model) -> str:
    """Return the pairs of domains that are translated, or an empty text if all pairs are."""
    every = len(model.domain.names) * (len(model.domain.names) - 1)
    return ": " + ", ".join(f"{source} to {target}" for source, target in model.routes) if 0 < len(model.routes) < every else ""


def _list_slots(model: Model) -> list[list[str]]:
    rows = []
    outputs = {"generator": str(model.image), "discriminator": "scores"}
    for name, slot in model.recipe.slots.items():
        net = model.slot(name)
        output = str(read(get_first(net), "output_spec") or "") or outputs.get(model.nets.roles[name], "")
        count = sum(parameter.numel() for parameter in {id(p): p for p in net.parameters()}.values())
        owners = [player.name for player in model.recipe.players if name in player.trains]
        per = f" x{len(net)} (one per {slot.per})" if isinstance(net, nn.ModuleDict) else ""
        trained_by = "frozen" if slot.frozen else ", ".join(owners) if count else "-"
        series = " + ".join(each + _format_options(options) for each, options in slot.parts)
        component = slot.title + per + _format_options(slot.options) if isinstance(slot.component, str) else series + per
        rows.append([name, component, output, f"{count:,}", trained_by])
    return rows


def _list_origins(model: Model) -> list[tuple[str, str]]:
    """Return the wrappers and the origin of the weights of each slot that has them."""
    rows = []
    for name, slot in model.recipe.slots.items():
        if slot.wrappers:
            rows.append(("wrapped", f"{name} by {', '.join(each + _format_options(options) for each, options in slot.wrappers)}"))
        if slot.weights:
            untrained = "is untrained here; a run gives it" if is_stage_place(slot.weights) else "starts with"
            rows.append(("trained", f"{name} {untrained} the weights of {slot.weights}"))
    return rows


def _list_terms(model: Model) -> list[list[str]]:
    rows = []
    for player in model.recipe.players:
        for name, term in player.terms.items():
            key = f"{player.name}/{name}"
            translations = f" on {', '.join(term.translations)}" if term.translations else ""
            interval = player.every * term.every
            rows.append(
                [
                    f"{key} = {term.title}{translations}",
                    term.weight_text,
                    "step" if interval == 1 else f"{interval} steps",
                    ", ".join(dict.fromkeys(map(_format_view, model.views_read.get(key, [])))),
                    ", ".join(term.updates or player.trains),
                ]
            )
    return rows


def _format_view(name: str) -> str:
    """Return the name of a view as a loss reads it: ``discriminate(fake)``."""
    return re.sub(r"discriminator_output\((\w+), (?:discriminator|(\w+))\)", _format_discriminator, name)


def _format_discriminator(found: re.Match[str]) -> str:
    return f"discriminate({found[1]}{f', {found[2]}' if found[2] else ''})"


def _describe_training(model: Model) -> list[str]:
    recipe = model.recipe
    rows = []
    for player in recipe.players:
        optimizer = player.optimizer
        pool = f", pool of {player.pool} past fakes" if player.pool else ""
        decay = f", weight decay {optimizer.weight_decay:g}" if optimizer.weight_decay else ""
        betas = f"betas {optimizer.betas[0]:g} {optimizer.betas[1]:g}"
        lazy = ", corrected for lazy terms" if optimizer.lazy else ""
        rows.append((player.name, f"{optimizer.name}, lr {optimizer.lr:g}, {betas}{decay}{lazy}{pool}"))
    draws = list_draw_names(model)
    rows += [("draws", ", ".join(draws))] if draws else []
    rows += _list_origins(model)
    rows.append(("schedule", f"{recipe.schedule.describe(recipe.steps)}; batch size {recipe.batch}"))
    if model.unreached_weights:
        more = ", ..." if len(model.unreached_weights) > 5 else ""
        rows.append(("untrained", f"no gradient reaches {', '.join(model.unreached_weights[:5])}{more}"))
    if recipe.stages:
        rows.append(("stages", f"{', '.join(f'{name} ({stage.steps:,} steps)' for name, stage in recipe.stages.items())}, then this one"))
    rows.append(("weights", f"trained for {format_count(model.steps_done, 'step')}" if model.steps_done else _describe_weights(model)))
    width = max(len(name) for name, _ in rows)
    return [f"{name.ljust(width)}  {text}" for name, text in rows]


def _describe_weights(model: Model) -> str:
    """Return where the weights of a model come from that was not trained with this library."""
    preprocessing: Mapping[str, Any] = model.preprocessing
    trained = [name for name, slot in model.recipe.slots.items() if slot.weights and not is_stage_place(slot.weights)]
    if "imported" not in preprocessing:
        return "random: this model has not been trained" + (f", apart from {', '.join(trained)}" if trained else "")
    untrained = list(preprocessing.get("untrained", ()))
    rest = f"; those of the {' and the '.join(untrained)} are random, because no file of them was given" if untrained else ""
    return f'imported from an original "{preprocessing["imported"]}"{rest}'


def _format_options(options: Mapping[str, Any]) -> str:
    return f" ({', '.join(f'{key}={value}' for key, value in options.items())})" if options else ""


def _format_table(head: list[str], rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [head, *rows]]
