"""``i2ikit train``: train a recipe on images, or resume a run."""

from __future__ import annotations

import functools
import logging
import re
import shlex
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from i2ikit.cli import settings
from i2ikit.cli.after_training import describe_stop, finish_run
from i2ikit.cli.data_options import add_data_options
from i2ikit.cli.dry_run import show_dry_run
from i2ikit.cli.file_options import add_file_options
from i2ikit.cli.long_training import make_confirmation
from i2ikit.cli.option_names import NamedOptions, name_options
from i2ikit.cli.options import add_fit_options, check_colour, check_writable, read_fit_options
from i2ikit.cli.output import echo, print_error
from i2ikit.cli.reserved_time import make_reserve
from i2ikit.cli.resume import resume_from_flags
from i2ikit.cli.training_data import describe_images, open_sources
from i2ikit.cli.validation import make_validation
from i2ikit.errors import CheckpointError, DataError, I2IKitError, OptionError
from i2ikit.lasting_output import keep_training_without_output
from i2ikit.train.launch_environment import read_place

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.core.recipe import Recipe
    from i2ikit.train import TrainingData


@click.command()
@click.argument("recipe", required=False)
@click.option("--data", multiple=True, metavar="PATH", help="Images: a folder, zip, table or `faces`. Can be repeated for joint training.")
@click.option("--labels", multiple=True, metavar="A,B", help="Attributes to use. Default: all. Give it once for each --data.")
@click.option("--size", metavar="N|HxW", help="Image size for training. Default: that of the data, but at most about 128.")
@click.option("--channels", type=int, help="Number of image channels, 1 to 4. Default: that of the files.")
@click.option("--source-channels", type=int, help="Number of channels of the source images, for pairs. Default: that of the files.")
@click.option(
    "--source-content",
    type=click.Choice(("picture", "label_map", "instance_map")),
    help="What the source images of pairs are. Label maps are files of class indices; --source-channels is the number of classes.",
)
@click.option("--pairs", metavar="A,B", help="Direction of pairs, from A to B: two folders, or the halves of A|B images.")
@click.option("--background", metavar="COLOUR", callback=check_colour, help="Colour behind transparent pixels, such as white.")
@functools.partial(add_data_options, repeated=True)
@add_file_options
@click.option("--run", "run", type=click.Path(path_type=Path), help="Run folder.")
@add_fit_options
@click.option("--lr", type=float, help="Learning rate of all players. Default: those of the recipe.")
@click.option("--ema", type=float, metavar="DECAY", help="Decay of the exponential moving average of the translator; 0 turns it off.")
@click.option("--official", is_flag=True, help="Follow the original code where it differs from the paper.")
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a setting of the recipe. Can be repeated. For example generator.width=32 (an option of the component in a slot), "
    "terms.translator/cycle=5 (the weight of a loss term), players.discriminator.lr=1e-4 (a setting of a player), "
    "slots.generator.frozen=true (a setting of a slot).",
)
@click.option("--tensorboard", is_flag=True, help="Also write TensorBoard event files.")
@click.option("--resume", type=click.Path(path_type=Path), metavar="RUN", help="Resume a run. No other argument is needed.")
@click.option("--allow-change", "allow", multiple=True, metavar="KEY", help="With --resume: allow this setting to change. Can be repeated.")
@click.option("--init-from", type=click.Path(path_type=Path), metavar="PATH", help="Start with the weights of another run or model.")
@click.option("--dry-run", is_flag=True, help="Print the model and the settings of the training, but do not train.")
@click.option("--yes", is_flag=True, help="Start a training of more than a day on a CPU without a question.")
@click.option("--eval/--no-eval", "with_evaluation", default=None, help="Evaluate on the test split after the training. Default: --eval.")
def train(**given: Any) -> int:
    """Train a RECIPE on your images, or resume a run. RECIPE is a name of `i2ikit list`, or a file such as my.toml.

    \b
    i2ikit train stargan --data PATH --labels tone,gender --size 64 --run runs/emoji
    i2ikit train --resume runs/emoji
    """  # noqa: D301 - click reads the backspace character as "do not wrap these lines"
    place = read_place()  # known before torch is imported
    try:
        with keep_training_without_output():
            return _train(place.rank == 0, **given)
    except I2IKitError as error:
        if place.rank == 0:
            raise
        if not error.is_shared:
            print_error(f"process {place.rank}: {name_options(str(error))}")
        return 2


def _train(is_main_process: bool, **given: Any) -> int:
    from i2ikit.cpu import tune_cpu

    options = read_fit_options(given)
    if is_main_process and not given["resume"] and given["data"]:
        echo(f"Training {given['recipe'] or 'a model'} on {' and '.join(given['data'])}; loading torch and the images.")
    tune_cpu()
    loggers = []
    if given["tensorboard"]:
        from i2ikit.train.loggers import TensorBoard

        loggers.append(TensorBoard())
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    from i2ikit.train import TrainingInterrupted
    from i2ikit.train.progress_bar import make_progress

    progress: Any = NamedOptions(make_progress(silent=not is_main_process))
    run = given["resume"] or given["run"]
    try:
        options |= {"loggers": loggers, "progress": progress}
        if given["resume"]:
            has_trained = resume_from_flags(run, given, options)
        elif not (has_trained := _start(run, given, options)):
            return 0
    except TrainingInterrupted as stopped:
        progress.say(str(stopped))
        return 130
    except KeyboardInterrupt:
        progress.say(describe_stop(run))
        return 130
    with_evaluation = has_trained if given["with_evaluation"] is None else given["with_evaluation"]
    return finish_run(run, with_evaluation, progress) if is_main_process else 0


def _start(run: Path | None, given: dict[str, Any], options: dict[str, Any]) -> bool:
    """Start a new run. Return False after a dry run."""
    start = time.monotonic()
    from i2ikit.train import configuration, fit
    from i2ikit.train.run_lock import refuse_used_run

    if given["allow"]:
        raise OptionError("--allow-change belongs to --resume: a new run has no settings that could change. Leave it out.")
    if not given["data"]:
        raise OptionError("There is no data to train on. Name the images: --data PATH, or --data faces for the built-in cartoon faces.")
    if run is None and not given["dry_run"]:
        raise OptionError("There is no run folder. Name one: --run runs/NAME.")
    if run is not None:
        configuration.refuse_existing(run)
        refuse_used_run(run)
        check_writable(run)
    progress = options["progress"]
    model, sources = build_model(given, progress)
    if given["dry_run"]:
        show_dry_run(run, model, sources, given, options)
        return False
    assert run is not None
    last = sources[model.recipe.name]
    validate = make_validation(last, progress.show_task) if given["best"] or given["evaluate_every"] else None
    options["confirm"] = make_confirmation(progress.say, is_agreed=given["yes"])
    reserve = make_reserve(last, time.monotonic() - start, with_evaluation=given["with_evaluation"] is not False)
    fit(model, sources if model.recipe.stages else last, run, validate=validate, reserve=reserve, **options)
    return True


def build_model(given: dict[str, Any], progress: Any) -> tuple[Model, dict[str, list[TrainingData]]]:
    """Open the data sets, build the model for them, and return it with the data sets of each stage; of one if there are no stages."""
    from i2ikit.core.build import build
    from i2ikit.core.catalogue import recipe as find_recipe
    from i2ikit.core.component import restoring
    from i2ikit.core.load import load
    from i2ikit.core.model_state import get_weights, load_weights
    from i2ikit.core.plans import find_plan, get_batch_kind
    from i2ikit.core.recipe_file import list_own_settings
    from i2ikit.core.registry import default_registry
    from i2ikit.core.stages import list_stages

    initial = load(given["init_from"]) if given["init_from"] else None
    if not given["recipe"] and initial is None:
        raise OptionError("There is no recipe to train. Name one of `i2ikit list`: i2ikit train RECIPE --data PATH --run runs/NAME.")
    recipe = find_recipe(given["recipe"]) if given["recipe"] else initial.recipe  # type: ignore[union-attr]
    if recipe.stages:
        _refuse_options_of_one_stage(recipe, given)
    settings.refuse_double_answers(given)
    own, stages = list_own_settings(given["recipe"]), list_stages(recipe)
    opened = {
        name: open_sources(
            given,
            [get_batch_kind(find_plan(plan, default_registry())) for plan in stage.plans],
            attributes=[each.name for each in stage.labels.attributes] if "labels" in own else (),
        )
        for name, stage in stages.items()
    }
    pairs = [pair for each in opened.values() for pair in zip(*each, strict=True)]
    shown = [(*(source.data.notes if kind.target else ()), *getattr(source.data, "warnings", ())) for source, kind in pairs]
    for note in dict.fromkeys(note for notes in shown for note in notes):
        progress.say(f"note: {note}")
    sources, kinds = opened.pop(recipe.name)
    for source, kind in pairs:
        if kind.label == "required" and not source.data.domain.width:
            raise DataError(
                f'Recipe "{recipe.name}" requires labels, but "{source.path}" has none. Put the images of each value '
                "into their own folder, or add a table attributes.csv to the images. "
                f"To check the data: i2ikit data check {shlex.quote(str(source.path))}"
            )
    overrides = {name: given[name] for name in ("steps", "batch", "lr", "ema") if given[name] is not None}
    overrides |= {"official": True} if given["official"] else {}
    overrides |= describe_images(sources, kinds, recipe)
    overrides["stages"] = {name: describe_images(*each, stages[name]) for name, each in opened.items()}
    if not settings.find_twins("size", given["sets"]) and (given["size"] is not None or "size" not in own):
        overrides["size"] = _choose_size(given["size"], initial, sources[0].data, progress)
    wanted = settings.apply_settings(recipe.with_overrides(**overrides), given["sets"])
    with nullcontext() if initial is None else restoring():  # the initial model has all weights
        model = build(wanted, seed=given["seed"] or 0)
    if initial is not None:
        if initial.domain != model.domain:
            raise CheckpointError(
                f'"{given["init_from"]}" was trained with the labels {", ".join(initial.domain.entries) or "none"}; this data has '
                f"{', '.join(model.domain.entries) or 'none'}. Select the same labels with --labels, or train without --init-from."
            )
        try:
            load_weights(model, get_weights(initial), str(given["init_from"]))
        except CheckpointError as error:
            raise CheckpointError(f"{error} {settings.format_command(initial.recipe, default_registry())}") from error
    return model, {**{name: each for name, (each, _) in opened.items()}, model.recipe.name: sources}


def _refuse_options_of_one_stage(recipe: Recipe, given: dict[str, Any]) -> None:
    names = ", ".join([*recipe.stages, recipe.name])
    if given["steps"] is not None:
        raise OptionError(
            f"--steps {given['steps']} does not name one of the stages: {names}. "
            f"Write --set stages.{next(iter(recipe.stages))}.steps=N for a stage before the last one, --set steps=N for the last one."
        )
    if given["init_from"]:
        raise OptionError(
            f"--init-from does not name one of the stages: {names}. Set the weights of a slot: --set slots.SLOT.weights=PATH."
        )


def _choose_size(text: str | None, initial: Model | None, data: Any, progress: Any) -> tuple[int, int]:
    if text is not None:
        sides = text.lower().split("x")
        if not all(re.fullmatch(r"0*[1-9][0-9]{0,5}", side.strip()) for side in sides) or len(sides) > 2:
            raise OptionError(f'--size "{text}" is not a size. Write --size 64, or --size 96x64 for height and width.')
        return int(sides[0]), int(sides[-1])
    if initial is not None:
        return initial.image.height, initial.image.width
    from i2ikit.data.train_command import choose_size

    height, width = data.image.height, data.image.width
    size = choose_size(data)
    progress.say(f"The images are {height}x{width}; training at {size[0]}x{size[1]} (--size changes it).")
    return size
