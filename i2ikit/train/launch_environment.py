"""What the environment variables of a launcher, such as torchrun, say about this process. Imports no torch."""

from __future__ import annotations

import os

from attrs import frozen

from i2ikit.errors import OptionError

_RANGES = {"RANK": (0, 10**6), "LOCAL_RANK": (0, 10**6), "NODE_RANK": (0, 10**6), "WORLD_SIZE": (1, 10**6), "MASTER_PORT": (1, 65535)}
_REMEDY = (
    'Let a launcher such as torchrun set RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, or remove them: "unset {name}". '
    "Several processes on this machine need no launcher, but only the number of devices."
)


@frozen
class ProcessPlace:
    """The place of this process among those that a launcher has started.

    Attributes:
        rank: Its number, from 0, which is the main process.
        count: The number of processes.
    """

    rank: int = 0
    count: int = 1


def read_place() -> ProcessPlace:
    """Return the place of this process: rank 0 of 1 if no launcher has started it.

    Raises:
        OptionError: A variable has no valid value, or one that belongs to it is missing.
    """
    numbers = {name: _read_number(name, *limits) for name, limits in _RANGES.items()}
    name = next((each for each in ("RANK", "LOCAL_RANK") if numbers[each] is not None), None)
    if name is None:
        return _read_slurm_place()
    rank, count = numbers[name] or 0, numbers["WORLD_SIZE"]
    if count is None and rank == 0:
        return ProcessPlace()
    if count is None:
        raise OptionError(f"{name} is {rank} in the environment, but WORLD_SIZE is missing. {_REMEDY.format(name=name)}")
    if rank >= count:
        raise OptionError(
            f"{name} is {rank} in the environment, but WORLD_SIZE is {count}; ranks begin with 0. {_REMEDY.format(name=name)}"
        )
    missing = [each for each in ("LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT") if not os.environ.get(each)]
    if count > 1 and missing:
        raise OptionError(
            f"{name} is {rank} and WORLD_SIZE is {count} in the environment, but {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing. {_REMEDY.format(name=name)}"
        )
    return ProcessPlace(rank, count)


def is_main_process() -> bool:
    """Return whether this is the main process, or the only one.

    Raises:
        OptionError: The environment has no valid answer; see :func:`read_place`.
    """
    return read_place().rank == 0


def _read_slurm_place() -> ProcessPlace:
    """Return the place of a process that srun has started. In a batch script itself, a step has one task."""
    tasks, rank = os.environ.get("SLURM_STEP_NUM_TASKS", ""), os.environ.get("SLURM_PROCID", "")
    interactive = os.environ.get("SLURM_JOB_NAME") in ("bash", "interactive")  # as Lightning Fabric decides it
    if tasks.isdecimal() and rank.isdecimal() and int(tasks) > 1 and not interactive:
        return ProcessPlace(int(rank), int(tasks))
    return ProcessPlace()


def _read_number(name: str, least: int, most: int) -> int | None:
    text = os.environ.get(name)
    if text is None or not text.strip():
        return None
    if not (text.strip().isdecimal() and len(text) < 10 and least <= int(text) <= most):
        raise OptionError(
            f'{name} is "{text}" in the environment; it must be a whole number from {least} to {most:,}. {_REMEDY.format(name=name)}'
        )
    return int(text)
