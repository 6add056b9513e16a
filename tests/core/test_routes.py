"""Which domains an unpaired plan translates between, and what a model says of it."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from core.test_toy_cyclegan import CYCLEGAN
from core.test_toy_stargan import STARGAN
from core.toys.assembly import Calls, assemble, batch_of
from torch import Tensor

from i2ikit import Nets, RandomStreams, Slot, Translation, batch_kind
from i2ikit.errors import BuildError, PlanError

ONE_WAY: dict[str, Any] = {"plan_options": {"directions": "forward"}, "generator": Slot("toy_painter"), "terms": {"translator/cycle": None}}


def test_both_ways_between_all_domains_is_the_default() -> None:
    assert assemble(CYCLEGAN).routes == (("a", "b"), ("b", "a"))
    assert len(assemble(CYCLEGAN, labels=("a", "b", "c")).routes) == 6


def test_forward_is_from_a_domain_to_those_declared_after_it() -> None:
    assert assemble(CYCLEGAN, **ONE_WAY).routes == (("a", "b"),)
    several = assemble(CYCLEGAN, labels=("c", "a", "b"), **{**ONE_WAY, "generator": Slot("toy_painter", per="pair")}, rehearsal=False)
    assert several.routes == (("c", "a"), ("c", "b"), ("a", "b"))


def test_one_generator_that_nothing_tells_where_to_is_refused() -> None:
    with pytest.raises(BuildError, match=r'It translates from "c" to "a" and to "b" by one generator, and nothing tells it which\.'):
        assemble(CYCLEGAN, labels=("c", "a", "b"), **ONE_WAY)


def test_backward_is_to_those_declared_before() -> None:
    options = {**ONE_WAY, "plan_options": {"directions": "backward"}, "generator": Slot("toy_painter", per="pair")}
    several = assemble(CYCLEGAN, labels=("a", "b", "c"), **options, rehearsal=False)
    assert several.routes == (("c", "b"), ("c", "a"), ("b", "a"))


def test_what_goes_one_way_is_explained() -> None:
    assert "plan     unpaired (directions=forward): a to b" in assemble(CYCLEGAN, **ONE_WAY).explain()
    assert "plan     unpaired (directions=both)\n" in assemble(CYCLEGAN).explain()


def test_the_other_way_is_neither_drawn_nor_scored() -> None:
    model = assemble(CYCLEGAN, **ONE_WAY)
    [translation] = model.plan(model.nets, batch_of(model), RandomStreams((0,)), True, directions="forward")
    assert (translation.name, translation.reverse) == ("a_to_b", None)
    calls = Calls(model)
    model.step(batch_of(model))
    assert calls.take()[0] == {"encoder": 2, "generator": 2, "discriminator": 3}


def test_another_way_is_refused_with_those_there_are() -> None:
    with pytest.raises(BuildError, match=r'Plan "unpaired" has no directions=.sideways.\. Available: backward, both, forward'):
        assemble(CYCLEGAN, plan_options={"directions": "sideways"})


def test_models_of_other_batches_have_no_routes() -> None:
    assert assemble(STARGAN).routes == ()


@batch_kind("unpaired", routes=lambda names, **_: [(name, names[0]) for name in names[1:]])
def to_the_first(nets: Nets, batch: dict[str, Tensor], streams: RandomStreams, requires_grad: bool) -> list[Translation]:
    return [
        Translation(
            nets, streams, name=name, real=batch[name], reference=batch["a"], source_name=name, target_name="a", requires_grad=requires_grad
        )
        for name in nets.domain.names[1:]
    ]


def test_a_plugin_s_plan_says_its_own_routes() -> None:
    recipe = evolve(CYCLEGAN, plan=to_the_first)
    model = assemble(recipe, labels=("a", "b", "c"), plan_options={}, terms={"translator/identity": None})
    assert model.routes == (("b", "a"), ("c", "a"))


def test_an_image_cannot_be_encoded_without_an_encoder() -> None:
    model = assemble(CYCLEGAN)
    translation = model.plan(model.nets, batch_of(model), RandomStreams((0,)), True)[0]
    with pytest.raises(
        PlanError, match='no slot "style_encoder", so that no image can be encoded or translated; plan "unpaired" draws without'
    ):
        translation.encode(translation.real, None, None, slot="style_encoder")
