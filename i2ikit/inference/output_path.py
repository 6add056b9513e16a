"""Where the translation of a file is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2ikit.errors import OptionError
from i2ikit.paths import choose_free_path

if TYPE_CHECKING:
    import numpy as np


def choose_output_path(
    image: Any, to: Any, out: str | Path | None, number: int | None, channels: int, dtype: np.dtype[Any] | None
) -> Path | None:
    """Return the path of a translation; None if the image is not a path, and ``out`` is not given.

    Args:
        image: The image, as the user gave it.
        to: The target, which becomes a part of the name.
        out: The path that the user gave. By default a new file in the working directory.
        number: The number of the sample, or None if there is only one.
        channels: Channels of the translation.
        dtype: Type of its values; None is uint8.

    Raises:
        OptionError: ``out`` is not given, and the image lies in the working directory: nothing is written beside inputs unless requested.
    """
    if out is not None:
        path = Path(out)
        return path if number is None else path.with_name(f"{path.stem}.{number}{path.suffix}")
    if not isinstance(image, (str, Path)):
        return None
    import numpy as np

    from i2ikit.pixels.encode import choose_suffix

    path, here = Path(image), Path.cwd()
    if path.parent.resolve() == here:
        raise OptionError(
            f'"{image}" lies in the working directory, where its translation would be written. Name the file: out="fake.png".'
        )
    words = [f"{name}-{value}" for name, value in to.items()] if isinstance(to, Mapping) else [to if isinstance(to, str) else "translated"]
    words = [re.sub(r'[/\\:*?"<>|\s]+', "_", word) for word in words] + ([str(number)] if number is not None else [])
    suffix = path.suffix if path.suffix.lower() in (".png", ".tif", ".tiff", ".npy") else ".png"
    suffix = choose_suffix(suffix, channels, np.dtype("uint8") if dtype is None else dtype)
    name = f"{path.stem}.{'.'.join(words)}"
    return choose_free_path(here / name, suffix)  # the translation of another file of this name is not replaced
