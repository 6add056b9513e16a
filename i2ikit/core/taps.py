"""The view of feature taps: maps of inner layers of a network for the images of another view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from i2ikit.errors import PlanError, UnknownNameError

if TYPE_CHECKING:
    from i2ikit.core.translation import Translation

SOURCE_IMAGES = ("real", "recon", "cycle")  # views with images of the source domain


def tapped_maps(translation: Translation, slot: str, view: Any) -> tuple[Tensor, ...]:
    """The maps of the feature taps of a slot for the images of a view."""
    roles = translation.nets.roles
    if slot not in roles:
        raise UnknownNameError("slot", slot, roles)
    image, taps, role = translation.get_image(view), list[Tensor](), roles[slot]
    is_source = view in SOURCE_IMAGES
    label = translation.source_label if is_source else translation.target_label
    names = translation.source_name, translation.target_name
    translation._taps = slot, taps
    try:
        if role == "discriminator":
            translation.discriminate_image(image, view, slot)
        elif role == "encoder":
            translation.encode(image, label, names[0] if is_source else names[1], slot=slot)
        else:
            code = translation.encode(image, label, names[0] if is_source else names[1])
            translation.decode(translation.with_target_style(code), translation.target_label, *names)
    finally:
        translation._taps = None
    if not taps:
        raise PlanError(
            f'{translation.reader} reads feature taps of slot "{slot}", which has none. '
            f'Add them: slots={{"{slot}": {{"wrappers": [("feature_taps", {{"layers": (...)}})]}}}}.'
        )
    return tuple(taps)
