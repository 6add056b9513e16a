"""Full disks: a training on a disk of a few hundred KiB ends with one line, and goes on where there is space again."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

from reliability_parts.attempt import SYSTEMS, Attempt, find_torn, fork, read_digest, train, wait, write_data


def run(folder: Path, seed: int, scale: float) -> Iterator[Attempt]:
    """Train on file systems in memory of random sizes; requires the right to mount one.

    Args:
        folder: An empty folder.
        seed: Seed of the sizes.
        scale: Multiplies the number of attempts; 1 is 20.
    """
    rng, data, disk = random.Random(seed), write_data(folder / "data"), folder / "disk"
    disk.mkdir()
    whole: dict[str, str] = {}
    for number in range(round(20 * scale)):
        system = SYSTEMS[number % len(SYSTEMS)]
        if system not in whole:
            wait(fork(lambda system=system: train(system, data[system], folder / system), folder / "output.txt"))
            whole[system] = read_digest(folder / system)
        size = int(2 ** rng.uniform(13, 22))
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)], capture_output=True, text=True, check=False
        )
        if mounted.returncode:
            print(f"  full disks are left out: {mounted.stderr.strip()}")
            return
        try:
            yield _try(system, data[system], disk, folder / "output.txt", size, whole[system])
        finally:
            subprocess.run(["umount", str(disk)], check=True)


def _try(system: str, data: object, disk: Path, output: Path, size: int, digest: str) -> Attempt:
    run, name = disk / "run", f"{system} on {size // 1024} KiB"
    if wait(fork(lambda: train(system, data, run), output)):  # type: ignore[arg-type]
        text = output.read_text().strip().splitlines()[-1:]
        if not text or not text[0].startswith("i2ikit.errors."):
            return Attempt(name, f"not an error of the library: {text}")
        if ".tmp" in text[0] or "No space left" not in text[0]:
            return Attempt(name, f"does not say what is full, or names a temporary file: {text[0]}")
    if torn := find_torn(run):
        return Attempt(name, torn)
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
    if wait(fork(lambda: train(system, data, run), output)):  # type: ignore[arg-type]
        return Attempt(name, f"with more space, the repeated command failed: {output.read_text().strip()}")
    return Attempt(name, "" if read_digest(run) == digest else "the training that went on differs from one without a full disk")
