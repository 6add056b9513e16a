"""The value "none" in tables and folders, and in runs of version 0.1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from i2ikit import build
from i2ikit.data import FileDataset, open_data
from i2ikit.data.manifest import FIRST_RULES
from i2ikit.errors import UnknownNameError
from i2ikit.train.batches import adapt_to_model

WritePicture = Callable[..., Path]
VALUES = ("none", "sunglasses", "reading")
TINY = {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 2}}


@pytest.fixture
def table(write_picture: WritePicture, tmp_path: Path) -> Path:
    rows = [f"{index}.png,{VALUES[index % 3]}" for index in range(12)]
    for row in rows:
        write_picture(row.partition(",")[0])
    (tmp_path / "attributes.csv").write_text("\n".join(["file,glasses", *rows]), encoding="utf-8")
    return tmp_path


def test_none_in_a_table_is_learnt_like_the_same_folder(table: Path, write_picture: WritePicture, tmp_path: Path) -> None:
    for index in range(12):
        write_picture(f"sorted/{VALUES[index % 3]}/{index}.png")
    data, folders = open_data(table / "attributes.csv"), open_data(tmp_path / "sorted")
    assert data.domain.attributes[0].values == VALUES
    assert {*folders.domain.names} == {*VALUES}
    assert data.encode_label(data.items[0]) == [1, 0, 0]


def test_yes_no_and_none_are_three_values(write_picture: WritePicture, tmp_path: Path) -> None:
    rows = [f"{index}.png,{('yes', 'no', 'none')[index % 3]}" for index in range(6)]
    for row in rows:
        write_picture(row.partition(",")[0])
    (tmp_path / "attributes.csv").write_text("\n".join(["file,beard", *rows]), encoding="utf-8")
    assert open_data(tmp_path).domain.attributes[0].values == ("yes", "no", "none")


def test_a_model_translates_to_none_and_refuses_it_where_it_is_no_value(table: Path) -> None:
    data = open_data(table)
    image = data.read(data.items[0])[None]
    model = build("stargan", labels=data.domain, size=8, **TINY)
    known = model.translate(image, to={"glasses": "reading"}, label={"glasses": "none"})
    assert not known.equal(model.translate(image, to={"glasses": "none"}, label={"glasses": "none"}))
    other = build("stargan", labels={"glasses": ("sunglasses", "reading")}, size=8, **TINY)
    with pytest.raises(UnknownNameError, match=r'^No value of "glasses" is called "none"\. Available: reading, sunglasses\.$'):
        other.translate(image, to={"glasses": "none"}, label={"glasses": "reading"})


def test_the_first_rules_give_none_no_entry(table: Path) -> None:
    data = open_data(table, rules=FIRST_RULES)
    assert data.domain.attributes[0].values == ("sunglasses", "reading")
    assert data.encode_label(data.items[0]) == [0, 0]


def test_a_model_encodes_none_as_the_data_does(table: Path) -> None:
    data = open_data(table, rules=FIRST_RULES)
    assert isinstance(data, FileDataset)
    masked = build("stargan", labels=[{"glasses": ("sunglasses", "reading")}, {"hair": ("b", "c")}], size=8, **TINY)
    adapted = adapt_to_model(masked, data)
    assert adapted.encode_label(data.items[0]) == [0, 0, 0, 0, 1, 0]
