"""Folders, domains and values may have the names of the entries of a batch or of a table."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from i2ikit import build
from i2ikit.data import open_data
from i2ikit.pixels import write_image
from i2ikit.train import fit

NAMES = ("label", "image", "images", "target", "file", "mask", "index", "reference", "split", "subject")


def write_folders(folder: Path, names: tuple[str, ...]) -> Path:
    for number in range(4):
        for value, name in enumerate(names):
            write_image(torch.full((3, 32, 32), value / 10), folder / name / f"{name}{number}.png")
    return folder


@pytest.mark.parametrize("names", [NAMES[:2], NAMES[2:4], NAMES[4:6], NAMES[6:8], NAMES[8:10]])
def test_unpaired_domains_may_have_the_names_of_entries(names: tuple[str, str], tmp_path: Path) -> None:
    data = open_data(write_folders(tmp_path / "data", names), holdout=0)
    assert set(data.domain.names) == set(names)
    small = {"size": 32, "generator": {"width": 2, "blocks": 1}, "discriminator": {"width": 2}, "batch": 2, "steps": 1}
    model = build("cyclegan", labels=data.domain, **small)  # type: ignore[arg-type]
    fit(model, data, tmp_path / "run", progress=False)
    fake = model.translate(torch.zeros(1, 3, 32, 32), to=names[0], source=names[1])
    assert fake.shape == (1, 3, 32, 32)


def test_labels_may_have_the_names_of_entries(tmp_path: Path) -> None:
    data = open_data(write_folders(tmp_path / "data", NAMES), holdout=0)
    assert set(data.domain.attributes[0].values) == set(NAMES)
    small = {"size": 32, "generator": {"width": 2, "blocks": 1}, "discriminator": {"width": 2}, "batch": 4, "steps": 1}
    model = build("stargan", labels=data.domain, **small)  # type: ignore[arg-type]
    fit(model, data, tmp_path / "run", progress=False)
    for name in NAMES:
        assert data.items[0].row["domain"] in NAMES
        assert model.translate(torch.zeros(1, 3, 32, 32), to={"domain": name}).shape == (1, 3, 32, 32)


@pytest.mark.parametrize("names", [("label", "image"), ("image", "target"), ("mask", "file")])
def test_pairs_may_be_in_folders_of_these_names(names: tuple[str, str], tmp_path: Path) -> None:
    for number in range(4):
        for name in names:
            write_image(torch.zeros(3, 32, 32), tmp_path / name / f"{number}.png")
    data = open_data(tmp_path, pairs=names)
    assert (data.batch_kind, len(data.items)) == ("paired", 4)
    assert data.items[0].file.startswith(names[0])
