"""Which implementation an operator runs: ``reference`` (plain torch, the definition), ``cpu`` (a fast one) or ``triton`` (a kernel).

The default is ``triton`` on a GPU if Triton is installed, ``cpu`` on the CPU, and ``reference`` everywhere else. ``reference`` also runs
what the kernels do not support: float64, and bfloat16 on a GPU without bfloat16. The environment variable ``I2IKIT_OPS`` forces one
implementation, if it can run at all.

If a kernel fails, one warning names the cause, and the reference runs in its place until the process ends. A forced kernel that fails
raises its error.
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

Implementation = Literal["reference", "cpu", "triton"]
Out = TypeVar("Out")

VARIABLE = "I2IKIT_OPS"
OPERATORS = ("adain", "bias_act", "modulated_conv", "upfirdn", "upfirdn_act")
# The kernels use 32-bit offsets inside one plane, or inside one image in channels_last.
LARGEST_PLANE = 2**31 - 1

_DIRECT_DTYPES = (torch.float32, torch.float64)

_failures: dict[str, str] = {}


class KernelWarning(RuntimeWarning):
    """A Triton kernel failed. The reference runs in its place until the process ends."""


def get_implementation(op: str, x: Tensor) -> Implementation:
    """Return the implementation that an operator runs for a tensor.

    Raises:
        OptionError: ``I2IKIT_OPS`` is not the name of an implementation, or that one cannot run on the tensor's device.
    """
    return explain_implementation(op, x.device, x.dtype)[0]


def explain_implementation(op: str, device: torch.device, dtype: torch.dtype = torch.float32) -> tuple[Implementation, str]:
    """Return the implementation that an operator runs on a device, and the reason.

    Raises:
        OptionError: ``I2IKIT_OPS`` is not the name of an implementation, or that one cannot run on the device.
    """
    forced = os.environ.get(VARIABLE, "")
    if forced:
        if device.type == "meta" and forced in get_args(Implementation):  # only shapes, which are the same in all of them
            return "reference", "there is nothing to compute on meta"
        implementation, unsupported = _check_forced(forced, device), _describe_unsupported(device, dtype)
        if implementation == "triton" and unsupported:
            return "cpu" if device.type == "cpu" else "reference", f"{VARIABLE}={forced}, but {unsupported}"
        return implementation, f"{VARIABLE}={forced}"
    if device.type == "cpu":
        return "cpu", "the fast implementation for a CPU"
    if device.type != "cuda":
        return "reference", f"there is no kernel for {device.type}"
    if not has_triton():
        return "reference", "Triton is not installed"
    if op in _failures:
        return "reference", f"the kernel failed: {_failures[op]}"
    if unsupported := _describe_unsupported(device, dtype):
        return "reference", unsupported
    return "triton", "a GPU with Triton"


def can_run_directly(op: str, x: Tensor, *others: Tensor | None) -> bool:
    """Return whether the fast formulation for a CPU may run as plain torch code, with torch's own gradients.

    A call through ``torch.library`` costs 0.2 ms, as much as the work on a small map. It is needed to compile and to export, and under
    autocast, which would change the dtype of torch's own operators.
    """
    if x.device.type != "cpu" or x.dtype not in _DIRECT_DTYPES or any(each.dtype != x.dtype for each in others if each is not None):
        return False
    return not torch.compiler.is_compiling() and not torch.is_autocast_enabled("cpu") and get_implementation(op, x) == "cpu"


def try_kernel(op: str, device: torch.device, kernel: Callable[[], Out], reference: Callable[[], Out]) -> Out:
    """Run a kernel on a device. If it fails, warn once, remember the failure, and run the reference.

    Running out of memory, and errors while a CUDA graph is captured, are not failures of the kernel: they are raised.
    """
    try:
        # Triton starts kernels on the current device, which may be another one than that of the tensors.
        with nullcontext() if device.type == "cpu" else torch.get_device_module(device).device(device):
            return kernel()
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # a compiler or a driver can raise anything
        # These are not faults of the kernel: what a capture forbids, and a compiler or a driver that runs out of memory.
        if os.environ.get(VARIABLE) or _is_capturing(device) or "out of memory" in str(error).lower():
            raise
        cause = (str(error).strip().splitlines() or [""])[0][:200]
        _failures[op] = f"{type(error).__name__}: {cause}"
        warnings.warn(
            f'The Triton kernel of "{op}" failed: {_failures[op]}. Plain torch, which is slower, replaces it until the process ends.',
            KernelWarning,
            stacklevel=2,
        )
        return reference()


def _is_capturing(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()


@cache
def has_triton() -> bool:
    """Return whether Triton is installed, without importing it."""
    return find_spec("triton") is not None


def _describe_unsupported(device: torch.device, dtype: torch.dtype) -> str:
    """Return why the kernels do not support a dtype on a device; empty if they do."""
    if dtype not in {torch.float32, torch.float16, torch.bfloat16}:
        return f"the kernels do not support {str(dtype).removeprefix('torch.')}"
    if dtype is torch.bfloat16 and device.type != "cpu" and not _has_bfloat16(device):
        return "the GPU has no bfloat16"
    return ""


@cache
def _has_bfloat16(device: torch.device) -> bool:
    """Return whether a GPU computes in bfloat16 without emulation; Triton has no code for it otherwise."""
    module = torch.get_device_module(device)
    if not module.is_available():  # a fake tensor on a GPU that this machine does not have
        return True
    with module.device(device):
        return bool(module.is_bf16_supported(including_emulation=False))


def _check_forced(name: str, device: torch.device) -> Implementation:
    if name not in get_args(Implementation):
        raise OptionError(f'{VARIABLE} is "{name}", which is not an implementation. {suggest(name, get_args(Implementation))}')
    if name == "triton":
        if not has_triton():
            raise OptionError(f"{VARIABLE}=triton, but Triton is not installed. Install it: pip install triton.")
        if device.type == "cpu" and os.environ.get("TRITON_INTERPRET") != "1":
            raise OptionError(
                f"{VARIABLE}=triton, but the tensors are on the CPU. Move them to a GPU, or set TRITON_INTERPRET=1 to try the kernels."
            )
        if device.type not in {"cpu", "cuda"}:
            raise OptionError(f"{VARIABLE}=triton, but there is no kernel for {device.type}. Unset {VARIABLE}, or set it to reference.")
    if name == "cpu" and device.type != "cpu":
        raise OptionError(f"{VARIABLE}=cpu, but the tensors are on {device.type}. Unset {VARIABLE}, or set it to reference.")
    return cast(Implementation, name)
