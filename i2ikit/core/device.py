"""The devices of this machine by name."""

from __future__ import annotations

import torch

from i2ikit.errors import OptionError


def accelerator() -> torch.device | None:
    """Return the accelerator of this machine, or None where there is none."""
    return torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None


def find_device(name: str | torch.device) -> torch.device:
    """Return a device of this machine, or raise OptionError where there is none of that name."""
    there = ["cpu"]
    found = accelerator()
    if found is not None:
        there += [found.type, *(f"{found.type}:{index}" for index in range(torch.accelerator.device_count()))]
    if str(name) not in there:
        raise OptionError(f'Device "{name}" was asked for, and here there is: {", ".join(there)}. Choose one of these.')
    return torch.device(name)
