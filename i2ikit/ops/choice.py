"""Which implementation an operator runs: ``reference`` (plain torch, the definition), ``cpu`` (a fast route) or ``triton`` (a kernel).

By itself: ``triton`` on a GPU where Triton is installed, ``cpu`` on the CPU, ``reference`` everywhere else, and for what the kernels do not
take: float64, and bfloat16 on a GPU that has none. The environment variable ``I2IKIT_OPS`` forces one, where it can run at all. A kernel
that fails is not tried again in the process: one warning names the cause, and the reference runs in its place. Forced, it raises.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from importlib.util import find_spec
from typing import Literal, TypeVar, cast, get_args

import torch
from torch import Tensor

from i2ikit.errors import OptionError, suggest

Route = Literal["reference", "cpu", "triton"]
Out = TypeVar("Out")

VARIABLE = "I2IKIT_OPS"
OPERATORS = ("adain", "bias_act", "modulated_conv", "upfirdn", "upfirdn_act")
# Offsets inside one plane, or one image in channels_last, are 32-bit numbers in the kernels.
LARGEST_PLANE = 2**31 - 1

_DIRECT = (torch.float32, torch.float64)

_failed: dict[str, str] = {}


class KernelWarning(RuntimeWarning):
    """A kernel failed; the reference runs in its place for the rest of the process."""


def route(op: str, x: Tensor) -> Route:
    """Return the implementation that an operator runs for a tensor.

    Raises:
        OptionError: ``I2IKIT_OPS`` names none, or one that cannot run on the tensor's device.
    """
    return reason(op, x.device, x.dtype)[0]


def reason(op: str, device: torch.device, dtype: torch.dtype = torch.float32) -> tuple[Route, str]:
    """Return the implementation that an operator runs on a device, and why.

    Raises:
        OptionError: ``I2IKIT_OPS`` names none, or one that cannot run on the device.
    """
    forced = os.environ.get(VARIABLE, "")
    if forced:
        if device.type == "meta" and forced in get_args(Route):  # shapes alone, of which every one makes the same
            return "reference", "there is nothing to compute on meta"
        chosen, foreign = _forced(forced, device), _foreign(device, dtype)
        if chosen == "triton" and foreign:
            return "cpu" if device.type == "cpu" else "reference", f"{VARIABLE}={forced}, but {foreign}"
        return chosen, f"{VARIABLE}={forced}"
    if device.type == "cpu":
        return "cpu", "the fast route on a CPU"
    if device.type != "cuda":
        return "reference", f"there is no kernel for {device.type}"
    if not has_triton():
        return "reference", "Triton is not installed"
    if op in _failed:
        return "reference", f"the kernel failed: {_failed[op]}"
    if foreign := _foreign(device, dtype):
        return "reference", foreign
    return "triton", "a GPU with Triton"


def direct(op: str, x: Tensor, *given: Tensor | None) -> bool:
    """Say whether a CPU may run an operator's fast formulation as it stands, with the gradients of torch's own operators in it.

    What surrounds an operator of ours costs 0.2 ms a call, as much as the work on a small map. It is needed to compile and to export, and
    under autocast, which would change the dtype of torch's own.
    """
    if x.device.type != "cpu" or x.dtype not in _DIRECT or any(each.dtype != x.dtype for each in given if each is not None):
        return False
    return not torch.compiler.is_compiling() and not torch.is_autocast_enabled("cpu") and route(op, x) == "cpu"


def attempt(op: str, device: torch.device, kernel: Callable[[], Out], reference: Callable[[], Out]) -> Out:
    """Run a kernel on a device; where it fails, warn once, remember it, and run the reference.

    Running out of memory, and what goes wrong while a CUDA graph is captured, is no failure of the kernel, and is raised.
    """
    try:
        # Triton starts kernels on the current device, which need not be that of the tensors.
        with nullcontext() if device.type == "cpu" else torch.get_device_module(device).device(device):
            return kernel()
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # a compiler or a driver can raise anything
        # Neither is a fault of the kernel: what a capture forbids, and memory that a compiler or a driver has not got.
        if os.environ.get(VARIABLE) or _captures(device) or "out of memory" in str(error).lower():
            raise
        cause = (str(error).strip().splitlines() or [""])[0][:200]
        _failed[op] = f"{type(error).__name__}: {cause}"
        warnings.warn(
            f"The Triton kernel of {op} failed ({_failed[op]}). Plain torch runs in its place until the process ends.",
            KernelWarning,
            stacklevel=2,
        )
        return reference()


def _captures(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()


@cache
def has_triton() -> bool:
    """Say whether Triton is installed, without importing it."""
    return find_spec("triton") is not None


def _foreign(device: torch.device, dtype: torch.dtype) -> str:
    """Say why the kernels do not take a dtype on a device, or nothing where they do."""
    if dtype not in {torch.float32, torch.float16, torch.bfloat16}:
        return f"the kernels do not take {str(dtype).removeprefix('torch.')}"
    if dtype is torch.bfloat16 and device.type != "cpu" and not _has_bfloat16(device):
        return "the GPU has no bfloat16"
    return ""


@cache
def _has_bfloat16(device: torch.device) -> bool:
    """Say whether a GPU computes in bfloat16 by itself; without it, Triton has no code for it."""
    module = torch.get_device_module(device)
    if not module.is_available():  # a tensor that stands for one on a GPU that is not here
        return True
    with module.device(device):
        return bool(module.is_bf16_supported(including_emulation=False))


def _forced(name: str, device: torch.device) -> Route:
    if name not in get_args(Route):
        raise OptionError(f'{VARIABLE} is "{name}". {suggest(name, get_args(Route))}')
    if name == "triton":
        if not has_triton():
            raise OptionError(f"{VARIABLE}=triton, but Triton is not installed: pip install triton.")
        if device.type == "cpu" and os.environ.get("TRITON_INTERPRET") != "1":
            raise OptionError(
                f"{VARIABLE}=triton, but the tensors are on the CPU. Move them to a GPU, or set TRITON_INTERPRET=1 to try it."
            )
        if device.type not in {"cpu", "cuda"}:
            raise OptionError(f"{VARIABLE}=triton, but there is no kernel for {device.type}. Unset it, or force reference.")
    if name == "cpu" and device.type != "cpu":
        raise OptionError(f"{VARIABLE}=cpu, but the tensors are on {device.type}. Unset it, or force reference.")
    return cast(Route, name)
