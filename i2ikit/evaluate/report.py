"""What an evaluation found: numbers with their protocols, tables by ordered pair, and what was left out and why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen

from i2ikit.errors import CheckpointError, UnknownNameError
from i2ikit.evaluate.protocol import Number
from i2ikit.pixels import write_atomically


@frozen
class Report:
    """The result of :func:`i2ikit.evaluate.evaluate`.

    Attributes:
        numbers: In the order in which they are shown.
        model: Recipe, step, seed and parameter counts.
        pairs: One row for each attribute, source and target value: ``attribute``, ``source``, ``target``, ``count`` and the means there.
        left_out: For each number that could not be measured, the reason.
        notes: What a reader should know, one line each.
    """

    numbers: tuple[Number, ...]
    model: Mapping[str, Any] = field(factory=dict)
    pairs: tuple[Mapping[str, Any], ...] = ()
    left_out: Mapping[str, str] = field(factory=dict)
    notes: tuple[str, ...] = ()

    def number(self, name: str) -> Number:
        """Return a number by name.

        Raises:
            UnknownNameError: It was not measured; the message says why.
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
        """Return the numbers as lines of text: first those of all attributes, then a table by ordered pair for each attribute."""
        rows = [(each.name, _shown(each), each.unit, _counted(each)) for each in self.numbers]
        widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
        lines = [f"{name:<{widths[0]}}  {value:>{widths[1]}} {unit:<{widths[2]}}  {count}".rstrip() for name, value, unit, count in rows]
        for attribute in dict.fromkeys(str(row["attribute"]) for row in self.pairs):
            for measure in ("psnr", "accuracy"):
                lines += self.matrix(attribute, measure)
        lines += [f"left out: {name}: {reason}" for name, reason in self.left_out.items()]
        lines += [f"note: {note}" for note in self.notes]
        return lines

    def matrix(self, attribute: str, measure: str) -> list[str]:
        """Return one measure of one attribute by source (down) and target (across) as lines of text; none where it was not measured.

        Every value has a row and a column, in the order in which the attribute declares them.
        """
        rows = [row for row in self.pairs if row["attribute"] == attribute and row.get(measure) is not None]
        if len(rows) < 2:
            return []
        asked = [each.protocol.get("targets", {}).get(attribute, ()) for each in self.numbers]
        seen = [str(row[side]) for side in ("source", "target") for row in self.pairs if row["attribute"] == attribute]
        values = list(dict.fromkeys([*next(filter(None, asked), ()), *seen]))
        found = {(row["source"], row["target"]): row[measure] for row in rows}
        digits = 1 if measure.startswith("psnr") else 2
        body = [
            [source, *(f"{found[source, each]:.{digits}f}" if (source, each) in found else "-" for each in values)] for source in values
        ]
        table = [["from", *values], *body]
        widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
        lines = ["  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))])
                 for row in table]  # fmt: skip
        return ["", f"{measure}/{attribute} from each value (down) to each other (across)", *lines]

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
        """Write the report as JSON, whole or not at all."""
        path = Path(path)
        write_atomically(path, (json.dumps(self.to_json(), indent=2, allow_nan=False) + "\n").encode())
        return path

    @classmethod
    def read(cls, path: str | Path) -> Report:
        """Read what :meth:`write` wrote.

        Raises:
            CheckpointError: The file is missing or damaged.
        """
        from i2ikit.core.storage import read_json

        data = read_json(Path(path))
        try:
            numbers = tuple(Number(**number) for number in data["numbers"])
            return cls(numbers, data.get("model", {}), tuple(data.get("pairs", ())), data.get("left_out", {}), tuple(data.get("notes", ())))
        except (KeyError, TypeError) as error:
            raise CheckpointError(f'"{path}" holds no numbers of an evaluation: {error!r}. Run i2ikit eval again.') from error


def protocol_lines(numbers: Sequence[Number]) -> list[str]:
    """Return what the protocols of all numbers have in common as lines of text."""
    if not numbers:
        return []
    first = numbers[0].protocol
    shared = [key for key in first if all(each.protocol.get(key) == first[key] for each in numbers)]
    return [f"{key}: {_joined(first[key])}" for key in shared if first[key] is not None]


def _joined(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_joined(each)}" for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return "x".join(map(str, value)) if all(isinstance(each, int) for each in value) else ", ".join(map(str, value))
    return str(value)


def _shown(number: Number) -> str:
    if number.unit == "dB":
        return f"{number.value:.2f}"
    return f"{number.value:,.0f}" if number.name.startswith("parameters") else f"{number.value:.4f}"


def _counted(number: Number) -> str:
    count = number.protocol.get("count")
    return f"({count})" if count else ""
