"""The training loop. Everything but the step itself happens at intervals."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from i2ikit.core import storage
from i2ikit.core.optimizers import get_learning_rate
from i2ikit.core.step import SingleProcess
from i2ikit.errors import CheckpointError, DataError, I2IKitError, NonFiniteLossError
from i2ikit.train import checkpoint
from i2ikit.train.configuration import quote_path
from i2ikit.train.signals import TrainingInterrupted, handle_signals

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.train.batches import Batches
    from i2ikit.train.ema import Averages
    from i2ikit.train.engine import PlainEngine
    from i2ikit.train.loggers import Loggers
    from i2ikit.train.options import FitOptions
    from i2ikit.train.progress import Progress
    from i2ikit.train.samples import Samples

Validate = Callable[["Model"], Mapping[str, float]]
STOPPED = "stopped.json"
MAX_UNSAVED_SECONDS = 600.0
"""Seconds since the last checkpoint after which another one is written, also between the regular ones."""


class Trainer:
    """Trains a model and writes the files of the run.

    Args:
        folder: The run folder.
        model: The model, prepared by the engine.
        batches: The batches.
        averages: The averaged weights of the model.
        engine: The engine of this process.
        options: The training options. Every interval must be set.
        loggers: The loggers; None in all processes but the main one.
        progress: Shows the progress.
        samples: The sample grids, or None.
        validate: Function that returns numbers of the model, which are logged.
    """

    def __init__(
        self,
        folder: Path,
        model: Model,
        batches: Batches,
        averages: Averages,
        engine: PlainEngine,
        options: FitOptions,
        *,
        loggers: Loggers | None,
        progress: Progress,
        samples: Samples | None = None,
        validate: Validate | None = None,
    ) -> None:
        self.folder, self.model, self.batches, self.averages, self.engine, self.options = folder, model, batches, averages, engine, options
        self.loggers, self.progress, self.samples, self.validate = loggers, progress, samples, validate
        self.best: dict[str, float] = {}
        self._window: dict[str, list[Tensor]] = {}  # values of each term since the last log record
        self._earlier_seconds = 0.0  # training time before this run was resumed
        self._start = self._save_time = time.perf_counter()
        self._last_record = (0.0, model.steps_done)  # seconds and steps at the last log record
        self._paused_seconds = 0.0  # time since then that was not spent on steps
        self._saved_step = -1

    # -- state

    def state(self) -> dict[str, Any]:
        """Return the state of the training, apart from model and averages, as JSON data."""
        window = {key: torch.stack(values).tolist() for key, values in self._window.items()}
        return {"loaders": self.batches.state(), "seconds": self.seconds, "best": self.best, "window": window}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Restore the state that :meth:`state` returned."""
        self.batches.restore(data["loaders"])
        self._earlier_seconds, self.best = float(data["seconds"]), dict(data["best"])
        self._window = {key: [torch.tensor(value, device=self.engine.device) for value in values] for key, values in data["window"].items()}
        self._saved_step = self.model.steps_done
        self._last_record = (self.seconds, self.model.steps_done)

    @property
    def seconds(self) -> float:
        """Training time in seconds, including the time before a resume."""
        return self._earlier_seconds + time.perf_counter() - self._start

    # -- the loop

    def run(self) -> Model:
        """Train until all steps of the recipe are done, write ``final/``, and return the model with averaged weights.

        Raises:
            NonFiniteLossError: A loss became NaN or infinite; ``stopped.json`` holds term, step and files.
            TrainingInterrupted: Ctrl-C or SIGTERM; the training is saved.
            CheckpointError: A checkpoint cannot be written.
        """
        self.progress.begin(self.model.steps_done, self.model.recipe.steps)
        try:
            with handle_signals(self._request_stop):
                self._run_steps()
                self.model.raise_if_not_finite()
        except NonFiniteLossError as error:
            raise self._report_failure(error) from None
        finally:
            self.progress.close()
        self.save()
        self._write(lambda: storage.save(self.model, self.folder / "final", self.averages.weights()))
        self.averages.copy_to_model()
        self.model.engine = SingleProcess()
        return self.model

    def _run_steps(self) -> None:
        model, options, steps = self.model, self.options, self.model.recipe.steps
        while model.steps_done < steps:
            logs = model.step(self._load_batches(), accumulate=options.accumulate)
            self.engine.synchronize_buffers(model)
            self.averages.update()
            for name, value in logs.items():
                self._window.setdefault(name, []).append(value)
            done = model.steps_done
            self.progress.advance(done)
            is_last = done == steps
            if is_last or done % options.log_every == 0:
                self._log()
            self._run_due_tasks(is_last)
            if self.engine.should_stop() and not is_last:
                self.save()
                raise TrainingInterrupted(self.folder, done)

    def _load_batches(self) -> list[dict[str, Any]]:
        """Return the next batches. If a file cannot be read, save the training first."""
        try:
            return self.batches.next()
        except DataError as error:
            if self.engine.count > 1 or self.model.steps_done == 0:  # one of several processes cannot save alone
                raise
            self.save()
            raise DataError(
                f"{error} The training is saved after step {self.model.steps_done}. Repair or replace the file, then resume: "
                f"i2ikit train --resume {quote_path(self.folder)}"
            ) from error

    def _run_due_tasks(self, is_last: bool) -> None:
        """Evaluate, write samples and save after a step, each at its interval."""
        start = time.perf_counter()
        if self._is_due(self.options.evaluate_every, is_last):
            self._evaluate()
        if self._is_due(self.options.sample_every, is_last):
            self._write_samples()
        if self._is_due(self.options.checkpoint_every, is_last) or self._is_save_overdue():
            self.save()
        self._paused_seconds += time.perf_counter() - start

    def _is_due(self, every: int, is_last: bool) -> bool:
        return bool(every) and (is_last or self.model.steps_done % every == 0)

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
        names = list(self._window)
        means = [torch.stack(self._window[name]).to(torch.float32).mean() for name in names]
        values = self.engine.mean(torch.stack(means)).tolist() if means else []  # there are no losses if no player played
        self._window = {}
        now, (before, done) = self.seconds, self._last_record
        steps, elapsed = self.model.steps_done - done, max(now - before - self._paused_seconds, 1e-9)
        record = {
            "step": self.model.steps_done,
            "seconds": round(now, 3),
            **dict(zip(names, values, strict=True)),
            "lr": self._get_learning_rate(),
            "images_per_second": round(steps * self.model.recipe.batch * len(self.batches.loaders) / elapsed, 3),
            "loader_share": round(self.batches.loading_seconds / elapsed, 4),
        }
        self.batches.loading_seconds, self._paused_seconds, self._last_record = 0.0, 0.0, (now, self.model.steps_done)
        if self.loggers is not None:
            self.loggers.write(record)
        self.progress.report(record)

    def _get_learning_rate(self) -> float:
        players = self.model.recipe.players
        player = next((each for each in players if "generator" in each.trains), players[0])
        return get_learning_rate(self.model.recipe, player, self.model.steps_done - 1)

    def _evaluate(self) -> None:
        if self.validate is None:
            return
        with self.averages.swap_in() as model:
            try:
                numbers = {name: float(value) for name, value in self.validate(model).items()}
            except Exception as error:  # noqa: BLE001 - a failing evaluation must not stop the training
                warnings.warn(
                    f"The evaluation failed ({type(error).__name__}: {error}). The training continues without evaluations.", stacklevel=2
                )
                self.validate = None
                return
        if self.loggers is not None:
            self.loggers.write({"step": self.model.steps_done, "event": "evaluated", **numbers})
        self.progress.say(f"step {self.model.steps_done}  " + "  ".join(f"{name} {value:.4g}" for name, value in numbers.items()))
        name = self.options.best.lstrip("-")
        if name in numbers and self.engine.broadcast(self._is_better(numbers[name])):
            self.best = {"value": numbers[name], "step": self.model.steps_done}
            self._write(lambda: storage.save(self.model, self.folder / "best", self.averages.weights()))

    def _is_better(self, value: float) -> bool:
        sign = -1.0 if self.options.best.startswith("-") else 1.0
        return not self.best or sign * value > sign * self.best["value"]

    def _write_samples(self) -> None:
        if self.samples is None or not self.engine.is_main_process:
            return
        with self.averages.swap_in() as model:
            try:
                self.samples.write(model, self.folder, self.model.steps_done)
            except Exception as error:  # noqa: BLE001 - a failing sample grid must not stop the training
                warnings.warn(
                    f"The sample grid failed ({type(error).__name__}: {error}). The training continues without sample grids.", stacklevel=2
                )
                self.samples = None

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
            raise CheckpointError(problem)

    def _report_failure(self, error: NonFiniteLossError) -> NonFiniteLossError:
        """Write ``stopped.json`` and return the error of the process that knows the term."""
        reports = self.engine.gather_objects((str(error), error.terms, error.step, error.files))
        message, terms, step, files = next((each for each in reports if each[1]), reports[0])
        if self.engine.is_main_process:
            data = {"event": "non-finite loss", "message": message, "terms": list(terms), "step": step, "files": list(files)}
            try:
                storage.write_json(self.folder / STOPPED, data)
            except OSError as problem:
                warnings.warn(f'"{self.folder / STOPPED}" cannot be written: {problem}.', stacklevel=2)
        return NonFiniteLossError(message, terms=terms, step=step, files=files)
