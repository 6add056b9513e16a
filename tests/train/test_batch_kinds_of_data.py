"""Which data sets serve which batch kinds, and a training on images without labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from i2ikit import BatchKind, Player, Recipe, Slot, Term, build, default_registry, fit, open_data
from i2ikit.core.batch_kinds import BATCH_KINDS
from i2ikit.data import can_serve
from i2ikit.errors import DataError
from i2ikit.evaluation import evaluate
from i2ikit.train.progress import Silent

LABELS = BatchKind("labels if there are any", label="optional")


class Data:
    """A data set of an arrangement."""

    def __init__(self, batch_kind: str) -> None:
        self.batch_kind = batch_kind


@pytest.mark.parametrize(
    ("kind", "served"),
    [
        (BATCH_KINDS["labelled"], ["labelled"]),
        (BATCH_KINDS["paired"], ["paired"]),
        (BATCH_KINDS["unpaired"], ["unpaired"]),
        (BATCH_KINDS["sampled"], ["labelled", "images"]),
        (BATCH_KINDS["images"], ["labelled", "images"]),
        (LABELS, ["labelled", "images"]),
        (BatchKind("mine", data="mine"), ["mine"]),
    ],
    ids=str,
)
def test_a_kind_is_served_by_the_arrangements_that_have_what_it_needs(kind: BatchKind, served: list[str]) -> None:
    names = ("labelled", "paired", "unpaired", "images", "mine")
    assert [name for name in names if can_serve(Data(name), kind)] == served


def test_a_recipe_of_images_without_labels_trains_on_labelled_images(tmp_path: Path) -> None:
    generator = Slot(default_registry().recipe("pix2pix").slots["generator"].component, {"width": 4, "depth": 3})
    slots = {"encoder": Slot("identity_encoder"), "generator": generator}
    translator = Player("translator", ("generator",), {"l1": Term("l1_loss")})
    model = build(Recipe("autoencoder", slots, "images", (translator,)), size=16, batch=2)
    data = open_data("faces:count=24,size=16")
    fit(model, data, tmp_path / "run", steps=1, progress=Silent())
    assert (tmp_path / "run/samples/step-00000001.png").is_file()
    report = evaluate(model, data, classifier=None, limit=2)
    assert report.number("psnr").protocol["count"] == 2
    assert report.left_out["psnr_copy"] == "Each input is its own target."
    with pytest.raises(DataError, match=r'requires images data; "faces" is unpaired\. Open the data with batch_kind="images"'):
        fit(model, open_data("faces:count=24,size=16,domains=neutral"), tmp_path / "other", steps=2, progress=Silent())
