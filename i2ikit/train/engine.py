"""Engines: they run the generic step on one or several processes, on a device, in a precision.

Lightning Fabric chooses the device, starts the processes and provides autocast. The networks are never wrapped, because a step calls many
of their methods. Gradients are averaged by one flat ``all_reduce`` in each turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from i2ikit.core.step import SingleProcess, step_if_finite
from i2ikit.errors import BuildError
from i2ikit.train.peers import PEERS

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from i2ikit.core.model import Model


class PlainEngine(SingleProcess):
    """Engine of one process on the CPU in float32. It avoids the import of Fabric, which takes seconds.

    Attributes:
        device: The device of the model and its batches.
        stop_requested: Number of processes that had a request to stop at the last turn, or None.
    """

    def __init__(self) -> None:
        self.device = torch.device("cpu")
        self.stop_requested: Tensor | None = None

    @property
    def is_main_process(self) -> bool:
        """Whether this is the process that writes files and shows progress."""
        return self.index == 0

    def request_stop(self) -> None:
        """Request that all processes stop after a step, the same one in each process; see :meth:`should_stop`."""
        self.stop_requested = torch.ones(())

    def should_stop(self) -> bool:
        """Return whether to stop after this step. All processes return the same value."""
        return self.stop_requested is not None

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean over the processes."""
        return values

    def broadcast(self, value: Any) -> Any:
        """Return the main process's value in every process."""
        return value

    def gather_objects(self, value: Any) -> list[Any]:
        """Return the values of all processes, in order."""
        return [value]

    def wait(self) -> None:
        """Wait for the other processes."""

    def state_tensors(self) -> dict[str, Tensor]:
        """Return the engine's part of a checkpoint."""
        return {}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Restore the state that :meth:`state_tensors` returned."""

    def prepare(self, model: Model) -> None:
        """Move the model to the engine's device, and make the model use this engine."""
        model.to(self.device)
        model.engine = self

    def synchronize_buffers(self, model: Model) -> None:
        """Make the buffers equal in all processes after a step."""


class LossScale:
    """Loss scale for float16: it is halved if gradients overflow, and doubled after 2000 turns with finite gradients.

    torch's ``GradScaler`` synchronises with the host to decide whether to step. This loss scale stays on the device.

    Args:
        device: The device of the model.
        start: The initial factor.
        patience: Number of consecutive turns with finite gradients after which the factor is doubled.
    """

    def __init__(self, device: torch.device, start: float = 2.0**16, patience: int = 2000) -> None:
        self.factor = torch.full((), start, device=device)
        self.finite_turns = torch.zeros((), device=device)
        self.patience = patience

    def update(self, finite: Tensor) -> None:
        """Change the factor after a turn, given whether its gradients were finite."""
        self.finite_turns = torch.where(finite, self.finite_turns + 1, 0.0)
        grows = self.finite_turns >= self.patience
        self.factor = torch.where(finite, torch.where(grows, self.factor * 2, self.factor), self.factor / 2)
        self.finite_turns = torch.where(grows, 0.0, self.finite_turns)


class FabricEngine(PlainEngine):
    """Engine for several processes, accelerators and mixed precision, launched by Lightning Fabric."""

    def __init__(self, fabric: Fabric, precision: str) -> None:
        super().__init__()
        self.fabric, self.device = fabric, fabric.device
        self.index, self.count = fabric.global_rank, fabric.world_size
        self.scale = LossScale(self.device) if precision == "16-mixed" else None
        self._stop_request = torch.zeros((), device=self.device)

    @contextmanager
    def _communicate(self) -> Iterator[None]:
        """Name the process that has ended or is stopped, if an operation of all processes fails."""
        try:
            yield
        except RuntimeError as error:
            raise (PEERS.describe_loss(error) if self.count > 1 else error) from error

    def autocast(self) -> AbstractContextManager[Any]:
        return self.fabric.autocast()

    def backward(self, total: Tensor, inputs: Sequence[nn.Parameter], retain: bool) -> None:
        super().backward(total if self.scale is None else total * self.scale.factor, inputs, retain)

    def average(self, parameters: Sequence[nn.Parameter], finite: Tensor) -> Tensor:
        if self.count == 1:
            return finite
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flags = torch.stack([(~finite).to(torch.float32), self._stop_request])
        flat = torch.cat([*(gradient.flatten().to(torch.float32) for gradient in gradients), flags])
        with self._communicate():
            torch.distributed.all_reduce(flat)
        *parts, failures, stop_requests = torch.split(flat, [*(gradient.numel() for gradient in gradients), 1, 1])
        with torch.no_grad():
            for gradient, part in zip(gradients, parts, strict=True):
                gradient.copy_((part / self.count).view_as(gradient))
        self.stop_requested = stop_requests[0]
        return torch.eq(failures[0], 0)

    def gather(self, tensor: Tensor) -> Tensor:
        if self.count == 1:
            return tensor
        rows = [torch.empty_like(tensor) for _ in range(self.count)]
        with self._communicate():
            torch.distributed.all_gather(rows, tensor.contiguous())
        return torch.cat(rows)

    def step_optimizer(self, optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], finite: Tensor, clip: float) -> Tensor:
        if self.scale is None:
            return step_if_finite(optimizer, parameters, finite, clip)
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        torch._foreach_mul_(gradients, 1.0 / self.scale.factor)
        stepped = step_if_finite(optimizer, parameters, finite, clip)
        self.scale.update(stepped)
        # A turn whose gradients overflow is skipped, and the factor is halved. An overflow at a factor of 1 is a real failure.
        return finite & (stepped | (self.scale.factor >= 1.0))

    def request_stop(self) -> None:
        self._stop_request = torch.ones((), device=self.device)
        if self.count == 1:
            self.stop_requested = self._stop_request

    def should_stop(self) -> bool:
        return self.stop_requested is not None and bool(self.stop_requested > 0)

    def mean(self, values: Tensor) -> Tensor:
        if self.count == 1:
            return values
        values = values.clone()
        with self._communicate():
            torch.distributed.all_reduce(values)
        return values / self.count

    def broadcast(self, value: Any) -> Any:
        with self._communicate():
            return self.fabric.broadcast(value)

    def gather_objects(self, value: Any) -> list[Any]:
        values: list[Any] = [None] * self.count
        if self.count == 1:
            return [value]
        with self._communicate():
            torch.distributed.all_gather_object(values, value)
        return values

    def wait(self) -> None:
        with self._communicate():
            self.fabric.barrier()

    def state_tensors(self) -> dict[str, Tensor]:
        return {} if self.scale is None else {"engine.scale.factor": self.scale.factor, "engine.scale.good": self.scale.finite_turns}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        if self.scale is not None and "engine.scale.factor" in tensors:
            self.scale.factor = tensors["engine.scale.factor"].to(self.device)
            self.scale.finite_turns = tensors["engine.scale.good"].to(self.device)

    def prepare(self, model: Model) -> None:
        if self.count > 1 and any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.nets.modules()):
            if self.device.type == "cpu":
                raise BuildError(
                    model.recipe.name,
                    ["Batch normalisation cannot be synchronised on the CPU. Train in one process, or choose another normalisation."],
                )
            model.nets = nn.SyncBatchNorm.convert_sync_batchnorm(model.nets)  # type: ignore[no-untyped-call]
        super().prepare(model)

    def synchronize_buffers(self, model: Model) -> None:
        """Average the running statistics of networks and losses, which each process has updated with its part of the batch."""
        if self.count == 1:
            return
        buffers = [buffer for part in (model.nets, model.loss_modules) for buffer in part.buffers() if buffer.is_floating_point()]
        if buffers:
            flat = self.mean(torch.cat([buffer.flatten().to(torch.float32) for buffer in buffers]))
            for buffer, part in zip(buffers, torch.split(flat, [buffer.numel() for buffer in buffers]), strict=True):
                buffer.copy_(part.view_as(buffer))
