"""Texts of the page: the training, the curves and the commands."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from i2ikit.core.batch_kinds import UNPAIRED, BatchKind
from i2ikit.core.domain import Attribute, DomainSpec
from i2ikit.core.plans import find_plan, get_batch_kind
from i2ikit.core.registry import Registry, default_registry
from i2ikit.core.storage import find_whole_run
from i2ikit.errors import I2IKitError, format_count
from i2ikit.quoting import join_pair, quote
from i2ikit.train.page.run_summary import RunSummary

_CURVES = {
    "lr": "Learning rate.",
    "images_per_second": "Training images per second.",
    "loader_share": "Share of the time spent on loading images; near 0 if loading does not slow down the training.",
    "psnr": "Peak signal-to-noise ratio between translations and target images, in dB; higher is better.",
    "ssim": "Structural similarity of translations and target images; 1 if they are equal.",
    "mae": "Mean absolute error between translations and target images; lower is better.",
}


@frozen
class LossDescription:
    """Description of the curve of a term.

    Attributes:
        loss: Name of the loss.
        weight: Its weight.
        description: What the curve shows.
        equilibrium: The value at which neither player can improve, or None.
        css_class: How the curve is drawn, by what its player trains: "translator" or "discriminator".
    """

    loss: str
    weight: float | Mapping[str, Any]
    description: str
    equilibrium: float | None
    css_class: str = "translator"


def describe_losses(recipe: Mapping[str, Any], registry: Registry | None = None) -> dict[str, LossDescription]:
    """Return the description of the curve of each term by "player/term"."""
    registry = registry or default_registry()
    descriptions = {}
    for player in recipe["players"]:
        css_class = _get_class(player, recipe)
        for name, term in player["terms"].items():
            descriptions[f"{player['name']}/{name}"] = _describe_loss(term, recipe, registry, css_class)
    return descriptions


def describe_curve(key: str) -> str:
    """Return the description of a curve of the log that is not a loss, or ""."""
    return _CURVES.get(key.rpartition("/")[2], "")


def _describe_loss(term: Mapping[str, Any], recipe: Mapping[str, Any], registry: Registry, css_class: str) -> LossDescription:
    loss = str(term["loss"])
    try:
        component = registry.component(loss)
    except I2IKitError:  # a function, or a loss of a plugin that is not installed here
        return LossDescription(loss.removeprefix("python:"), term["weight"], "", None, css_class)
    options = term.get("options", {})
    discriminator = recipe["slots"].get(options.get("discriminator", "discriminator"), {})
    scales = 1 if options.get("average") else int(discriminator.get("options", {}).get("scales", 1))
    return LossDescription(
        loss,
        term["weight"],
        component.curve or component.description,
        None if component.equilibrium is None else scales * component.equilibrium,
        css_class,
    )


def _get_class(player: Mapping[str, Any], recipe: Mapping[str, Any]) -> str:
    """Return how the curves of a player are drawn: as those of a discriminator if it trains nothing else."""
    roles = {recipe["slots"][slot].get("role") or slot for slot in player["trains"] if slot in recipe["slots"]}
    return "discriminator" if roles and roles <= {"discriminator", "loss"} else "translator"


def format_weight(weight: float | Mapping[str, Any]) -> str:
    """Return the weight of a term as text; if it changes, the first one and the kind of its schedule."""
    return f"{weight.get('value', 1.0):g} ({weight['kind']})" if isinstance(weight, Mapping) else f"{weight:g}"


def get_title(summary: RunSummary) -> str:
    """Return the title of the page: recipe and data."""
    data = " and ".join(str(each.get("name") or Path(each.get("path") or "data").name) for each in summary.data)
    return f"{summary.recipe['name']} on {data}"


def describe_training(summary: RunSummary) -> list[str]:
    """Return a description of the training in a few sentences."""
    recipe = summary.recipe
    image, steps = recipe["image"], int(recipe["steps"])
    attributes = DomainSpec.from_dict(recipe["labels"]).attributes
    task = f"It learns to change {_join([_describe_attribute(each) for each in attributes])} in" if attributes else "It learns to translate"
    if not _translates(recipe):
        task = "It learns to generate, from noise,"
    elif all(kind.is_own_target for kind in _find_kinds(recipe)):
        task = "It learns to restore" if any(kind.make_source for kind in _find_kinds(recipe)) else "It learns to reproduce"
    sentences = [recipe["description"]] if recipe.get("description") else []
    sentences.append(f"{task} images of {image['height']} × {image['width']} pixels.")
    time = f" in {format_duration(summary.seconds)}" if summary.seconds else ""
    if summary.step < steps:
        return [*sentences, f"Not finished yet: step {summary.step:,} of {steps:,}{time}."]
    datasets = f"{len(summary.data)} × " if len(summary.data) > 1 else ""
    return [*sentences, f"Trained for {format_count(summary.step, 'step')} of {datasets}{format_count(recipe['batch'], 'image')}{time}."]


def format_duration(seconds: float) -> str:
    """Return a duration as text: "42 seconds", "12.5 minutes", "3.3 hours"."""
    if seconds < 90:
        return format_count(max(1, round(seconds)), "second")
    return f"{seconds / 60:.1f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def list_commands(summary: RunSummary) -> list[tuple[str, str]]:
    """Return useful commands for this run, each as a description and a command line."""
    run = shlex.quote(str(summary.folder))
    commands = [("Translate your own image", f"i2ikit translate {run} in.png out.png{_format_target(summary.recipe)}")]
    if not _translates(summary.recipe):
        commands = [("Generate images", f"i2ikit sample {run} images/ --count 64{_format_domain(summary.recipe)}")]
    if summary.config.get("command"):
        commands.append(("Repeat this training", str(summary.config["command"])))
    if summary.step < int(summary.recipe["steps"]):
        commands.append(("Resume this training", f"i2ikit train --resume {shlex.quote(str(find_whole_run(summary.folder)))}"))
    return [*commands, ("Repeat the evaluation", f"i2ikit eval {run}")]


def _format_target(recipe: Mapping[str, Any]) -> str:
    """Return options of ``i2ikit translate`` that request an example of a translation."""
    domain = DomainSpec.from_dict(recipe["labels"])
    if not domain.attributes:
        return ""
    first = domain.attributes[0]
    if not domain.names or not _has_domains(recipe):
        return " --to " + shlex.quote(join_pair(first.name, first.choices[-1]))
    source = f" --source {shlex.quote(domain.names[0])}" if len(domain.names) > 2 else ""
    return f" --to {shlex.quote(quote(domain.names[-1]))}{source}"


def _format_domain(recipe: Mapping[str, Any]) -> str:
    """Return options of ``i2ikit sample`` that request an example of images."""
    domain = DomainSpec.from_dict(recipe["labels"])
    if domain.names and _has_domains(recipe):
        return f" --to {shlex.quote(quote(domain.names[-1]))}"
    if not any(kind.has_labels(domain) for kind in _find_kinds(recipe)):
        return ""
    return "".join(f" --to {shlex.quote(join_pair(each.name, each.choices[-1]))}" for each in domain.attributes)


def _has_domains(recipe: Mapping[str, Any]) -> bool:
    """Return whether a plan of a recipe has named domains."""
    return any(kind.domains for kind in _find_kinds(recipe))


def _translates(recipe: Mapping[str, Any]) -> bool:
    """Return whether a plan of a recipe starts from source images."""
    return any(kind.source for kind in _find_kinds(recipe))


def _find_kinds(recipe: Mapping[str, Any]) -> list[BatchKind]:
    """Return the batch kinds of the plans. The plan of a plugin that is not installed here is taken to translate between domains."""
    plans = recipe["plan"] if isinstance(recipe["plan"], list) else [recipe["plan"]]
    try:
        return [get_batch_kind(find_plan(plan, default_registry())) for plan in plans]
    except I2IKitError:
        return [UNPAIRED]


def _describe_attribute(attribute: Attribute) -> str:
    return f"{attribute.name} ({', '.join(attribute.values)})" if attribute.values else attribute.name


def _join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
