"""The devices of this machine."""

from __future__ import annotations

import torch

from i2ikit.core.short_repr import shorten
from i2ikit.errors import InputTypeError, OptionError


def accelerator() -> torch.device | None:
    """Return the accelerator of this machine (such as a GPU), or None if there is none."""
    return torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None


def find_device(name: str | torch.device) -> torch.device:
    """Return the device of that name.

    Raises:
        OptionError: This machine has no such device.
    """
    names = ["cpu"]
    found = accelerator()
    if found is not None:
        names += [found.type, *(f"{found.type}:{index}" for index in range(torch.accelerator.device_count()))]
    if not isinstance(name, (str, torch.device)):
        raise InputTypeError(f"device is {shorten(name)}; it must be the name of a device. Available: {', '.join(names)}.")
    if str(name) not in names:
        raise OptionError(f'This machine has no device "{name}". Available: {", ".join(names)}.')
    return torch.device(name)
