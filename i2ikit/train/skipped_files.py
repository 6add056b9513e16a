"""Files that cannot be read during a training: recorded, named once, and counted at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from i2ikit.core import storage
from i2ikit.data.bad_files import BadFileError, find_bad_files, refuse_too_many, remove_advice
from i2ikit.data.manifest import format_names
from i2ikit.errors import DataError, format_count
from i2ikit.train.configuration import quote_path
from i2ikit.train.data_record import BAD_FILE, list_skipped, record_bad_files

if TYPE_CHECKING:
    from i2ikit.train.trainer import Trainer


class SkippedFiles:
    """Reports the files that the loaders of a trainer skipped.

    Args:
        trainer: The trainer.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._known: list[dict[str, str]] = [{} for _ in trainer.batches.loaders]

    def restore(self) -> None:
        """Continue to count after the files that were skipped before this training was resumed."""
        trainer = self._trainer
        for index, (loader, data, known) in enumerate(zip(trainer.batches.loaders, trainer.batches.datasets, self._known, strict=True)):
            known.update(list_skipped(trainer.folder, index, data, trainer.model.steps_done))
            loader.bad_files.update(known)

    def load(self) -> list[dict[str, Any]]:
        """Return the batches of the next step.

        Raises:
            DataError: A file cannot be read and is not skipped. The training is saved, and the message says how to resume it.
        """
        try:
            return self._trainer.batches.next()
        except DataError as error:
            others = self._record_failure(error)
            also = f" These cannot be read either: {format_names(others, 20)}." if others else ""
            raise DataError(f"{remove_advice(str(error))}{also} {self._describe_end(error, others)}") from error

    def report(self, *, is_logged: bool) -> None:
        """Name the files that were skipped since the last call.

        Args:
            is_logged: Whether this step is logged. Only then do several processes exchange what they have found.

        Raises:
            BadFileError: The processes together skipped too many files.
        """
        trainer = self._trainer
        if trainer.engine.count > 1 and not is_logged:
            return
        found = [dict(loader.bad_files) for loader in trainer.batches.loaders]
        if trainer.engine.count > 1:
            gathered = trainer.engine.gather_objects(found)
            found = [{file: reason for each in gathered for file, reason in each[index].items()} for index in range(len(found))]
        for index, (loader, known) in enumerate(zip(trainer.batches.loaders, self._known, strict=True)):
            new = {file: reason for file, reason in found[index].items() if file not in known}
            known.update(new)
            if new and trainer.engine.is_main_process:
                self._record(index, new, skipped=True)
                count = f"{len(known)} of {format_count(len(loader.dataset.items), 'image')}"
                for file, reason in new.items():
                    if trainer.loggers is not None:
                        trainer.loggers.write({"step": trainer.model.steps_done, "event": "skipped file", "file": file, "reason": reason})
                    trainer.progress.say(f"note: Skipped: {reason} Another image takes its place ({count} skipped).")
            if new:
                refuse_too_many(known, len(loader.dataset.items))

    def summarize(self) -> None:
        """Show the number of files that this training skipped, if there are any."""
        files = [file for known in self._known for file in known]
        if files:
            self._trainer.progress.say(
                f"note: {format_count(len(files), 'file')} could not be read and {'was' if len(files) == 1 else 'were'} skipped: "
                f"{format_names(files, 5)}. See {self._trainer.folder / BAD_FILE}."
            )

    def _record_failure(self, error: DataError) -> list[str]:
        """Find all files that cannot be read, record them, so that the run accepts their repair, and return those not in the error."""
        trainer, others = self._trainer, list[str]()
        if not isinstance(error, BadFileError) or not trainer.has_begun:
            return others
        for index, data in enumerate(trainer.batches.datasets):
            names = {name for item in data.items for name in (item.file, item.target_file)}
            own = {file: reason for file, reason in error.reasons.items() if file in names}
            if trainer.engine.count == 1:  # the other processes do not wait
                own = find_bad_files(data, trainer.progress.show_task) | own
            others += [file for file in own if file not in error.reasons]
            self._record(index, own, skipped=False)
        return others

    def _record(self, index: int, reasons: dict[str, str], *, skipped: bool) -> None:
        trainer = self._trainer
        if trainer.has_begun:
            record_bad_files(trainer.folder, index, trainer.batches.datasets[index], reasons, trainer.model.steps_done, skipped=skipped)

    def _describe_end(self, error: DataError, others: Sequence[str]) -> str:
        """Save the training if that is possible, and return how to go on."""
        trainer = self._trainer
        advice = "Repair or replace the file, but do not remove it"
        if others or (isinstance(error, BadFileError) and len(error.reasons) > 1):
            advice = "Repair or replace the files, but do not remove them"
        if not trainer.has_begun:
            return f"{advice}, then start again."
        command = f"i2ikit train --resume {quote_path(storage.find_whole_run(trainer.folder))}"
        if trainer.engine.count > 1:  # one of several processes cannot save alone
            return f"{advice}, then resume from the last checkpoint: {command}"
        trainer.save()
        return f"The training is saved after step {trainer.model.steps_done}. {advice}, then resume: {command}"
