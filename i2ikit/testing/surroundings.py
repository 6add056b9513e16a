"""What a component must leave as it is: torch's settings and the random streams that are not its own."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from i2ikit.testing.fault import Fault


@contextmanager
def restored() -> Iterator[None]:
    """Run code and put torch's settings and the random streams back, so that one check's finding does not spoil the next check."""
    streams, settings = _streams(), _settings()
    try:
        yield
    finally:
        torch.set_default_dtype(settings["the default dtype"])
        torch.set_grad_enabled(settings["the grad mode"])
        torch.use_deterministic_algorithms(settings["deterministic algorithms"])
        torch.set_rng_state(streams["torch"])
        random.setstate(streams["Python"])


@contextmanager
def unchanged(what: str, *, stream: bool = True) -> Iterator[None]:
    """Run code that changes nothing around it; what it did change is put back.

    Args:
        what: What is being done, for the message.
        stream: Whether torch's random stream has to stay too.

    Raises:
        Fault: Something is different afterwards.
    """
    before, settings = _streams(), _settings()
    with restored():
        yield
        after, now = _streams(), _settings()
    for name, value in settings.items():
        if now[name] != value:
            raise Fault(f"{what} changes {name} from {value} to {now[name]}. Leave it to the user.")
    for name, state in before.items():
        if (name != "torch" or stream) and not _same(state, after[name]):
            raise Fault(f"{what} draws from the global random stream of {name}. Draw in training alone, or set stochastic = True.")


def _settings() -> dict[str, Any]:
    return {
        "the default dtype": torch.get_default_dtype(),
        "the grad mode": torch.is_grad_enabled(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "the number of threads": torch.get_num_threads(),
        "autocast": torch.is_autocast_enabled("cpu"),
    }


def _streams() -> dict[str, Any]:
    streams: dict[str, Any] = {"torch": torch.get_rng_state(), "Python": random.getstate()}
    if "numpy" in sys.modules:
        import numpy as np

        streams["numpy"] = np.random.get_state()[1].tobytes()  # type: ignore[index]  # noqa: NPY002  the state that others use
    return streams


def _same(state: Any, other: Any) -> bool:
    return torch.equal(state, other) if isinstance(state, torch.Tensor) else bool(state == other)
