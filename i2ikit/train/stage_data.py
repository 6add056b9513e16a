"""The data of a stage that has not begun when a run with stages is resumed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from i2ikit.core.on_task import OnTask
from i2ikit.train import configuration
from i2ikit.train.batches import TrainingData, as_list
from i2ikit.train.data_record import resume_stage_record
from i2ikit.train.resumed_run import refuse_other_count


def open_stage_data(
    run: Path, descriptions: Any, given: Any, allow: Sequence[str], earlier: Sequence[Path], on_task: OnTask
) -> list[TrainingData]:
    """Open the data of a stage that has not begun, and check that it is the data with which the run was started.

    Args:
        run: The run folder.
        descriptions: The data in ``stages.json``.
        given: The data that the user gave, or None.
        allow: Keys that may change.
        earlier: The folders of the stages that have begun.
        on_task: Shows how many files are read.
    """
    if given is None:
        sources = [TrainingData.restore(each) for each in descriptions]
    else:
        refuse_other_count(run, len(as_list(given)), descriptions)
        sources = [TrainingData.from_data(each) for each in as_list(given)]
    record = resume_stage_record(run, earlier, sources, descriptions, on_task)
    before = [{**stored, **start} for stored, start in zip(descriptions, record.describe_start(), strict=True)]
    differences = configuration.find_differences({"data": before}, {"data": record.describe()})
    configuration.refuse_changes(differences, allow, run, record.list_changed())
    return sources
