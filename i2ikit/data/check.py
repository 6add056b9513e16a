"""``check``: what a data set holds, found by opening every file."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import evolve

from i2ikit.core.on_task import OnTask, show_nothing
from i2ikit.data.check_notes import CheckedFile, count_values, make_notes
from i2ikit.data.check_report import CheckReport
from i2ikit.data.dataset import Dataset, FileDataset, Item
from i2ikit.data.open import open_data
from i2ikit.data.parallel import map_in_threads
from i2ikit.data.train_command import make_train_command
from i2ikit.errors import DataError
from i2ikit.pixels import mode_name
from i2ikit.pixels.value_range import FLOATS, Range, RangeError, format_range, parse_range

_TRIES = 3  # a range is widened for the sources, for the targets, and for the files that were not among the first ones


def check(path: str | os.PathLike[str], *, on_task: OnTask = show_nothing, **options: Any) -> CheckReport:
    """Open every file of a data set and return a report.

    Args:
        path: As in :func:`i2ikit.data.open_data`.
        on_task: Called with what is done now, the number of files that are checked, and of all files.
        options: As in :func:`i2ikit.data.open_data`.

    Raises:
        DataError: There is no data set, or none of its images can be read.
    """
    try:
        data = open_data(path, **options)
    except RangeError as error:
        if options.get("range") is not None:
            raise
        return _check_with_range(path, error.suggestion, on_task, options)
    files = {name: item for item in data.items for name in (item.file, item.target_file) if name is not None}
    checked = map_in_threads(lambda name: _check_file(data, name, files[name].file != name), list(files), "Checking files", on_task)
    readable = [each for each in checked if not each.problem]
    if not readable:
        raise DataError(f"None of the {len(checked)} images can be read. The first problem: {checked[0].problem}")
    labels = {each.name: count_values(data.items, each.name, each.choices) for each in data.domain.attributes}
    notes = [*data.notes, *make_notes(data, readable, labels)]
    values = _find_range(checked, parse_range(options.get("range")) or FLOATS)
    if values is not None:
        notes.append(f'range="{format_range(values)}" would read the values of all files.')
    channels = {is_target: [each.channels for each in readable if each.is_target is is_target] for is_target in (False, True)}
    most = {is_target: Counter(found).most_common(1) for is_target, found in channels.items()}
    unreadable = {each.file: each.problem for each in checked if each.problem}
    command = make_train_command(os.fspath(path), data, options, channels=channels, unreadable=unreadable)
    return CheckReport(
        path=os.fspath(path),
        batch_kind=data.batch_kind,
        images={name: sum(item.split == name for item in data.items) for name in data.splits},
        sizes=Counter(f"{each.size[0]} x {each.size[1]}" for each in readable),
        modes=Counter(each.mode for each in readable),
        labels=labels,
        sets=[tuple(each.name for each in part.attributes) for part in data.domain.sets],
        unreadable=list(unreadable.items()),
        odd_channels=[each.file for each in readable if each.channels != most[each.is_target][0][0]],
        duplicates=_find_duplicates(readable, files),
        shared_subjects=_find_shared_subjects(data.items),
        notes=notes,
        command=command.text,
        reason=command.reason,
        left_out=dict(getattr(data, "left_out", {})),
        repeated=_find_repeated(readable, files),
        values=values,
    )


def _check_with_range(path: str | os.PathLike[str], values: Range, on_task: OnTask, options: Mapping[str, Any]) -> CheckReport:
    """Check data whose values need a declared range, with the range of all files instead of that of the first one."""
    for _ in range(_TRIES):
        try:
            report = check(path, on_task=on_task, **{**options, "range": values})
        except RangeError as error:  # such as that of all targets
            values = error.suggestion
            continue
        if report.values is None:
            break
        values = report.values
    else:
        report = check(path, on_task=on_task, **{**options, "range": values})
    note = (
        "It is not known which values of these files are black and white: the range of all their values is taken. "
        f'range="{format_range(values)}" declares it; choose another one if it is wrong.'
    )
    return evolve(report, notes=[*report.notes, note])


def _check_file(data: Dataset, name: str, is_target: bool) -> CheckedFile:
    try:
        if not isinstance(data, FileDataset):  # generated data such as the faces has no files
            image = data.image
            mode = f"{mode_name(image.channels)} {data.bits} bit"
            return CheckedFile(name, (image.height, image.width), mode, image.channels, is_target)
        content = data.images.source.read(name)
        pixels = data.images.decode(content, name, is_target)
        mode = f"{mode_name(pixels.shape[2])} {pixels.dtype.itemsize * 8} bit"
        channels = data.images.process(pixels, name, is_target).shape[2]
        return CheckedFile(name, (pixels.shape[0], pixels.shape[1]), mode, channels, is_target, hashlib.sha256(content).digest())
    except DataError as cause:
        return CheckedFile(name, problem=str(cause), range_error=cause if isinstance(cause, RangeError) else None)


def _find_range(checked: Iterable[CheckedFile], declared: Range) -> Range | None:
    """Return a range that holds the values of all files, or None if the declared one does."""
    errors = [each.range_error for each in checked if each.range_error is not None]
    if not errors:
        return None
    found = errors[0].widen(declared)
    for each in errors:
        found = found.widen(each.found)
    return found.suggestion


def _find_duplicates(checked: Sequence[CheckedFile], files: Mapping[str, Item]) -> list[tuple[str, ...]]:
    """Return the groups of files of equal content that are in several splits."""
    return [group for group in _group_by_content(checked) if len({files[name].split for name in group}) > 1]


def _find_repeated(checked: Sequence[CheckedFile], files: Mapping[str, Item]) -> list[tuple[str, ...]]:
    """Return the groups of files of equal content that are in several folders of one split."""
    groups = [group for group in _group_by_content(checked) if len({files[name].split for name in group}) == 1]
    return [group for group in groups if len({name.rpartition("/")[0] for name in group}) > 1]


def _group_by_content(checked: Sequence[CheckedFile]) -> list[tuple[str, ...]]:
    groups: defaultdict[bytes, list[str]] = defaultdict(list)
    for each in checked:
        if each.digest:
            groups[each.digest].append(each.file)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _find_shared_subjects(items: Iterable[Item]) -> list[str]:
    splits: defaultdict[str, set[str]] = defaultdict(set)
    for item in items:
        if item.subject is not None:
            splits[item.subject].add(item.split)
    return [subject for subject, names in splits.items() if len(names) > 1]
