"""Lists and NAME=VALUE as text, such as ``tone,gender`` and ``hair=blond``, with names and values that may be in double quotes.

In quotes, a comma, an equals sign and a space are part of the name or the value: ``"hair color"="a,b"``. A quote itself is written twice.
"""

from __future__ import annotations

from collections.abc import Iterable

SEPARATORS = ",= +"


def split_unquoted(text: str, separators: str) -> list[str]:
    """Split a text at separators that are not in quotes. The parts keep their quotes; :func:`unquote` removes them."""
    parts, start, quoted = [], 0, False
    for index, character in enumerate(text):
        if character == '"':
            # A quote opens only at the start of a name or a value: in 5" it is a character like any other.
            opens = not text[start:index].strip() or text[:index].rstrip().endswith(tuple(SEPARATORS.replace(" ", "")))
            quoted = not quoted and opens
        elif character in separators and not quoted:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]


def unquote(text: str) -> str:
    """Return a name or a value without the spaces and quotes around it."""
    word = text.strip()
    is_quoted = len(word) > 1 and word.startswith('"') and word.endswith('"')
    return word[1:-1].replace('""', '"') if is_quoted else word


def split_list(text: str) -> list[str]:
    """Return the names in a text such as ``tone,gender``, without empty ones."""
    return [unquote(part) for part in split_unquoted(text, ",") if part.strip()]


def split_pair(text: str) -> tuple[str, str | None]:
    """Return name and value of a text such as ``hair=blond``; the value is None if there is no equals sign."""
    name, *rest = split_unquoted(text, "=")
    return unquote(name), unquote(text[len(name) + 1 :]) if rest else None


def quote(name: str) -> str:
    """Return a name or a value in the form that :func:`split_list` and :func:`split_pair` read."""
    needed = name != name.strip() or name.startswith('"') or any(each in name for each in ",=+")
    return '"' + name.replace('"', '""') + '"' if needed else name


def join_list(names: Iterable[str]) -> str:
    """Return names as text for :func:`split_list`."""
    return ",".join(map(quote, names))


def join_pair(name: str, value: str) -> str:
    """Return ``name=value`` as text for :func:`split_pair`."""
    return f"{quote(name)}={quote(value)}"
