"""Recognises that memory did not suffice. torch, numpy and the system say so in different ways. Imports no torch."""

from __future__ import annotations

import errno
import re

_TEXTS = re.compile(
    r"can't allocate memory|not enough memory|out of memory|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED", re.IGNORECASE
)
_AMOUNT = re.compile(r"tried to allocate ([\d.]+) ?(bytes|[KMGT]i?B)|Unable to allocate ([\d.]+ [KMGTPE]?i?B)", re.IGNORECASE)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an exception says that the memory of a device or of the machine did not suffice."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and _TEXTS.search(str(error)) is not None


def describe_out_of_memory(error: BaseException) -> str:
    """Return what was asked for and where, in a sentence."""
    text = str(error)
    place = next((name for name in ("CUDA", "MPS", "XPU", "HIP") if name in text), "")
    where = f"The memory of the {place} device does not suffice" if place else "The memory does not suffice"
    found = _AMOUNT.search(text)
    return f"{where}: {_format_amount(found)} more were requested." if found else f"{where}."


def _format_amount(found: re.Match[str]) -> str:
    if found[3]:
        return found[3]
    if found[2].lower() != "bytes":
        return f"{found[1]} {found[2]}"
    number = float(found[1])
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.3g} {unit}"
        number /= 1024
    return f"{number:,.3g} TiB"
