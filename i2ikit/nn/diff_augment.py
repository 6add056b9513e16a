"""DiffAugment: the same random changes of real and generated images before a discriminator scores them (Zhao et al. 2020)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from i2ikit.core.calls import Call
from i2ikit.errors import OptionError, PlanError, suggest

Change = Literal["colour", "translation", "cutout"]
CHANGES: tuple[str, ...] = get_args(Change)
TRANSLATION_SHARE, CUTOUT_SHARE = 1 / 8, 1 / 2  # of the side of an image (section 4.1 of the paper and its appendix)


class DiffAugment(nn.Module):
    """DiffAugment: random colour, translation and cutout of the images that a discriminator scores (Zhao et al. 2020, section 3).

    All images of a call are changed in the same way: the image, and the source image of a conditional discriminator. Only brightness,
    saturation and contrast leave the source image as it is if it has another number of channels. Nothing is changed in eval mode. The
    changes can be differentiated twice, as gradient penalties require, which take the gradient with respect to the unchanged image.

    Args:
        policy: The changes, in the order in which they are made: "colour" (brightness, saturation and contrast), "translation" (by up to
            1/8 of a side, filled with zeros) and "cutout" (a rectangle of half the sides is set to zero).

    Shapes:
        in:  images [B, C, H, W] in [-1, 1]
        out: what the discriminator returns

    Raises:
        OptionError: A change is unknown.
    """

    def __init__(self, policy: tuple[Change, ...] = CHANGES) -> None:  # type: ignore[assignment]
        super().__init__()
        self.policy = (policy,) if isinstance(policy, str) else tuple(policy)
        for each in self.policy:
            if each not in CHANGES:
                raise OptionError(f'"diff_augment" does not support the change {each!r}. {suggest(str(each), CHANGES)}')

    def forward(self, net: Callable[..., Any], call: Call, image: Tensor, *others: Any, **named: Any) -> Any:
        """Call the network with changed images."""
        if not isinstance(image, Tensor):
            raise PlanError(f'"diff_augment" changes images, but slot "{call.slot}" takes a code. Wrap a discriminator with it.')
        if not self.training:
            return net(image, *others, **named)
        source = named.get("source")
        pictures = [image] if not isinstance(source, Tensor) else [image, source]
        for change in self.policy:
            pictures = getattr(self, f"_change_{change}")(pictures, call)
        if len(pictures) > 1:
            named["source"] = pictures[1]
        return net(pictures[0], *others, **named)

    def _change_colour(self, pictures: list[Tensor], call: Call) -> list[Tensor]:
        brightness, saturation, contrast = (
            call.uniform(f"augment/{name}", (len(pictures[0]), 1, 1, 1)) for name in ("brightness", "saturation", "contrast")
        )
        changed = []
        for picture in pictures:
            bright = picture + (brightness.to(picture) - 0.5)
            grey = bright.mean(1, keepdim=True)
            vivid = (bright - grey) * (2 * saturation.to(picture)) + grey
            mean = vivid.mean((1, 2, 3), keepdim=True)
            changed.append((vivid - mean) * (contrast.to(picture) + 0.5) + mean)
        return changed

    def _change_translation(self, pictures: list[Tensor], call: Call) -> list[Tensor]:
        down, right = (call.uniform(f"augment/{name}", (len(pictures[0]),)) for name in ("down", "right"))
        return [_translate(_translate(picture, down, 2), right, 3) for picture in pictures]

    def _change_cutout(self, pictures: list[Tensor], call: Call) -> list[Tensor]:
        top, left = (call.uniform(f"augment/{name}", (len(pictures[0]),)) for name in ("top", "left"))
        return [picture * _keep_outside(picture, top, left) for picture in pictures]

    def extra_repr(self) -> str:
        """Return the changes."""
        return f"policy={self.policy}"


def _translate(picture: Tensor, position: Tensor, axis: int) -> Tensor:
    """Move each image along an axis by up to 1/8 of its side. The index is differentiated twice, which grid sampling is not."""
    side = picture.shape[axis]
    most = round(side * TRANSLATION_SHARE)
    shift = (position.to(picture) * (2 * most + 1)).floor().long() - most
    index = torch.arange(side, device=picture.device) - shift[:, None]
    is_inside = (index >= 0) & (index < side)
    shape = (len(picture), 1, side, 1) if axis == 2 else (len(picture), 1, 1, side)
    moved = picture.gather(axis, index.clamp(0, side - 1).view(shape).expand_as(picture))
    return moved * is_inside.view(shape).to(picture.dtype)


def _keep_outside(picture: Tensor, top: Tensor, left: Tensor) -> Tensor:
    """Return 0 inside a rectangle of half the sides of each image, and 1 outside [B, 1, H, W]; its centre is anywhere in the image."""
    inside = []
    for position, side in ((top, picture.shape[2]), (left, picture.shape[3])):
        centre = (position.to(picture) * side)[:, None]
        inside.append((torch.arange(side, device=picture.device, dtype=picture.dtype) + 0.5 - centre).abs() <= side * CUTOUT_SHARE / 2)
    rows, columns = inside
    return (~(rows[:, None, :, None] & columns[:, None, None, :])).to(picture.dtype)
