"""Which options of a command let it use less memory."""

from __future__ import annotations

import click

_HINTS = {
    "tile": "--tile 256",
    "batch": "a smaller --batch",
    "accumulate": "a larger --accumulate",
    "limit": "a smaller --limit",
    "count": "a smaller --count",
    "size": "a smaller --size",
}


def suggest_less_memory(command: click.Command | None) -> str:
    """Return a sentence about the options of a command that need less memory; empty if it has none."""
    found = {parameter.name: parameter for parameter in command.params} if command is not None else {}
    hints = [hint for name, hint in _HINTS.items() if name in found and isinstance(found[name], click.Option)]
    size = found.get("size")
    if size is not None and isinstance(size.type, click.Choice):
        hints = [f"--size {size.type.choices[0]}" if hint == _HINTS["size"] else hint for hint in hints]
    if not hints:
        return ""
    return f"Less is needed with {hints[0] if len(hints) == 1 else ', '.join(hints[:-1]) + ' or ' + hints[-1]}."
