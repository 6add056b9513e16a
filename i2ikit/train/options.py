"""Options of a training: how a model is trained, apart from the recipe. Imports no torch."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from attrs import asdict, field, fields, frozen

from i2ikit.core.validators import boolean, whole_number
from i2ikit.errors import CheckpointError, OptionError


@frozen
class FitOptions:
    """Options of :func:`i2ikit.train.fit` in addition to model, data and run folder. They are saved in ``run.json``.

    Attributes:
        precision: "32-true", "bf16-mixed" or "16-mixed".
        accelerator: "auto", "cpu" or another accelerator of Lightning Fabric.
        devices: Number of devices, or device numbers such as "0,2".
        accumulate: Number of micro-batches into which a batch is split.
        workers: Number of threads that load batches in advance.
        log_every, sample_every, checkpoint_every, evaluate_every: Interval in steps; 0 means never.
        keep: Number of checkpoints to keep.
        best: Number of the evaluation that decides which model is the best one. A minus sign selects the smallest value ("-mae").
        channels_last: Whether image tensors have the memory format ``torch.channels_last``.
    """

    precision: str = "32-true"
    accelerator: str = "auto"
    devices: int | str = field(default=1)
    accumulate: int = field(default=1, validator=whole_number(1))
    workers: int = field(default=0, validator=whole_number(0))
    log_every: int = field(default=50, validator=whole_number(1))
    sample_every: int = field(default=0, validator=whole_number(0))
    checkpoint_every: int = field(default=0, validator=whole_number(0))
    evaluate_every: int = field(default=0, validator=whole_number(0))
    keep: int = field(default=2, validator=whole_number(1))
    best: str = ""
    channels_last: bool = field(default=False, validator=boolean)

    @devices.validator
    def _check_devices(self, attribute: object, value: int | str) -> None:
        if not re.fullmatch(r"auto|[1-9]\d*|\d+(,\d+)+,?|\d+,", str(value)):
            raise OptionError(
                f'"devices" is {value!r}; it must be the number of devices (2), device numbers ("0,2", or "1," for one device), or "auto".'
            )

    def dump(self) -> dict[str, Any]:
        """Return the options as JSON data."""
        return asdict(self)

    @classmethod
    def restore(cls, data: Mapping[str, Any]) -> FitOptions:
        """Make options from the JSON data that :meth:`dump` returned.

        Raises:
            CheckpointError: The data has an option that this version does not know.
        """
        known = [each.name for each in fields(cls)]
        for name in data:
            if name not in known:
                raise CheckpointError(
                    f'The run has the training option "{name}", which this version of i2ikit does not know. '
                    f"Install the version that wrote the run."
                )
        return cls(**data)


def choose_interval(steps: int, max_parts: int) -> int:
    """Return an interval that divides a training into at most ``max_parts`` parts: 1, 2 or 5 times a power of ten."""
    least = max(1, math.ceil(steps / max_parts))
    power = int(10 ** (len(str(least)) - 1))
    return min(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)
