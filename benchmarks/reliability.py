"""Try to break the library: python benchmarks/reliability.py [--part NAME ...] [--scale 1] [--seed 0] [--results FILE].

Each part tries one kind of misfortune many times and counts what survived:

- kills: a training that is killed at random moments, or before chosen calls of the file system, resumes bit-equal (Linux and macOS);
- disks: a full disk (Linux, as root: file systems in memory are mounted);
- injections: NaN and infinity in every term and every input;
- pickles: a pickle under the name of every file that is read;
- outputs: a training whose output dies, and two processes in one run folder;
- images, json: changed bytes of images and of the JSON files of a run;
- commands, calls: wrong values on the command line and in Python.

The table is written to benchmarks/results/reliability.md. All parts together take about half an hour on two cores.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from importlib import import_module
from pathlib import Path

PARTS = {
    "kills": "kills:run",
    "disks": "disks:run",
    "injections": "injections:run",
    "pickles": "pickles:run",
    "outputs": "outputs:run",
    "images": "hostile:try_images",
    "json": "hostile:try_json",
    "commands": "hostile:try_commands",
    "calls": "hostile:try_calls",
}
RESULTS = Path(__file__).parent / "results" / "reliability.md"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", choices=PARTS, help="Try only this part. Can be repeated.")
    parser.add_argument("--scale", type=float, default=1.0, help="Multiplies the number of random attempts.")
    parser.add_argument("--seed", type=int, default=0, help="Seed of everything that is random.")
    parser.add_argument(
        "--results",
        type=Path,
        default=None,
        help="Where the table is written. Default if all parts are tried: benchmarks/results/reliability.md.",
    )
    given = parser.parse_args()

    import torch

    torch.set_num_threads(1)  # several threads do not survive a fork
    warnings.simplefilter("ignore")
    rows, failures = [], []
    for part in given.part or PARTS:
        start, tried, failed = time.monotonic(), 0, []
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            module, _, function = PARTS[part].partition(":")
            for attempt in getattr(import_module(f"reliability_parts.{module}"), function)(Path(folder), given.seed, given.scale):
                tried += 1
                if attempt.problem:
                    problem = attempt.problem.replace(folder, "FOLDER")
                    failed.append(f"{part}: {attempt.name}: {problem}")
                    print(f"  {failed[-1]}", flush=True)
            os.chdir("/")
        rows.append((part, tried, tried - len(failed), time.monotonic() - start))
        failures += failed
        print(f"{part}: {tried - len(failed)} of {tried} survived, {rows[-1][3]:.0f} s", flush=True)
    file = given.results or (None if given.part else RESULTS)
    if file is not None:
        file.write_text(_format(rows, failures, given.seed, given.scale))
    return 1 if failures else 0


def _format(rows: list[tuple[str, int, int, float]], failures: list[str], seed: int, scale: float) -> str:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=RESULTS.parent, capture_output=True, text=True, check=False)
    import torch

    machine = (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"
    )
    lines = [
        "# What was tried, and what survived",
        "",
        f"`python benchmarks/reliability.py --seed {seed} --scale {scale:g}` at commit {commit.stdout.strip() or 'none'}; {machine}.",
        "",
        "| part | tried | survived | seconds |",
        "|---|---:|---:|---:|",
        *(f"| {part} | {tried:,} | {survived:,} | {seconds:.0f} |" for part, tried, survived, seconds in rows),
    ]
    if failures:
        lines += ["", "What did not survive:", "", *(f"- {line}" for line in failures)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
