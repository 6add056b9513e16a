"""Processes, devices and precision: what stands between the generic step and the machine.

Lightning Fabric chooses the device, starts the processes and gives autocast. The networks are never wrapped: a step calls many of their
methods, and gradients are averaged by one flat ``all_reduce`` a turn.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from i2ikit.core.step import SingleProcess, gated_step
from i2ikit.errors import BuildError, OptionError, UnknownNameError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from i2ikit.core.model import Model
    from i2ikit.train.options import FitOptions

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")


class PlainEngine(SingleProcess):
    """One process on the CPU in float32: nothing of Fabric is needed, whose import alone takes seconds.

    Attributes:
        device: Where the model and its batches are.
        stopping: Whether any process was asked to stop, as of the last turn.
    """

    def __init__(self) -> None:
        self.device = torch.device("cpu")
        self.stopping: Tensor | None = None

    @property
    def chief(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.index == 0

    def ask_to_stop(self) -> None:
        """Tell every process to end after a step; they agree by :meth:`agreed_to_stop`."""
        self.stopping = torch.ones(())

    def agreed_to_stop(self) -> bool:
        """Return whether to stop; the same in every process."""
        return self.stopping is not None

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean over the processes."""
        return values

    def same(self, value: Any) -> Any:
        """Return the first process's value in every process."""
        return value

    def each(self, value: Any) -> list[Any]:
        """Return every process's value, in order."""
        return [value]

    def wait(self) -> None:
        """Wait for the other processes."""

    def tensors(self) -> dict[str, Tensor]:
        """Return what a resume needs of the engine."""
        return {}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take up what :meth:`tensors` gave."""

    def prepare(self, model: Model) -> None:
        """Put the model where the engine works, and the engine into the model."""
        model.to(self.device)
        model.engine = self

    def settle(self, model: Model) -> None:
        """Make what the step left different among the processes equal, once a step."""


class LossScale:
    """A factor on losses in float16 that follows the gradients: halved where they overflow, doubled after 2000 good turns.

    torch's own scaler asks the host whether to step; this one stays on the device.
    """

    def __init__(self, device: torch.device, start: float = 2.0**16, patience: int = 2000) -> None:
        self.factor = torch.full((), start, device=device)
        self.good = torch.zeros((), device=device)
        self.patience = patience

    def follow(self, finite: Tensor) -> None:
        """Move the factor after a turn whose gradients were finite, or not."""
        self.good = torch.where(finite, self.good + 1, 0.0)
        longest = self.good >= self.patience
        self.factor = torch.where(finite, torch.where(longest, self.factor * 2, self.factor), self.factor / 2)
        self.good = torch.where(longest, 0.0, self.good)


class FabricEngine(PlainEngine):
    """Several processes, other devices and mixed precision, launched by Lightning Fabric."""

    def __init__(self, fabric: Fabric, precision: str) -> None:
        super().__init__()
        self.fabric, self.device = fabric, fabric.device
        self.index, self.count = fabric.global_rank, fabric.world_size
        self.scale = LossScale(self.device) if precision == "16-mixed" else None
        self._wish = torch.zeros((), device=self.device)

    def autocast(self) -> AbstractContextManager[Any]:
        return self.fabric.autocast()

    def backward(self, total: Tensor, inputs: Sequence[nn.Parameter], retain: bool) -> None:
        super().backward(total if self.scale is None else total * self.scale.factor, inputs, retain)

    def average(self, parameters: Sequence[nn.Parameter], finite: Tensor) -> Tensor:
        if self.count == 1:
            return finite
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flags = torch.stack([(~finite).to(torch.float32), self._wish])
        flat = torch.cat([*(gradient.flatten().to(torch.float32) for gradient in gradients), flags])
        torch.distributed.all_reduce(flat)
        *parts, bad, wishes = torch.split(flat, [*(gradient.numel() for gradient in gradients), 1, 1])
        with torch.no_grad():
            for gradient, part in zip(gradients, parts, strict=True):
                gradient.copy_((part / self.count).view_as(gradient))
        self.stopping = wishes[0]
        return torch.eq(bad[0], 0)

    def gather(self, tensor: Tensor) -> Tensor:
        if self.count == 1:
            return tensor
        rows = [torch.empty_like(tensor) for _ in range(self.count)]
        torch.distributed.all_gather(rows, tensor.contiguous())
        return torch.cat(rows)

    def apply(self, optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], finite: Tensor, clip: float) -> Tensor:
        if self.scale is None:
            return gated_step(optimizer, parameters, finite, clip)
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        torch._foreach_mul_(gradients, 1.0 / self.scale.factor)
        stepped = gated_step(optimizer, parameters, finite, clip)
        self.scale.follow(stepped)
        # A turn that only overflowed is skipped and tried again at half the factor; one that still does at a factor of 1 is a real failure.
        return finite & (stepped | (self.scale.factor >= 1.0))

    def ask_to_stop(self) -> None:
        self._wish = torch.ones((), device=self.device)
        if self.count == 1:
            self.stopping = self._wish

    def agreed_to_stop(self) -> bool:
        return self.stopping is not None and bool(self.stopping > 0)

    def mean(self, values: Tensor) -> Tensor:
        if self.count == 1:
            return values
        values = values.clone()
        torch.distributed.all_reduce(values)
        return values / self.count

    def same(self, value: Any) -> Any:
        return self.fabric.broadcast(value)

    def each(self, value: Any) -> list[Any]:
        found: list[Any] = [None] * self.count
        if self.count == 1:
            return [value]
        torch.distributed.all_gather_object(found, value)
        return found

    def wait(self) -> None:
        self.fabric.barrier()

    def tensors(self) -> dict[str, Tensor]:
        return {} if self.scale is None else {"engine.scale.factor": self.scale.factor, "engine.scale.good": self.scale.good}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        if self.scale is not None and "engine.scale.factor" in tensors:
            self.scale.factor = tensors["engine.scale.factor"].to(self.device)
            self.scale.good = tensors["engine.scale.good"].to(self.device)

    def prepare(self, model: Model) -> None:
        if self.count > 1 and any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.nets.modules()):
            if self.device.type == "cpu":
                raise BuildError(
                    model.recipe.name,
                    ["Batch normalisation cannot be synchronised on the CPU. Train it in one process, or use another norm."],
                )
            model.nets = nn.SyncBatchNorm.convert_sync_batchnorm(model.nets)  # type: ignore[no-untyped-call]
        super().prepare(model)

    def settle(self, model: Model) -> None:
        """Average the running statistics of the networks and the losses, which each process has updated with its own rows."""
        if self.count == 1:
            return
        buffers = [buffer for part in (model.nets, model.loss_modules) for buffer in part.buffers() if buffer.is_floating_point()]
        if buffers:
            flat = self.mean(torch.cat([buffer.flatten().to(torch.float32) for buffer in buffers]))
            for buffer, part in zip(buffers, torch.split(flat, [buffer.numel() for buffer in buffers]), strict=True):
                buffer.copy_(part.view_as(buffer))


def is_first_process() -> bool:
    """Return whether this is the first of the processes, or the only one, by what a launcher has left in the environment."""
    return int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0"))) == 0


def launch(options: FitOptions) -> PlainEngine:
    """Start the processes and return this one's engine.

    Raises:
        UnknownNameError: An unknown precision.
        OptionError: The device does not exist, or the batch does not divide among the processes.
    """
    if options.precision not in PRECISIONS:
        raise UnknownNameError("precision", options.precision, PRECISIONS)
    one = options.devices in (1, "1", "auto") and options.accelerator in ("auto", "cpu")
    if one and options.precision == "32-true" and (options.accelerator == "cpu" or not torch.accelerator.is_available()):
        return PlainEngine()
    if options.precision == "16-mixed" and (options.accelerator == "cpu" or not torch.accelerator.is_available()):
        raise OptionError('precision="16-mixed" needs an accelerator; on the CPU use "bf16-mixed" or "32-true".')
    from lightning_fabric import Fabric
    from lightning_fabric.utilities.exceptions import MisconfigurationException

    try:
        several = options.devices not in (1, "1")
        fabric = Fabric(
            accelerator=options.accelerator,
            devices=options.devices,
            precision=options.precision,  # type: ignore[arg-type]
            strategy="ddp" if several and options.devices != "auto" else "auto",
        )
        fabric.launch()
    except (MisconfigurationException, RuntimeError, ValueError) as error:
        raise OptionError(
            f'accelerator="{options.accelerator}" with devices={options.devices!r} cannot be used: {str(error).strip()}'
        ) from error
    return FabricEngine(fabric, options.precision)
