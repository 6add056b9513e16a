"""``data-files.jsonl``: what the data of a run held at its start. ``bad-files.jsonl``: the files that could not be read."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from i2ikit.core.json_files import parse_line
from i2ikit.core.on_task import OnTask
from i2ikit.data import Dataset
from i2ikit.data.contents import (
    Contents,
    FileContent,
    combine_digests,
    dump_contents,
    list_changed,
    read_content,
    read_contents,
    restore_content,
)
from i2ikit.errors import CheckpointError
from i2ikit.regular_files import read_regular
from i2ikit.temporary import replace_file
from i2ikit.train import configuration
from i2ikit.train.batches import TrainingData

FILE, BAD_FILE = "data-files.jsonl", "bad-files.jsonl"


@frozen(eq=False)
class DataRecord:
    """The data sets of a run, with what their files hold now and held at the start.

    Attributes:
        run: The run folder.
        sources: The data sets.
        now: What the files of each data set hold now; empty if this is not compared.
        start: What they held when the run was started, as far as it is known.
        repaired: The same for the files that could not be read, which may be repaired without changing the data of the run.
    """

    run: Path
    sources: Sequence[TrainingData]
    now: Sequence[Contents]
    start: Sequence[Contents]
    repaired: Sequence[Contents]

    def describe(self) -> list[dict[str, Any]]:
        """Return the description of each data set in ``run.json``."""
        return [each.describe(now, repaired) for each, now, repaired in zip(self.sources, self.now, self.repaired, strict=True)]

    def list_changed(self) -> list[str]:
        """Return the files that are missing, new, or hold something else than at the start, apart from those that were repaired."""
        found = []
        for now, start, repaired in zip(self.now, self.start, self.repaired, strict=True):
            others = sorted(start.keys() ^ now.keys()) if start and now else []  # of earlier versions, the start is not known
            found += [file for file in (*list_changed(start, now), *others) if file not in repaired]
        return found

    def describe_start(self) -> list[dict[str, Any]]:
        """Return the hash of the contents at the start for each data set, in the form of :meth:`describe`, where it is known."""
        return [
            {"content": combine_digests({file: start.get(file, content) for file, content in now.items()})} if now else {}
            for now, start in zip(self.now, self.start, strict=True)
        ]

    def write(self) -> None:
        """Write ``data-files.jsonl``, unless it is up to date.

        Raises:
            CheckpointError: The folder cannot be written.
        """
        contents = [{**now, **repaired} for now, repaired in zip(self.now, self.repaired, strict=True)]
        if not any(self.now) or contents == [dict(each) for each in self.start]:
            return
        lines = [json.dumps({"data": index, **entry}) for index, each in enumerate(contents) for entry in dump_contents(each)]
        try:
            replace_file(self.run / FILE, "".join(f"{line}\n" for line in lines).encode())
        except OSError as error:
            raise CheckpointError(f'"{self.run / FILE}" cannot be written: {error.strerror or error}.') from error


def start_record(run: Path, sources: Sequence[TrainingData], on_task: OnTask) -> DataRecord:
    """Read the files of the data sets of a new run once, and return what they hold.

    Files of an earlier attempt that stopped before its first step are not read again.
    """
    known, nothing = _read(run / FILE, len(sources)), [dict[str, FileContent]() for _ in sources]
    (run / BAD_FILE).unlink(missing_ok=True)
    now = [read_contents(each.data, found, on_task) for each, found in zip(sources, known, strict=True)]
    return DataRecord(run, sources, now, nothing, nothing)


def resume_record(run: Path, sources: Sequence[TrainingData], stored: Sequence[Mapping[str, Any]], on_task: OnTask) -> DataRecord:
    """Return what the files of a run hold that is resumed. Only files that were written since the start are read.

    Args:
        run: The run folder.
        sources: The data sets as they are now.
        stored: Their descriptions in ``run.json``. One of an earlier version has no hash of the contents, which are then not compared.
        on_task: Shows how many files are read.
    """
    start, recorded = _read(run / FILE, len(sources)), _read(run / BAD_FILE, len(sources))
    now = [
        read_contents(each.data, known, on_task) if "content" in old else {}
        for each, old, known in zip(sources, stored, start, strict=True)
    ]
    repaired = [{file: known.get(file, content) for file, content in bad.items()} for known, bad in zip(start, recorded, strict=True)]
    return DataRecord(run, sources, now, start, repaired)


def resume_stage_record(
    run: Path, earlier: Iterable[Path], sources: Sequence[TrainingData], stored: Sequence[Mapping[str, Any]], on_task: OnTask
) -> DataRecord:
    """Return the same for a stage that has not begun: what its files held is known from the stages before it that have the same data.

    Args:
        run: The run folder of the whole run.
        earlier: The run folders of the stages that have begun.
        sources: The data sets as they are now.
        stored: Their descriptions in ``stages.json``.
        on_task: Shows how many files are read.
    """
    start, repaired = ([dict[str, FileContent]() for _ in sources] for _ in range(2))
    for folder in earlier:
        if not (folder / configuration.FILE).is_file():
            continue
        found = configuration.read(folder)["data"]
        paths = [each.get("path") for each in (found if isinstance(found, list) else [found])]
        known, bad = _read(folder / FILE, len(paths)), _read(folder / BAD_FILE, len(paths))
        for index, old in enumerate(stored):
            if old.get("path") in paths:
                position = paths.index(old.get("path"))
                start[index] |= known[position]
                repaired[index] |= {file: known[position].get(file, content) for file, content in bad[position].items()}
    now = [read_contents(each.data, known, on_task) if known else {} for each, known in zip(sources, start, strict=True)]
    return DataRecord(run, sources, now, start, repaired)


def record_bad_files(run: Path, index: int, data: Dataset, reasons: Mapping[str, str], step: int, *, skipped: bool) -> None:
    """Append files that cannot be read to ``bad-files.jsonl``. A file may be recorded more than once.

    Args:
        run: The run folder.
        index: Position of the data set in the training.
        data: The data set.
        reasons: The reason of each file.
        step: Number of steps done.
        skipped: Whether other images took their places, or the training stopped.
    """
    entries = [
        {"data": index, "step": step, "skipped": skipped, "reason": reason, **entry}
        for file, reason in reasons.items()
        for entry in dump_contents({file: read_content(data, file)})
    ]
    try:
        with (run / BAD_FILE).open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps(entry) + "\n" for entry in entries))
    except OSError as error:  # the training goes on, or ends with the error that led here
        warnings.warn(f'"{run / BAD_FILE}" cannot be written: {error.strerror or error}.', stacklevel=2)


def list_skipped(run: Path, index: int, data: Dataset, step: int) -> dict[str, str]:
    """Return the files that a training skipped up to a step and that are still what they were, with their reasons."""
    found: dict[str, str] = {}
    for entry in _read_lines(run / BAD_FILE):
        content, done = restore_content(entry), entry.get("step")
        if content is None or entry.get("data") != index or entry.get("skipped") is not True or type(done) is not int or done > step:
            continue
        file, before = content
        if file not in found and read_content(data, file).digest == before.digest:
            found[file] = str(entry.get("reason", ""))
    return found


def _read(path: Path, count: int) -> list[dict[str, FileContent]]:
    """Return the contents of each data set in a file. Damaged lines are left out; of several entries of a file, the first one counts."""
    found: list[dict[str, FileContent]] = [{} for _ in range(count)]
    for entry in _read_lines(path):
        index, content = entry.get("data"), restore_content(entry)
        if content is not None and type(index) is int and 0 <= index < count:
            found[index].setdefault(*content)
    return found


def _read_lines(path: Path) -> Iterable[dict[str, Any]]:
    try:
        lines = read_regular(path).splitlines()
    except OSError:  # an earlier version wrote the run; without the file, all files are read
        return
    for line in lines:
        entry = parse_line(line)
        if entry is not None:
            yield entry
