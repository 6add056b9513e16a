"""Settings of a training: optimizers and schedules. This module does not import torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from attrs import field, frozen

from i2ikit.core.short_repr import short_repr
from i2ikit.core.validators import adam_betas, boolean, factors_by_slot, number, one_of, whole_number

OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop", "radam", "ranger")


def _to_tuple(betas: Any) -> tuple[float, float]:
    return tuple(betas) if isinstance(betas, Iterable) and not isinstance(betas, str) else (betas,)


@frozen
class Optimizer:
    """The optimizer of a player.

    Attributes:
        name: "adam", "adamw", "sgd", "rmsprop", "radam" or "ranger" (RAdam with Lookahead).
        lr: Learning rate before the schedule.
        betas: Decay rates of Adam's moments. For "sgd" and "rmsprop", the first one is the momentum; for "rmsprop", the second one is the
            decay rate of the squared gradients.
        eps: Epsilon of all but "sgd".
        weight_decay: Weight decay.
        lr_multipliers: Factors of the learning rate by slot.
        clip: Largest total norm of the player's gradient; 0 means no limit.
        lazy: Whether terms with an interval are corrected as in StyleGAN2: with ``every=n``, the weight of the term is multiplied by n, the
            learning rate by c = n / (n + 1), and the betas become ``betas ** c``. Without it, weights and rates are used as they are.
    """

    name: Literal["adam", "adamw", "sgd", "rmsprop", "radam", "ranger"] = field(default="adam", validator=one_of(*OPTIMIZERS))
    lr: float = field(default=1e-4, validator=number(minimum=0))
    betas: tuple[float, float] = field(default=(0.5, 0.999), converter=_to_tuple, validator=adam_betas)
    eps: float = field(default=1e-8, validator=number(above=0))
    weight_decay: float = field(default=0.0, validator=number(minimum=0))
    lr_multipliers: Mapping[str, float] = field(factory=dict, validator=factors_by_slot)
    clip: float = field(default=0.0, validator=number(minimum=0))
    lazy: bool = field(default=False, validator=boolean)

    __repr__ = short_repr


@frozen
class Ema:
    """A moving average whose decay is given as a half-life in images, so that it does not depend on the batch size (StyleGAN2).

    Attributes:
        half_life: The number of images after which a weight contributes half as much to the average.
        ramp: The half-life is at most this share of the images that were seen so far, so that the average forgets the first weights
            quickly; 0 means no such limit.
    """

    half_life: float = field(default=10_000.0, validator=number(above=0))
    ramp: float = field(default=0.0, validator=number(minimum=0))

    def decay(self, images: float, seen: float) -> float:
        """Return the decay of an update after ``images`` more images, when ``seen`` images were seen in all."""
        half_life = min(self.half_life, self.ramp * seen) if self.ramp else self.half_life
        return float(0.5 ** (images / max(half_life, 1e-8)))


@frozen
class Schedule:
    """The factor of all learning rates over a training, or the weight of a term.

    Attributes:
        kind: "constant" (always ``value``), "linear" (``value`` at first, then linear decay to zero) or "step" (multiplied by ``gamma``
            every ``every`` steps).
        start: The share of all steps after which the linear decay starts.
        every: The number of steps between two changes of the rate. In the linear decay, each change is the decay of one step; every=n with
            n > 1 therefore decays n times slower, as in StarGAN's code (n = 1000).
        gamma: The factor by which each change of the kind "step" multiplies the rate.
        value: The value at the start: 1 for learning rates, which this factor multiplies; the weight for a term.
    """

    kind: Literal["constant", "linear", "step"] = field(default="linear", validator=one_of("constant", "linear", "step"))
    start: float = field(default=0.5, validator=number(minimum=0, maximum=1))
    every: int = field(default=1, validator=whole_number(1))
    gamma: float = field(default=0.5, validator=number(above=0, maximum=1))
    value: float = field(default=1.0, validator=number())

    __repr__ = short_repr

    def factor(self, done: int, steps: int) -> float:
        """Return the value in the step that follows ``done`` finished steps of ``steps``."""
        if self.kind == "step":
            return float(self.value * self.gamma ** (done // self.every))
        begin = int(steps * self.start)
        if self.kind == "constant" or done <= begin or steps <= begin:
            return float(self.value)
        changes = done // self.every - begin // self.every
        return self.value * max(0.0, 1.0 - changes / (steps - begin))

    def describe(self, steps: int, what: str = "learning rate") -> str:
        """Return the schedule of a training of ``steps`` as a phrase."""
        first = "" if self.value == 1.0 else f" of {self.value:g}"
        if self.kind == "linear":
            return f"{what}{first} decays linearly to zero from step {int(steps * self.start):,} to {steps:,}"
        change = f"{what}{first} times {self.gamma:g} every {self.every:,} steps" if self.kind == "step" else f"constant {what}{first}"
        return f"{change}, {steps:,} steps"
