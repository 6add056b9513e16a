"""The training loop: nothing but the step in the hot path; all else happens at its own interval."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from i2ikit.core import storage
from i2ikit.errors import CheckpointError, DataError, I2IKitError, NonFiniteLossError
from i2ikit.train import checkpoint
from i2ikit.train.signals import TrainingInterrupted, watched

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
LONGEST = 600.0
"""Seconds after which a checkpoint is written even where none is due."""


class Trainer:
    """A training that is under way.

    Args:
        run: The folder of the run.
        model: With the engine in place.
        feeds: The batches.
        averages: Of the model's weights.
        engine: Of this process.
        options: Every interval resolved.
        journal: None in processes that write nothing.
        progress: What a person sees.
        samples: What is drawn, or None.
        validate: Measures the model that it is lent; its numbers go into the log.
    """

    def __init__(
        self,
        run: Path,
        model: Model,
        batches: Batches,
        averages: Averages,
        engine: PlainEngine,
        options: FitOptions,
        *,
        run_log: Loggers | None,
        progress: Progress,
        samples: Samples | None = None,
        validate: Validate | None = None,
    ) -> None:
        self.run, self.model, self.batches, self.averages, self.engine, self.options = run, model, batches, averages, engine, options
        self.run_log, self.progress, self.samples, self.validate = run_log, progress, samples, validate
        self.best: dict[str, float] = {}
        self._window: dict[str, list[Tensor]] = {}
        self._before = 0.0  # seconds of the parts of the run before this one
        self._begin = self._saved = time.perf_counter()
        self._mark = (0.0, model.steps_done)  # seconds and steps at the last record
        self._paused = 0.0  # seconds since then that were not spent on steps
        self._saved_step = -1

    # -- state

    def state(self) -> dict[str, Any]:
        """Return where the training stands beyond model and averages, as JSON data."""
        window = {key: torch.stack(values).tolist() for key, values in self._window.items()}
        return {"loaders": self.batches.state(), "seconds": self.seconds, "best": self.best, "window": window}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` gave."""
        self.batches.restore(data["loaders"])
        self._before, self.best = float(data["seconds"]), dict(data["best"])
        self._window = {key: [torch.tensor(value, device=self.engine.device) for value in values] for key, values in data["window"].items()}
        self._saved_step = self.model.steps_done
        self._mark = (self.seconds, self.model.steps_done)

    @property
    def seconds(self) -> float:
        """Seconds of training, those before a resume included."""
        return self._before + time.perf_counter() - self._begin

    # -- the loop

    def go(self) -> None:
        """Train until the recipe's steps are done.

        Raises:
            NonFiniteLossError: A loss became NaN or infinite; ``stopped.json`` says which, where and on what files.
            TrainingInterrupted: Ctrl-C or SIGTERM; the state is saved.
            CheckpointError: The state cannot be written.
        """
        self.progress.begin(self.model.steps_done, self.model.recipe.steps)
        try:
            with watched(self._stop):
                self._steps()
                self.model.raise_if_not_finite()
        except NonFiniteLossError as error:
            raise self._told(error) from None
        finally:
            self.progress.close()

    def _steps(self) -> None:
        model, options, steps = self.model, self.options, self.model.recipe.steps
        while model.steps_done < steps:
            logs = model.step(self._fed(), accumulate=options.accumulate)
            self.engine.settle(model)
            self.averages.update()
            for name, value in logs.items():
                self._window.setdefault(name, []).append(value)
            done = model.steps_done
            self.progress.advance(done)
            last = done == steps
            if last or done % options.log_every == 0:
                self._record()
            self._pause(last)
            if self.engine.agreed_to_stop() and not last:
                self.save()
                raise TrainingInterrupted(self.run, done)

    def _fed(self) -> list[dict[str, Any]]:
        """Return the next batches; where a file cannot be read, what was learnt so far is saved first."""
        try:
            return self.batches.next()
        except DataError as error:
            if self.engine.count > 1 or self.model.steps_done == 0:  # one of several processes cannot save alone
                raise
            self.save()
            raise DataError(
                f"{error} The training is saved after step {self.model.steps_done}; mend the file, and go on: i2ikit train --resume {self.run}"
            ) from error

    def _pause(self, last: bool) -> None:
        """Do what is due after a step."""
        begin = time.perf_counter()
        if self._due(self.options.evaluate_every, last):
            self._evaluate()
        if self._due(self.options.sample_every, last):
            self._sample()
        if self._due(self.options.checkpoint_every, last) or self._overdue():
            self.save()
        self._paused += time.perf_counter() - begin

    def _due(self, every: int, last: bool) -> bool:
        return bool(every) and (last or self.model.steps_done % every == 0)

    def _overdue(self) -> bool:
        if self.model.steps_done % self.options.log_every:
            return False
        return bool(self.engine.same(time.perf_counter() - self._saved > LONGEST))

    def _stop(self) -> None:
        self.engine.ask_to_stop()
        if self.engine.chief:
            self.progress.say("Finishing this step, then saving. Press Ctrl-C again to stop at once.")

    # -- what happens now and then

    def _record(self) -> None:
        names = list(self._window)
        means = [torch.stack(self._window[name]).to(torch.float32).mean() for name in names]
        values = self.engine.mean(torch.stack(means)).tolist() if means else []  # nobody plays where every player waits
        self._window = {}
        now, (before, done) = self.seconds, self._mark
        steps, elapsed = self.model.steps_done - done, max(now - before - self._paused, 1e-9)
        record = {
            "step": self.model.steps_done,
            "seconds": round(now, 3),
            **dict(zip(names, values, strict=True)),
            "lr": self._rate(),
            "images_per_second": round(steps * self.model.recipe.batch * len(self.batches.loaders) / elapsed, 3),
            "loader_share": round(self.batches.seconds / elapsed, 4),
        }
        self.batches.seconds, self._paused, self._mark = 0.0, 0.0, (now, self.model.steps_done)
        if self.run_log is not None:
            self.run_log.write(record)
        self.progress.report(record)

    def _rate(self) -> float:
        players = self.model.recipe.players
        player = next((each for each in players if each.name.startswith("translator")), players[0])
        return player.optimizer.lr * self.model.recipe.schedule.factor(self.model.steps_done - 1, self.model.recipe.steps)

    def _evaluate(self) -> None:
        if self.validate is None:
            return
        with self.averages.shown() as model:
            try:
                numbers = {name: float(value) for name, value in self.validate(model).items()}
            except Exception as error:  # noqa: BLE001 - a measurement does not end a training
                warnings.warn(
                    f"The evaluation failed ({type(error).__name__}: {error}) and is left out from here; the training goes on.",
                    stacklevel=2,
                )
                self.validate = None
                return
        if self.run_log is not None:
            self.run_log.write({"step": self.model.steps_done, "event": "evaluated", **numbers})
        self.progress.say(f"step {self.model.steps_done}  " + "  ".join(f"{name} {value:.4g}" for name, value in numbers.items()))
        name = self.options.best.lstrip("-")
        if name in numbers and self.engine.same(self._better(numbers[name])):
            self.best = {"value": numbers[name], "step": self.model.steps_done}
            self._write(lambda: storage.save(self.model, self.run / "best", self.averages.weights()))

    def _better(self, value: float) -> bool:
        sign = -1.0 if self.options.best.startswith("-") else 1.0
        return not self.best or sign * value > sign * self.best["value"]

    def _sample(self) -> None:
        if self.samples is None or not self.engine.chief:
            return
        with self.averages.shown() as model:
            try:
                self.samples.write(model, self.run, self.model.steps_done)
            except Exception as error:  # noqa: BLE001 - a picture does not end a training
                warnings.warn(
                    f"The samples failed ({type(error).__name__}: {error}) and are left out from here; the training goes on.", stacklevel=2
                )
                self.samples = None

    def save(self) -> None:
        """Write a checkpoint of this step, unless it is there."""
        if self._saved_step == self.model.steps_done:
            return
        self.model.raise_if_not_finite()
        self._write(lambda: checkpoint.save(self.run, self.model, self.averages, self.engine.tensors(), self.state(), self.options.keep))
        self._saved_step, self._saved = self.model.steps_done, time.perf_counter()

    def first(self) -> None:
        """Write what there is before the first step: a checkpoint, which shows early that the folder can be written, and samples."""
        self.save()
        if self.options.sample_every:
            self._sample()

    def finish(self) -> None:
        """Write ``final/`` and leave the averages in the model."""
        self._write(lambda: storage.save(self.model, self.run / "final", self.averages.weights()))
        self.averages.keep()

    def _write(self, write: Callable[[], object]) -> None:
        """Let one process write, and all of them fail where it fails."""
        problem: str | None = None
        if self.engine.chief:
            try:
                write()
            except I2IKitError as error:
                problem = str(error)
        problem = self.engine.same(problem)
        if problem is not None:
            raise CheckpointError(problem)

    def _told(self, error: NonFiniteLossError) -> NonFiniteLossError:
        """Write ``stopped.json``; of several processes the one that knows the term is heard."""
        said = self.engine.each((str(error), error.terms, error.step, error.files))
        message, terms, done, files = next((each for each in said if each[1]), said[0])
        if self.engine.chief:
            data = {"event": "non-finite loss", "message": message, "terms": list(terms), "step": done, "files": list(files)}
            try:
                storage.write_json(self.run / STOPPED, data)
            except OSError as problem:
                warnings.warn(f'"{self.run / STOPPED}" cannot be written: {problem}.', stacklevel=2)
        return NonFiniteLossError(message, terms=terms, step=done, files=files)
