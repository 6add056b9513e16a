"""Measures one translation at a time, and their means as numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import define, field

from i2ikit.evaluate.diversity import SCALES
from i2ikit.evaluate.metrics import CAP, SIGMA, WINDOW
from i2ikit.evaluate.protocol import Number

MEASURES: dict[str, tuple[str, bool, str]] = {
    "psnr": ("dB", True, f"mean over images of each image's PSNR against its target, at most {CAP:g} dB"),
    "psnr_copy": ("dB", True, f"mean over images of the PSNR of the unchanged input against the target, at most {CAP:g} dB"),
    "psnr_blur": ("dB", True, "as psnr_copy, of the input under a Gaussian of a sixteenth of its shorter side"),
    "ssim": ("", True, f"mean over images of SSIM against the target, Gaussian window {WINDOW}x{WINDOW}, sigma {SIGMA:g}, K1 0.01, K2 0.03"),
    "ssim_copy": ("", True, "as ssim, of the unchanged input"),
    "l1": ("", False, "mean absolute difference to the target"),
    "l1_copy": ("", False, "mean absolute difference of the unchanged input to the target"),
    "accuracy": ("", True, "share of translations in which the reference classifier recognises the value asked for"),
    "kept": ("", True, "share of attributes not asked for in which the reference classifier recognises the input's known value"),
    "nearest_accuracy": ("", True, "share of translations whose nearest true image in L2, among those of all values, is the one asked for"),
}  # fmt: skip
"""Of each measure the unit, whether more is better, and its definition."""
RATIOS: dict[str, tuple[str, str]] = {
    "edge_energy": ("edges", "mean gradient magnitude of all translations over that of their targets; 1 is as sharp as these"),
    "edge_energy_copy": ("edges_copy", "as edge_energy, of the unchanged inputs"),
}
"""Of each ratio what of a row is summed above ``edges_target``, and its definition."""
DIVERSITIES: dict[str, str] = {
    "diversity": "mean over inputs of the mean absolute difference between {what}",
    "diversity_multiscale": f"as diversity, averaged over up to {SCALES} sizes, each half the one before",
    "diversity_target": "as diversity, between the true images of the same targets, over the inputs that have all of these",
}


@define
class Tally:
    """What was measured on each translation and on each input.

    Attributes:
        rows: One a translation: ``attribute``, ``source``, ``target`` and its measures.
        kept: For each attribute, one entry for each translation that did not ask for it: whether it was kept.
        inputs: For each diversity, one value an input.
        measures: Of each measure of a row the unit, whether more is better, and its definition.
        diversities: Of each diversity its definition.
    """

    rows: list[dict[str, Any]] = field(factory=list)
    kept: defaultdict[str, list[bool]] = field(factory=lambda: defaultdict(list))
    inputs: defaultdict[str, list[float]] = field(factory=lambda: defaultdict(list))
    measures: dict[str, tuple[str, bool, str]] = field(factory=lambda: dict(MEASURES))
    diversities: dict[str, str] = field(factory=lambda: dict(DIVERSITIES))

    def numbers(
        self, protocol: Mapping[str, Any], extra: Mapping[str, Mapping[str, Any]], compared: str, *, alone: bool = False
    ) -> list[Number]:
        """Return the means over all translations, then those of each attribute.

        Args:
            protocol: What all numbers share.
            extra: What some numbers have beside, by measure.
            compared: Between which images diversity was measured.
            alone: Whether there is one target only, so that its means are those of all.
        """
        attributes = list(dict.fromkeys(row["attribute"] for row in self.rows))
        found: list[Number] = []
        for part in [None] if alone else [None, *attributes]:
            rows = [row for row in self.rows if part is None or row["attribute"] == part]
            for name, (unit, better, description) in self.measures.items():
                values = [row[name] for row in rows if row.get(name) is not None] if name != "kept" else self._kept(part)
                if not values:
                    continue
                pairs = len(
                    {(row["attribute"], row["source"], row["target"]) for row in rows if name == "kept" or row.get(name) is not None}
                )
                own = {"count": len(values), "pairs": pairs, "attribute": part, "definition": description, **extra.get(name, {})}
                found.append(Number(f"{name}/{part}" if part else name, _mean(values), unit, better, {**protocol, **own}))
            found += self._ratios(rows, part, protocol)
        for part in [each for each in self.kept if each not in attributes]:
            unit, better, description = MEASURES["kept"]
            own = {"count": len(self.kept[part]), "attribute": part, "definition": description, **extra.get("kept", {})}
            found.append(Number(f"kept/{part}", _mean(self.kept[part]), unit, better, {**protocol, **own}))
        for name, description in self.diversities.items():
            if self.inputs[name]:
                own = {"count": len(self.inputs[name]), "definition": description.format(what=compared), "compared": compared}
                own |= extra.get(name, {})
                found.append(Number(name, _mean(self.inputs[name]), "", True, {**protocol, **own}))
        return found

    def pairs(self) -> list[dict[str, Any]]:
        """Return the means for each attribute, source and target."""
        groups: defaultdict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
        for row in self.rows:
            groups[row["attribute"], row["source"], row["target"]].append(row)
        found = []
        for (attribute, source, target), rows in groups.items():
            means = {name: _mean(values) for name in self.measures if (values := [row[name] for row in rows if row.get(name) is not None])}
            means |= {number.name: number.value for number in self._ratios(rows, None, {})}
            found.append({"attribute": attribute, "source": source, "target": target, "count": len(rows), **means})
        return found

    def _ratios(self, rows: Sequence[Mapping[str, Any]], part: str | None, protocol: Mapping[str, Any]) -> list[Number]:
        found = []
        for name, (what, description) in RATIOS.items():
            both = [(row[what], row["edges_target"]) for row in rows if what in row]
            true = sum(each for _, each in both)
            if true > 0:
                own = {"count": len(both), "attribute": part, "definition": description}
                found.append(
                    Number(f"{name}/{part}" if part else name, sum(each for each, _ in both) / true, "", None, {**protocol, **own})
                )
        return found

    def _kept(self, part: str | None) -> Sequence[float]:
        return self.kept.get(part, []) if part else [each for values in self.kept.values() for each in values]


def _mean(values: Iterable[float]) -> float:
    numbers = [float(value) for value in values]
    return sum(numbers) / len(numbers)
