"""``run.json``: all that a run was started with, and how it differs from what is asked of it now."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2ikit.errors import CheckpointError, ConfigChangedError, OptionError

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.train.batches import TrainingData
    from i2ikit.train.options import FitOptions

FILE = "run.json"
# What may differ between two parts of one training without changing its result.
FREE = (
    "train.workers",
    "train.keep",
    "train.log_every",
    "train.sample_every",
    "train.checkpoint_every",
    "train.evaluate_every",
    "versions",
    "command",
    "changes",
)


def describe(model: Model, sources: Sequence[TrainingData], options: FitOptions) -> dict[str, Any]:
    """Return the configuration of a run as JSON data."""
    from i2ikit.core import recipe_json

    data = [source.describe() for source in sources]
    return {
        "recipe": recipe_json.dump(model.recipe),
        "seed": model.seed,
        "preprocessing": model.preprocessing,
        "data": data[0] if len(data) == 1 else data,
        "train": options.dump(),
        "versions": versions(),
        "command": command(),
    }


def versions() -> dict[str, str]:
    """Return the versions that numbers may depend on."""
    import torch

    from i2ikit import __version__

    return {"i2ikit": __version__, "torch": str(torch.__version__), "python": platform.python_version(), "machine": platform.machine()}


def command() -> str:
    """Return the command that was typed, without the folders before the program's name."""
    name = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else "python"  # noqa: PTH119
    return shlex.join(["i2ikit" if name in ("__main__.py", "i2ikit") else name, *sys.argv[1:]])


def typed(path: Path) -> str:
    """Return a path as it is typed into a command."""
    return shlex.quote(str(path))


def write(run: Path, data: Mapping[str, Any]) -> None:
    """Write ``run.json``, all or nothing.

    Raises:
        CheckpointError: The folder cannot be written.
    """
    from i2ikit.core.storage import write_json

    fresh = run / f".{FILE}.tmp"
    try:
        run.mkdir(parents=True, exist_ok=True)
        write_json(fresh, data)
        fresh.replace(run / FILE)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise CheckpointError(f'"{run / FILE}" cannot be written: {error.strerror or error}.') from error


def read(run: Path) -> dict[str, Any]:
    """Read the configuration of a run.

    Raises:
        CheckpointError: There is no run, or its configuration is damaged.
    """
    from i2ikit.core.storage import read_json

    if not (run / FILE).is_file():
        raise CheckpointError(
            f'There is no run at "{run}": {FILE} is missing. A run is started by: i2ikit train RECIPE --data PATH --run {typed(run)}.'
        )
    data = read_json(run / FILE)
    missing = [key for key in ("recipe", "data", "train") if key not in data]
    if missing:
        raise CheckpointError(f'"{run / FILE}" has no "{missing[0]}". It was not written by i2ikit train.')
    return data


def refuse_existing(run: Path) -> None:
    """Raise OptionError where the folder holds a run, or something else that a run would mix with."""
    if (run / FILE).exists():
        if any(run.glob("checkpoints/step-*")) or any((run / name / "config.json").exists() for name in ("final", "best")):
            raise OptionError(f'"{run}" holds a run already. Go on with it: i2ikit train --resume {typed(run)}, or choose another folder.')
        return  # it ended before its first checkpoint, so there is nothing to lose
    if run.is_file():
        raise OptionError(f'"{run}" is a file. Choose a folder for the run.')
    if run.is_dir() and any(not each.name.startswith(".") for each in run.iterdir()):
        raise OptionError(f'"{run}" is a folder that holds something else than a run. Choose another one, or an empty one.')


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what differs, as ``{"recipe.players.discriminator.optimizer.lr": (before, now)}``; what cannot change the result is left out."""
    old, new = _flat(before), _flat(now)
    keys = dict.fromkeys([*old, *new])
    return {key: (old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key) and not _harmless(key)}


def refuse_changes(changed: Mapping[str, tuple[Any, Any]], allowed: Iterable[str], run: Path) -> None:
    """Raise ConfigChangedError for every difference that is not allowed; ``"recipe"`` allows all that stands below it."""
    allowed = tuple(allowed)
    refused = {key: pair for key, pair in changed.items() if not _under(key, allowed)}
    if refused:
        shown = "; ".join(f"{key}: {_short(old)} -> {_short(new)}" for key, (old, new) in list(refused.items())[:8])
        more = f"; and {len(refused) - 8} more" if len(refused) > 8 else ""
        allow = " ".join(f"--allow-change {shlex.quote(key)}" for key in list(refused)[:3])
        raise ConfigChangedError(
            f'"{run}" was started otherwise: {shown}{more}. Resume it as it was, allow the change ({allow}), or start a new run from its '
            f"weights (--init-from {typed(run)})."
        )


def _harmless(key: str) -> bool:
    moved = key.startswith("data") and key.endswith((".path", ".name"))  # the fingerprint says whether it is the same data
    return moved or _under(key, FREE)


def _under(key: str, prefixes: Iterable[str]) -> bool:
    return any(key == prefix or key.startswith(f"{prefix}.") for prefix in prefixes)


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, Sequence) and not isinstance(value, str) and value and all(isinstance(each, Mapping) for each in value):
        value = {str(each.get("name", place)): each for place, each in enumerate(value)}
    if not isinstance(value, Mapping) or not value:
        return {path: list(value) if isinstance(value, tuple) else value}
    found: dict[str, Any] = {}
    for key, each in value.items():
        found |= _flat(each, f"{path}.{key}" if path else str(key))
    return found


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
