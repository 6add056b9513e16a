"""Translation of one file after another. A file that cannot be read or translated does not stop the others."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2ikit.cli.option_names import name_options
from i2ikit.cli.output import echo
from i2ikit.cli.translate_jobs import Job
from i2ikit.errors import DataError, WriteError

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.inference.image_io import InputImage, Preparation
    from i2ikit.inference.translate import TranslationResult

NUM_NOTED = 64  # inputs whose sizes are compared with that of the training


class FileTranslator:
    """Translates files and prints a line for each translation, and each note once.

    Args:
        model: The model.
        preparation: How files are read.
        options: Options of :meth:`i2ikit.core.model.Model.translate`.
        keeps_suffix: Whether the suffix of an output was chosen by the user, and is not changed to hold all channels and bits.

    Attributes:
        done: The number of translated files.
        failed: The files that were not translated, by the reason, which does not name them.
    """

    def __init__(self, model: Model, preparation: Preparation, options: dict[str, Any], *, keeps_suffix: bool) -> None:
        self.model, self.preparation, self.options = model, preparation, options
        self.keeps_suffix = keeps_suffix
        self.done = 0
        self.failed: dict[str, list[Path]] = {}
        self._written: dict[Path, Path] = {}
        self._noted: set[str] = set()

    def translate(self, given: Path, out: Path) -> None:
        """Translate one file.

        Raises:
            DataError: It cannot be read or translated; the message names it.
            WriteError: A translation cannot be written.
        """
        try:
            self._translate(given, out)
        except WriteError:
            raise
        except DataError as error:
            text = str(error)
            raise DataError(text if str(given) in text else f'"{given}": {text}') from None

    def try_to_translate(self, given: Path, out: Path) -> None:
        """Translate one file, or remember why it is impossible.

        Raises:
            WriteError: A translation cannot be written: the same would happen to the others.
        """
        try:
            self.translate(given, out)
        except WriteError:
            raise
        except DataError as error:
            reason = name_options(str(error)).removeprefix(f'"{given}": ')
            if reason.startswith(named := f'Image "{given}" '):
                reason = f"The image {reason.removeprefix(named)}"
            self.failed.setdefault(reason, []).append(given)

    def _translate(self, given: Path, out: Path) -> None:
        from i2ikit.inference.model_images import read_image

        opened = read_image(self.model, given, preparation=self.preparation)
        out = self._choose_suffix(given, out, opened)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            answers = self.model.translate(opened, out=out, details=True, **self.options)
        for each in caught:
            self.note(name_options(str(each.message)))
        for answer in answers if isinstance(answers, list) else [answers]:
            echo(f"{given} -> {answer.image}{_format_labels(answer)}")
        self.done += 1

    def note(self, text: str) -> None:
        """Print a note, but only once."""
        if text not in self._noted:
            self._noted.add(text)
            echo(f"note: {text}")

    def _choose_suffix(self, given: Path, out: Path, opened: InputImage) -> Path:
        """Return the output with a suffix whose format holds the translation; notes tell what is changed or assumed."""
        import numpy as np

        from i2ikit.pixels.encode import choose_suffix

        dtype = np.dtype("uint8") if opened.value_type is None else opened.value_type.dtype
        if dtype.kind == "f" and self.preparation.values is None:
            self.note("Files of floats are read as values from 0 to 1. --range LOW,HIGH declares others.")
        suffix = choose_suffix(out.suffix, self.model.image.channels, dtype)
        if suffix == out.suffix:
            return out
        if self.keeps_suffix:
            if out.suffix.lower() == ".png":
                self.note(f"PNG does not hold {dtype}. The translations are written with 16 bits.")
            return out
        what = f"{self.model.image.channels} channels of {dtype}"
        self.note(f"{out.suffix} files do not hold {what}. The translations are written as {suffix}.")
        chosen = out.with_suffix(suffix)
        if self._written.setdefault(chosen, given) != given:
            raise DataError(f'"{given}" and "{self._written[chosen]}" have the same output "{chosen}". Translate them into two folders.')
        return chosen


def read_sizes(jobs: Sequence[Job], max_pixels: int | None) -> list[tuple[int, int]]:
    """Return height and width of the first inputs that can be read, from their headers."""
    from i2ikit.pixels import read_size
    from i2ikit.pixels.files import read_bytes
    from i2ikit.pixels.pictures import check_limit

    sizes = []
    for given, _ in jobs[:NUM_NOTED]:
        try:
            sizes.append(read_size(read_bytes(given), str(given), check_limit(max_pixels)))
        except DataError:
            continue
    return sizes


def describe_sizes(model: Model, sizes: Sequence[tuple[int, int]], size: str | None) -> list[str]:
    """Return notes about inputs that have another size than the images of the training, or look like pairs side by side."""
    trained = (model.image.height, model.image.width)
    others = [found for found in sizes if found != trained]
    notes = []
    if others and size is None:
        size_text = f"{others[0][0]}x{others[0][1]}" if len(set(others)) == 1 else "other sizes"
        trained_text = f"{trained[0]}x{trained[1]}"
        notes.append(f"The model was trained at {trained_text}; images of {size_text} keep their size. --size trained resizes them.")
    knows_pairs = bool(model.preprocessing.get("half"))  # it then takes the source half of a pair, and says so
    if model.batch_kind.target and any(width == 2 * height for height, width in sizes) and trained[0] == trained[1] and not knows_pairs:
        notes.append(
            "Some images are twice as wide as high, like pairs side by side. They are translated whole. "
            "If they are pairs, cut out the source image first."
        )
    return notes


def _format_labels(answer: TranslationResult) -> str:
    if not answer.values:
        return ""
    values = answer.values[0]
    shown = (f"{name} {'unknown' if values[name] is None else values[name]} ({origin})" for name, origin in answer.origin.items())
    return "  " + ", ".join(text.replace("unknown (unknown)", "unknown") for text in shown)
