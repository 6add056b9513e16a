"""Warnings about networks whose weights are random when a model is used: it was never trained, or an import had no file for them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

from i2ikit.core.nets import pair_key

if TYPE_CHECKING:
    from i2ikit.core.model import Model


def has_random_weights(model: Model, slot: str, net: str) -> bool:
    """Tell whether a net got no weights from an import of the others, and was not trained afterwards."""
    return not model.steps_done and not {slot, f"{slot} {net}"}.isdisjoint(model.preprocessing.get("untrained", ()))


def warn_about_random_weights(model: Model, source: str | None, target: str | None, *, has_style_image: bool = False) -> None:
    """Warn of the networks with random weights that a translation goes through.

    Args:
        model: The model.
        source: The source domain, or None.
        target: The target domain, or None.
        has_style_image: Whether a style is encoded from a reference image.
    """
    warn_if_untrained(model)
    for slot, name in _list_nets(model, source, target, has_style_image):
        if has_random_weights(model, slot, name):
            which = f'"{slot}" {name}' if model.nets.slots[slot].per == "pair" else f'"{slot}"'
            warnings.warn(f"The weights of {which} are random: the import was given no file for them.", stacklevel=5)


def warn_if_untrained(model: Model) -> None:
    """Warn of a model that was saved before its first training step."""
    if note := describe_untrained(model):
        warnings.warn(note, stacklevel=5)


def describe_untrained(model: Model) -> str:
    """Return that a model was saved before its first training step; an empty text if it was not."""
    has_weights = "imported" in model.preprocessing or any(slot.weights for slot in model.recipe.slots.values())
    if model.loaded_from is None or model.steps_done or has_weights:
        return ""
    return f'The model "{model.loaded_from}" was saved at step 0: its weights are random, and so are its images.'


def _list_nets(model: Model, source: str | None, target: str | None, has_style_image: bool) -> Iterable[tuple[str, str]]:
    """Return the slot of each network that makes a translation, and its domain or pair."""
    for slot, settings in model.nets.slots.items():
        if slot not in model.nets.translator_slots:
            continue
        is_encoder = model.nets.roles[slot] == "encoder"
        encodes_style = has_style_image and slot == find_style_encoder(model)
        if is_encoder and slot != "encoder" and not encodes_style:
            continue
        if settings.per == "domain":
            domains = [source if is_encoder and slot == "encoder" else target, *([target] if encodes_style else [])]
            yield from ((slot, name) for name in dict.fromkeys(domains) if name)
        else:
            yield slot, pair_key(source, target) if settings.per == "pair" else ""


def find_style_encoder(model: Model) -> str:
    """Return the slot that encodes the style of a reference image."""
    return "style_encoder" if "style_encoder" in model.nets.slots else "encoder"
