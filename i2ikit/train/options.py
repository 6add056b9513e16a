"""Options of a training: how a model is trained, apart from the recipe. Imports no torch."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import Attribute, evolve, field, fields, frozen
from attrs.validators import optional

from i2ikit.core.short_repr import shorten
from i2ikit.core.validators import MAX_SEED, boolean, number, text, whole_number
from i2ikit.errors import CheckpointError, OptionError, UnknownNameError, suggest

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.train.loggers import Logger
    from i2ikit.train.progress import Progress

_DEVICES = r"auto|[1-9][0-9]{0,3}|[0-9]{1,4}(,[0-9]{1,4})+,?|[0-9]{1,4},"
MAX_WORKERS = 1024
MAX_MINUTES = 525_600  # a year
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
ON_BAD_FILE = ("skip", "stop")


def _option(about: str, default: Any = None, check: Any = None, *, stored: bool = True, has_flag: bool = True, opposite: str = "") -> Any:
    """Make a field.

    Args:
        about: What the option does, for the command line and the pages.
        default: The default value.
        check: A validator. It is not called for None, if that is the default.
        stored: Whether ``run.json`` stores the option. Steps, batch size and seed are stored with the recipe.
        has_flag: Whether ``i2ikit train`` has the option.
        opposite: Flag of the command line for False.
    """
    validator = optional(check) if check is not None and default is None else check
    return field(
        default=default, validator=validator, metadata={"help": about, "stored": stored, "has_flag": has_flag, "opposite": opposite}
    )


def _one_of(kind: str, choices: Sequence[str]) -> Callable[[object, object, Any], None]:
    def check(_: object, __: object, value: Any) -> None:
        if not isinstance(value, str) or value not in choices:
            raise UnknownNameError(kind, value if isinstance(value, str) else shorten(value), choices)

    return check


def _check_devices(_: object, __: object, value: int | str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, str)) or not re.fullmatch(_DEVICES, str(value)):
        raise OptionError(
            f'"devices" is {shorten(value)}; '
            f'it must be the number of devices (2), device numbers ("0,2", or "1," for one device), or "auto".'
        )


@frozen(kw_only=True)
class FitOptions:
    """Options of a training: of :func:`i2ikit.fit`, :func:`i2ikit.resume` and ``i2ikit train``.

    Raises:
        UnknownNameError: The precision is unknown.
        OptionError: Another value is out of range, or both ``steps`` and ``minutes`` are given.
    """

    steps: int | None = _option(
        "Number of training steps, to which the learning rates are scheduled. Default: that of the recipe.",
        check=whole_number(1),
        stored=False,
    )
    minutes: float | None = _option(
        "Training time in minutes, instead of a number of steps, which is then computed from the time of a few steps. On the command line, "
        "loading and the evaluation after the training are part of it.",
        check=number(above=0, maximum=MAX_MINUTES),
        stored=False,
    )
    batch: int | None = _option(
        "Batch size of each data set, over all processes. Default: that of the recipe.", check=whole_number(1), stored=False
    )
    seed: int | None = _option(
        "Random seed of data order and random draws, and on the command line of the initial weights. Default: that of the model, or 0.",
        check=whole_number(0, MAX_SEED),
        stored=False,
    )
    precision: str = _option("Floating-point precision: 32-true, bf16-mixed or 16-mixed.", "32-true", _one_of("precision", PRECISIONS))
    accelerator: str = _option("Accelerator of Lightning Fabric: auto, cpu, cuda, mps or another one.", "auto", text)
    devices: int | str = _option(
        'Number of devices, with one process for each, or device numbers such as 0,2 ("1," for one).', 1, _check_devices
    )
    accumulate: int = _option(
        "Number of micro-batches into which each batch is split, to use less memory (gradient accumulation).", 1, whole_number(1)
    )
    workers: int = _option(
        "Number of threads that load images in advance. They do not change the batches.", 0, whole_number(0, MAX_WORKERS)
    )
    on_bad_file: str = _option(
        "What happens if an image cannot be read: skip puts another image in its place, up to 1 % of the images; stop ends the training.",
        "skip",
        _one_of("answer to a bad file", ON_BAD_FILE),
    )
    channels_last: bool = _option(
        "Whether image tensors have the memory format channels_last, which is faster on some devices.",
        False,
        boolean,
        opposite="--channels-first",
    )
    log_every: int = _option("Steps between log records.", 50, whole_number(1))
    sample_every: int | None = _option(
        "Steps between sample grids; 0 turns them off. Default: up to 20 in the whole training.", check=whole_number(0)
    )
    checkpoint_every: int | None = _option(
        "Steps between checkpoints; 0 leaves only those of every ten minutes. Default: up to 8 in the whole training.",
        check=whole_number(0),
    )
    evaluate_every: int | None = _option(
        "Steps between evaluations during the training, on the command line of a few held-out images; 0 turns them off. "
        "Default: up to 20 if there is a number for the best model, or validate in Python; else none.",
        check=whole_number(0),
    )
    keep: int = _option("Number of checkpoints to keep.", 2, whole_number(1))
    best: str = _option(
        "Number of the evaluation, such as psnr. The model with its largest value is saved in RUN/best; -mae selects the smallest value.",
        "",
        text,
    )
    validate: Callable[[Model], Mapping[str, float]] | None = _option(  # noqa: RUF009 - it makes a field
        "Function that is called with the model, with averaged weights, and returns the numbers of an evaluation by name.",
        stored=False,
        has_flag=False,
    )
    reserve: Callable[[Model], float] | None = _option(  # noqa: RUF009 - it makes a field
        "With minutes: function that is called with the model before the training, and returns how many seconds of the time to keep for "
        "what follows the training, such as an evaluation.",
        stored=False,
        has_flag=False,
    )
    confirm: Callable[[float], None] | None = _option(  # noqa: RUF009 - it makes a field
        "Function that is called before the first step with the expected seconds of a training of 1,000 steps or more on the CPU. "
        "An error that it raises ends the training.",
        stored=False,
        has_flag=False,
    )
    loggers: Iterable[Logger] = _option(
        "Loggers in addition to log.jsonl. A logger that raises is removed with a warning.", (), stored=False, has_flag=False
    )
    progress: Progress | None = _option(  # noqa: RUF009 - it makes a field
        "Shows the progress. Default: a progress bar in a terminal, else plain lines.", stored=False, has_flag=False
    )

    def __attrs_post_init__(self) -> None:
        if self.steps is not None and self.minutes is not None:
            raise OptionError("Both steps and minutes are given. Give only one of them.")

    @classmethod
    def from_names(cls, options: Mapping[str, Any], stored: FitOptions | None = None) -> FitOptions:
        """Make options from keyword arguments.

        Args:
            options: Values by name.
            stored: Where options that are not given come from, instead of the defaults.

        Raises:
            UnknownNameError: An option is unknown.
            OptionError: A value is out of range.
        """
        known = [each.name for each in fields(cls)]
        for name in options:
            if name not in known:
                raise UnknownNameError("training option", name, known)
        return cls(**options) if stored is None else evolve(stored, **options)

    def with_intervals(self, steps: int) -> FitOptions:
        """Return the options with an interval in place of each None, for a training of that many steps."""
        often = choose_interval(steps, 20)
        defaults: dict[str, Any] = {
            "sample_every": often,
            "checkpoint_every": choose_interval(steps, 8),
            "evaluate_every": often if self.validate is not None else 0,
        }
        return evolve(self, **{name: value for name, value in defaults.items() if getattr(self, name) is None})

    def dump(self) -> dict[str, Any]:
        """Return the options that ``run.json`` stores as JSON data."""
        return {each.name: getattr(self, each.name) for each in fields(type(self)) if each.metadata["stored"]}

    @classmethod
    def restore(cls, data: Mapping[str, Any]) -> FitOptions:
        """Make options from the JSON data that :meth:`dump` returned.

        Raises:
            CheckpointError: The data has an option that this version does not know.
        """
        known = [each.name for each in fields(cls) if each.metadata["stored"]]
        for name in data:
            if name not in known:
                raise CheckpointError(
                    f'The run has the training option "{name}", which this version of i2ikit does not know. '
                    f"Install the version that wrote the run."
                )
        return cls(**data)


def refuse_unmeasured_best(options: FitOptions) -> None:
    """Raise OptionError if there is a number for the best model, but no evaluation that measures it."""
    if options.best and options.evaluate_every == 0:
        raise OptionError(f'best="{options.best}" requires evaluations, but evaluate_every is 0. Give evaluate_every=N, or leave best out.')


def refuse_unknown_best(options: FitOptions, numbers: Iterable[str]) -> None:
    """Raise OptionError if the number for the best model is not among those that an evaluation returned."""
    name = options.best.removeprefix("-")
    if name and name not in numbers:
        raise OptionError(f'best="{options.best}" is not among the numbers of the evaluation. {suggest(name, numbers)}')


def list_options() -> tuple[Attribute[Any], ...]:
    """Return the fields of :class:`FitOptions`, in the order in which they are shown."""
    return fields(FitOptions)


def describe_option(option: Attribute[Any]) -> str:
    """Return what an option does, and its default: the text of the command line and of the pages."""
    text: str = option.metadata["help"]
    return text if option.default in (None, "", ()) or option.default is False else f"{text} Default: {option.default}."


def choose_interval(steps: int, max_parts: int) -> int:
    """Return an interval that divides a training into at most ``max_parts`` parts: 1, 2 or 5 times a power of ten."""
    least = max(1, math.ceil(steps / max_parts))
    power = int(10 ** (len(str(least)) - 1))
    return min(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)


FitOptions.__doc__ = f"{FitOptions.__doc__}\n    Attributes:\n" + "\n".join(
    f"        {each.name}: {describe_option(each)}" for each in list_options()
)
