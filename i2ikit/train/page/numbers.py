"""The numbers of the last evaluation, each with how it was measured."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from attrs import frozen

from i2ikit.train.page.record import Record

_NAMES = {
    "psnr": "PSNR",
    "ssim": "SSIM",
    "l1": "Mean absolute difference",
    "accuracy": "Accuracy",
    "nearest_accuracy": "Accuracy by nearest target",
    "kept": "Other attributes kept",
    "edge_energy": "Sharpness",
    "diversity": "Diversity",
    "diversity_multiscale": "Diversity over sizes",
    "diversity_target": "Diversity of the target",
}
_SHARES = ("accuracy", "nearest_accuracy", "kept", "classifier_accuracy")
_BESIDE = {"_copy": "copy", "_blur": "blurred copy"}
_OF_REAL = "classifier_accuracy"
_TOLD_BELOW = (
    "versions", "targets", "count", "pairs", "attribute", "definition", "classifier", "compared", "extractor", "network", "over", "real",
)  # fmt: skip


@frozen
class Measured:
    """One number of numbers.json, its name taken apart."""

    measure: str
    part: str
    value: float
    unit: str
    better: bool | None
    protocol: Mapping[str, Any]

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Measured:
        """Read an entry of numbers.json."""
        measure, _, part = str(data["name"]).partition("/")
        return cls(
            measure, part, float(data["value"]), str(data.get("unit") or ""), data.get("higher_is_better"), data.get("protocol") or {}
        )

    @property
    def text(self) -> str:
        """The value as people read it."""
        if self.measure in _SHARES:
            return f"{100 * self.value:.1f} %"
        if self.unit == "dB":
            return f"{self.value:.2f} dB"
        return f"{self.value:,.0f}" if self.value == int(self.value) and abs(self.value) > 1 else f"{self.value:.4g} {self.unit}".strip()


def numbers(record: Record) -> str:
    """Return the section of the numbers."""
    measured = [Measured.of(each) for each in record.numbers.get("numbers", [])]
    scores = [each for each in measured if not each.measure.startswith("parameters")]
    if not scores:
        run = escape(shlex.quote(str(record.folder)))
        return f'<section><h2>Numbers</h2><p class="quiet">Not measured yet: <code>i2ikit eval {run}</code> does.</p></section>'
    parts = list(dict.fromkeys(each.part for each in scores))
    head = "".join(f"<th>{escape(part) or 'all'}</th>" for part in parts)
    rows = "".join(_row(measure, scores, parts) for measure in dict.fromkeys(each.measure for each in scores) if not _beside(measure))
    return (
        "<section><h2>Numbers</h2><p>Measured on held-out images. ↑ higher is better, ↓ lower is better. <i>copy</i> is what the unchanged "
        "input gets, which a translation has to beat, as does <i>blurred copy</i>; <i>real</i> is what real images get.</p>"
        f'<div class="wide"><table class="numbers"><tr><th></th>{head}<th>what it is</th></tr>{rows}</table></div>'
        f"{_below(record, measured, scores)}</section>"
    )


def highlights(record: Record) -> list[tuple[str, str]]:
    """Return the few numbers that the page begins with, each with what it is."""
    measured = [Measured.of(each) for each in record.numbers.get("numbers", [])]
    found = {(each.measure, each.part): each for each in measured}
    shown = "accuracy" if any(each.measure == "accuracy" for each in measured) else "nearest_accuracy"
    parts = list(dict.fromkeys(each.part for each in measured if each.part and each.measure in ("psnr", shown)))
    highlighted = []
    first = next((part for part in parts if ("psnr", part) in found), "")
    if ("psnr", first) in found:
        copied = found.get(("psnr_copy", first))
        beside = f", copying the input gives {copied.value:.2f}" if copied else ""
        highlighted.append((found["psnr", first].text, f"PSNR{' of ' + first if first else ''}{beside}"))
    highlighted += [(found[shown, part].text, f"accuracy of {part}") for part in parts if (shown, part) in found][:3]
    return highlighted


def _row(measure: str, scores: Sequence[Measured], parts: Sequence[str]) -> str:
    found = {(each.measure, each.part): each for each in scores}
    cells = []
    for part in parts:
        number = found.get((measure, part))
        beside = [(found.get((f"{measure}{ending}", part)), words) for ending, words in _BESIDE.items()]
        beside += [(found.get((_OF_REAL, part)), "real")] if measure == "accuracy" else []
        said = "".join(f"<small>{words} {escape(other.text)}</small>" for other, words in beside if other is not None)
        cells.append(f"<td><b>{escape(number.text)}</b>{said}</td>" if number is not None else "<td></td>")
    any_one = next(each for each in scores if each.measure == measure)
    arrow = " ↑" if any_one.better is True else " ↓" if any_one.better is False else ""
    name = _NAMES.get(measure, measure.replace("_", " ").replace("@", " by "))
    count = f"; {any_one.protocol['count']:,} measured" if isinstance(any_one.protocol.get("count"), int) else ""
    description = str(any_one.protocol.get("definition", ""))
    return f"<tr><th>{escape(name)}{arrow}</th>{''.join(cells)}<td>{escape(description)}{count}</td></tr>"


def _beside(measure: str) -> bool:
    return measure.endswith(tuple(_BESIDE)) or measure == _OF_REAL


def _below(record: Record, measured: Sequence[Measured], scores: Sequence[Measured]) -> str:
    """Return what all the protocols share, what was left out, and what the model weighs."""
    protocol = scores[0].protocol
    shared = [key for key in protocol if key not in _TOLD_BELOW and all(each.protocol.get(key) == protocol[key] for each in scores)]
    lines = [f"How: {'; '.join(f'{key} {_plain(protocol[key])}' for key in shared if protocol[key] is not None)}."] if shared else []
    classifier = next((each.protocol["classifier"] for each in scores if each.protocol.get("classifier")), None)
    lines += [f"The classifier: {_plain(classifier)}."] if classifier else []
    lines += [f"Versions: {_plain(protocol['versions'])}."] if protocol.get("versions") else []
    counts = [f"{each.part or 'all'} {each.value:,.0f}" for each in measured if each.measure == "parameters"]
    crossed = next((each for each in measured if each.measure == "parameters_cross_domain"), None)
    lines += [f"Parameters: {', '.join(counts)}."] if counts else []
    lines += [f"One network for each ordered pair of values would have {crossed.value:,.0f}."] if crossed else []
    lines += [f"Left out: {name}: {reason}" for name, reason in (record.numbers.get("left_out") or {}).items()]
    lines += list(record.numbers.get("notes") or [])
    return "".join(f'<p class="quiet">{escape(line)}</p>' for line in lines)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(each)}" for key, each in value.items() if each not in (None, "", [], {}))
    if isinstance(value, (list, tuple)):
        size = len(value) == 2 and all(isinstance(each, int) for each in value)
        return (" × " if size else ", ").join(map(str, value))
    text = str(value)
    return text[:12] if len(text) >= 32 and " " not in text else text
