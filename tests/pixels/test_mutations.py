"""Damaged bytes of every format: pixels or one line that names the file, and no other exception."""

from __future__ import annotations

import image_mutations

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
