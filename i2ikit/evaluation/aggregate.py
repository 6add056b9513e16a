"""Collects the measurements of single translations and averages them into numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import define, field
from torch import Tensor

from i2ikit.evaluation.diversity import SCALES, multiscale_diversity, pairwise_diversity
from i2ikit.evaluation.lpips import perceptual_diversity
from i2ikit.evaluation.metrics import MAX_PSNR, SSIM_SIGMA, SSIM_WINDOW
from i2ikit.evaluation.protocol import Number

if TYPE_CHECKING:
    from i2ikit.evaluation.perceptual import PerceptualDistance

_SSIM = f"Gaussian window {SSIM_WINDOW}x{SSIM_WINDOW}, sigma {SSIM_SIGMA:g}, K1 0.01, K2 0.03"
MEASURES: dict[str, tuple[str, bool, str]] = {
    "psnr": ("dB", True, f"mean over images of each image's PSNR against its target, at most {MAX_PSNR:g} dB"),
    "psnr_copy": ("dB", True, f"mean over images of the PSNR of the unchanged input against the target, at most {MAX_PSNR:g} dB"),
    "psnr_blur": ("dB", True, "as psnr_copy, for the input blurred by a Gaussian with sigma 1/16 of its shorter side"),
    "ssim": ("", True, f"mean over images of SSIM against the target, {_SSIM}"),
    "ssim_copy": ("", True, "as ssim, of the unchanged input"),
    "mae": ("", False, "mean absolute difference to the target"),
    "mae_copy": ("", False, "mean absolute difference of the unchanged input to the target"),
    "accuracy": ("", True, "share of translations in which the evaluation classifier recognises the requested value"),
    "kept": ("", True, "share of the other attributes for which the evaluation classifier recognises the input's known value"),
    "nearest_accuracy": ("", True, "share of translations that are nearer (L2) to their target than to the true image of any other value"),
}  # fmt: skip
"""The unit of each measure, whether a higher value is better, and the definition."""
RATIOS: dict[str, tuple[str, str]] = {
    "edge_energy": ("edges", "mean gradient magnitude of all translations divided by that of their targets; 1: as sharp as the targets"),
    "edge_energy_copy": ("edges_copy", "as edge_energy, of the unchanged inputs"),
}
"""For each ratio the entry of a row that is summed and divided by the sum of ``edges_target``, and the definition."""
DIVERSITIES: dict[str, str] = {
    "diversity": "mean over inputs of the mean absolute difference between {what}",
    "diversity_multiscale": f"as diversity, averaged over up to {SCALES} sizes, each half the one before",
    "diversity_target": "as diversity, between the targets of one input, over the inputs that have all their targets",
}
"""The definition of each diversity."""
GROUP_DIVERSITIES: dict[str, str] = {
    "diversity": "mean absolute difference between {what}, mean over groups",
    "diversity_multiscale": DIVERSITIES["diversity_multiscale"],
}
"""The definition of each diversity of images that are generated without an input."""


@define
class Aggregator:
    """The measurements of each translation and of each input, and their means.

    Attributes:
        rows: One mapping for each translation: ``attribute``, ``source``, ``target`` and its measures.
        kept: For each attribute, one entry for each translation of another attribute: whether the classifier still recognises the input's
            value.
        inputs: For each diversity, one value for each input, or for each group of images that are generated without an input.
        measures: The unit of each measure, whether a higher value is better, and the definition.
        diversities: The definition of each diversity.
    """

    rows: list[dict[str, Any]] = field(factory=list)
    kept: defaultdict[str, list[bool]] = field(factory=lambda: defaultdict(list))
    inputs: defaultdict[str, list[float]] = field(factory=lambda: defaultdict(list))
    measures: dict[str, tuple[str, bool, str]] = field(factory=lambda: dict(MEASURES))
    diversities: dict[str, str] = field(factory=lambda: dict(DIVERSITIES))

    def add_distances(self, distances: Iterable[PerceptualDistance]) -> None:
        """Add perceptual distances to the measures (distance to the target) and to the diversities (distance between samples)."""
        for each in distances:
            distance = each.config.get("distance", each.name)
            self.measures[each.name] = ("", False, f"mean over images of {distance} to the target")
            self.diversities[f"diversity_{each.name}"] = f"mean over inputs of {distance} between {{what}}"

    def add_diversity(self, images: Tensor, distances: Iterable[PerceptualDistance]) -> None:
        """Add the diversities of images [S, C, H, W] in [0, 1], S of one input or of one group."""
        self.inputs["diversity"].append(float(pairwise_diversity(images)))
        self.inputs["diversity_multiscale"].append(float(multiscale_diversity(images)))
        for distance in distances:
            self.inputs[f"diversity_{distance.name}"].append(float(perceptual_diversity(distance, images)))

    def compute_numbers(
        self, protocol: Mapping[str, Any], extra: Mapping[str, Mapping[str, Any]], compared: str, *, has_one_target: bool = False
    ) -> list[Number]:
        """Return the means over all translations, then the means of each attribute.

        Args:
            protocol: The entries of the protocol that all numbers share.
            extra: Additional entries of the protocol, by measure.
            compared: The images that diversity was measured between, in words.
            has_one_target: Whether each input has one target only: the means of its single attribute would repeat the means over all.
        """
        attributes = list(dict.fromkeys(row["attribute"] for row in self.rows))
        numbers: list[Number] = []
        for attribute in [None] if has_one_target else [None, *attributes]:
            rows = [row for row in self.rows if attribute is None or row["attribute"] == attribute]
            for name, (unit, better, description) in self.measures.items():
                values = [row[name] for row in rows if row.get(name) is not None] if name != "kept" else self._list_kept(attribute)
                if not values:
                    continue
                pairs = len(
                    {(row["attribute"], row["source"], row["target"]) for row in rows if name == "kept" or row.get(name) is not None}
                )
                entries = {"count": len(values), "pairs": pairs, "attribute": attribute, "definition": description, **extra.get(name, {})}
                numbers.append(Number(_join(name, attribute), _mean(values), unit, better, {**protocol, **entries}))
            numbers += self._compute_ratios(rows, attribute, protocol)
        for attribute in [each for each in self.kept if each not in attributes]:
            unit, better, description = MEASURES["kept"]
            entries = {"count": len(self.kept[attribute]), "attribute": attribute, "definition": description, **extra.get("kept", {})}
            numbers.append(Number(f"kept/{attribute}", _mean(self.kept[attribute]), unit, better, {**protocol, **entries}))
        return numbers + self.compute_diversities(protocol, extra, compared)

    def compute_diversities(self, protocol: Mapping[str, Any], extra: Mapping[str, Mapping[str, Any]], compared: str) -> list[Number]:
        """Return the mean of each diversity; the arguments are those of :meth:`compute_numbers`."""
        numbers = []
        for name, description in self.diversities.items():
            if self.inputs[name]:
                entries = {"count": len(self.inputs[name]), "definition": description.format(what=compared), "compared": compared}
                entries |= extra.get(name, {})
                numbers.append(Number(name, _mean(self.inputs[name]), "", True, {**protocol, **entries}))
        return numbers

    def compute_pairs(self) -> list[dict[str, Any]]:
        """Return the means of each ordered pair: one mapping for each attribute, source value and target value."""
        groups: defaultdict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
        for row in self.rows:
            groups[row["attribute"], row["source"], row["target"]].append(row)
        pairs = []
        for (attribute, source, target), rows in groups.items():
            means = {name: _mean(values) for name in self.measures if (values := [row[name] for row in rows if row.get(name) is not None])}
            means |= {number.name: number.value for number in self._compute_ratios(rows, None, {})}
            pairs.append({"attribute": attribute, "source": source, "target": target, "count": len(rows), **means})
        return pairs

    def explain_missing(self, left_out: dict[str, str], data_name: str) -> None:
        """Add to ``left_out`` the reason for each number that has no measurements."""
        if not self.rows:
            left_out["psnr"] = left_out["accuracy"] = left_out["diversity"] = "No image has a known value of a requested attribute."
            return
        measured = {row["attribute"] for row in self.rows if "psnr" in row}
        if not measured:
            left_out["psnr"] = f'"{data_name}" has no target images.'
        else:
            without = sorted({row["attribute"] for row in self.rows} - measured)
            left_out.update({f"psnr/{name}": f'"{data_name}" has no target images for changes of "{name}".' for name in without})
        if not any(self.kept.values()) and "accuracy" not in left_out:
            left_out["kept"] = "The data has no other attribute with known values."
        if not self.inputs["diversity"]:
            left_out["diversity"] = "Each input has one translation only."

    def _compute_ratios(self, rows: Sequence[Mapping[str, Any]], attribute: str | None, protocol: Mapping[str, Any]) -> list[Number]:
        ratios = []
        for name, (key, description) in RATIOS.items():
            energies = [(row[key], row["edges_target"]) for row in rows if key in row]
            target_sum = sum(each for _, each in energies)
            if target_sum > 0:
                entries = {"count": len(energies), "attribute": attribute, "definition": description}
                ratio = sum(each for each, _ in energies) / target_sum
                ratios.append(Number(_join(name, attribute), ratio, "", None, {**protocol, **entries}))
        return ratios

    def _list_kept(self, attribute: str | None) -> Sequence[float]:
        return self.kept.get(attribute, []) if attribute else [each for values in self.kept.values() for each in values]


def get_network_protocols(distances: Iterable[PerceptualDistance]) -> dict[str, Mapping[str, Any]]:
    """Return the additional entries of the protocol for the numbers of perceptual distances."""
    return {name: {"network": each.config} for each in distances for name in (each.name, f"diversity_{each.name}")}


def _join(name: str, attribute: str | None) -> str:
    return f"{name}/{attribute}" if attribute else name


def _mean(values: Iterable[float]) -> float:
    numbers = [float(value) for value in values]
    return sum(numbers) / len(numbers)
