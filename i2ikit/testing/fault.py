"""Exceptions of the checks: a check failed, or it does not apply."""

from __future__ import annotations

import torch
from torch import Tensor


class Fault(Exception):  # noqa: N818  not an error of the checks: it carries their finding
    """A rule that the component breaks, in one line: what was found and what to do."""


class Skipped(Exception):  # noqa: N818  as above
    """The check does not apply. The message is the reason."""


def check_close(found: dict[str, Tensor], expected: dict[str, Tensor], what: str, advice: str, *, tolerance: float = 1e-5) -> None:
    """Compare tensors of the same name.

    Args:
        found: Tensors by name.
        expected: Tensors by name that they must equal.
        what: The two cases that are compared, such as "Saved and loaded".
        advice: What the author of the component can do.
        tolerance: Absolute and relative tolerance.

    Raises:
        Fault: Names, shapes or values differ.
    """
    if found.keys() != expected.keys():
        raise Fault(f"{what}: the outputs are {', '.join(found) or 'none'} and {', '.join(expected) or 'none'}. {advice}")
    for name, tensor in found.items():
        other = expected[name]
        if tensor.shape != other.shape:
            raise Fault(f"{what}: the shapes of {name} are {list(tensor.shape)} and {list(other.shape)}. {advice}")
        if not torch.allclose(tensor.float(), other.float(), rtol=tolerance, atol=tolerance, equal_nan=True):
            gap = (tensor.float() - other.float()).abs().max().item()
            raise Fault(f"{what}: {name} differs by up to {gap:.2g}. {advice}")


def format_error(error: Exception) -> str:
    """Return the type and the message of an error in one line, shortened to about 500 characters."""
    text = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {text if len(text) <= 500 else text[:497] + '...'}"
