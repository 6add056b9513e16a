"""Damaged bytes of every format: pixels or one line that names the file, and no other exception."""

from __future__ import annotations

from pathlib import Path
from random import Random

import image_mutations

from i2ikit.data import check
from i2ikit.pixels import decode
from i2ikit.pixels.formats import READABLE, find_format


def test_every_documented_format_is_mutated() -> None:
    images = image_mutations.make_images()
    assert {find_format(data) for data in images.values()} == set(READABLE)
    assert all(decode(data, name).shape[0] > 1 for name, data in images.items() if name != "tiff-float")


def test_no_mutated_image_raises_anything_but_a_line_that_names_it() -> None:
    outcome = image_mutations.run_mutations(60, seed=7)
    assert outcome.escaped == []
    assert min(outcome.refused.values()) > 20
    assert len(outcome.read) > len(image_mutations.make_images()) / 2  # some changes leave an image that can be read


def test_a_data_check_reports_mutated_images_of_every_format_and_does_not_end(tmp_path: Path) -> None:
    images = image_mutations.make_images()
    for name, data in images.items():
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / f"{name}.png").write_bytes(images["png"])
            for number in range(3):
                mutated = image_mutations.mutate(data, Random(f"{folder} {name} {number}"))
                (tmp_path / folder / f"{name}-{number}.{name.partition('-')[0]}").write_bytes(mutated)
    report = check(tmp_path)
    assert len(report.unreadable) > len(images)
    assert all(problem.count("\n") == 0 and name in problem for name, problem in report.unreadable)
    assert sum(report.images.values()) == 4 * len(images)  # pairs
