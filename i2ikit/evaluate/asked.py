"""What was asked for beside distances of pixels: extractors, perceptual distances and samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from i2ikit.errors import OptionError
from i2ikit.evaluate.aggregate import Tally
from i2ikit.evaluate.extractor import Extractor, own_extractor
from i2ikit.evaluate.perceptual import OWN, PerceptualDistance, own_distance
from i2ikit.evaluate.reference import Reference

if TYPE_CHECKING:
    from i2ikit.core.model import Model


def asked_networks(
    features: Extractor | str | None,
    lpips: PerceptualDistance | Sequence[PerceptualDistance],
    reference: Reference | None,
    left_out: dict[str, str],
) -> tuple[Extractor | None, list[PerceptualDistance]]:
    """Return the extractor and the distances to measure with.

    Raises:
        OptionError: ``features`` is a word that means none.
    """
    distances = [lpips] if isinstance(lpips, PerceptualDistance) else list(lpips)
    if isinstance(features, Extractor) or features is None:
        return features, distances
    if features != OWN:
        raise OptionError(f'features={features!r}: give an Extractor, or "{OWN}".')
    if reference is None:
        left_out[f"fid@{OWN}"] = f"there is no classifier trained on the data. {left_out.get('accuracy', '')}".strip()
        return None, distances
    return own_extractor(reference), [*distances, own_distance(reference)]


def add_distances(tally: Tally, distances: Iterable[PerceptualDistance]) -> None:
    """Let a tally count perceptual distances to the target, and between samples."""
    for each in distances:
        tally.measures[each.name] = ("", False, f"mean over images of {each.config.get('distance', each.name)} to the target")
        tally.diversities[f"diversity_{each.name}"] = f"mean over inputs of {each.config.get('distance', each.name)} between {{what}}"


def protocols_of(distances: Iterable[PerceptualDistance]) -> dict[str, Mapping[str, Any]]:
    """Return what a perceptual distance adds to the protocols of its numbers."""
    return {name: {"network": each.config} for each in distances for name in (each.name, f"diversity_{each.name}")}


def draws_samples(model: Model) -> bool:
    """Return whether a model draws something when it translates: a style, or noise within its networks."""
    nets = getattr(model, "nets", None)
    options: Mapping[str, Any] = getattr(getattr(model, "recipe", None), "plan_options", {})
    modules = nets.modules() if nets is not None else ()
    return bool(options.get("style") or getattr(nets, "style", None)) or any(getattr(each, "stochastic", False) for each in modules)
