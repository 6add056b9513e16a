"""Shared code of the scripts that build data sets: check the checkout, read file lists, and write a folder completely or not at all."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

HERE = Path(__file__).parent


def read_names(file: str) -> list[str]:
    """Return the lines of a committed list."""
    return (HERE / file).read_text(encoding="utf-8").split()


def check_commit(checkout: Path, repository: str, commit: str) -> None:
    """Stop if there is no checkout. Warn if it is not at the pinned commit, because its images may differ."""
    if not checkout.is_dir():
        stop(f'There is no checkout at "{checkout}". Run: git clone {repository} {checkout} && git -C {checkout} checkout {commit}')
    result = subprocess.run(["git", "-C", str(checkout), "rev-parse", "HEAD", "--show-prefix"], capture_output=True, text=True, check=False)
    head, _, prefix = result.stdout.strip().partition("\n")
    if result.returncode or prefix:
        print(f'warning: "{checkout}" is not a git checkout; its commit cannot be compared with {commit}.', file=sys.stderr)
    elif head != commit:
        print(f'warning: "{checkout}" is at commit {head}; expected {commit}. The images may differ.', file=sys.stderr)


def build_folder(out: Path, copies: Mapping[str, Path], texts: Mapping[str, str] | None = None) -> None:
    """Copy files to their names in ``out`` and write texts. If this fails, ``out`` is not created."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        stop(f'"{out}" is not empty. Pass a folder that does not exist.')
    missing = [source for source in copies.values() if not source.is_file()]
    if missing:
        stop(f'{len(missing)} of {len(copies)} files are missing in the checkout, for example "{missing[0]}". Check out the pinned commit.')
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
        stop(f'"{out}" cannot be written: {cause.strerror}. No incomplete files were left.')
    print(f"{out}: {len(copies)} images")


def parse_paths(usage: str, count: int) -> list[Path]:
    """Return the paths of the command line, or print the usage and stop."""
    if len(sys.argv) != count + 1 or sys.argv[1] in {"-h", "--help"}:
        stop(f"usage: {usage}")
    return [Path(word) for word in sys.argv[1:]]


def stop(message: str) -> None:
    """Print a message and exit with code 2."""
    print(message, file=sys.stderr)
    raise SystemExit(2)


def main(run: Callable[[], None]) -> None:
    """Run a script. Ctrl-C stops it with one line instead of a traceback."""
    try:
        run()
    except KeyboardInterrupt:
        stop("Stopped. No incomplete files were left.")
