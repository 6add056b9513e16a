"""Save the results of a finished run: python benchmarks/keep_run.py RUN NAME writes benchmarks/results/NAME/.

The folder contains the numbers with their protocols, the last sample grid, and a record of command, commit, machine and time.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from i2ikit.pixels import open_picture

RESULTS = Path(__file__).parent / "results"


def get_command(configuration: dict[str, Any], name: str) -> str:
    """Return the command of the run, with DATA and runs/NAME in place of folders of this machine."""
    words = shlex.split(configuration.get("command", ""))
    portable = []
    for before, word in zip(["", *words], words, strict=False):
        is_local = word.startswith(("/", "..")) or (before == "--data" and "/" in word)
        portable.append(word if not is_local else f"runs/{name}" if before == "--run" else "DATA")
    return shlex.join(portable)


def main(run: Path, name: str) -> None:
    configuration, log = json.loads((run / "run.json").read_text()), (run / "log.jsonl").read_text().splitlines()
    folder = RESULTS / name
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(run / "numbers.json", folder / "numbers.json")
    last = max((run / "samples").glob("step-*.png"))
    with open_picture(last.read_bytes(), str(last)) as grid:
        grid.convert("RGB").save(folder / "samples.webp", quality=85)
    seconds = max(json.loads(line).get("seconds", 0.0) for line in log)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    record = {
        "command": get_command(configuration, name),
        "steps": configuration["recipe"]["steps"],
        "batch": configuration["recipe"]["batch"],
        "training_minutes": round(seconds / 60, 1),
        "kept_at_commit": commit,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, no GPU used",
        "versions": configuration.get("versions", {}),
    }
    (folder / "made.json").write_text(json.dumps(record, indent=2) + "\n")
    for number in json.loads((folder / "numbers.json").read_text())["numbers"]:
        print(f"{number['name']:28} {number['value']:.4g} {number['unit']}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python benchmarks/keep_run.py RUN NAME")
    main(Path(sys.argv[1]), sys.argv[2])
