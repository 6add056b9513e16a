"""Publishes models and loads published ones: a saved model with its model card, in a folder or in a repository of the Hugging Face Hub."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from i2ikit.core import storage
from i2ikit.core.load import load
from i2ikit.core.saved_numbers import read_numbers
from i2ikit.core.visible_text import make_visible
from i2ikit.errors import CheckpointError, MissingExtraError
from i2ikit.inference.model_card import KEEP_NOTE, write_model_card
from i2ikit.temporary import replace_file

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.core.registry import Registry

CARD, NUMBERS, RUN = "README.md", "numbers.json", "run.json"
FILES = (storage.CONFIG, storage.WEIGHTS, NUMBERS, CARD)


def save_pretrained(model: Model, folder: str | Path, *, run: str | Path | None = None, licence: str = "") -> Path:
    """Save a model with a model card, to publish it. :func:`i2ikit.load` reads the folder, too.

    The folder has the files of :meth:`Model.save`, ``README.md`` (the model card) and, if the model was evaluated, ``numbers.json``. A
    ``README.md`` without the last line of a generated card was edited by hand, and stays.

    Args:
        model: The model.
        folder: The folder. It is made if it does not exist.
        run: The run folder of the model, or a folder that this function wrote: the card shows its evaluation if it measured this model. The
            default is the folder from which the model was loaded.
        licence: The licence of the weights, as an identifier of SPDX such as ``"cc-by-4.0"``. Empty if it is not decided.

    Returns:
        The folder.

    Raises:
        CheckpointError: The folder cannot be written, or it contains files but no model.
    """
    numbers = _read_numbers(model, Path(run) if run is not None else model.loaded_from)
    folder = storage.save(model, folder)
    if numbers:
        storage.write_json(folder / NUMBERS, numbers)
    else:
        (folder / NUMBERS).unlink(missing_ok=True)  # that of another model
    card = folder / CARD
    if not card.exists() or KEEP_NOTE in card.read_text(encoding="utf-8", errors="replace"):
        text = write_model_card(model, folder.resolve().name, numbers.get("numbers", []), licence)
        replace_file(card, make_visible(text).encode())  # names of files may hold bytes that are no text
    return folder


def from_pretrained(
    name: str | Path, *, revision: str | None = None, registry: Registry | None = None, device: str | torch.device = "cpu"
) -> Model:
    """Load a model from a folder, or else from a repository of the Hugging Face Hub.

    Args:
        name: A folder, as for :func:`i2ikit.load`; or a repository, ``"user/name"``. A repository is downloaded only if there is no such
            folder here; this requires the extra ``hub``.
        revision: Branch, tag or commit of a repository (default: its main branch).
        registry: The registry of components (default: that of the installed plugins).
        device: The device of the weights.

    Raises:
        MissingExtraError: ``name`` is no folder, and the packages for downloading are not installed.
        CheckpointError: There is no model of that name, a file is damaged, or the weights do not fit the configuration.
        OptionError: This machine has no such device.
    """
    path = Path(name)
    is_repository = re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", str(name)) and not path.exists() and not path.parent.exists()
    return load(_download(str(name), revision) if is_repository else path, registry=registry, device=device)


def _download(repository: str, revision: str | None) -> Path:
    """Download the files of a model, and return their folder."""
    try:
        import huggingface_hub
    except ImportError as error:
        raise MissingExtraError(f'There is no folder "{repository}". To download a repository of that name', "hub") from error
    try:
        return Path(huggingface_hub.snapshot_download(repository, revision=revision, allow_patterns=list(FILES)))
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(
            f'There is no folder "{repository}", and the repository of that name cannot be downloaded: {reason} Check the name.'
        ) from error


def _read_numbers(model: Model, folder: Path | None) -> dict[str, Any]:
    """Return the evaluation in a folder or in the run that it belongs to, if it measured this model; else an empty mapping."""
    if folder is None:
        return {}
    for each in (folder, *list(folder.resolve().parents)[:3]):
        if (each / NUMBERS).is_file() and (each == folder or (each / RUN).is_file()):
            numbers = read_numbers(each / NUMBERS)
            measured = numbers.get("model", {})
            is_same = (measured.get("recipe"), measured.get("step")) == (model.recipe.name, model.steps_done)
            return numbers if is_same else {}
    return {}
