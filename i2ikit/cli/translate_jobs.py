"""The files that ``i2ikit translate`` reads and writes."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from i2ikit.cli.options import OUTPUT_SUFFIXES, check_image_suffix, check_writable
from i2ikit.errors import DataError, OptionError
from i2ikit.paths import choose_free_path, is_system_name, suggest_path

Job = tuple[Path, Path]
"""An input file and its output file."""

FORMATS = ("png", "npy", "tiff")


def plan_jobs(inputs: Sequence[str], out: str, file_format: str | None = None) -> Iterator[Job]:
    """Yield each input file and its output file.

    Args:
        inputs: Files, folders and globs.
        out: The output file of a single input file, or the output folder.
        file_format: The format of the files in an output folder; by default that of each input, if files of it can be written.

    Raises:
        DataError: An input is missing, or a folder or a glob has no images.
        OptionError: OUT does not fit the inputs, two inputs have the same output, or an output would overwrite an input.
    """
    output = Path(out)
    found = [job for each in inputs for job in _list_inputs(each, output)]
    is_single = len(inputs) == 1 and Path(inputs[0]).is_file()
    to_folder = not is_single or output.is_dir() or out.endswith(("/", os.sep))
    if to_folder and output.is_file():
        raise OptionError(f'"{out}" is a file, but {len(found)} inputs require an output folder. Name a folder at the end.')
    if not to_folder:
        check_image_suffix(out)
        if file_format is not None:
            raise OptionError(
                f'--format {file_format} is for output folders; the suffix of "{out}" chooses the format. Leave --format out.'
            )
    check_writable(output if to_folder else output.parent)
    written: dict[Path, Path] = {}
    sources = {file.resolve() for file, _ in found}
    for file, name in found:
        suffix = f".{file_format}" if file_format else name.suffix if name.suffix.lower() in OUTPUT_SUFFIXES else ".png"
        target = output / name.with_suffix(suffix) if to_folder else output
        if written.get(target) == file:  # the same input is given twice, such as by a folder and by a glob
            continue
        if target in written:
            raise OptionError(f'"{written[target]}" and "{file}" have the same output "{target}". Translate them into two folders.')
        if target.resolve() in sources:
            raise OptionError(f'"{target}" is one of the inputs and would be overwritten. Choose another output folder.')
        written[target] = file
        yield file, target


def choose_output(text: str) -> str:
    """Return the output of an input without one: a new folder in the working directory that is named after the input.

    Raises:
        OptionError: The working directory is a folder of the inputs, or is in it. Nothing is written there unless it is named.
    """
    path, here = Path(text), Path.cwd()
    if glob.has_magic(text) and not path.exists():
        path = next((each for each in path.parents if not glob.has_magic(str(each))), Path())
    folder = (path if path.is_dir() else path.parent).resolve()
    if folder == here or (path.is_dir() and folder in here.parents):
        raise OptionError(
            f'"{text}" is the only path, and the working directory is a folder of the inputs. Name the output, too: INPUT... OUT.'
        )
    name = f"{path.stem if path.is_file() else folder.name}-translated"
    return f"{choose_free_path(name)}{os.sep}"


def _match(pattern: str) -> Iterable[Path]:
    """Return the paths that match a pattern. ``**`` follows no links, which may lead in circles."""
    if "**" not in pattern:
        return map(Path, glob.glob(pattern))  # noqa: PTH207 - Path.glob refuses absolute patterns
    parts = Path(pattern).parts
    start = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    folder, rest = Path(*parts[:start]), Path(*parts[start:])
    try:
        found = list(folder.glob(str(rest / "*" if rest.name == "**" else rest)))
    except ValueError:
        raise OptionError(f'"{pattern}" has "**" beside other characters. Use it as a whole folder: "photos/**/*.png".') from None
    return (each for each in found if not is_system_name(each.relative_to(folder).as_posix()))


def _list_inputs(text: str, output: Path) -> list[tuple[Path, Path]]:
    """List the files of an input, each with its name in the output folder. Files in an output folder in the input are left out."""
    from i2ikit.pixels import is_image

    path = Path(text)
    if path.is_file():
        return [(path, Path(path.name))]
    if path.is_dir():
        found = (each for each in path.rglob("*") if is_image(each.name) and not is_system_name(each.relative_to(path).as_posix()))
        files = sorted(each for each in found if each.is_file() and (output == path or output not in each.parents))
        if not files:
            raise DataError(f'Folder "{text}" contains no images.')
        return [(each, each.relative_to(path)) for each in files]
    if glob.has_magic(text):
        matches = _match(text)
        files = sorted(each for each in matches if is_image(each.name) and each.is_file())
        if not files:
            raise DataError(f'No image matches "{text}".')
        return [(each, Path(each.name)) for each in files]
    raise DataError(f'There is no image at "{text}". {suggest_path(path)}')
