"""Damaged and hostile inputs: images, JSON files, command lines and Python calls. The generators are those of the tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reliability_parts.attempt import Attempt


def try_images(folder: Path, seed: int, scale: float) -> Iterator[Attempt]:
    """Damage images of every format and read them: pixels, or one line that names the file; 1,000 of each format."""
    from image_mutations import make_images, run_mutations

    for name, data in make_images().items():
        for start in range(0, round(1000 * scale), 100):
            with _without_lines_of_decoders():
                escaped = run_mutations(100, seed * 1000 + start, {name: data}).escaped
            yield from (Attempt(line, line) for line in escaped)
            yield from (Attempt(name) for _ in range(3 * 100 - len(escaped)))  # three readers


def try_json(folder: Path, seed: int, scale: float) -> Iterator[Attempt]:
    """Change the JSON files of a run, then load, show and resume it, and evaluate it after every fourth change; 100 changes."""
    from campaigns.json_files import change_files
    from campaigns.outcome import call, run_command

    from i2ikit import load, resume
    from i2ikit.train.progress import Silent

    finished = _train(folder)
    run_command(["eval", str(finished), "--no-classifier", "--samples-per-input", "0"])
    evaluation = ("eval", "--no-classifier", "--limit", "2", "--samples-per-input", "0")
    for number, (what, file, content) in enumerate(change_files(finished, round(100 * scale), seed)):
        run = Path(shutil.copytree(finished, folder / "copy"))
        (run / file).write_bytes(content)
        answers = {
            "load": call(lambda run=run: load(run)),
            "page": run_command(["page", str(run)]).problem,
            "resume": call(lambda run=run: resume(run, progress=Silent())),
        }
        if number % 4 == 0:
            answers["eval"] = run_command([*evaluation, str(run)]).problem
        for verb, problem in answers.items():
            yield Attempt(f"{verb}, {what}", problem)
        shutil.rmtree(run)


def try_commands(folder: Path, seed: int, scale: float) -> Iterator[Attempt]:
    """Give every option and argument of every command bad values, and answer questions twice; four values each."""
    from campaigns.command_lines import make_command_lines, make_contradictions
    from campaigns.outcome import run_command
    from PIL import Image

    run = _train(folder)
    for words in make_command_lines(run, folder, seed, max(1, round(4 * scale))):
        if words[0] not in {"demo", "bench"}:  # where a value is none that is bad, they work for minutes
            Image.new("RGB", (16, 16)).save(folder / "in.png")
            yield Attempt(" ".join(words).replace(str(folder), "FOLDER")[:200], run_command(words).problem)
    for words in make_contradictions(run, folder):
        outcome = run_command(words)
        yield Attempt(" ".join(words).replace(str(folder), "FOLDER")[-200:], outcome.problem or ("" if outcome.code == 2 else "accepted"))


def try_calls(folder: Path, seed: int, scale: float) -> Iterator[Attempt]:
    """Give every argument of every public function bad values; three each."""
    from campaigns.outcome import call
    from campaigns.python_calls import make_calls

    run = _train(folder)
    (folder / "out").mkdir()
    for what, function in make_calls(run, folder / "out", seed, max(1, round(3 * scale))):
        yield Attempt(what[:200], call(function))


@contextmanager
def _without_lines_of_decoders() -> Iterator[None]:
    """Keep what libtiff writes to standard error off the terminal."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _train(folder: Path) -> Path:
    from toy_training import train

    train(folder / "run", 3, checkpoint_every=1, sample_every=1)
    return folder / "run"
