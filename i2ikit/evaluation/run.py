"""Evaluates a training run on the data and with the data options of its training."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve

from i2ikit.core.load import load
from i2ikit.core.saved_data import read_data_descriptions
from i2ikit.core.storage import find_run_folder
from i2ikit.data import Dataset, can_serve
from i2ikit.data.manifest import RULES
from i2ikit.data.open import open_stored
from i2ikit.errors import CheckpointError, OptionError
from i2ikit.evaluation.measure import evaluate
from i2ikit.evaluation.report import Report

if TYPE_CHECKING:
    from i2ikit.core.model import Model

RUN, NUMBERS, CLASSIFIER = "run.json", "numbers.json", "classifier"


def evaluate_run(
    run: str | Path, *, data: str | Path | Dataset | None = None, device: str = "cpu", write: bool = True, **options: Any
) -> Report:
    """Measure the final, best or latest model of a run, and write its numbers into the run.

    The numbers go to RUN/numbers.json; those of other data, of another split, of some targets or of a limited number of images go to
    another file. The evaluation classifier is saved in RUN/classifier. A run on several data sets is measured on each of them: its report
    has the numbers of each attribute, and no numbers over all attributes.

    Args:
        run: The folder of a run. Of a run with stages, the last finished stage is measured. It may be the folder of a model, too: ``data``
            is required then, and nothing is written.
        data: Data other than that of the training, or the same data in another folder; it is opened with the options of the run.
        max_pixels: The largest number of pixels of an image file; the default is that of the training.
        device: The device of the model.
        write: Whether the numbers are written into the run, to the file of :func:`name_numbers_file`.
        options: Options of :func:`i2ikit.evaluation.evaluate`.

    Raises:
        CheckpointError: There is no model, or a file of the run is damaged.
        OptionError: ``data`` is missing, and the run does not record the path of its data.
        DataError: The data is missing, or does not fit the model.
    """
    return measure_run(run, data=data, device=device, write=write, **options)[0]


def measure_run(
    run: str | Path,
    *,
    data: str | Path | Dataset | None = None,
    max_pixels: int | None = None,
    device: str = "cpu",
    write: bool = True,
    **options: Any,
) -> tuple[Report, Path | None]:
    """Do what :func:`evaluate_run` does, and return the report with the file of its numbers; None if nothing was written."""
    folder = find_run_folder(Path(run))
    model = load(folder, device=device)
    is_run = (folder / RUN).is_file()
    recorded = read_data_descriptions(folder / RUN) if is_run else []
    if isinstance(data, (str, Path)) or data is None:
        datasets = _open_datasets(folder, recorded, model, None if data is None else str(data), max_pixels)
    else:
        datasets = [data]
    kind = model.batch_kind
    datasets = [each for each in datasets if can_serve(each, kind) or kind.domains] or datasets  # not those of other plans
    other = "" if data is None or _is_own_data(datasets[0], data, recorded) else datasets[0].name
    cache = folder / (f"{CLASSIFIER}-{_make_words(other)}" if other else CLASSIFIER)
    reports = []
    for index, each in enumerate(datasets):
        own_options = dict(options)
        if is_run:
            own_options.setdefault("cache", cache if len(datasets) == 1 else cache / str(index + 1))
        reports.append(_note_changed_data(evaluate(model, each, **own_options), each, [source.get("fingerprint") for source in recorded]))
    report = reports[0] if len(reports) == 1 else _merge_reports(reports, [each.name for each in datasets])
    if not is_run or not write:
        return report, None
    return report, report.write(folder / name_numbers_file(data=other, **options))


def name_numbers_file(
    *, data: str = "", split: str = "test", targets: Any = "all", limit: int | None = None, resize: str = "lanczos", **_: Any
) -> str:
    """Return the file name for the numbers of an evaluation with these options.

    Only a complete evaluation on the data of the run is written to numbers.json, which the page shows: another one never replaces it.

    Args:
        data: The name of other data than that of the run, or an empty text.
        split: The split.
        targets: The targets.
        limit: The largest number of images, or None.
        resize: How images are resized.
    """
    name = targets if isinstance(targets, str) else "-".join(targets)
    parts = [f"data-{data}"] * bool(data) + [f"split-{split}"] * (split != "test") + [f"targets-{name}"] * (targets != "all")
    parts += [f"limit-{limit}"] * (limit is not None) + [f"resize-{resize}"] * (resize != "lanczos")
    words = _make_words("-".join(parts))
    return f"numbers-{words}.json" if words else NUMBERS


def _make_words(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", text)


def _is_own_data(opened: Dataset, given: str | Path | Dataset, recorded: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether given data is all the data of the run, perhaps in another folder."""
    if len(recorded) != 1:
        return False
    path, fingerprint = recorded[0].get("path"), recorded[0].get("fingerprint")
    same_path = path is not None and isinstance(given, (str, Path)) and Path(given).absolute() == Path(path).absolute()
    return same_path or opened.fingerprint() == fingerprint


def _open_datasets(
    folder: Path, recorded: Sequence[Mapping[str, Any]], model: Model, path: str | None, max_pixels: int | None
) -> list[Dataset]:
    if path is None and not (recorded and all(source.get("path") for source in recorded)):
        raise OptionError(f'"{folder}" does not record the path of its data. Give it: data="PATH".')
    limit = {} if max_pixels is None else {"max_pixels": max_pixels}
    if path is None:
        return [_open_dataset(folder, source["path"], {**source.get("options", {}), **limit}) for source in recorded]
    if recorded:
        return [_open_dataset(folder, path, {**recorded[0].get("options", {}), **limit})]
    preprocessing = {name: model.preprocessing.get(name) for name in ("background", "crop", "channels", "range", "max_pixels")}
    labels = [each.name for each in model.domain.attributes] or None
    return [_open_dataset(folder, path, {**preprocessing, "labels": labels, "rules": RULES, **limit})]


def _open_dataset(folder: Path, path: str, options: Mapping[str, Any]) -> Dataset:
    if path == "faces" or path.startswith("faces:"):
        options = {name: value for name, value in options.items() if name == "labels"}
    try:
        return open_stored(path, options)
    except TypeError as error:
        raise CheckpointError(f'"{folder / RUN}" records unknown data options: {error}.') from error


def _note_changed_data(report: Report, data: Dataset, trained_on: Sequence[str | None]) -> Report:
    if not any(trained_on) or data.fingerprint() in trained_on:
        return report
    note = "The data differs from the data of the training: the fingerprints differ."
    return evolve(report, notes=(*report.notes, note))


def _merge_reports(reports: Sequence[Report], names: Sequence[str]) -> Report:
    """Return one report of several data sets, without the numbers over all attributes: each of them is about one data set only."""
    first = reports[0]
    numbers = [each for report in reports for each in report.numbers if "/" in each.name and not each.name.startswith("parameters")]
    numbers += [each for each in first.numbers if each.name.startswith("parameters")]
    left_out: dict[str, str] = {}
    for report, name in zip(reports, names, strict=True):
        left_out |= {key: f"{left_out[key]} {name}: {why}" if key in left_out else f"{name}: {why}" for key, why in report.left_out.items()}
    return Report(
        tuple(numbers),
        first.model,
        tuple(row for report in reports for row in report.pairs),
        left_out,
        tuple(dict.fromkeys(note for report in reports for note in report.notes)),
    )
