"""The training loop. Everything but the step itself happens at intervals."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2ikit.core import storage
from i2ikit.core.step import SingleProcess
from i2ikit.errors import CheckpointError, I2IKitError, OptionError
from i2ikit.lasting_output import take_failures
from i2ikit.train import checkpoint
from i2ikit.train.ema import Averages
from i2ikit.train.failures import tell_once
from i2ikit.train.log_window import LogWindow
from i2ikit.train.loggers import Loggers
from i2ikit.train.options import refuse_unknown_best
from i2ikit.train.progress import Progress, format_evaluation
from i2ikit.train.signals import TrainingInterrupted, handle_signals
from i2ikit.train.skipped_files import SkippedFiles

if TYPE_CHECKING:
    from torch import Tensor

    from i2ikit.core.model import Model
    from i2ikit.train.batches import Batches
    from i2ikit.train.engine import PlainEngine
    from i2ikit.train.generated_samples import SampleGrids
    from i2ikit.train.options import FitOptions

MAX_UNSAVED_SECONDS = 600.0
"""Seconds since the last checkpoint after which another one is written, also between the regular ones."""


class Trainer:
    """Trains a model and writes the files of its run. :func:`start_run` and :func:`resume_run` make it; :func:`fit` calls :meth:`run`.

    Attributes:
        folder: The run folder.
        model: The model, on its device.
        batches: The loaders.
        averages: The averaged weights of the model.
        engine: The engine of this process.
        options: The training options.
        progress: Shows the progress.
        has_begun: Whether the files of the run are written from now on.
        skipped: Reports files that cannot be read.
        loggers: The loggers; None before the run has begun, and in all processes but the main one.
        best: Value and step of the best model so far.
    """

    def __init__(
        self,
        *,
        folder: Path,
        model: Model,
        batches: Batches,
        engine: PlainEngine,
        options: FitOptions,
        progress: Progress,
        make_samples: Callable[[], SampleGrids | None],
    ) -> None:
        self.folder, self.model, self.batches, self.engine = folder, model, batches, engine
        self.options, self.progress = options, progress
        self.averages = Averages(model, model.recipe.ema)
        self.has_begun, self.skipped = False, SkippedFiles(self)
        self.loggers: Loggers | None = None
        self.best: dict[str, float] = {}
        self._validate, self._best_name = options.validate, options.best.removeprefix("-")
        self._make_samples: Callable[[], SampleGrids | None] | None = make_samples
        self._samples: SampleGrids | None = None
        self._signals = ExitStack()
        self._finished_step = -1
        self._window = LogWindow(model.steps_done)
        self._save_time = time.perf_counter()
        self._saved_step = -1

    # -- state

    def state(self) -> dict[str, Any]:
        """Return the state of the training, apart from model and averages, as JSON data."""
        return {"loaders": self.batches.state(), "best": self.best, **self._window.state()}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Restore the state that :meth:`state` returned."""
        self.batches.restore(data["loaders"])
        self.skipped.restore()
        self.best, self._saved_step = dict(data["best"]), self.model.steps_done
        self._window.restore(data, self.model.steps_done, self.engine.device)

    def begin(self) -> None:
        """Open the log, and start the clock."""
        self.has_begun, self._window = True, LogWindow(self.model.steps_done)
        if self.engine.is_main_process:
            self.loggers = Loggers(self.folder, self.options.loggers, self.model.steps_done)

    # -- the loop

    def run(self) -> Model:
        """Train until all steps of the recipe are done, and return the model of :meth:`finish`.

        Raises:
            NonFiniteLossError: A loss became NaN or infinite; ``stopped.json`` holds term, step and files.
            TrainingInterrupted: Ctrl-C or SIGTERM; the training is saved.
            CheckpointError: A checkpoint cannot be written.
        """
        for batches in self.load_batches():
            self.finish_step(self.model.step(batches, accumulate=self.options.accumulate))
        return self.finish()

    def load_batches(self) -> Iterator[list[dict[str, Any]]]:
        """Yield the batches of each step, one for each data set, until all steps of the recipe are done.

        From now on, Ctrl-C stops after a step.

        Raises:
            OptionError: The step with the previous batches was not finished.
        """
        model = self.model
        self.progress.begin(model.steps_done, model.recipe.steps)
        self._signals.enter_context(handle_signals(self._request_stop))
        while (done := model.steps_done) < model.recipe.steps:
            yield self.skipped.load()
            if not self._finished_step == model.steps_done == done + 1:
                raise OptionError(
                    f"Step {done + 1} is not finished. Call model.step(batches), then trainer.finish_step(logs). "
                    f"A step that does not use model.step counts itself: model.steps_done += 1."
                )

    def finish_step(self, logs: Mapping[str, Tensor]) -> None:
        """Do what follows a step: average the weights; log, evaluate, write samples and save at their intervals.

        Args:
            logs: What ``model.step`` returned: the value of each term [].

        Raises:
            TrainingInterrupted: Ctrl-C or SIGTERM; the training is saved.
            CheckpointError: A checkpoint cannot be written.
        """
        done = self._finished_step = self.model.steps_done
        is_last = done == self.model.recipe.steps
        self.engine.synchronize_buffers(self.model)
        self.averages.update()
        self._window.add(logs)
        self.progress.advance(done)
        is_logged = is_last or done % self.options.log_every == 0
        self.skipped.report(is_logged=is_logged)
        if is_logged:
            self._log()
        self._run_due_tasks(is_last)
        if self.engine.should_stop() and not is_last:
            self.save()
            raise TrainingInterrupted(storage.find_whole_run(self.folder), done)

    def finish(self) -> Model:
        """Write the last checkpoint and ``final/``, and return the model, with averaged weights if the recipe averages them."""
        self.model.raise_if_not_finite()
        self._signals.close()
        self.progress.close()
        self.skipped.summarize()
        self.save()
        self._write_model("final")
        self.averages.copy_to_model()
        self.model.engine = SingleProcess()
        return self.model

    def close(self) -> None:
        """Close threads, files and the progress bar."""
        self._signals.close()
        self.progress.close()
        if self.loggers is not None:
            self.loggers.close()
        self.batches.close()

    def _run_due_tasks(self, is_last: bool) -> None:
        """Evaluate, write samples and save after a step, each at its interval."""
        start = time.perf_counter()
        if self._is_due(self.options.evaluate_every, is_last):
            self._evaluate()
        if self._is_due(self.options.sample_every, is_last):
            self._write_samples()
        if self._is_due(self.options.checkpoint_every, is_last) or self._is_save_overdue():
            self.save()
        self._window.pause(time.perf_counter() - start)

    def _is_due(self, every: int | None, is_last: bool) -> bool:
        return every is not None and every > 0 and (is_last or self.model.steps_done % every == 0)

    def _is_save_overdue(self) -> bool:
        if self.model.steps_done % self.options.log_every:
            return False
        return bool(self.engine.broadcast(time.perf_counter() - self._save_time > MAX_UNSAVED_SECONDS))

    def _request_stop(self) -> None:
        self.engine.request_stop()
        if self.engine.is_main_process:
            self.progress.say("Stopping: this step is finished and saved first. Press Ctrl-C again to stop immediately.")

    # -- tasks at intervals

    def _log(self) -> None:
        record = self._window.take_record(self.model, self.batches, self.engine)
        if self.loggers is not None:
            for message in take_failures():
                self.loggers.write({"step": self.model.steps_done, "event": "output lost", "message": message})
            self.loggers.write(record)
        self.progress.report(record)

    def check_best(self) -> None:
        """Evaluate once before the training, if a best model is wanted: a misspelt number is found now and not after hours.

        Raises:
            OptionError: The evaluation fails, or does not have the number of ``best``.
        """
        if self._validate is None or not self._best_name:
            return
        with self.averages.swap_in() as model, checkpoint.isolate_random_states(model.seed, self.engine.device):
            try:
                numbers = self._validate(model)
            except Exception as error:
                raise OptionError(
                    f'best="{self.options.best}" cannot be measured: the evaluation failed ({type(error).__name__}: {error}).'
                ) from error
        refuse_unknown_best(self.options, numbers)

    def _evaluate(self) -> None:
        if self._validate is None:
            return
        with self.averages.swap_in() as model:
            try:
                numbers = {name: float(value) for name, value in self._validate(model).items()}
            except Exception as error:  # noqa: BLE001 - a failing evaluation must not stop the training
                warnings.warn(
                    f"The evaluation failed ({type(error).__name__}: {error}). The training continues without evaluations.", stacklevel=2
                )
                self._validate = None
                return
        if self.loggers is not None:
            self.loggers.write({"step": self.model.steps_done, "event": "evaluated", **numbers})
        self.progress.say(format_evaluation(self.model.steps_done, numbers, self._best_name))
        if self._best_name in numbers and self.engine.broadcast(self._is_better(numbers[self._best_name])):
            self.best = {"value": numbers[self._best_name], "step": self.model.steps_done}
            self._write_model("best")

    def _is_better(self, value: float) -> bool:
        sign = -1.0 if self.options.best.startswith("-") else 1.0
        known = self.best.get("value", math.nan)
        return not math.isnan(value) and (math.isnan(known) or sign * value > sign * known)

    def _write_samples(self) -> None:
        if self._make_samples is not None and self.engine.is_main_process:
            self._samples, self._make_samples = self._make_samples(), None
        if self._samples is None:
            return
        with self.averages.swap_in() as model:
            try:
                self._samples.write(model, self.folder, self.model.steps_done)
            except Exception as error:  # noqa: BLE001 - a failing sample grid must not stop the training
                warnings.warn(
                    f"The sample grid failed ({type(error).__name__}: {error}). The training continues without sample grids.", stacklevel=2
                )
                self._samples = None

    def save(self) -> None:
        """Write a checkpoint of this step, unless it is already written."""
        if self._saved_step == self.model.steps_done:
            return
        self.model.raise_if_not_finite()
        self._write(
            lambda: checkpoint.save(self.folder, self.model, self.averages, self.engine.state_tensors(), self.state(), self.options.keep)
        )
        self._saved_step, self._save_time = self.model.steps_done, time.perf_counter()

    def write_initial_state(self) -> None:
        """Write a checkpoint and samples before the first step: a folder that cannot be written is noticed early."""
        self.save()
        if self.options.sample_every:
            self._write_samples()

    def _write_model(self, name: str) -> None:
        self._write(lambda: storage.save(self.model, self.folder / name, self.averages.weights()))

    def _write(self, write: Callable[[], object]) -> None:
        """Write in the main process; if that fails, raise the error in all processes."""
        problem: str | None = None
        if self.engine.is_main_process:
            try:
                write()
            except I2IKitError as error:
                problem = str(error)
        problem = self.engine.broadcast(problem)
        if problem is not None:
            with tell_once(self.engine.count):
                raise CheckpointError(problem)
