"""The report of an evaluation: numbers with their protocols, tables of ordered pairs, and the reasons for missing numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen

from i2ikit.core.sample_size import ROUGH, describe_count, is_rough
from i2ikit.core.saved_numbers import read_numbers
from i2ikit.errors import UnknownNameError
from i2ikit.evaluation.protocol import Number
from i2ikit.pixels import write_atomically


@frozen
class Report:
    """The result of :func:`i2ikit.evaluation.evaluate`.

    Attributes:
        numbers: The numbers, in the order in which they are printed.
        model: Recipe, step, seed and parameter counts of the model.
        pairs: One row for each attribute, source value and target value: ``attribute``, ``source``, ``target``, ``count`` and the means.
        left_out: The reason for each number that could not be measured.
        notes: Remarks about the measurement, one line each.
    """

    numbers: tuple[Number, ...]
    model: Mapping[str, Any] = field(factory=dict)
    pairs: tuple[Mapping[str, Any], ...] = ()
    left_out: Mapping[str, str] = field(factory=dict)
    notes: tuple[str, ...] = ()

    def number(self, name: str) -> Number:
        """Return a number by name.

        Raises:
            UnknownNameError: It was not measured; the message gives the reason.
        """
        for number in self.numbers:
            if number.name == name:
                return number
        reason = self.left_out.get(name, "")
        raise UnknownNameError("number of this report", name, [each.name for each in self.numbers], note=reason)

    def value(self, name: str) -> float:
        """Return the value of a number, such as ``value("psnr")`` or ``value("accuracy/tone")``, or raise UnknownNameError."""
        return self.number(name).value

    def table(self) -> list[str]:
        """Return the report as lines of text: all numbers, then a table of ordered pairs for each attribute."""
        rows = [(each.name, _format_number(each), each.unit, _format_count(each)) for each in self.numbers]
        widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
        lines = [f"{name:<{widths[0]}}  {value:>{widths[1]}} {unit:<{widths[2]}}  {count}".rstrip() for name, value, unit, count in rows]
        for attribute in dict.fromkeys(str(row["attribute"]) for row in self.pairs):
            for measure in ("psnr", "accuracy"):
                lines += self.matrix(attribute, measure)
        lines += [f"left out: {name}: {reason}" for name, reason in self.left_out.items()]
        lines += [f"note: {note}" for note in self.notes]
        if any(is_rough(each.protocol) for each in self.numbers):
            lines.append(f"note: A number of fewer than {ROUGH} images is rough: other images would give a clearly different one.")
        return lines

    def matrix(self, attribute: str, measure: str) -> list[str]:
        """Return a table of one measure of one attribute as lines of text: source values in rows, target values in columns.

        Every value has a row and a column, in the order in which the attribute declares them. Without measurements there are no lines.
        """
        rows = [row for row in self.pairs if row["attribute"] == attribute and row.get(measure) is not None]
        if len(rows) < 2:
            return []
        declared = [each.protocol.get("targets", {}).get(attribute, ()) for each in self.numbers]
        measured = [str(row[side]) for side in ("source", "target") for row in self.pairs if row["attribute"] == attribute]
        values = list(dict.fromkeys([*next(filter(None, declared), ()), *measured]))
        found = {(row["source"], row["target"]): row[measure] for row in rows}
        digits = 1 if measure.startswith("psnr") else 2
        body = [
            [source, *(f"{found[source, each]:.{digits}f}" if (source, each) in found else "-" for each in values)] for source in values
        ]
        table = [["from", *values], *body]
        widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
        lines = ["  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))])
                 for row in table]  # fmt: skip
        return ["", f"{measure}/{attribute}: source values in rows, target values in columns", *lines]

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON data."""
        return {
            "numbers": [each.to_json() for each in self.numbers],
            "model": dict(self.model),
            "pairs": [dict(row) for row in self.pairs],
            "left_out": dict(self.left_out),
            "notes": list(self.notes),
        }

    def write(self, path: str | Path) -> Path:
        """Write the report as JSON; the file is replaced in one step, so it is never incomplete."""
        path = Path(path)
        write_atomically(path, (json.dumps(self.to_json(), indent=2, allow_nan=False) + "\n").encode())
        return path

    @classmethod
    def read(cls, path: str | Path) -> Report:
        """Read a report that :meth:`write` wrote.

        Raises:
            CheckpointError: The file is missing or damaged.
        """
        data = read_numbers(Path(path))
        numbers = tuple(Number(**number) for number in data["numbers"])
        return cls(numbers, data.get("model", {}), tuple(data.get("pairs", ())), data.get("left_out", {}), tuple(data.get("notes", ())))


def format_protocol(numbers: Sequence[Number]) -> list[str]:
    """Return the entries that the protocols of all numbers share, as lines of text."""
    if not numbers:
        return []
    first = numbers[0].protocol
    shared = [key for key in first if all(each.protocol.get(key) == first[key] for each in numbers)]
    return [f"{key}: {_format_entry(first[key])}" for key in shared if first[key] not in (None, "", (), [], {})]


def _format_entry(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_format_entry(each)}" for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return "x".join(map(str, value)) if all(isinstance(each, int) for each in value) else ", ".join(map(str, value))
    return str(value)


def _format_number(number: Number) -> str:
    if number.unit == "dB":
        return f"{number.value:.2f}"
    return f"{number.value:,.0f}" if number.name.startswith("parameters") else f"{number.value:.4f}"


def _format_count(number: Number) -> str:
    count = describe_count(number.protocol)
    return f"({count})" if count else ""
