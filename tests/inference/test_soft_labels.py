"""A number from 0 to 1 is a soft label of a binary attribute, in Python and on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from i2ikit import build
from i2ikit.cli import main
from i2ikit.core.domain import Attribute, DomainSpec
from i2ikit.errors import LabelError, OptionError
from i2ikit.evaluation.targets import parse_targets
from i2ikit.pixels import read_image, write_image

TINY = {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 2}}


def test_a_number_between_no_and_yes_is_the_label_entry() -> None:
    hat = Attribute("hat")
    assert [hat.encode(value) for value in (0.25, "0.25", 0, 1.0, "yes", True)] == [[0.25], [0.25], [0], [1], [1], [1]]


@pytest.mark.parametrize("value", ["1.5", "-0.5", "nan", "maybe", ""])
def test_other_numbers_and_words_are_refused(value: str) -> None:
    with pytest.raises(LabelError, match=rf'"hat" must be yes or no, or a number from 0 to 1; found "{value}"\. Write 1 or 0\.$'):
        Attribute("hat").encode(value)


def test_the_command_line_translates_to_a_soft_label_as_python_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = build("stargan", labels={"hat": bool, "beard": bool}, size=8, **TINY)
    model.save(tmp_path / "model")
    image = torch.linspace(-1, 1, 3 * 8 * 8).reshape(1, 3, 8, 8)
    write_image(image[0], tmp_path / "in.png")
    known = {"hat": "no", "beard": "no"}
    words = ["translate", str(tmp_path / "model"), str(tmp_path / "in.png"), str(tmp_path / "out.png")]
    assert main([*words, "--to", "hat=0.5", "--label", "hat=no,beard=no"]) == 0
    assert "hat 0.5 (to), beard no (label)" in capsys.readouterr().out
    stored = read_image(tmp_path / "in.png")[None]
    wanted = model.translate(stored, to={"hat": 0.5}, label=known)
    assert torch.equal(wanted, model.translate(stored, to=[0.5, 0.0], label=known))
    assert (read_image(tmp_path / "out.png") - wanted[0]).abs().max() <= 1 / 127


def test_an_evaluation_measures_no_soft_targets() -> None:
    with pytest.raises(OptionError, match=r'^targets: "hat" is measured for yes and no; found "0\.5"\.'):
        parse_targets(DomainSpec.parse({"hat": bool}), {"hat": ["0.5"]})
