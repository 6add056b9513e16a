"""How a training is run, apart from what is trained. Imports no torch."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from attrs import asdict, field, fields, frozen

from i2ikit.core.validators import flag
from i2ikit.core.validators import whole as whole_number
from i2ikit.errors import CheckpointError, OptionError


@frozen
class FitOptions:
    """What :func:`i2ikit.train.fit` takes beside model, data and folder; all of it is written into ``run.json``.

    Attributes:
        precision: "32-true", "bf16-mixed" or "16-mixed".
        accelerator: "auto", "cpu" or another name that Lightning Fabric knows.
        devices: How many, or their numbers as "0,2".
        accumulate: Into how many micro-batches a batch is split.
        workers: Threads that prepare batches ahead.
        log_every, sample_every, checkpoint_every, evaluate_every: Steps between two; 0 means never.
        keep: How many checkpoints stay.
        best: The number of the evaluation that decides which model is the best; with a minus before it, the smallest is.
        channels_last: Whether image tensors lie channels last in memory.
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
    channels_last: bool = field(default=False, validator=flag)

    @devices.validator
    def _a_count_or_numbers(self, attribute: object, value: int | str) -> None:
        if not re.fullmatch(r"auto|[1-9]\d*|\d+(,\d+)+,?|\d+,", str(value)):
            raise OptionError(f'"devices" is {value!r}; it must be how many (2), which ones ("0,2", or "1," for one), or "auto".')

    def dump(self) -> dict[str, Any]:
        """Return the options as JSON data."""
        return asdict(self)

    @classmethod
    def restore(cls, data: Mapping[str, Any]) -> FitOptions:
        """Read what :meth:`dump` wrote.

        Raises:
            CheckpointError: An option that this version does not know.
        """
        known = [each.name for each in fields(cls)]
        for name in data:
            if name not in known:
                raise CheckpointError(
                    f'The run has the training option "{name}", which this version does not know. Install the i2ikit that wrote it.'
                )
        return cls(**data)


def whole(steps: int, parts: int) -> int:
    """Return an interval that divides a training into at most ``parts`` parts: 1, 2 or 5 times a power of ten."""
    wanted = max(1, math.ceil(steps / parts))
    power = int(10 ** (len(str(wanted)) - 1))
    return min(step * power for step in (1, 2, 5, 10) if step * power >= wanted)
