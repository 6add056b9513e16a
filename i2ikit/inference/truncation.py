"""Truncation: conditioned styles are moved towards their average, for better and less diverse images (StyleGAN, appendix B)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from i2ikit.core import contract
from i2ikit.core.calls import Series
from i2ikit.core.code import Code
from i2ikit.core.nets import module_key
from i2ikit.core.specs import CodeSpec
from i2ikit.errors import OptionError

if TYPE_CHECKING:
    from i2ikit.core.model import Model


def find_average_style(model: Model, name: str | None = None) -> Tensor | None:
    """Return the average style [S] or [V, S] that the conditioner publishes for the domain ``name``; None if it publishes none."""
    average: Tensor | None = contract.read(find_network(model, "conditioner", name), "average_style")
    return average


def find_style_shape(model: Model) -> tuple[int, ...]:
    """Return the shape of one conditioned style, (S,) or (V, S); () if the model has no conditioner with a style."""
    spec = contract.read(find_network(model, "conditioner"), "output_spec")
    return spec.style.shape if isinstance(spec, CodeSpec) and spec.style is not None else ()


def find_network(model: Model, slot: str, name: str | None = None) -> nn.Module | None:
    """Return the network of a slot for a domain, the first one without a name; of several in series the last one. None without the slot."""
    if slot not in model.nets.slots:
        return None
    net: nn.Module = model.slot(slot)
    if isinstance(net, nn.ModuleDict):
        key = None if name is None or model.nets.slots[slot].per != "domain" else module_key(name)
        net = net[key] if key is not None else next(iter(net.values()))
    return net[-1] if isinstance(net, Series) else net


def check_truncation(model: Model, truncation: Any, name: str | None = None) -> None:
    """Check the option ``truncation=``.

    Raises:
        OptionError: It is no number, or the model has no conditioner with an average style.
    """
    if truncation is None:
        return
    if isinstance(truncation, bool) or not isinstance(truncation, (int, float)) or not math.isfinite(truncation):
        raise OptionError(f"truncation={truncation!r} is not supported. Give a number, such as 0.7: 1 changes nothing, 0 is the average.")
    if find_average_style(model, name) is None:
        has_conditioner = "conditioner" in model.nets.slots
        reason = f'"{model.recipe.slots["conditioner"].title}" has no average style' if has_conditioner else "it has no conditioner"
        raise OptionError(f'"{model.recipe.name}" does not accept truncation={truncation}: {reason}. Leave truncation= out.')


def truncate(model: Model, code: Code, truncation: float | None, name: str | None = None) -> Code:
    """Return a conditioned code with the style ``average + truncation * (style - average)``."""
    average = find_average_style(model, name)
    if truncation is None or average is None or code.style is None:
        return code
    return code._replace(style=average + truncation * (code.style - average))
