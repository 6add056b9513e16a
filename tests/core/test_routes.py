"""The routes of unpaired plans: the pairs of domains that a model translates."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from core.small_systems import CYCLEGAN, STARGAN
from core.toys.assembly import Calls, assemble, make_batch
from torch import Tensor

from i2ikit import Nets, RandomStreams, Translation, batch_kind
from i2ikit.errors import BuildError, PlanError

ONE_WAY: dict[str, Any] = {
    "plan_options": {"directions": "forward"},
    "slots": {"generator": {"per": None}},
    "terms": {"translator/cycle": None},
}


def test_the_default_is_both_directions_between_all_domains() -> None:
    assert assemble(CYCLEGAN).routes == (("a", "b"), ("b", "a"))
    assert len(assemble(CYCLEGAN, labels=("a", "b", "c")).routes) == 6


def test_forward_is_from_a_domain_to_the_domains_declared_after_it() -> None:
    assert assemble(CYCLEGAN, **ONE_WAY).routes == (("a", "b"),)
    several = assemble(CYCLEGAN, labels=("c", "a", "b"), **{**ONE_WAY, "slots": {}}, rehearsal=False)
    assert several.routes == (("c", "a"), ("c", "b"), ("a", "b"))


def test_one_generator_for_several_targets_without_the_target_domain_is_refused() -> None:
    with pytest.raises(BuildError, match=r'One generator translates to "a" and to "b", but it does not receive the target domain\.'):
        assemble(CYCLEGAN, labels=("c", "a", "b"), **ONE_WAY)


def test_backward_is_from_a_domain_to_the_domains_declared_before_it() -> None:
    options = {**ONE_WAY, "plan_options": {"directions": "backward"}, "slots": {}}
    several = assemble(CYCLEGAN, labels=("a", "b", "c"), **options, rehearsal=False)
    assert several.routes == (("c", "b"), ("c", "a"), ("b", "a"))


def test_the_explanation_names_the_only_direction() -> None:
    assert "plan     unpaired (directions=forward): a to b" in assemble(CYCLEGAN, **ONE_WAY).explain()
    assert "plan     unpaired (directions=both)\n" in assemble(CYCLEGAN).explain()


def test_nothing_is_computed_for_the_other_direction() -> None:
    model = assemble(CYCLEGAN, **ONE_WAY)
    [translation] = model.plan(model.nets, make_batch(model), RandomStreams((0,)), True, directions="forward")
    assert (translation.name, translation.reverse) == ("a_to_b", None)
    calls = Calls(model)
    model.step(make_batch(model))
    assert calls.pop_counts()[0] == {"encoder": 2, "generator": 2, "discriminator": 3}


def test_an_unknown_direction_is_refused_with_the_available_ones() -> None:
    with pytest.raises(BuildError, match=r'Plan "unpaired" does not support directions=.sideways.\. Available: backward, both, forward'):
        assemble(CYCLEGAN, plan_options={"directions": "sideways"})


def test_models_of_other_batch_kinds_have_no_routes() -> None:
    assert assemble(STARGAN).routes == ()


@batch_kind("unpaired", routes=lambda names, **_: [(name, names[0]) for name in names[1:]])
def translate_to_the_first(nets: Nets, batch: dict[str, Tensor], streams: RandomStreams, requires_grad: bool) -> list[Translation]:
    return [
        Translation(
            nets,
            streams,
            name=name,
            real=batch["images"][name],
            reference=batch["images"]["a"],
            source_name=name,
            target_name="a",
            requires_grad=requires_grad,
        )
        for name in nets.domain.names[1:]
    ]


def test_the_plan_of_a_plugin_may_set_its_own_routes() -> None:
    recipe = evolve(CYCLEGAN, plan=translate_to_the_first)
    model = assemble(recipe, labels=("a", "b", "c"), plan_options={}, terms={"translator/identity": None})
    assert model.routes == (("b", "a"), ("c", "a"))


def test_an_image_cannot_be_encoded_without_an_encoder() -> None:
    model = assemble(CYCLEGAN)
    translation = model.plan(model.nets, make_batch(model), RandomStreams((0,)), True)[0]
    with pytest.raises(PlanError, match='no slot "style_encoder" and cannot encode images'):
        translation.encode(translation.real, None, None, slot="style_encoder")
