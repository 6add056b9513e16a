"""CycleGAN's generator against recorded numbers of the original code, if the folder with them is available."""

from __future__ import annotations

import pytest
import torch
from cyclegan_by_hand import generate
from golden import Golden, needs_golden

from i2ikit import import_official

pytestmark = needs_golden

NAME = "cyclegan_resnet9"
CASES = [("G", f"{NAME}/x"), ("G_rect", f"{NAME}/x_rect")]


@pytest.mark.parametrize(("output", "source"), CASES)
def test_an_imported_generator_gives_the_originals_outputs(output: str, source: str) -> None:
    golden = Golden(NAME)
    model = import_official("cyclegan", generator=golden.states["G"])
    assert dict(model.recipe.slots["generator"].options) == {"width": 64, "blocks": 9, "down": "strided", "up": "transposed"}
    golden.assert_output(output, model.translate(golden.input(source), to="B", source="A"))


@pytest.mark.parametrize(("output", "source"), CASES)
def test_the_generator_written_by_hand_gives_the_originals_outputs(output: str, source: str) -> None:
    golden = Golden(NAME)
    with torch.no_grad():
        golden.assert_output(output, generate(golden.states["G"], golden.input(source)))
