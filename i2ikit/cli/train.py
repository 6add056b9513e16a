"""``i2ikit train``: train a recipe on images, or go on with a run."""

from __future__ import annotations

import logging
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from i2ikit.cli import settings
from i2ikit.cli.after_training import conclude, stopped_at_once
from i2ikit.cli.options import colour
from i2ikit.cli.validation import validation
from i2ikit.errors import CheckpointError, DataError, I2IKitError, OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from i2ikit.core.model import Model
    from i2ikit.train import TrainingData

_OPTIONS = (
    "precision", "accelerator", "devices", "accumulate", "workers", "log_every", "sample_every", "checkpoint_every", "evaluate_every",
    "best", "keep", "channels_last",
)  # fmt: skip


@click.command()
@click.argument("recipe", required=False)
@click.option("--data", multiple=True, metavar="PATH", help="Images: a folder, zip, table or `faces`. Twice: a batch of each a step.")
@click.option("--labels", multiple=True, metavar="A,B", help="The attributes to take; all by default. With two --data once for each.")
@click.option("--size", metavar="N|HxW", help="Size to train at; that of the data, to a multiple of 16, by default.")
@click.option("--channels", type=int, help="Channels to read, 1 to 4; those of the files by default.")
@click.option("--source-channels", type=int, help="The same for the images of pairs that are translated.")
@click.option("--pairs", metavar="A,B", help="Of two folders in pairs, or of glued A|B images: which is translated to which.")
@click.option("--background", metavar="COLOUR", callback=colour, help="What to put behind transparent pixels, such as white.")
@click.option("--crop", type=int, help="A centred window, cut before resizing.")
@click.option("--run", "run", type=click.Path(path_type=Path), help="The folder of the run.")
@click.option("--steps", type=int, help="Length of the training; the recipe's by default.")
@click.option("--minutes", type=float, help="Length in time instead: steps are measured and then fixed.")
@click.option("--batch", type=int, help="Images a step, over all processes.")
@click.option("--lr", type=float, help="Learning rate of every player.")
@click.option("--seed", type=int, help="Of weights, order and draws; 0 by default.")
@click.option("--ema", type=float, metavar="DECAY", help="Decay of the averaged translator; 0 for none.")
@click.option("--official", is_flag=True, help="As the original code does where it departs from its paper.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="generator.width=32, terms.translator/cycle=5, ...")
@click.option("--precision", type=click.Choice(["32-true", "bf16-mixed", "16-mixed"]), help="32-true by default.")
@click.option("--accelerator", help="auto, cpu, cuda or mps.")
@click.option("--devices", help="How many processes with a device each, or device numbers: 0,2.")
@click.option("--accumulate", type=int, help="Micro-batches a batch is split into, to need less memory.")
@click.option("--workers", type=int, help="Threads that prepare images ahead.")
@click.option("--channels-last/--channels-first", default=None, help="How image tensors lie in memory.")
@click.option("--log-every", type=int, help="Steps between two lines of the log; 50 by default.")
@click.option("--sample-every", type=int, help="Steps between two grids of samples; 0 for none.")
@click.option("--checkpoint-every", type=int, help="Steps between two checkpoints.")
@click.option("--evaluate-every", type=int, help="Steps between two measurements on a few held-out images; none by default.")
@click.option("--best", metavar="NUMBER", help="Keep the model of the largest NUMBER, such as psnr, in RUN/best; -l1: the smallest.")
@click.option("--keep", type=int, help="How many checkpoints stay; 2 by default.")
@click.option("--tensorboard", is_flag=True, help="Also write event files for TensorBoard.")
@click.option("--resume", type=click.Path(path_type=Path), metavar="RUN", help="Go on with a run; needs nothing else.")
@click.option("--allow-change", "allow", multiple=True, metavar="KEY", help="With --resume: a difference that is meant.")
@click.option("--init-from", type=click.Path(path_type=Path), metavar="X", help="Start a new run from the weights of a model or a run.")
@click.option("--dry-run", is_flag=True, help="Print what would be done and the model, and stop.")
@click.option("--eval/--no-eval", "measured", default=True, help="Whether to measure on the test split and write the page at the end.")
def train(**given: Any) -> int:
    """Train a RECIPE on your images, or go on with a run.

    \b
    i2ikit train stargan --data PATH --labels tone,gender --size 64 --run runs/emoji
    i2ikit train --resume runs/emoji
    """  # noqa: D301  click takes the backspace character itself for "keep these lines"
    chief = int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0"))) == 0  # asked before torch is imported
    try:
        return _train(chief, **given)
    except DataError as error:
        if chief:
            raise DataError(_typed(str(error))) from None
        return 0
    except I2IKitError:
        if chief:
            raise
        return 0  # the first process says it


def _train(chief: bool, **given: Any) -> int:
    from i2ikit.cpu import tune_cpu

    if chief and not given["resume"] and given["data"]:
        click.echo(f"Training {given['recipe'] or 'a model'} on {' and '.join(given['data'])}; starting torch and reading the images.")
    tune_cpu()
    loggers = []
    if given["tensorboard"]:
        from i2ikit.train.loggers import TensorBoard

        loggers.append(TensorBoard())
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    from i2ikit.train import TrainingInterrupted
    from i2ikit.train.progress import shown

    progress = shown(silent=not chief)
    run = given["resume"] or given["run"]
    try:
        if given["resume"]:
            _resume(run, given, loggers, progress)
        elif not _start(run, given, loggers, progress):
            return 0
    except TrainingInterrupted as stopped:
        progress.say(str(stopped))
        return 130
    except KeyboardInterrupt:
        progress.say(stopped_at_once(run))
        return 130
    return conclude(run, given["measured"], progress) if chief else 0


def _start(run: Path | None, given: dict[str, Any], loggers: Sequence[Any], progress: Any) -> bool:
    """Start a new run; return False where it was only to be shown."""
    from i2ikit.train import batches, configuration, fit

    if not given["data"]:
        raise OptionError("There is no data to train on. Say where the images are: --data PATH, or --data faces for the built-in drawings.")
    if given["steps"] is not None and given["minutes"] is not None:
        raise OptionError("Both --steps and --minutes are given. Give one of them.")
    if run is None and not given["dry_run"]:
        raise OptionError("There is no folder for the run. Name one: --run runs/NAME.")
    if run is not None:
        configuration.refuse_existing(run)
    model, sources = _assembled(given, progress)
    if given["dry_run"]:
        for source in sources:
            batches.fitted(model, source.data)
        length = f"{given['minutes']:g} minutes" if given["minutes"] else f"{model.recipe.steps:,} steps"
        progress.say(f"{length} of batch {model.recipe.batch} in {run or 'a folder that --run names'}.\n\n{model.explain()}")
        return False
    assert run is not None
    options = {name: given[name] for name in _OPTIONS if given[name] is not None}
    validate = validation(sources, given["best"] or "") if given["best"] or given["evaluate_every"] else None
    fit(model, sources, run, minutes=given["minutes"], validate=validate, loggers=loggers, progress=progress, **_devices(options))
    return True


def _assembled(given: dict[str, Any], progress: Any) -> tuple[Model, list[TrainingData]]:
    """Return the model for the data, and the data for the model."""
    from i2ikit.core.build import build
    from i2ikit.core.plans import find_plan, get_batch_kind
    from i2ikit.core.registry import default_registry
    from i2ikit.core.storage import WEIGHTS, find, load, load_weights, read_tensors
    from i2ikit.data import join

    before = load(given["init_from"]) if given["init_from"] else None
    if given["recipe"] is None and before is None:
        raise OptionError("There is no recipe to train. `i2ikit list` shows them; then: i2ikit train RECIPE --data PATH --run runs/NAME.")
    recipe = default_registry().recipe(given["recipe"]) if given["recipe"] else before.recipe  # type: ignore[union-attr]
    batch_kind = get_batch_kind(find_plan(recipe.plan, default_registry()))
    sources = _sources(given, batch_kind)
    for note in (note for source in sources if batch_kind == "paired" for note in source.data.notes):
        progress.say(f"note: {_typed(note)}")
    first = sources[0].data
    for source in sources:
        if batch_kind == "labelled" and not source.data.domain.width:
            raise DataError(
                f'Recipe "{recipe.name}" learns from labels, and "{source.path}" has none. Put the images of each value into a folder of '
                f"its own, or a table attributes.csv beside them; look at it with: i2ikit data check {shlex.quote(str(source.path))}"
            )
    changes = {name: given[name] for name in ("steps", "batch", "lr", "ema") if given[name] is not None}
    changes |= {"official": True} if given["official"] else {}
    if first.domain.width:
        changes["labels"] = first.domain if len(sources) == 1 else join([source.data for source in sources])[0].domain
    changes |= {
        "channels": first.image.channels,
        "source_channels": first.source.channels,
        "size": _size(given["size"], before, first, progress),
    }
    changes = settings.merged(changes, settings.changes(given["sets"], recipe))
    model = build(recipe, seed=given["seed"] or 0, **changes)
    if before is not None:
        if before.domain != model.domain:
            raise CheckpointError(
                f'"{given["init_from"]}" was trained with the labels {", ".join(before.domain.entries) or "none"}; this data has '
                f"{', '.join(model.domain.entries) or 'none'}. Choose the same with --labels, or start without --init-from."
            )
        try:
            load_weights(model, read_tensors(find(given["init_from"]) / WEIGHTS), str(given["init_from"]))
        except CheckpointError as error:
            raise CheckpointError(f"{error} {settings.as_typed(before.recipe, default_registry())}") from error
    return model, sources


def _sources(given: dict[str, Any], plan: str) -> list[TrainingData]:
    from i2ikit.data import open_data
    from i2ikit.train import TrainingData

    paths, labels = given["data"], given["labels"]
    if (labels and len(labels) not in (1, len(paths))) or (len(labels) == 1 and len(paths) > 1):
        raise OptionError(f"{len(paths)} data sets and {len(labels)} --labels are given. Give --labels once for each, in the same order.")
    shared = {name: given[name] for name in ("background", "channels", "source_channels", "crop", "pairs") if given[name] is not None}
    found = []
    for index, path in enumerate(paths):
        options = {**shared, **({"labels": _names(labels[index])} if labels else {})}
        options |= {"batch_kind": plan} if plan in {"labelled", "paired", "unpaired"} else {}
        found.append(TrainingData(open_data(path, **options), path, options))
    channels = {source.data.image.channels for source in found}
    if len(channels) > 1:
        raise DataError(f"The data sets have {' and '.join(map(str, sorted(channels)))} channels. Give one number for all: --channels 3.")
    return found


def _typed(note: str) -> str:
    """Return what is said of data as it is typed here, where the recipe says what kind it is."""
    said = note.replace(', batch_kind="unpaired" parts them', "").replace(
        'use batch_kind="unpaired"', "train a recipe for unpaired domains"
    )
    return re.sub(r'\b(pairs|background|channels|crop)="?([\w,#]+)"?(?=[ .,;])', lambda found: f"--{found[1]} {found[2]}", said)


def _names(text: str) -> list[str]:
    found = [name.strip() for name in text.split(",") if name.strip()]
    if not found:
        raise OptionError(f'--labels "{text}" names no attribute. Write --labels tone,gender, or leave it out to take all.')
    return found


def _size(text: str | None, before: Model | None, data: Any, progress: Any) -> tuple[int, int]:
    if text is not None:
        sides = text.lower().split("x")
        if not all(side.strip().isdigit() and int(side) for side in sides) or len(sides) > 2:
            raise OptionError(f"--size {text} is no size. Write --size 64, or --size 96x64 for height and width.")
        return int(sides[0]), int(sides[-1])
    if before is not None:
        return before.image.height, before.image.width
    height, width = data.image.height, data.image.width
    scale = min(1.0, 128 / min(height, width))
    size = max(16, round(height * scale / 16) * 16), max(16, round(width * scale / 16) * 16)
    progress.say(f"Images are {height}x{width}; training at {size[0]}x{size[1]} (--size chooses another).")
    return size


def _resume(run: Path, given: dict[str, Any], loggers: Sequence[Any], progress: Any) -> None:
    from i2ikit.core import recipe_json
    from i2ikit.core.overrides import apply_overrides
    from i2ikit.data import open_data
    from i2ikit.train import TrainingData, configuration, resume

    fixed = (
        "recipe",
        "minutes",
        "init_from",
        "seed",
        "size",
        "channels",
        "source_channels",
        "pairs",
        "background",
        "crop",
        "labels",
        "run",
    )
    for name in fixed:
        if given[name] not in (None, ()):
            raise OptionError(
                f"--resume goes on with a run as it is and takes no {name.replace('_', '-')}. Leave it out, or start a new run."
            )
    stored = configuration.read(run)
    recipe = recipe_json.restore(stored["recipe"])
    changes = {name: given[name] for name in ("steps", "batch", "lr", "ema") if given[name] is not None}
    changes = settings.merged(changes, settings.changes(given["sets"], recipe))
    data = None
    if given["data"]:
        descriptions = stored["data"] if isinstance(stored["data"], list) else [stored["data"]]
        kept = [dict(each.get("options", {})) for each in descriptions]
        data = [TrainingData(open_data(path, **each), path, each) for path, each in zip(given["data"], kept, strict=False)]
    options = _devices({name: given[name] for name in _OPTIONS if given[name] is not None})
    wanted = apply_overrides(recipe, changes) if changes else None
    if given["dry_run"]:
        raise OptionError(f'--dry-run shows a new run. What "{run}" does stands in {run / configuration.FILE}.')
    every, best = ({**stored["train"], **options}.get(name) for name in ("evaluate_every", "best"))
    validate = None
    if every:
        descriptions = stored["data"] if isinstance(stored["data"], list) else [stored["data"]]
        data = data or [TrainingData.restore(each) for each in descriptions]
        validate = validation(data, best or "")
    resume(run, data=data, recipe=wanted, changes=options, allow=given["allow"], validate=validate, loggers=loggers, progress=progress)


def _devices(options: dict[str, Any]) -> dict[str, Any]:
    text = options.get("devices")
    return {**options, "devices": int(text)} if text is not None and text.isdigit() else options
