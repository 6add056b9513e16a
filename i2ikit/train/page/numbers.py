"""The numbers of the last evaluation, each with its definition."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from attrs import frozen

from i2ikit.train.page.run_summary import RunSummary

_NAMES = {
    "psnr": "PSNR",
    "ssim": "SSIM",
    "mae": "Mean absolute error",
    "accuracy": "Accuracy",
    "nearest_accuracy": "Nearest-target accuracy",
    "kept": "Other attributes preserved",
    "edge_energy": "Edge energy",
    "diversity": "Diversity",
    "diversity_multiscale": "Multiscale diversity",
    "diversity_target": "Diversity of the targets",
}
_PERCENTAGES = ("accuracy", "nearest_accuracy", "kept", "classifier_accuracy")
_COMPARISONS = {"_copy": "copy", "_blur": "blurred copy"}
_REAL_ACCURACY = "classifier_accuracy"
# Entries of a protocol that differ from number to number, or that have a place of their own on the page.
_OWN_ENTRIES = (
    "versions", "targets", "count", "pairs", "attribute", "definition", "classifier", "compared", "extractor", "network", "over", "real",
)  # fmt: skip


@frozen
class MeasuredNumber:
    """One entry of numbers.json.

    Attributes:
        measure: The first part of its name, such as "psnr".
        part: The second part of its name, such as an attribute, or "" if the number covers everything.
        value: The value.
        unit: Unit, such as "dB", or "".
        higher_is_better: None if neither direction is better.
        protocol: How it was measured.
    """

    measure: str
    part: str
    value: float
    unit: str
    higher_is_better: bool | None
    protocol: Mapping[str, Any]

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> MeasuredNumber:
        """Read an entry of numbers.json."""
        measure, _, part = str(data["name"]).partition("/")
        return cls(
            measure, part, float(data["value"]), str(data.get("unit") or ""), data.get("higher_is_better"), data.get("protocol") or {}
        )

    @property
    def text(self) -> str:
        """The value as text."""
        if self.measure in _PERCENTAGES:
            return f"{100 * self.value:.1f} %"
        if self.unit == "dB":
            return f"{self.value:.2f} dB"
        return f"{self.value:,.0f}" if self.value == int(self.value) and abs(self.value) > 1 else f"{self.value:.4g} {self.unit}".strip()


def render_numbers(summary: RunSummary) -> str:
    """Return the section of the numbers as HTML."""
    measured = [MeasuredNumber.parse(each) for each in summary.numbers.get("numbers", [])]
    scores = [each for each in measured if not each.measure.startswith("parameters")]
    if not scores and measured:
        return (
            f'<section><h2>Numbers</h2><p class="quiet">Nothing could be measured.</p>{_render_notes(summary, measured, scores)}</section>'
        )
    if not scores:
        run = escape(shlex.quote(str(summary.folder)))
        return f'<section><h2>Numbers</h2><p class="quiet">Not measured yet. To measure them: <code>i2ikit eval {run}</code></p></section>'
    parts = list(dict.fromkeys(each.part for each in scores))
    head = "".join(f"<th>{escape(part) or 'all'}</th>" for part in parts)
    measures = dict.fromkeys(each.measure for each in scores)
    rows = "".join(_render_row(measure, scores, parts) for measure in measures if not _is_comparison(measure))
    copies = (
        " <i>copy</i> is the number of the unchanged input and <i>blurred copy</i> that of the blurred input: a translation should be "
        "better than both. <i>real</i> is the number of real images."
    )
    return (
        "<section><h2>Numbers</h2><p>Measured on held-out images. ↑ higher is better, ↓ lower is better."
        f"{copies if any(map(_is_comparison, measures)) else ''}</p>"
        f'<div class="wide"><table class="numbers"><tr><th></th>{head}<th>definition</th></tr>{rows}</table></div>'
        f"{_render_notes(summary, measured, scores)}</section>"
    )


def get_highlights(summary: RunSummary) -> list[tuple[str, str]]:
    """Return the few numbers at the top of the page, each as a value and a description."""
    measured = [MeasuredNumber.parse(each) for each in summary.numbers.get("numbers", [])]
    by_name = {(each.measure, each.part): each for each in measured}
    accuracy = "accuracy" if any(each.measure == "accuracy" for each in measured) else "nearest_accuracy"
    parts = list(dict.fromkeys(each.part for each in measured if each.part and each.measure in ("psnr", accuracy)))
    highlights = []
    first = next((part for part in parts if ("psnr", part) in by_name), "")
    if ("psnr", first) in by_name:
        copy = by_name.get(("psnr_copy", first))
        comparison = f" (copy of the input: {copy.value:.2f})" if copy else ""
        highlights.append((by_name["psnr", first].text, f"PSNR{' of ' + first if first else ''}{comparison}"))
    highlights += [(by_name[accuracy, part].text, f"accuracy of {part}") for part in parts if (accuracy, part) in by_name][:3]
    return highlights


def _render_row(measure: str, scores: Sequence[MeasuredNumber], parts: Sequence[str]) -> str:
    by_name = {(each.measure, each.part): each for each in scores}
    cells = []
    for part in parts:
        number = by_name.get((measure, part))
        comparisons = [(by_name.get((f"{measure}{ending}", part)), text) for ending, text in _COMPARISONS.items()]
        comparisons += [(by_name.get((_REAL_ACCURACY, part)), "real")] if measure == "accuracy" else []
        lines = "".join(f"<small>{text} {escape(other.text)}</small>" for other, text in comparisons if other is not None)
        cells.append(f"<td><b>{escape(number.text)}</b>{lines}</td>" if number is not None else "<td></td>")
    example = next(each for each in scores if each.measure == measure)
    arrow = " ↑" if example.higher_is_better is True else " ↓" if example.higher_is_better is False else ""
    name = _NAMES.get(measure, measure.replace("_", " ").replace("@", " by "))
    count = f"; {example.protocol['count']:,} measured" if isinstance(example.protocol.get("count"), int) else ""
    definition = str(example.protocol.get("definition", ""))
    return f"<tr><th>{escape(name)}{arrow}</th>{''.join(cells)}<td>{escape(definition)}{count}</td></tr>"


def _is_comparison(measure: str) -> bool:
    return measure.endswith(tuple(_COMPARISONS)) or measure == _REAL_ACCURACY


def _render_notes(summary: RunSummary, measured: Sequence[MeasuredNumber], scores: Sequence[MeasuredNumber]) -> str:
    """Return the common entries of the protocols, the numbers of parameters, and what was not measured."""
    protocol = scores[0].protocol if scores else {}
    shared = [key for key in protocol if key not in _OWN_ENTRIES and all(each.protocol.get(key) == protocol[key] for each in scores)]
    entries = "; ".join(f"{key} {_format_value(protocol[key])}" for key in shared if protocol[key] is not None)
    lines = [f"Protocol: {entries}."] if shared else []
    classifier = next((each.protocol["classifier"] for each in scores if each.protocol.get("classifier")), None)
    lines += [f"Classifier: {_format_value(classifier)}."] if classifier else []
    lines += [f"Versions: {_format_value(protocol['versions'])}."] if protocol.get("versions") else []
    counts = [f"{each.part or 'all'} {each.value:,.0f}" for each in measured if each.measure == "parameters"]
    per_pair = next((each for each in measured if each.measure == "parameters_cross_domain"), None)
    lines += [f"Parameters: {', '.join(counts)}."] if counts else []
    lines += [f"With one network for each ordered pair of values: {per_pair.value:,.0f} parameters."] if per_pair else []
    lines += [f"Not measured: {name}: {reason}" for name, reason in (summary.numbers.get("left_out") or {}).items()]
    lines += list(summary.numbers.get("notes") or [])
    return "".join(f'<p class="quiet">{escape(line)}</p>' for line in lines)


def _format_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_format_value(each)}" for key, each in value.items() if each not in (None, "", [], {}))
    if isinstance(value, (list, tuple)):
        is_size = len(value) == 2 and all(isinstance(each, int) for each in value)
        return (" × " if is_size else ", ").join(map(str, value))
    text = str(value)
    return text[:12] if len(text) >= 32 and " " not in text else text
