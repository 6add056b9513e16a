"""What the page says in words: what was trained, what a number is, what a curve means."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from i2ikit.core.domain import Attribute, DomainSpec
from i2ikit.core.registry import Registry, default_registry
from i2ikit.errors import I2IKitError
from i2ikit.train.page.record import Record

_CURVES = {
    "lr": "The learning rate.",
    "images_per_second": "Training images a second.",
    "loader_share": "The share of the time spent waiting for images; near 0 the loader keeps up.",
    "psnr": "Peak signal to noise ratio of the translations against the true images, in dB; higher is better.",
    "ssim": "Structural similarity of the translations and the true images; 1 is equal.",
    "l1": "Mean absolute difference of the translations and the true images; lower is better.",
}


@frozen
class Meaning:
    """What is said beside a curve: the loss that it shows, its weight, its meaning and its equilibrium."""

    loss: str
    weight: float
    description: str
    equilibrium: float | None


def meanings(recipe: Mapping[str, Any], registry: Registry | None = None) -> dict[str, Meaning]:
    """Return the meaning of each term's curve by "player/term"."""
    registry = registry or default_registry()
    found = {}
    for player in recipe["players"]:
        for name, term in player["terms"].items():
            found[f"{player['name']}/{name}"] = _meaning(term, recipe, registry)
    return found


def meaning_of(key: str) -> str:
    """Return what a curve of the log that is no loss means; "" where nothing is known."""
    return _CURVES.get(key.rpartition("/")[2], "")


def _meaning(term: Mapping[str, Any], recipe: Mapping[str, Any], registry: Registry) -> Meaning:
    loss = str(term["loss"])
    try:
        component = registry.component(loss)
    except I2IKitError:  # a function, or a plugin that is not installed here
        return Meaning(loss.removeprefix("python:"), term["weight"], "", None)
    options = term.get("options", {})
    discriminator = recipe["slots"].get(options.get("discriminator", "discriminator"), {})
    scales = 1 if options.get("average") else int(discriminator.get("options", {}).get("scales", 1))
    return Meaning(
        loss,
        term["weight"],
        component.curve or component.description,
        None if component.equilibrium is None else scales * component.equilibrium,
    )


def headline(record: Record) -> str:
    """Return the title of the page: the recipe and its data."""
    return f"{record.recipe['name']} on {_data_name(record)}"


def summary(record: Record) -> list[str]:
    """Return what was trained, in a few sentences."""
    recipe = record.recipe
    image, steps = recipe["image"], int(recipe["steps"])
    size = f"{image['height']} × {image['width']} pixels"
    domain = DomainSpec.restore(recipe["labels"])
    task = (
        f"It learns to change {_listed([_told(each) for each in domain.attributes])} in" if domain.attributes else "It learns to translate"
    )
    state = "finished" if record.step >= steps else f"step {record.step:,} of {steps:,}"
    spent = f" in {duration(record.seconds)}" if record.seconds else ""
    said = [f"{task} images of {size}."]
    if recipe.get("description"):
        said.insert(0, recipe["description"])
    data = record.config.get("data")
    sets = f"{len(data)} × " if isinstance(data, list) and len(data) > 1 else ""
    done = f"{record.step:,} steps of {sets}{recipe['batch']} images{spent}" if state == "finished" else f"{state}{spent}"
    return [*said, f"Trained for {done}." if state == "finished" else f"Not finished yet: {done}."]


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.1f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def commands(record: Record) -> list[tuple[str, str]]:
    """Return what a reader may want to type, each with what it does."""
    run = shlex.quote(str(record.folder))
    said = [("translate an image of your own", f"i2ikit translate {run} in.png out.png{_wanted(record.recipe)}")]
    if record.config.get("command"):
        said.append(("train this again", str(record.config["command"])))
    if record.step < int(record.recipe["steps"]):
        said.append(("go on with this training", f"i2ikit train --resume {run}"))
    return [*said, ("measure it again", f"i2ikit eval {run}")]


def _wanted(recipe: Mapping[str, Any]) -> str:
    domain = DomainSpec.restore(recipe["labels"])
    if not domain.attributes:
        return ""
    first = domain.attributes[0]
    if not domain.names or recipe["plan"] == "labelled":
        return " --to " + shlex.quote(f"{first.name}={first.choices[-1]}")
    source = f" --source {shlex.quote(domain.names[0])}" if len(domain.names) > 2 else ""
    return f" --to {shlex.quote(domain.names[-1])}{source}"


def _data_name(record: Record) -> str:
    data = record.config.get("data", {})
    return " and ".join(
        str(each.get("name") or Path(each.get("path") or "data").name) for each in (data if isinstance(data, list) else [data])
    )


def _told(attribute: Attribute) -> str:
    return f"{attribute.name} ({', '.join(attribute.values)})" if attribute.values else attribute.name


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
