"""Reads Google docstrings, from which descriptions on the screen and on pages are made. This module does not import torch."""

from __future__ import annotations

import inspect
import re

from attrs import frozen

_SECTION = re.compile(r"^(Args|Shapes|Attributes|Raises|Returns|Example):\n((?:(?:    .*)?\n)*)", re.MULTILINE)


@frozen
class Docstring:
    """The parts of a docstring, with names in single backticks.

    Attributes:
        paragraphs: The paragraphs outside the sections, each in one line.
        sections: The text of each section by its title, such as "Args".
    """

    paragraphs: tuple[str, ...]
    sections: dict[str, str]

    def list_entries(self, title: str) -> dict[str, str]:
        """Return the description of each argument or attribute in a section, each in one line."""
        found: dict[str, str] = {}
        names = ""
        for line in self.sections.get(title, "").splitlines():
            entry = re.match(r"^    (\w+(?:, \w+)*): (.*)$", line)
            if entry:
                names = entry[1]
                found[names] = entry[2].strip()
            elif names and line.strip():
                found[names] += f" {line.strip()}"
        return {name: description for names, description in found.items() for name in names.split(", ")}


def read_docstring(documented: object) -> Docstring:
    """Return the parts of the docstring of an object; empty if it has none."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", inspect.getdoc(documented) or "").replace("``", "`") + "\n"
    paragraphs = re.split(r"\n\s*\n", _SECTION.sub("", text).strip())
    return Docstring(tuple(" ".join(each.split("\n")) for each in paragraphs if each), dict(_SECTION.findall(text)))
