"""How a check says that it failed, or that it does not apply."""

from __future__ import annotations

import torch
from torch import Tensor


class Fault(Exception):  # noqa: N818  it is no error of the kit: it carries what was found
    """A promise that the component breaks, in one line: what was found and what to do."""


class Skipped(Exception):  # noqa: N818  as above
    """Why a check does not apply."""


def compare(found: dict[str, Tensor], wanted: dict[str, Tensor], what: str, advice: str, *, tolerance: float = 1e-5) -> None:
    """Compare tensors by name.

    Raises:
        Fault: They differ by more than ``tolerance``, absolute and relative.
    """
    if found.keys() != wanted.keys():
        raise Fault(f"{what}: it gives {', '.join(found) or 'nothing'}, and then {', '.join(wanted) or 'nothing'}. {advice}")
    for name, tensor in found.items():
        other = wanted[name]
        if tensor.shape != other.shape:
            raise Fault(f"{what}: {name} is {list(tensor.shape)}, and then {list(other.shape)}. {advice}")
        if not torch.allclose(tensor.float(), other.float(), rtol=tolerance, atol=tolerance, equal_nan=True):
            gap = (tensor.float() - other.float()).abs().max().item()
            raise Fault(f"{what}: {name} differs by up to {gap:.2g}. {advice}")
