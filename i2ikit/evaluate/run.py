"""The evaluation of a training run, with the data and the options that it was trained with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve

from i2ikit.core.storage import load, read_json
from i2ikit.data import Dataset, open_data
from i2ikit.errors import CheckpointError, OptionError
from i2ikit.evaluate.measure import evaluate
from i2ikit.evaluate.report import Report

if TYPE_CHECKING:
    from i2ikit.core.model import Model

RUN, NUMBERS, CLASSIFIER = "run.json", "numbers.json", "classifier"


def evaluate_run(
    run: str | Path, *, data: str | Path | Dataset | None = None, device: str = "cpu", write: bool = True, **options: Any
) -> Report:
    """Measure the final, best or latest model of a run, and write RUN/numbers.json, or another file where a part alone is measured.

    The reference classifier is kept in RUN/classifier. A run on several data sets is measured on each: its report has the numbers of each
    attribute, and none over all.

    Args:
        run: The folder of a run, or of a model, for which ``data`` must be given and nothing is written.
        data: Other data than the run was trained on, or the same at another place; opened with the run's options.
        device: Where the model runs.
        write: Whether the numbers are written into the run, where :func:`numbers_file` says.
        options: As :func:`i2ikit.evaluate.evaluate` takes them.

    Raises:
        CheckpointError: There is no model, or a file of the run is damaged.
        OptionError: The data is neither given nor recorded.
        DataError: The data is missing, or does not fit the model.
    """
    folder = Path(run)
    model = load(folder, device=device)
    is_run = (folder / RUN).is_file()
    recorded = _sources(read_json(folder / RUN)) if is_run else []
    if isinstance(data, (str, Path)) or data is None:
        opened = _opened(folder, recorded, model, None if data is None else str(data))
    else:
        opened = [data]
    reports = []
    for place, each in enumerate(opened):
        own = dict(options)
        if is_run:
            own.setdefault("cache", folder / CLASSIFIER if len(opened) == 1 else folder / CLASSIFIER / str(place + 1))
        reports.append(_noted(evaluate(model, each, **own), each, [source.get("fingerprint") for source in recorded]))
    report = reports[0] if len(reports) == 1 else _together(reports, [each.name for each in opened])
    if is_run and write:
        report.write(folder / numbers_file(**options))
    return report


def numbers_file(*, split: str = "test", targets: Any = "all", limit: int | None = None, **_: Any) -> str:
    """Return where the numbers of an evaluation are written: a part of them never replaces the whole, which the page shows."""
    named = targets if isinstance(targets, str) else "-".join(targets)
    parts = [f"split-{split}"] * (split != "test") + [f"targets-{named}"] * (targets != "all") + [f"limit-{limit}"] * (limit is not None)
    words = re.sub(r"[^\w.-]+", "-", "-".join(parts))
    return f"numbers-{words}.json" if words else NUMBERS


def _sources(run: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    data = run.get("data")
    sources = data if isinstance(data, list) else [data]
    return [source for source in sources if isinstance(source, Mapping)]


def _opened(folder: Path, recorded: Sequence[Mapping[str, Any]], model: Model, path: str | None) -> list[Dataset]:
    if path is None and not (recorded and all(source.get("path") for source in recorded)):
        raise OptionError(f'"{folder}" does not say which data to measure on. Give it: --data PATH.')
    if path is None:
        return [_open(folder, source["path"], source.get("options", {})) for source in recorded]
    if recorded:
        return [_open(folder, path, recorded[0].get("options", {}))]
    prepared = {name: model.preprocessing.get(name) for name in ("background", "crop", "channels")}
    return [_open(folder, path, {**prepared, "labels": [each.name for each in model.domain.attributes] or None})]


def _open(folder: Path, path: str, options: Mapping[str, Any]) -> Dataset:
    if path == "faces" or path.startswith("faces:"):
        options = {name: value for name, value in options.items() if name == "labels"}
    try:
        return open_data(path, **options)
    except TypeError as error:
        raise CheckpointError(f'"{folder / RUN}" records options that data cannot be opened with: {error}.') from error


def _noted(report: Report, data: Dataset, trained_on: Sequence[str | None]) -> Report:
    if not any(trained_on) or data.fingerprint() in trained_on:
        return report
    note = "The data is not what the run was trained on, or has changed since: the fingerprints differ."
    return evolve(report, notes=(*report.notes, note))


def _together(reports: Sequence[Report], names: Sequence[str]) -> Report:
    """Return one report of several data sets: what is said of all attributes of one data set would be read as said of all data."""
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
