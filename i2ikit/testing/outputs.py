"""The shapes and ranges of outputs: codes, images and scores."""

from __future__ import annotations

from torch import Tensor

from i2ikit.core.code import DiscriminatorOutput
from i2ikit.core.specs import CodeSpec
from i2ikit.testing.component_under_test import ComponentUnderTest, get_map_size
from i2ikit.testing.fault import Fault


def list_shapes(output_spec: CodeSpec, component: ComponentUnderTest, rows: int) -> dict[str, tuple[int, ...] | None]:
    """List the expected shape of each part of a code; None allows any shape."""
    shapes: dict[str, tuple[int, ...] | None] = {}
    for index, each in enumerate(output_spec.maps):
        shapes[f"maps.{index}"] = (rows, each.channels, *get_map_size(each, component.image)) if each.stride else None
    if output_spec.style:
        shapes["style"] = (rows, *output_spec.style.shape)
    if output_spec.posterior:
        shapes |= {"posterior.mean": None, "posterior.logvar": None}
    return shapes


def find_difference(found: dict[str, tuple[int, ...]], wanted: dict[str, tuple[int, ...] | None]) -> str:
    """Return the first difference between the found and the wanted shapes as a sentence; empty if there is none."""
    for name in [*wanted, *found]:
        if name not in wanted:
            return f"The output has {name} {list(found[name])}, which is not in output_spec."
        if name not in found:
            return f"output_spec has {name}, but the output does not."
        shape = wanted[name]
        if shape is not None and found[name] != shape:
            return f"output_spec has {name} {list(shape)}, but the output has {list(found[name])}."
    return ""


def check_scores(output: DiscriminatorOutput, component: ComponentUnderTest, rows: int) -> None:
    """Raise Fault if the output of a discriminator has other shapes than it must have."""
    if not output.scores:
        raise Fault("The output has no scores. Return one tensor for each scale.")
    for score in output.scores:
        if score.ndim not in (2, 4) or tuple(score.shape[:2]) != (rows, 1):
            raise Fault(f"A score is {list(score.shape)}; it must be [B, 1] or [B, 1, H, W].")
    if output.domain_logits is not None and tuple(output.domain_logits.shape) != (rows, component.domain.num_values):
        raise Fault(
            f"The domain logits are {list(output.domain_logits.shape)}; they must be {[rows, component.domain.num_values]}: "
            "one logit for each label entry, without the mask (domain.num_values)."
        )
    if not all(isinstance(scale, tuple) for scale in output.features):
        raise Fault("The features must be a tuple of feature maps for each scale.")


def check_image(image: Tensor, component: ComponentUnderTest, rows: int) -> None:
    """Raise Fault if an image has another shape or range than it must have."""
    wanted = (rows, component.image.channels, component.image.height, component.image.width)
    if tuple(image.shape) != wanted:
        raise Fault(f"It returns {list(image.shape)}; it must return {list(wanted)}.")
    low, high = image.min().item(), image.max().item()
    if not (low >= -1.001 and high <= 1.001):
        raise Fault(f"It returns values from {low:.3g} to {high:.3g}; images must be in [-1, 1]. End with a tanh.")
