"""Side effects that a component must not have: changes of torch's settings and of global random streams."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from i2ikit.testing.fault import Fault


@contextmanager
def restore_state() -> Iterator[None]:
    """Run code, then restore torch's settings and the random streams, so that one check does not affect the next one."""
    streams, settings = _read_streams(), _read_settings()
    try:
        yield
    finally:
        torch.set_default_dtype(settings["the default dtype"])
        torch.set_grad_enabled(settings["the grad mode"])
        torch.use_deterministic_algorithms(settings["deterministic algorithms"])
        torch.set_rng_state(streams["torch"])
        random.setstate(streams["Python"])


@contextmanager
def check_unchanged(what: str, *, stream: bool = True) -> Iterator[None]:
    """Run code and check that it changes no global setting and no random stream. Changes are undone.

    Args:
        what: Name of the action for the message, such as "Building it".
        stream: Whether torch's global random stream must stay the same, too.

    Raises:
        Fault: A setting or a stream changed.
    """
    before, settings = _read_streams(), _read_settings()
    with restore_state():
        yield
        after, now = _read_streams(), _read_settings()
    for name, value in settings.items():
        if now[name] != value:
            raise Fault(f"{what} changes {name} from {value} to {now[name]}. Do not change global settings.")
    for name, state in before.items():
        if (name != "torch" or stream) and not _is_equal(state, after[name]):
            raise Fault(f"{what} draws from the global random stream of {name}. Draw only in training, or set stochastic = True.")


def _read_settings() -> dict[str, Any]:
    return {
        "the default dtype": torch.get_default_dtype(),
        "the grad mode": torch.is_grad_enabled(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "the number of threads": torch.get_num_threads(),
        "autocast": torch.is_autocast_enabled("cpu"),
    }


def _read_streams() -> dict[str, Any]:
    streams: dict[str, Any] = {"torch": torch.get_rng_state(), "Python": random.getstate()}
    if "numpy" in sys.modules:
        import numpy as np

        streams["numpy"] = np.random.get_state()[1].tobytes()  # type: ignore[index]  # noqa: NPY002  this is the global state
    return streams


def _is_equal(state: Any, other: Any) -> bool:
    return torch.equal(state, other) if isinstance(state, torch.Tensor) else bool(state == other)
