"""The value "none": one of the values of an attribute, or, in CelebA, the value without a label entry."""

from __future__ import annotations

from pathlib import Path

import pytest

from i2ikit import build, load
from i2ikit.core.domain import Attribute, DomainSpec, LabelSet
from i2ikit.errors import UnknownNameError

HAIR = ("black", "blond")


def make_spec(*attributes: Attribute) -> DomainSpec:
    return DomainSpec((LabelSet("labels", attributes),))


def test_none_is_a_value_with_an_entry_of_its_own() -> None:
    spec = make_spec(Attribute("glasses", ("none", "sunglasses", "reading")))
    assert spec.encode({"glasses": "none"}) == [1, 0, 0]
    assert spec.decode([1, 0, 0]) == {"glasses": "none"}
    assert DomainSpec.from_dict(spec.to_dict()) == spec


def test_an_attribute_without_that_value_refuses_it() -> None:
    with pytest.raises(UnknownNameError, match=r'^No value of "hair" is called "none"\. Available: black, blond\.$'):
        make_spec(Attribute("hair", HAIR)).encode({"hair": "none"})


def test_an_attribute_that_can_be_none_has_no_entry_for_it() -> None:
    spec = make_spec(Attribute("hair", HAIR, can_be_none=True))
    assert spec.encode({"hair": "none"}) == [0, 0]
    assert spec.decode([0, 0]) == {"hair": "none"}


def test_a_file_keeps_which_attributes_can_be_none() -> None:
    for can_be_none in (True, False):
        spec = make_spec(Attribute("hair", HAIR, can_be_none=can_be_none), Attribute("tone", ("dark", "light")), Attribute("hat"))
        assert [each.can_be_none for each in DomainSpec.from_dict(spec.to_dict()).attributes] == [can_be_none, False, False]


def test_every_attribute_of_an_earlier_file_can_be_none() -> None:
    stored = {"sets": {"labels": {"hair": list(HAIR), "hat": []}}, "masked": False}
    spec = DomainSpec.from_dict(stored)
    assert spec.encode({"hair": "none", "hat": "yes"}) == [0, 0, 1]
    assert spec.to_dict() == stored


def test_labels_are_equal_whether_or_not_an_attribute_can_be_none() -> None:
    assert make_spec(Attribute("hair", HAIR, can_be_none=True)) == make_spec(Attribute("hair", HAIR))


def test_a_saved_model_keeps_which_attributes_can_be_none(tmp_path: Path) -> None:
    for can_be_none in (True, False):
        labels = make_spec(Attribute("hair", HAIR, can_be_none=can_be_none), Attribute("tone", ("dark", "light")))
        model = build("stargan", labels=labels, size=8, generator={"width": 4, "blocks": 1}, discriminator={"width": 4, "depth": 2})
        folder = tmp_path / str(can_be_none)
        model.save(folder)
        assert [each.can_be_none for each in load(folder).domain.attributes] == [can_be_none, False]
