"""The titles of examples: a direction between domains and of pairs, else the requested value."""

from __future__ import annotations

import pytest

from i2ikit.core.batch_kinds import LABELLED, PAIRED, UNPAIRED
from i2ikit.data.dataset import Item
from i2ikit.train.sample_titles import describe_pair, describe_request


def test_a_translation_between_domains_has_its_direction() -> None:
    assert describe_request(UNPAIRED, Item("x.png", row={"domain": "horse"}), "domain", "zebra") == "horse → zebra"


def test_a_change_of_an_attribute_has_its_new_value() -> None:
    item = Item("x.png", row={"hair": "red", "glasses": "yes"})
    assert describe_request(LABELLED, item, "hair", "blond") == "hair: blond"
    assert describe_request(LABELLED, item, "glasses", "no") == "no glasses"


@pytest.mark.parametrize(
    ("source", "target", "title"),
    [
        ("photo/1.png", "sketch/1.png", "photo → sketch"),
        ("test/photo/1.png", "test/sketch/1.png", "photo → sketch"),
        ("testA/1.png", "testB/1.png", "A → B"),
        ("test_edges/1.png", "test_shoes/1.png", "edges → shoes"),
        ("all/1.png", "all/1.png", "source → target"),  # two halves of one image
        ("1-source.png", "1-target.png", "source → target"),
    ],
)
def test_a_pair_has_the_names_of_its_folders(source: str, target: str, title: str) -> None:
    item = Item(source, "test", target_file=target)
    assert describe_pair(item) == title
    assert describe_request(PAIRED, item, None, None) == title
