"""The label of a translation: what is named, told, read by the discriminator and left unknown."""

from __future__ import annotations

import pytest
import torch
from inference.test_translate import SMALL, image, model
from torch import Tensor
from toy_plugins import make_plugin

from i2ikit import Component, Model, Registry, build
from i2ikit.errors import OptionError

__all__ = ["image", "model"]


def test_attributes_not_named_are_kept_from_the_label(model: Model, image: Tensor) -> None:
    answer = model.translate(image, to={"hair": "red"}, label={"hair": "black", "glasses": 1, "mood": "happy"}, details=True)

    assert answer.values[0] == {"hair": "red", "glasses": "yes", "mood": "happy"}
    assert answer.origin == {"hair": "to", "glasses": "label", "mood": "label"}


def test_label_need_not_tell_what_the_target_names(image: Tensor) -> None:
    model = build("stargan", size=16, labels={"hair": ("black", "blond"), "glasses": bool}, **SMALL)
    answer = model.translate(image, to={"hair": "blond"}, label={"glasses": 1}, details=True)

    assert answer.values[0] == {"hair": "blond", "glasses": "yes"}
    assert answer.origin == {"hair": "to", "glasses": "label"}


def test_attributes_not_named_are_read_by_the_discriminator(model: Model, image: Tensor) -> None:
    answer = model.translate(image, to={"hair": "red"}, details=True)
    logits = model.discriminate(image).domain_logits
    assert logits is not None

    assert answer.origin == {"hair": "to", "glasses": "discriminator", "mood": "discriminator"}
    assert [row["mood"] for row in answer.values] == [("calm", "happy")[int(row[4:6].argmax())] for row in logits]
    assert [row["glasses"] for row in answer.values] == ["yes" if row[3] > 0 else "no" for row in logits]


def discriminators(model: Model, image: Tensor, name: str) -> list[str | None]:
    logits = model.discriminate(image).domain_logits
    assert logits is not None
    return [model.domain.decode([*row, 1.0, 1.0])[name] if name == "mood" else "yes" if row[3] > 0 else "no" for row in logits.tolist()]


def test_a_label_that_tells_a_part_leaves_the_rest_to_the_discriminator(model: Model, image: Tensor) -> None:
    answer = model.translate(image, to={"hair": "red"}, label={"hair": "black"}, details=True)

    assert answer.origin == {"hair": "to", "glasses": "discriminator", "mood": "discriminator"}
    assert [row["glasses"] for row in answer.values] == discriminators(model, image, "glasses")


def test_a_set_that_the_label_calls_unknown_stays_unknown_unless_the_target_touches_it(model: Model, image: Tensor) -> None:
    told = torch.tensor(model.domain.encode({"mood": "calm"})).expand(2, -1)  # the mask says that hair and glasses are unknown
    answer = model.translate(image, to={"mood": "happy"}, label=told, details=True)
    touched = model.translate(image, to={"hair": "red"}, label=told, details=True)
    said = model.translate(image, to={"mood": "happy"}, label={"hair": None, "glasses": ""}, details=True)

    assert answer.origin == {"hair": "unknown", "glasses": "unknown", "mood": "to"}
    assert answer.label[:, -2:].tolist() == [[0, 1], [0, 1]]
    assert not answer.label[:, :4].any()
    assert touched.origin == {"hair": "to", "glasses": "discriminator", "mood": "label"}
    assert [row["glasses"] for row in touched.values] == discriminators(model, image, "glasses")
    assert said.origin == answer.origin


def test_each_row_may_know_something_else(model: Model, image: Tensor) -> None:
    rows = [{"hair": "black", "glasses": 1, "mood": "calm"}, {"mood": "happy"}]
    answer = model.translate(image, to={"hair": "red"}, label=rows, details=True)

    assert answer.values[0] == {"hair": "red", "glasses": "yes", "mood": "calm"}
    assert answer.values[1] == {"hair": "red", "glasses": discriminators(model, image, "glasses")[1], "mood": "happy"}
    assert answer.origin == {"hair": "to", "glasses": "discriminator", "mood": "label"}


def test_a_discriminator_that_was_never_trained_is_not_asked(model: Model, image: Tensor) -> None:
    model.preprocessing = {"untrained": ["discriminator"]}
    with pytest.raises(OptionError, match="this model has no trained discriminator"):
        model.translate(image, to={"hair": "red"})
    model.preprocessing = {}


def test_unknown_source_masks_the_sets_that_are_not_named(model: Model, image: Tensor) -> None:
    answer = model.translate(image, to={"mood": "happy"}, source="unknown", details=True)

    assert answer.label.tolist()[0] == [0, 0, 0, 0, 0, 1, 0, 1]
    assert answer.values[0] == {"hair": None, "glasses": None, "mood": "happy"}
    assert answer.origin["hair"] == "unknown"


def test_label_tensor_is_taken_as_it_is(model: Model, image: Tensor) -> None:
    label = torch.tensor([[0.0, 1, 0, 1, 1, 0, 1, 1], [1.0, 0, 0, 0, 0, 1, 1, 1]])
    by_label = model.translate(image, to=label)
    by_name = model.translate(image[:1], to={"hair": "blond", "glasses": 1, "mood": "calm"})

    torch.testing.assert_close(by_label[:1], by_name)


def test_a_label_that_tells_half_of_an_untouched_set_keeps_that_half(model: Model, image: Tensor) -> None:
    answer = model.translate(image, to={"mood": "happy"}, label={"hair": "black"}, details=True)

    assert answer.origin == {"hair": "label", "glasses": "discriminator", "mood": "to"}
    assert [row["hair"] for row in answer.values] == ["black", "black"]
    assert [row["glasses"] for row in answer.values] == discriminators(model, image, "glasses")


def test_a_row_of_which_nothing_is_said_is_read_by_the_discriminator_beside_one_that_is_told(model: Model, image: Tensor) -> None:
    rows = [{"hair": "black", "glasses": 1}, {}]
    answer = model.translate(image, to={"mood": "happy"}, label=rows, details=True)
    masked = model.translate(image, to={"mood": "happy"}, label=rows, source="unknown", details=True)

    assert answer.values[0] == masked.values[0] == {"hair": "black", "glasses": "yes", "mood": "happy"}
    assert answer.values[1]["glasses"] == discriminators(model, image, "glasses")[1]
    assert masked.values[1] == {"hair": None, "glasses": None, "mood": "happy"}


def test_a_discriminator_that_came_untrained_is_asked_once_it_has_been_trained(model: Model, image: Tensor) -> None:
    model.preprocessing = {"untrained": ["discriminator"]}
    model.steps_done = 1
    assert model.translate(image, to={"mood": "happy"}, details=True).origin["hair"] == "discriminator"
    model.preprocessing, model.steps_done = {}, 0


@pytest.mark.parametrize("tile", [None, 16])
@pytest.mark.filterwarnings("ignore:The result in tiles differs")
def test_an_encoder_gets_the_label_of_the_source(tile: int | None, image: Tensor) -> None:
    registry = Registry()
    registry.register(make_plugin([Component("label_encoder", "encoder", "core.toys.parts:LabelEncoder", "A part.")]), "parts")
    model = build("stargan", registry=registry, size=16, labels={"glasses": bool}, encoder="label_encoder", **SMALL)
    wide = torch.cat([image, image], 3)
    fake = model.translate(wide, to={"glasses": 1}, label={"glasses": 1}, tile=tile)
    by_hand = model.translate(wide + 1, to={"glasses": 1}, label={"glasses": 0}, tile=tile)
    torch.testing.assert_close(fake, by_hand)
