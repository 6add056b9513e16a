"""``run.json``: the configuration that a run was started with, and its differences from a present configuration."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2ikit.data.manifest import format_names
from i2ikit.errors import CheckpointError, ConfigChangedError, OptionError, UnknownNameError

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.train.options import FitOptions

FILE = "run.json"
# Keys that may change in the middle of a training: they do not change its result.
HARMLESS_KEYS = (
    "train.workers",
    "train.on_bad_file",
    "train.keep",
    "train.log_every",
    "train.sample_every",
    "train.checkpoint_every",
    "train.evaluate_every",
    "recipe.description",
    "recipe.paper",
    "recipe.labels.none",  # which attributes can be none, which files of earlier versions do not say; the data decides what is trained on
    "versions",
    "command",
    "changes",
)


def describe(model: Model, data: Sequence[Mapping[str, Any]], options: FitOptions) -> dict[str, Any]:
    """Return the configuration of a run as JSON data, with the descriptions of its data sets."""
    from i2ikit.core import recipe_json

    return {
        "recipe": recipe_json.dump(model.recipe),
        "seed": model.seed,
        "preprocessing": model.preprocessing,
        "data": data[0] if len(data) == 1 else list(data),
        "train": options.dump(),
        "versions": get_versions(),
        "command": get_command(),
    }


def get_versions() -> dict[str, str]:
    """Return the versions that results may depend on."""
    import torch

    from i2ikit import __version__

    return {"i2ikit": __version__, "torch": str(torch.__version__), "python": platform.python_version(), "machine": platform.machine()}


def get_command() -> str:
    """Return the command line of this program, without the folder of the program."""
    name = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else "python"  # noqa: PTH119
    return shlex.join(["i2ikit" if name in ("__main__.py", "i2ikit") else name, *sys.argv[1:]])


def quote_path(path: Path) -> str:
    """Return a path in the form that a command line requires."""
    return shlex.quote(str(path))


def write(run: Path, data: Mapping[str, Any]) -> None:
    """Write ``run.json`` completely, or leave the old file unchanged.

    Raises:
        CheckpointError: The folder cannot be written.
    """
    from i2ikit.core.storage import write_json

    try:
        run.mkdir(parents=True, exist_ok=True)
        write_json(run / FILE, data)
    except OSError as error:
        raise CheckpointError(f'"{run / FILE}" cannot be written: {error.strerror or error}.') from error


def read(run: Path) -> dict[str, Any]:
    """Read the configuration of a run.

    Raises:
        CheckpointError: The folder holds no run or one with stages, or the configuration is damaged.
    """
    from i2ikit.core.storage import list_stage_folders
    from i2ikit.train.saved_run import read_run

    if not (run / FILE).is_file():
        if stages := list_stage_folders(run):
            raise CheckpointError(f'"{run}" is a run with stages. Call resume, or name one of its stages: {quote_path(stages[-1])}.')
        raise CheckpointError(
            f'There is no run at "{run}": {FILE} is missing. To start a run: i2ikit train RECIPE --data PATH --run {quote_path(run)}.'
        )
    return read_run(run / FILE)


def refuse_existing(run: Path) -> None:
    """Raise OptionError if the folder of a new run already holds a run or other files."""
    from i2ikit.core import storage

    if (run / FILE).exists():
        if _has_trained(run):
            raise OptionError(
                f'"{run}" already holds a run. Choose another folder, or resume the run: i2ikit train --resume {quote_path(run)}'
            )
        if _is_configuration(run / FILE):
            return  # the run stopped before its first step, so there is nothing to lose
    if storage.list_stage_folders(run):
        raise OptionError(
            f'"{run}" already holds a run with stages. Choose another folder, or resume the run: i2ikit train --resume {quote_path(run)}'
        )
    if run.is_file():
        raise OptionError(f'"{run}" is a file. Choose a folder for the run.')
    if run.is_dir() and any(not each.name.startswith(".") for each in run.iterdir()):
        raise OptionError(f'"{run}" holds files that do not belong to a run. Choose a new or an empty folder.')


def _is_configuration(path: Path) -> bool:
    """Return whether a file is the configuration of a run, not a file of another program that has its name."""
    from i2ikit.core.storage import read_json

    try:
        return {"recipe", "data", "train"} <= set(read_json(path))
    except CheckpointError:
        return False


def _has_trained(run: Path) -> bool:
    """Return whether a run has done a step."""
    from i2ikit.core import storage
    from i2ikit.train.loggers import read_log

    has_model = any((run / name / "config.json").exists() for name in ("final", "best"))
    has_steps = any(not path.name.endswith("-00000000") for path in storage.list_checkpoints(run))
    return has_model or has_steps or any(record["step"] > 0 for record in read_log(run))


def find_differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the differences of two configurations that can change the result of a training.

    The result has the form ``{"recipe.players.discriminator.optimizer.lr": (before, now)}``.
    """
    old, new = _flatten(before), _flatten(now)
    keys = dict.fromkeys([*old, *new])
    return {key: (old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key) and not _is_harmless(key)}


def check_allowed(allowed: Iterable[str], *configurations: Mapping[str, Any]) -> None:
    """Check that every setting that is allowed to change is one of the configurations, or the beginning of some.

    Raises:
        UnknownNameError: There is no such setting.
    """
    keys = [key for each in configurations for key in _flatten(each)]
    known = dict.fromkeys(".".join(parts[:count]) for key in keys for parts in (key.split("."),) for count in range(len(parts), 0, -1))
    for key in allowed:
        if key not in known:
            raise UnknownNameError("setting that can change", str(key), known)


def refuse_changes(changed: Mapping[str, tuple[Any, Any]], allowed: Iterable[str], run: Path, files: Sequence[str] = ()) -> None:
    """Raise ConfigChangedError if a difference is not allowed; ``"recipe"`` allows every key that begins with ``recipe.``.

    Args:
        changed: The differences, as :func:`find_differences` returns them.
        allowed: Keys that may change, or their beginnings.
        run: The run folder, for the message.
        files: Files of the data that have another content than at the start, for the message.
    """
    allowed = tuple(allowed)
    refused = {key: pair for key, pair in changed.items() if not _has_prefix(key, allowed)}
    if refused:
        listing = "; ".join(f"{key}: {_shorten(old)} -> {_shorten(new)}" for key, (old, new) in list(refused.items())[:8])
        listing += f" (other files than at the start: {format_names(files)})" if files and any("content" in key for key in refused) else ""
        more = f"; and {len(refused) - 8} more" if len(refused) > 8 else ""
        allow = " ".join(f"--allow-change {shlex.quote(key)}" for key in list(refused)[:3])
        raise ConfigChangedError(
            f'The configuration differs from the one that "{run}" was started with: {listing}{more}. Resume without these changes, allow '
            f"them ({allow}), or start a new run from its weights (--init-from {quote_path(run)})."
        )


def _is_harmless(key: str) -> bool:
    moved = key.startswith("data") and key.endswith((".path", ".name"))  # the fingerprint decides whether it is the same data
    return moved or _has_prefix(key, HARMLESS_KEYS)


def _has_prefix(key: str, prefixes: Iterable[str]) -> bool:
    return any(key == prefix or key.startswith(f"{prefix}.") for prefix in prefixes)


def _flatten(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, Sequence) and not isinstance(value, str) and value and all(isinstance(each, Mapping) for each in value):
        value = {str(each.get("name", index)): each for index, each in enumerate(value)}
    if not isinstance(value, Mapping) or not value:
        return {path: list(value) if isinstance(value, tuple) else value}
    flat: dict[str, Any] = {}
    for key, each in value.items():
        flat |= _flatten(each, f"{path}.{key}" if path else str(key))
    return flat


def _shorten(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
