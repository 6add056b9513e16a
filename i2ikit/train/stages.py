"""Runs with stages: each stage is a complete run in ``RUN/stages``, and starts with weights of the stages before it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from i2ikit.core import recipe_json, storage
from i2ikit.core.build import build
from i2ikit.core.load import load
from i2ikit.core.model_state import get_weights
from i2ikit.core.recipe import PYTHON, Recipe
from i2ikit.core.stages import is_stage_place, list_stages, parse_place
from i2ikit.core.trained import read_trained_slot, take_slot
from i2ikit.errors import OptionError, UnknownNameError
from i2ikit.temporary import remove_folder
from i2ikit.train import configuration
from i2ikit.train.batches import TrainingData, as_list
from i2ikit.train.launch_environment import is_main_process
from i2ikit.train.new_run import start_run
from i2ikit.train.options import FitOptions, refuse_unmeasured_best
from i2ikit.train.progress import Progress
from i2ikit.train.progress_bar import make_progress
from i2ikit.train.resumed_run import refuse_fixed_options, resume_run
from i2ikit.train.saved_run import read_stages
from i2ikit.train.setup import adapt_all, check_batch
from i2ikit.train.signals import TrainingInterrupted
from i2ikit.train.stage_data import open_stage_data

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.core.registry import Registry
    from i2ikit.train.trainer import Trainer

FOLDER, INITIAL = "stages", "initial"
OF_LAST_STAGE = ("best", "validate", "evaluate_every", "reserve")
"""Options that concern only the model of the last stage."""
DEFINED_BY_RUN = ("batch", "seed", "minutes")
"""Options that the runs of the stages store in another form, and that stages which have not begun need."""


@frozen(eq=False)
class _Stages:
    """A run with stages.

    Attributes:
        run: The run folder.
        recipes: All stages by name, in order, each with the stages before it.
        sources: The data sets of each stage.
        options: The training options by name.
        seed: Seed of the initial weights.
        registry: Registry of components.
        progress: Shows the progress.
    """

    run: Path
    recipes: Mapping[str, Recipe]
    sources: Mapping[str, list[TrainingData]]
    options: Mapping[str, Any]
    seed: int
    registry: Registry | None
    progress: Progress

    @property
    def last(self) -> str:
        return list(self.recipes)[-1]

    @property
    def initial(self) -> Path:
        """The folder of the last stage's model before its training."""
        return self.run / FOLDER / INITIAL

    @property
    def folders(self) -> dict[str, Path]:
        return list_folders(self.run, self.recipes)

    def train(self, names: Sequence[str], last_model: Model) -> Model:
        """Train stages that have not begun."""
        for name in names:
            model = last_model if name == self.last else build(self.recipes[name], registry=self.registry, seed=self.seed)
            self.say(name)
            take_weights(model, self.folders)
            with start_run(model, self.sources[name], self.folders[name], **self.choose_options(name)) as trainer:
                self.begin(name, trainer, last_model)
                trainer.run()
            self.finish(name, trainer)
        return trainer.model

    def begin(self, name: str, trainer: Trainer, last_model: Model) -> None:
        """Write what the later stages need, when the first one has begun, and remove it when the last one has."""
        if name == next(iter(self.recipes)):
            for recipe in self.recipes.values():
                check_batch(self.options.get("batch") or recipe.batch, trainer.engine.count, trainer.options.accumulate)
        if not trainer.engine.is_main_process:
            return
        if name == self.last:
            remove_folder(self.initial)
        elif name == next(iter(self.recipes)):
            storage.save(last_model, self.initial)
            storage.write_json(self.run / storage.STAGES, self.describe(last_model.recipe))

    def finish(self, name: str, trainer: Trainer) -> None:
        """Copy the final model of the last stage; after an earlier one, stop if this was requested in its last step."""
        if name != self.last:
            if trainer.engine.should_stop():
                raise TrainingInterrupted(self.run, trainer.model.steps_done)
        elif trainer.engine.is_main_process:
            final = self.folders[name] / "final"
            storage.write_folder(self.run / "final", partial(_copy, final))

    def say(self, name: str) -> None:
        names = list(self.recipes)
        self.progress.say(f'Stage {names.index(name) + 1} of {len(names)}: "{name}".')

    def select(self, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options that concern a stage."""
        return {key: value for key, value in options.items() if name == self.last or key not in OF_LAST_STAGE}

    def choose_options(self, name: str) -> dict[str, Any]:
        """Return the training options of a stage. ``minutes`` is divided in proportion to the steps."""
        chosen = {**self.select(name, self.options), "progress": self.progress}
        if chosen.get("minutes") is not None:
            chosen["minutes"] *= self.recipes[name].steps / sum(recipe.steps for recipe in self.recipes.values())
        return chosen

    def describe(self, recipe: Recipe) -> dict[str, Any]:
        """Return the content of ``stages.json``."""
        options = FitOptions.from_names(self.options)
        return {
            "folders": [folder.relative_to(self.run).as_posix() for folder in self.folders.values()],
            "recipe": recipe_json.dump(recipe),
            "seed": self.seed,
            "data": {name: [source.describe() for source in sources] for name, sources in self.sources.items()},
            "train": {**options.dump(), **{name: getattr(options, name) for name in DEFINED_BY_RUN}},
            "versions": configuration.get_versions(),
            "command": configuration.get_command(),
        }


def train_stages(model: Model, data: Any, run: Path, registry: Registry | None, options: Mapping[str, Any]) -> Model:
    """Train the stages before a model, then the model; the arguments and errors are those of :func:`i2ikit.fit`."""
    chosen = FitOptions.from_names(options)
    refuse_unmeasured_best(chosen)
    configuration.refuse_existing(run)
    recipes = list_stages(model.recipe)
    if chosen.steps is not None:
        raise OptionError(
            f"steps={chosen.steps} does not say of which stage ({', '.join(recipes)}). Each recipe has its own number: "
            f'build(..., steps=..., stages={{"{next(iter(recipes))}": {{"steps": ...}}}}).'
        )
    for name, recipe in recipes.items():
        _refuse_functions(name, recipe)
    sources = {name: [TrainingData.from_data(each) for each in as_list(found)] for name, found in split_data(data, recipes).items()}
    progress = chosen.progress or make_progress(silent=not is_main_process())
    stages = _Stages(run, recipes, sources, options, model.seed, registry, progress)
    _check_stages(stages, model)
    return stages.train(list(recipes), model)


def resume_stages(
    run: Path,
    data: Any,
    registry: Registry | None,
    options: Mapping[str, Any],
    *,
    model: Model | None = None,
    recipe: Recipe | None = None,
    allow: Sequence[str] = (),
) -> Model:
    """Resume a run with stages; the arguments and errors are those of :func:`i2ikit.resume`."""
    stored = read_stages(run / storage.STAGES)
    recipes = list_stages(recipe_json.restore(stored["recipe"]))
    for name, value in (("model", model), ("recipe", recipe), ("steps", options.get("steps"))):
        if value is not None:
            raise OptionError(
                f"A run with stages does not accept {name} when it is resumed. Leave it out, or resume the last stage by itself: "
                f'resume("{storage.list_stage_folders(run)[-1]}", {name}=...).'
            )
    refuse_fixed_options(options)
    known = {name: value for name, value in stored["train"].items() if value is not None}
    progress = options.get("progress") or make_progress(silent=not is_main_process())
    folders, names = list_folders(run, recipes), list(recipes)
    begun = max((index for index, name in enumerate(names) if storage.list_checkpoints(folders[name])), default=-1)
    rest, given = names[begun + 1 :], None if data is None else split_data(data, recipes)
    earlier = [folders[name] for name in names[: begun + 1]]
    with closing(progress):
        sources = {
            name: open_stage_data(run, stored["data"][name], None if given is None else given[name], allow, earlier, progress.show_task)
            for name in rest
        }
    stages = _Stages(run, recipes, sources, {**known, **options}, int(stored["seed"]), registry, progress)
    if rest:  # the last stage has not begun
        refuse_unmeasured_best(FitOptions.from_names(stages.options))
    if begun >= 0 and (begun == len(names) - 1 or not (folders[names[begun]] / "final" / storage.CONFIG).is_file()):
        name = names[begun]
        stages.say(name)
        settings: dict[str, Any] = {**stages.select(name, options), "progress": progress, "allow": allow, "registry": registry}
        with resume_run(folders[name], data=None if given is None else given[name], **settings) as trainer:
            trainer.run()
        stages.finish(name, trainer)
        if name == stages.last:
            return trainer.model
    return stages.train(rest, load(stages.initial, registry=registry))


def list_folders(run: Path, names: Iterable[str]) -> dict[str, Path]:
    """Return the folder of each stage: ``RUN/stages/1-gan``."""
    words = {name: re.sub(r"[^\w-]+", "-", name).strip("-") for name in names}
    return {name: run / FOLDER / f"{index}-{word}" for index, (name, word) in enumerate(words.items(), start=1)}


def split_data(data: Any, recipes: Mapping[str, Recipe]) -> dict[str, Any]:
    """Return the data of each stage: the same for all, or that of a mapping.

    Raises:
        UnknownNameError: The mapping names something else than a stage.
        OptionError: A stage is missing.
    """
    if not isinstance(data, Mapping):
        return dict.fromkeys(recipes, data)
    for name in data:
        if name not in recipes:
            raise UnknownNameError("stage", str(name), recipes)
    for name in recipes:
        if name not in data:
            raise OptionError(f'There is no data for stage "{name}". Give data for each of: {", ".join(recipes)}.')
    return dict(data)


def take_weights(model: Model, folders: Mapping[str, Path]) -> None:
    """Copy the weights of earlier stages into the slots of a model. From then on, its recipe is that of a run of its own.

    Args:
        model: The model.
        folders: The folder of each stage.

    Raises:
        CheckpointError: A stage has no model, or its weights do not fit.
    """
    slots = dict(model.recipe.slots)
    for name, slot in model.recipe.slots.items():
        if is_stage_place(slot.weights):
            stage, rest, _, _ = parse_place(slot.weights, folders)
            slots[name] = evolve(slot, weights=f"{folders[stage]}{rest or f':{name}'}")
            read_trained_slot(slots[name].weights, name).load_into(model.slot(name))
    model.recipe = evolve(model.recipe, slots=slots, stages={})


def _copy(source: Path, folder: Path) -> None:
    shutil.copytree(source, folder, dirs_exist_ok=True)


def _check_stages(stages: _Stages, last_model: Model) -> None:
    """Check all stages before the first one is trained: data, and the shapes of weights that a later stage takes."""
    models: dict[str, Model] = {}
    for stage, recipe in stages.recipes.items():
        model = last_model if stage == stages.last else build(recipe, registry=stages.registry, seed=stages.seed)
        adapt_all(model, stages.sources[stage])
        for name, slot in model.recipe.slots.items():
            if is_stage_place(slot.weights):
                origin, _, other, domain = parse_place(slot.weights, models)
                stored = models[origin].recipe.slots[other or name]
                take_slot(slot.weights, stored, other or name, get_weights(models[origin]), domain).load_into(model.slot(name))
        models[stage] = model


def _refuse_functions(stage: str, recipe: Recipe) -> None:
    """Raise OptionError if a stage has a Python function: the run stores all recipes, to resume between the stages."""
    data = recipe_json.dump(recipe)
    functions = [name.replace("__", "/") for name in recipe_json.find_missing_losses(data)]
    functions += [f"plan {plan.removeprefix(PYTHON)}" for plan in map(str, as_list(data["plan"])) if plan.startswith(PYTHON)]
    if functions:
        raise OptionError(
            f'Stage "{stage}" has a Python function ({functions[0]}), which cannot be stored in a file. A run with stages stores its '
            f"recipes. Register the function in a plugin and use its name."
        )
