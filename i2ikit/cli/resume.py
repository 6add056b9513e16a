"""``i2ikit train --resume RUN``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2ikit.cli import settings
from i2ikit.cli.validation import make_validation
from i2ikit.errors import OptionError
from i2ikit.train.options import list_options

if TYPE_CHECKING:
    from i2ikit.train import TrainingData


def resume_from_flags(run: Path, given: dict[str, Any], options: dict[str, Any]) -> bool:
    """Resume a run. Return whether it was not finished before."""
    from i2ikit.core import recipe_json
    from i2ikit.core.storage import list_stage_folders
    from i2ikit.train import TrainingData, configuration, resume_run
    from i2ikit.train.resumed_run import list_data
    from i2ikit.train.run_lock import refuse_used_run

    _refuse_options_of_a_start(given)
    settings.refuse_double_answers(given)
    if given["dry_run"]:
        raise OptionError(f'--dry-run works only for a new run. The configuration of "{run}" is in {run / configuration.FILE}.')
    refuse_used_run(run)
    if list_stage_folders(run):
        return _resume_stages(run, given, options)
    stored = configuration.read(run)
    recipe = recipe_json.restore(stored["recipe"])
    overrides = {name: given[name] for name in ("lr", "ema") if given[name] is not None}
    wanted = settings.apply_settings(recipe.with_overrides(**overrides), given["sets"]) if overrides or given["sets"] else None
    data = _open_moved_data(run, given, list_data(stored)) if given["data"] else None
    if {**stored["train"], **options}.get("evaluate_every"):
        data = data or [TrainingData.restore(each) for each in list_data(stored)]
        options["validate"] = make_validation(data, options["progress"].show_task)
    with resume_run(run, data=data, recipe=wanted, allow=given["allow"], **options) as trainer:
        has_steps_left = trainer.model.steps_done < trainer.model.recipe.steps
        trainer.run()
    return has_steps_left


def _refuse_options_of_a_start(given: Mapping[str, Any]) -> None:
    """Raise OptionError for an option that a resumed run would ignore."""
    flags = {each.name for each in list_options() if each.metadata["has_flag"]} - {"minutes", "seed"}
    used = flags | {"resume", "data", "allow", "sets", "lr", "ema", "tensorboard", "with_evaluation", "dry_run"}
    for name, value in given.items():
        if name not in used and value not in (None, (), False):
            option = {"recipe": "RECIPE", "kinds": "--kind"}.get(name, f"--{name.replace('_', '-')}")
            raise OptionError(f"--resume does not accept {option}: the run defines it. Leave it out, or start a new run.")


def _resume_stages(run: Path, given: dict[str, Any], options: dict[str, Any]) -> bool:
    """Resume a run with stages. Return whether it was not finished before."""
    from i2ikit.core.storage import STAGES, find_run_folder
    from i2ikit.train import TrainingData, resume
    from i2ikit.train.saved_run import read_stages

    for name, option in (("sets", "--set"), ("lr", "--lr"), ("ema", "--ema"), ("steps", "--steps")):
        if given[name] not in (None, ()):
            raise OptionError(
                f"--resume of a run with stages does not accept {option}. To change one stage, resume it by itself: --resume "
                f"{shlex.quote(str(find_run_folder(run)))}"
            )
    stored = read_stages(run / STAGES)
    data = {name: _open_moved_data(run, given, each) for name, each in stored["data"].items()} if given["data"] else None
    chosen = {**stored["train"], **options}
    if chosen.get("evaluate_every") or chosen.get("best"):
        last = list(stored["data"])[-1]
        options["validate"] = make_validation(
            data[last] if data else [TrainingData.restore(each) for each in stored["data"][last]], options["progress"].show_task
        )
    was_finished = (run / stored["folders"][-1] / "final").is_dir()
    resume(run, data=data, allow=given["allow"], **options)
    return not was_finished


def _open_moved_data(run: Path, given: dict[str, Any], descriptions: Sequence[Mapping[str, Any]]) -> list[TrainingData]:
    """Open the data of ``--data`` with the options that a run has stored."""
    from i2ikit.data.open import open_stored
    from i2ikit.train import TrainingData
    from i2ikit.train.resumed_run import refuse_other_count

    refuse_other_count(run, len(given["data"]), descriptions)
    stored_options = [dict(each.get("options", {})) for each in descriptions]
    return [TrainingData(open_stored(path, each), path, each) for path, each in zip(given["data"], stored_options, strict=True)]
