"""What the builders of the public sets share: the pinned checkout, the committed lists, and a folder that appears whole or not at all."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

HERE = Path(__file__).parent


def names(file: str) -> list[str]:
    """Return the lines of a committed list."""
    return (HERE / file).read_text(encoding="utf-8").split()


def verify(checkout: Path, repository: str, commit: str) -> None:
    """Stop where there is no checkout; warn where it is not at the pinned commit, whose pictures may differ."""
    if not checkout.is_dir():
        stop(f'There is no checkout at "{checkout}". Run: git clone {repository} {checkout} && git -C {checkout} checkout {commit}')
    asked = subprocess.run(["git", "-C", str(checkout), "rev-parse", "HEAD", "--show-prefix"], capture_output=True, text=True, check=False)
    head, _, prefix = asked.stdout.strip().partition("\n")
    if asked.returncode or prefix:
        print(f'warning: "{checkout}" is no git checkout, so its commit cannot be compared with {commit}', file=sys.stderr)
    elif head != commit:
        print(f'warning: "{checkout}" is at {head}, the numbers were made at {commit}', file=sys.stderr)


def build(out: Path, copies: Mapping[str, Path], texts: Mapping[str, str] | None = None) -> None:
    """Copy files to their names under ``out`` and write texts, all or nothing."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        stop(f'"{out}" is not empty. Give a folder that does not exist.')
    missing = [source for source in copies.values() if not source.is_file()]
    if missing:
        stop(f'{len(missing)} of {len(copies)} files are not in the checkout, such as "{missing[0]}". Check out the pinned commit.')
    draft = out.with_name(f".{out.name}.tmp")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        for name, source in copies.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, draft / name)
        for name, text in (texts or {}).items():
            (draft / name).write_text(text, encoding="utf-8", newline="")
        if out.exists():
            out.rmdir()
        draft.replace(out)
    except OSError as cause:
        shutil.rmtree(draft, ignore_errors=True)
        stop(f'"{out}" cannot be written: {cause.strerror}. Nothing was left half-written.')
    print(f"{out}: {len(copies)} images")


def arguments(usage: str, count: int) -> list[Path]:
    """Return the paths of the command line, or say how it is written."""
    if len(sys.argv) != count + 1 or sys.argv[1] in {"-h", "--help"}:
        stop(f"usage: {usage}")
    return [Path(word) for word in sys.argv[1:]]


def stop(message: str) -> None:
    """End with one line and exit code 2."""
    print(message, file=sys.stderr)
    raise SystemExit(2)


def main(run: Callable[[], None]) -> None:
    """Run a builder; Ctrl-C ends it with a line instead of a traceback."""
    try:
        run()
    except KeyboardInterrupt:
        stop("Stopped. Nothing was left half-written.")
