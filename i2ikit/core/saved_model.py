"""The form of ``config.json``, from which a saved model is built again. This module does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from i2ikit.core.structure import leave_out_unknown, make_converter, structure
from i2ikit.core.validators import MAX_SEED, whole_number


@frozen(kw_only=True)
class SavedPreprocessing:
    """How images are read. Importers of plugins may add further keys."""

    background: str | None = None
    crop: list[int] | None = None
    channels: int | None = None
    source_channels: int | None = None
    range: list[float] | None = None
    max_pixels: int | None = None
    glued: str | None = None
    half: list[int] | None = None
    size: list[int] | None = None
    data: list[str] = field(factory=list)
    imported: str | None = None
    untrained: list[str] = field(factory=list)


@frozen(kw_only=True)
class SavedModel:
    """The configuration of a saved model. The recipe is structured by itself."""

    format: int
    recipe: dict[str, Any]
    i2ikit: str = ""
    seed: int = field(default=0, validator=whole_number(0, MAX_SEED))
    step: int = field(default=0, validator=whole_number(0))
    preprocessing: SavedPreprocessing = field(factory=SavedPreprocessing)


PREPROCESSING_HOOK = leave_out_unknown(SavedPreprocessing)
"""How the preprocessing is made."""


def check_model_data(data: Mapping[str, Any], title: str) -> None:
    """Raise CheckpointError if the data of ``config.json``, with present names, has another form."""
    structure(data, SavedModel, title, make_converter(PREPROCESSING_HOOK))
