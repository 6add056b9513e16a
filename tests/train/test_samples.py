"""The sample grids of a run: the choice of images and columns, and the picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from i2ikit.core.domain import DomainSpec
from i2ikit.data import Transform, join, open_data
from i2ikit.data.faces import FacesDataset
from i2ikit.pixels import write_image
from i2ikit.train.samples import MAX_COLUMNS, Samples, make_columns

SIZE = Transform(16, 16)


class RecordingModel:
    """Stands in for a model: records its arguments, and returns a grey image, another shade for each column."""

    routes = (("horse", "zebra"), ("zebra", "horse"))

    def __init__(self) -> None:
        self.columns: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.calls: list[tuple[Any, dict[str, Any]]] = []

    def translate(self, image: Tensor, to: Any = None, label: Any = None, **options: Any) -> Tensor:
        self.calls.append((to, options))
        name, value = next(iter(to.items())) if isinstance(to, dict) else ("", to)
        column = (name, "switched" if value in ("yes", "no") else value)
        self.columns.setdefault(column, []).extend({**row, name: value} for row in label or ())
        return torch.full_like(image, -1 + 40 * (list(self.columns).index(column) + 1) / 255)


def faces(labels: Sequence[str] = ("hair", "glasses"), **options: Any) -> FacesDataset:
    return FacesDataset(40, size=16, labels=labels, **options)


def test_the_images_are_held_out_and_the_same_for_the_same_seed() -> None:
    data = FacesDataset(400, size=16, labels=("hair", "glasses"))  # the test split has every value
    one, two, other = (Samples(data, data.domain, SIZE, rows=3, seed=seed) for seed in (0, 0, 1))
    assert {item.split for item in one.items} == {"test"}
    assert one.items == two.items != other.items


def test_the_images_show_as_many_values_as_possible() -> None:
    data = FacesDataset(400, size=16, labels=("hair", "glasses"))
    rows = [item.row for item in Samples(data, data.domain, SIZE, rows=4).items]
    assert {row["hair"] for row in rows} == {"black", "brown", "blond", "red"}
    assert {row["glasses"] for row in rows} == {"yes", "no"}


def test_there_is_a_column_for_each_value_and_one_that_switches_each_attribute() -> None:
    data = faces()
    samples, model = Samples(data, data.domain, SIZE, rows=2), RecordingModel()
    samples.translate(model)
    assert [(column.attribute, column.value) for column in samples.columns] == [
        ("hair", "black"), ("hair", "brown"), ("hair", "blond"), ("hair", "red"), ("glasses", None),
    ]  # fmt: skip
    assert model.columns["hair", "brown"] == [{**item.row, "hair": "brown"} for item in samples.items]
    switched = [{**item.row, "glasses": "no" if item.row["glasses"] == "yes" else "yes"} for item in samples.items]
    assert sorted(map(str, model.columns["glasses", "switched"])) == sorted(map(str, switched))


def test_with_many_values_every_attribute_still_has_a_column() -> None:
    domain = DomainSpec.parse({"digit": [str(number) for number in range(40)], "male": bool, "young": bool})
    columns = make_columns(domain)
    assert len(columns) == MAX_COLUMNS
    assert [column.attribute for column in columns[-2:]] == ["male", "young"]


def test_an_unknown_label_set_stays_unknown() -> None:
    data = FacesDataset(40, size=16, labels=("hair", "expression"), partial=True).split("train")
    samples, model = Samples(data, data.domain, SIZE, rows=4), RecordingModel()
    samples.translate(model)
    assert model.columns["hair", "black"] == [{**item.row, "hair": "black"} for item in samples.items]


def test_the_grid_and_its_layout_agree(tmp_path) -> None:
    data = faces()
    samples = Samples(data, data.domain, SIZE, rows=3)
    model = RecordingModel()
    path = samples.write(model, tmp_path, 500)
    samples.write(model, tmp_path, 20)
    layout = json.loads((tmp_path / "samples" / "layout.json").read_text())
    assert path == tmp_path / "samples" / "step-00000500.png"
    assert (layout["steps"], layout["target"], layout["cell"], layout["size"]) == ([20, 500], True, [128, 128], [16, 16])
    with Image.open(path) as grid:
        for column, places in enumerate(layout["places"]["outputs"]):
            for left, top in places:
                grey = 20 * (column + 1)
                assert grid.crop((left, top, left + 128, top + 128)).getextrema() == ((grey, grey),) * 3
        left, top = layout["places"]["target"][0][0]
        small = grid.crop((left, top, left + 128, top + 128)).resize((16, 16), Image.Resampling.BOX)
    target = samples.find_target(samples.items[0], samples.columns[0])
    pixels = torch.tensor(list(small.tobytes())).view(16, 16, 3).permute(2, 0, 1) / 127.5 - 1
    assert (pixels - target).abs().mean() < 0.05
    assert layout["examples"]
    assert all(layout["columns"][each["column"]]["attribute"] in ("hair", "glasses") for each in layout["examples"])


def test_each_of_several_data_sets_provides_rows_and_target_images(tmp_path) -> None:
    looks, moods = join([faces(), faces(("expression",))])
    samples = Samples([looks, moods], looks.domain, SIZE, rows=4)
    assert [set(item.row) for item in samples.items] == [{"hair", "glasses"}] * 2 + [{"expression"}] * 2
    samples.write(RecordingModel(), tmp_path, 1)
    layout = json.loads((tmp_path / "samples" / "layout.json").read_text())
    target = {
        (column["attribute"], row)
        for column, places in zip(layout["columns"], layout["places"]["target"], strict=True)
        for row, place in enumerate(places)
        if place is not None
    }
    assert target == {(name, row) for row in (0, 1) for name in ("hair", "glasses")} | {("expression", row) for row in (2, 3)}
    examples = [(layout["columns"][each["column"]]["attribute"], each["row"]) for each in layout["examples"]]
    assert [row for _, row in examples] == [0, 1, 2, 3]
    assert set(examples) <= target


def test_an_attribute_without_target_images_has_an_example_too(tmp_path) -> None:
    data = faces()

    class FacesWithHairTargets(FacesDataset):
        def find_target(self, item: Any, change: Any) -> Tensor | None:
            return super().find_target(item, change) if "hair" in change else None

    samples = Samples(FacesWithHairTargets(40, size=16, labels=("hair", "glasses")), data.domain, SIZE, rows=2)
    samples.write(RecordingModel(), tmp_path, 1)
    layout = json.loads((tmp_path / "samples" / "layout.json").read_text())
    assert [layout["columns"][each["column"]]["attribute"] for each in layout["examples"]] == ["hair", "glasses"]


def test_unpaired_images_are_not_translated_to_their_own_domain(tmp_path) -> None:
    for name in ("horse", "zebra"):
        for number in range(2):
            write_image(torch.rand(3, 16, 16) * 2 - 1, tmp_path / "data" / name / f"{number}.png")
    data = open_data(tmp_path / "data", batch_kind="unpaired")
    samples, model = Samples(data, data.domain, SIZE, rows=4), RecordingModel()
    translations = samples.translate(model)
    for column, images in zip(samples.columns, translations, strict=True):
        assert [image is None for image in images] == [item.row["domain"] == column.value for item in samples.items]
    assert {(options["source"], to) for to, options in model.calls} == {("horse", "zebra"), ("zebra", "horse")}
    assert samples.write(model, tmp_path, 1).is_file()


def test_pairs_have_one_column_and_target_images(tmp_path) -> None:
    data = FacesDataset(40, size=16, target="sketch")
    samples, model = Samples(data, DomainSpec(), SIZE, rows=2), RecordingModel()
    samples.write(model, tmp_path, 1)
    assert model.calls == [(None, {"seed": 0})]
    layout = json.loads((tmp_path / "samples" / "layout.json").read_text())
    assert [column["title"] for column in layout["columns"]] == ["translation"]
    assert layout["target"]


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_images_with_any_number_of_channels_are_drawn(tmp_path, channels: int) -> None:
    for name in "ab":
        for number in range(2):
            write_image(torch.rand(channels, 16, 12) * 2 - 1, tmp_path / "data" / name / f"{number}.png")
    data = open_data(tmp_path / "data", batch_kind="labelled")
    samples = Samples(data, data.domain, Transform(16, 12), rows=2)
    with Image.open(samples.write(RecordingModel(), tmp_path, 1)) as grid:
        assert grid.mode == "RGB"
    assert json.loads((tmp_path / "samples" / "layout.json").read_text())["cell"] == [128, 96]


def test_a_model_with_random_styles_shows_several_translations_of_each_image() -> None:
    data = faces(("hair",))
    samples, model = Samples(data, data.domain, SIZE, rows=2, styles=2), RecordingModel()
    samples.translate(model)  # type: ignore[arg-type]

    assert [column.get_title(with_attribute=False) for column in samples.columns[:3]] == ["black 1", "black 2", "brown 1"]
    assert {options["seed"] for _, options in model.calls} == {0, 1}
