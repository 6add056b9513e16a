"""The command that trains on a data set, for the report of a check."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from i2ikit.data.arrangements import get_arrangement
from i2ikit.data.dataset import Dataset


def make_train_command(path: str, data: Dataset, options: Mapping[str, Any], *, has_alpha: bool) -> str:
    """Return a command that trains on a data set; an empty text if there is none.

    Args:
        path: The path of the data set, as the user wrote it.
        data: The data set.
        options: The options that it was opened with.
        has_alpha: Whether a file has an alpha channel.
    """
    arrangement = get_arrangement(data)
    if not arrangement.recipe or (not data.domain.sets and not arrangement.has_targets):
        return ""
    words = ["i2ikit", "train", arrangement.recipe, "--data", path]
    names = [each.name for each in data.domain.attributes]
    if names and names not in (["domain"], ["expression"]):
        words += ["--labels", ",".join(names)]
    shorter_side = min(data.image.height, data.image.width)
    words += ["--size", str(min(256, max(32, 1 << (shorter_side.bit_length() - 1))))]
    background = options.get("background") or ("white" if data.image.channels in {2, 4} or has_alpha else None)
    if background:
        words += ["--background", str(background)]
    for name in ("channels", "source_channels", "crop"):
        if options.get(name) is not None:
            words += [f"--{name.replace('_', '-')}", str(options[name])]
    words += ["--run", f"runs/{Path(path.partition(':')[0]).stem or 'first'}"]
    return " ".join(shlex.quote(word) for word in words)
