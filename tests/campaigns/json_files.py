"""Seeded changes of JSON files: what a careless editor, another program, a full disk or an attacker makes of them."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, -5, 3.5, 10**9, 10**30, 10**400, 1e308, float("nan"), float("inf"), "", "x", "3", "../../x", "\x1b[31m",
    "\udcff", [], [[]], [1], ["x"], [None], {}, {"x": 1}, {"x": {"x": {}}}, "a" * 5000,
)  # fmt: skip
"""What a value is replaced by."""


def list_paths(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values in JSON data; of long lists only the first values."""
    found = [path] if path else []
    entries = data.items() if isinstance(data, dict) else list(enumerate(data))[:3] if isinstance(data, list) else ()
    for key, value in entries:
        found += list_paths(value, (*path, key))
    return found


def change(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """Return a description of a change, and the changed content of a JSON or JSON lines file."""
    kinds: tuple[Callable[[bytes, random.Random], tuple[str, bytes]], ...] = (
        replace_value, replace_value, replace_value, remove_value, add_key, rename_key, repeat_key, nest_value, damage_bytes, replace_all,
    )  # fmt: skip
    return rng.choice(kinds)(content, rng)


def replace_value(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    value = rng.choice(VALUES)

    def edit(place: Any, key: Any) -> str:
        place[key] = copy.deepcopy(value)
        return f"= {_show(value)}"

    return _edit(content, rng, edit)


def remove_value(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    def edit(place: Any, key: Any) -> str:
        del place[key]
        return "is removed"

    return _edit(content, rng, edit)


def add_key(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    def edit(place: Any, key: Any) -> str:
        target = place[key] if isinstance(place[key], dict) else place
        if isinstance(target, dict):
            target["unknown key"] = rng.choice(VALUES)
        return "has another key"

    return _edit(content, rng, edit)


def rename_key(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    def edit(place: Any, key: Any) -> str:
        if isinstance(place, dict):
            place[f"{key}x"] = place.pop(key)
        return "is renamed"

    return _edit(content, rng, edit)


def nest_value(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    depth = rng.choice((30, 60, 500))

    def edit(place: Any, key: Any) -> str:
        for _ in range(depth):
            place[key] = [place[key]] if depth % 20 else {"x": place[key]}
        return f"is nested {depth} deep"

    return _edit(content, rng, edit)


def repeat_key(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    return "a key twice", content.replace(b"{", b'{"step": 1, "step": 2, ', 1)


def damage_bytes(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    place = rng.randrange(len(content))
    return rng.choice(
        (
            (f"is cut at {place}", content[:place]),
            (f"holds a zero byte at {place}", content[:place] + b"\0" + content[place + 1 :]),
            (f"holds a bad byte at {place}", content[:place] + b"\xff" + content[place + 1 :]),
            ("is UTF-16", content.decode().encode("utf-16")),
            ("has no end", content + b"[" * 100_000),
        )
    )


def replace_all(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    value = rng.choice((*VALUES, b"", b"[" * 100_000))
    return f"all {_show(value)}", value if isinstance(value, bytes) else json.dumps(value).encode()


def list_json_files(folder: Path) -> list[Path]:
    """Return the JSON files in a folder."""
    return sorted(path for path in folder.rglob("*") if path.suffix in {".json", ".jsonl"})


def change_files(folder: Path, count: int, seed: int) -> Iterator[tuple[str, Path, bytes]]:
    """Yield changes of the JSON files of a folder, each with a description, its file (relative) and the changed content."""
    rng = random.Random(seed)
    files = list_json_files(folder)
    for number in range(count):
        file = files[number % len(files)]
        what, content = change(file.read_bytes(), rng)
        yield f"{file.relative_to(folder)}: {what}", file.relative_to(folder), content


def _edit(content: bytes, rng: random.Random, edit: Callable[[Any, Any], str]) -> tuple[str, bytes]:
    """Change one value; of JSON lines, in one of the lines."""
    try:
        lines, is_lines = [json.loads(content)], False
    except ValueError:
        lines, is_lines = [json.loads(line) for line in content.splitlines()], True
    number = rng.randrange(len(lines))
    paths = list_paths(lines[number])
    if not paths:
        return "unchanged", content
    path = rng.choice(paths)
    place = lines[number]
    for key in path[:-1]:
        place = place[key]
    what = edit(place, path[-1])
    return f"{'.'.join(map(str, path))} {what}", "".join(json.dumps(line) + "\n" for line in lines).encode() if is_lines else json.dumps(
        lines[0]
    ).encode()


def _show(value: Any) -> str:
    return repr(value)[:40] if not isinstance(value, int) or abs(value) < 10**40 else "10**400"
