"""CycleGAN's generator against numbers of the original code, where the folder with them lies beside the repository."""

from __future__ import annotations

import pytest
import torch
from cyclegan_by_hand import generate
from golden import GOLDEN, Golden

from i2ikit import import_official

pytestmark = pytest.mark.skipif(not GOLDEN.is_dir(), reason="the golden numbers of the original code (../shared/golden) are not here")

NAME = "cyclegan_resnet9"
CASES = [("G", f"{NAME}/x"), ("G_rect", f"{NAME}/x_rect")]


@pytest.mark.parametrize(("output", "given"), CASES)
def test_an_imported_generator_gives_the_originals_outputs(output: str, given: str) -> None:
    golden = Golden(NAME)
    model = import_official("cyclegan", generator=golden.states["G"])
    assert dict(model.recipe.slots["generator"].options) == {"width": 64, "blocks": 9, "down": "strided", "up": "transposed"}
    golden.assert_output(output, model.translate(golden.input(given), to="B", source="A"))


@pytest.mark.parametrize(("output", "given"), CASES)
def test_the_generator_written_by_hand_gives_the_originals_outputs(output: str, given: str) -> None:
    golden = Golden(NAME)
    with torch.no_grad():
        golden.assert_output(output, generate(golden.states["G"], golden.input(given)))
