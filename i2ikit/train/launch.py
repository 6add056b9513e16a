"""Start of a training on one or several processes, by this program or by a launcher such as torchrun."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import torch

from i2ikit.errors import OptionError, get_reason
from i2ikit.train.engine import FabricEngine, PlainEngine
from i2ikit.train.launch_environment import read_place
from i2ikit.train.peers import PEERS, read_timeout

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from i2ikit.train.options import FitOptions


def launch(options: FitOptions) -> PlainEngine:
    """Start the processes and return the engine of this process.

    Raises:
        OptionError: The device does not exist, or does not support the precision.
    """
    if is_plain(options):
        if (started := read_place().count) > 1:
            raise _make_count_error(started, 1)
        return PlainEngine()
    place, fabric = read_place(), _make_fabric(options)
    if fabric.world_size != place.count and not (place.count == 1 and PEERS.main is None):
        raise _make_count_error(place.count, fabric.world_size)
    try:
        with _start_peers(fabric):
            fabric.launch()
    except (RuntimeError, ValueError) as error:
        raise _make_device_error(options, error) from error
    return FabricEngine(fabric, options.precision)


def is_plain(options: FitOptions) -> bool:
    """Return whether a training runs in this process on the CPU in float32, without Fabric."""
    is_single = options.devices in (1, "1", "auto") and options.accelerator in ("auto", "cpu")
    return is_single and options.precision == "32-true" and (options.accelerator == "cpu" or not torch.accelerator.is_available())


def count_processes(options: FitOptions) -> int:
    """Return the number of processes of a training on this machine, without starting them.

    Raises:
        OptionError: The device does not exist, or does not support the precision.
    """
    return 1 if is_plain(options) else getattr(_make_fabric(options).strategy, "num_processes", 1)


def _make_fabric(options: FitOptions) -> Fabric:
    if options.precision == "16-mixed" and (options.accelerator == "cpu" or not torch.accelerator.is_available()):
        raise OptionError('precision="16-mixed" requires an accelerator. On the CPU, use "bf16-mixed" or "32-true".')
    from lightning_fabric import Fabric
    from lightning_fabric.strategies.ddp import DDPStrategy
    from lightning_fabric.utilities.exceptions import MisconfigurationException

    strategy: str | DDPStrategy = "auto"
    if options.devices not in (1, "1") and (options.devices != "auto" or torch.accelerator.device_count() > 1):
        strategy = DDPStrategy(timeout=timedelta(seconds=read_timeout()))
    try:
        return Fabric(
            accelerator=options.accelerator,
            devices=options.devices,
            precision=options.precision,  # type: ignore[arg-type]
            strategy=strategy,
        )
    except (MisconfigurationException, RuntimeError, ValueError, TypeError, ImportError, LookupError) as error:
        raise _make_device_error(options, error) from error


def _make_device_error(options: FitOptions, error: Exception) -> OptionError:
    return OptionError(
        f'accelerator="{options.accelerator}" with devices={options.devices!r} is not available: {get_reason(error).strip()}'
    )


@contextmanager
def _start_peers(fabric: Fabric) -> Iterator[None]:
    """Start the other processes, unless a launcher or an earlier training has started them, and let Fabric connect to them."""
    environment = getattr(fabric.strategy, "cluster_environment", None)
    if fabric.world_size == 1 or environment is None or environment.creates_processes_externally:
        yield
        return
    variables = {
        "MASTER_ADDR": str(environment.main_address),
        "MASTER_PORT": str(environment.main_port),
        "NODE_RANK": "0",
        "WORLD_SIZE": str(fabric.world_size),
    }
    if not torch.distributed.is_initialized():
        PEERS.start(fabric.world_size, variables)
    before = dict(os.environ)
    os.environ.update({**variables, "LOCAL_RANK": "0"})  # so Fabric starts none: it would kill this process without a word if one ends
    try:
        yield
    finally:
        for name in (*variables, "LOCAL_RANK"):
            os.environ.pop(name, None)
            if name in before:
                os.environ[name] = before[name]


def _make_count_error(started: int, wanted: int) -> OptionError:
    return OptionError(
        f"The number of processes that the launcher has started is {started} (WORLD_SIZE), but the number of devices is {wanted}. "
        f"Each device has one process: make the numbers equal, or start the training without a launcher."
    )
