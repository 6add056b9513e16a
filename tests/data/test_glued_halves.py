"""Pairs side by side whose halves have any proportions, and translations of whole pairs."""

from __future__ import annotations

import shlex
import warnings
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from i2ikit import build, load
from i2ikit.cli import cli
from i2ikit.data import check, open_data
from i2ikit.errors import DataError
from i2ikit.inference.glued import find_source_half
from i2ikit.pixels import write_image
from i2ikit.train import fit


@pytest.fixture
def glued(tmp_path: Path) -> Path:
    """Make pairs whose halves are 24x32: a dark left half and a light right half."""
    for number in range(6):
        image = torch.cat([torch.full((3, 24, 32), -0.5), torch.full((3, 24, 32), 0.5)], 2) + number / 100
        write_image(image, tmp_path / "glued" / f"{number}.png")
    return tmp_path / "glued"


@pytest.mark.parametrize("options", [{"pairs": "A,B"}, {"pairs": ("A", "B")}, {"pairs": True}, {"batch_kind": "glued"}])
@pytest.mark.parametrize("kind", [None, "paired"])
def test_halves_of_any_proportions_are_read_if_they_are_declared(kind: str | None, options: dict[str, object], glued: Path) -> None:
    data = open_data(glued, **{"batch_kind": kind, **options})  # type: ignore[arg-type]
    assert (data.batch_kind, data.image.height, data.image.width) == ("paired", 24, 32)
    item = data.items[0]
    assert float(data.read(item).mean()) < 0 < float(data.read_target(item).mean())  # type: ignore[union-attr]


def test_undeclared_halves_are_refused_with_the_option_that_declares_them(glued: Path) -> None:
    with pytest.raises(DataError, match=r'twice as wide as high; .* has neither\. If .* pairs side by side, .* pairs="A,B"\.'):
        open_data(glued, batch_kind="paired")


def test_the_printed_command_opens_the_same_pairs(glued: Path) -> None:
    report = check(glued, batch_kind="glued")
    words = shlex.split(report.command)
    assert words[words.index("--pairs") + 1] == "A,B"
    result = CliRunner().invoke(cli, [*words[1:], "--dry-run"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "paired" in result.output


@pytest.mark.parametrize(
    "command",
    [
        ["train", "pix2pix-fast", "--data", "{data}", "--dry-run", "--size", "16", "--batch", "2", "--set", "discriminator.depth=1"],
        ["data", "check", "{data}"],
    ],
)
@pytest.mark.parametrize(
    "options",
    [["--kind", "glued"], ["--pairs", "B,A"], ["--kind", "glued", "--holdout", "0.5"], ["--kind", "glued", "--crop", "random:16"]],
)
def test_train_and_data_check_take_the_same_options(command: list[str], options: list[str], glued: Path) -> None:
    result = CliRunner().invoke(cli, [*(word.format(data=glued) for word in command), *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("crop", ["0", "random:", "random:8x", "centre:8"])
def test_a_wrong_crop_is_refused_on_the_command_line(crop: str, glued: Path) -> None:
    from i2ikit.cli import main

    assert main(["data", "check", str(glued), "--crop", crop]) == 2


@pytest.mark.parametrize(("pairs", "side"), [("A,B", "left"), ("B,A", "right")])
def test_a_whole_pair_is_translated_from_its_source_half_and_says_so(pairs: str, side: str, glued: Path, tmp_path: Path) -> None:
    small = {"size": (24, 32), "generator": {"width": 2, "depth": 3}, "discriminator": {"width": 2, "depth": 1}, "batch": 2, "steps": 1}
    model = build("pix2pix", **small)  # type: ignore[arg-type]
    fit(model, open_data(glued, pairs=pairs), tmp_path / "run", progress=False)
    loaded = load(tmp_path / "run")
    assert find_source_half(loaded, (48, 128)) == side
    assert find_source_half(loaded, (24, 32)) == find_source_half(loaded, (48, 64)) == find_source_half(loaded, (24, 65)) == ""
    image = torch.rand(1, 3, 24, 64) * 2 - 1
    half = image[..., :32] if side == "left" else image[..., 32:]
    with pytest.warns(UserWarning, match=f"Its {side} half, the source, is translated"):
        fake = loaded.translate(image)
    assert fake.shape == (1, 3, 24, 32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(fake, loaded.translate(half))
