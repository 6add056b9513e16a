"""The numbers of the last evaluation, each with its definition."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from attrs import frozen

from i2ikit.core.sample_size import FEW, ROUGH, count_images, describe_count, is_rough
from i2ikit.errors import format_count
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
    return (
        f"<section><h2>Numbers</h2><p>{_introduce(summary, scores)}</p>"
        f'<div class="wide" tabindex="0"><table class="numbers"><tr><th></th>{head}<th>definition</th></tr>{rows}</table></div>'
        f"{_render_notes(summary, measured, scores)}</section>"
    )


def _introduce(summary: RunSummary, scores: Sequence[MeasuredNumber]) -> str:
    sentences = ["Measured on held-out images. ↑ higher is better, ↓ lower is better. <i>n</i> is how many were measured."]
    if any(is_rough(each.protocol) for each in scores):
        sentences.append(f"A number of fewer than {ROUGH} images is <i>rough</i>: other images would give a clearly different one.")
    if any(_is_comparison(each.measure) for each in scores):
        sentences.append(
            "<i>copy</i> is the number of the unchanged input and <i>blurred copy</i> that of the blurred input: a translation should be "
            "better than both. <i>real</i> is the number of real images."
        )
    sentences += [escape(each) for each in [describe_measured_step(summary)] if each]
    return " ".join(sentences)


def describe_measured_step(summary: RunSummary) -> str:
    """Return a sentence if the numbers are those of another step than the last one, else an empty text."""
    step = (summary.numbers.get("model") or {}).get("step")
    if not isinstance(step, int) or step == summary.step or not summary.step:
        return ""
    return f"The numbers are those of step {step:,}; the training is at step {summary.step:,}."


def get_highlights(summary: RunSummary) -> list[tuple[str, str]]:
    """Return the few numbers at the top of the page, each as a value and a description.

    They have the names of the table. A number of very few images is not among them.
    """
    scores = _list_highlights(summary)
    found = {(each.measure, each.part): each for each in map(MeasuredNumber.parse, summary.numbers.get("numbers", []))}
    highlights = []
    for each in scores:
        images = count_images(each.protocol)
        if images is not None and images < FEW:
            continue
        copy = found.get((f"{each.measure}_copy", each.part))
        notes = [f"copy of the input: {copy.text}"] if copy else []
        notes += [f"n = {describe_count(each.protocol)}"] if images is not None else []
        text = f"{_get_name(each.measure)}{f' of {each.part}' if each.part else ''}"
        highlights.append((each.text, f"{text} ({'; '.join(notes)})" if notes else text))
    return highlights


def describe_few_images(summary: RunSummary) -> str:
    """Return a sentence if numbers are missing at the top of the page because of too few images, else an empty text."""
    counts = [images for each in _list_highlights(summary) if (images := count_images(each.protocol)) is not None and images < FEW]
    if not counts:
        return ""
    return f"Measured on {format_count(min(counts), 'image')} only, too few for a number here: all numbers are in the table below."


def _list_highlights(summary: RunSummary) -> list[MeasuredNumber]:
    measured = [MeasuredNumber.parse(each) for each in summary.numbers.get("numbers", [])]
    accuracy = "accuracy" if any(each.measure == "accuracy" for each in measured) else "nearest_accuracy"
    psnr, accuracies = ([each for each in measured if each.measure == name] for name in ("psnr", accuracy))
    of_parts = [each for each in psnr if each.part], [each for each in accuracies if each.part]
    return [*(of_parts[0] or psnr)[:1], *(of_parts[1] or accuracies)[:3]]


def _render_row(measure: str, scores: Sequence[MeasuredNumber], parts: Sequence[str]) -> str:
    by_name = {(each.measure, each.part): each for each in scores}
    cells = []
    for part in parts:
        number = by_name.get((measure, part))
        if number is None:
            cells.append("<td></td>")
            continue
        comparisons = [(by_name.get((f"{measure}{ending}", part)), text) for ending, text in _COMPARISONS.items()]
        comparisons += [(by_name.get((_REAL_ACCURACY, part)), "real")] if measure == "accuracy" else []
        lines = [f"{text} {other.text}" for other, text in comparisons if other is not None]
        count = describe_count(number.protocol)
        lines += [f"n = {count}"] if count else []
        small = "".join(f"<small>{escape(line)}</small>" for line in lines)
        cells.append(f'<td data-part="{escape(part) or "all"}"><b>{escape(number.text)}</b>{small}</td>')
    example = next(each for each in scores if each.measure == measure)
    arrow = " ↑" if example.higher_is_better is True else " ↓" if example.higher_is_better is False else ""
    definition = str(example.protocol.get("definition", ""))
    return f"<tr><th>{escape(_get_name(measure))}{arrow}</th>{''.join(cells)}<td>{escape(definition)}</td></tr>"


def _get_name(measure: str) -> str:
    return _NAMES.get(measure, measure.replace("_", " ").replace("@", " by "))


def _is_comparison(measure: str) -> bool:
    return measure.endswith(tuple(_COMPARISONS)) or measure == _REAL_ACCURACY


def _render_notes(summary: RunSummary, measured: Sequence[MeasuredNumber], scores: Sequence[MeasuredNumber]) -> str:
    """Return the common entries of the protocols, the numbers of parameters, and what was not measured."""
    protocol = scores[0].protocol if scores else {}
    of_model = [each for each in scores if each.measure != _REAL_ACCURACY]  # the protocol of the classifier has fewer entries
    shared = [key for key in protocol if key not in _OWN_ENTRIES and all(each.protocol.get(key) == protocol[key] for each in of_model)]
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
