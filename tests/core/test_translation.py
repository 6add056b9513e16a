"""Views and random numbers: when views are computed, and what random numbers depend on."""

from __future__ import annotations

import functools
import gc
import weakref
from typing import Any

import pytest
import torch
from core.small_systems import BICYCLEGAN, MUNIT, STARGAN, make_labelled_batch
from core.toys.assembly import Calls, assemble, make_batch
from torch import Tensor

from i2ikit import Model, Recipe, Slot, Term, Translation, view
from i2ikit.core.random_streams import RandomStreams
from i2ikit.core.step import split
from i2ikit.errors import PlanError, UnknownNameError
from i2ikit_bicyclegan.styles import posterior_of_target


def make_translations(model: Model, batch: Any) -> list[Translation]:
    [(part, streams)] = split(model, batch, {}, 0, 1)
    return model.plan(model.nets, part, streams, True, **model.recipe.plan_options)


def make_translation(model: Model) -> Translation:
    return make_translations(model, make_labelled_batch(model))[0]


def brightness(t: Translation) -> Tensor:
    return t.fake.mean()


def test_a_view_is_computed_once() -> None:
    model = assemble(STARGAN)
    t, calls = make_translation(model), Calls(model)
    assert t.fake is t.fake
    assert t[brightness] is t[brightness]
    assert t.discriminate("fake") is t.discriminate("fake")
    assert calls.pop_counts()[0] == {"encoder": 1, "conditioner": 1, "generator": 1, "discriminator": 1}


def test_the_text_of_a_translation_lists_the_computed_views() -> None:
    t = make_translation(assemble(STARGAN))
    assert repr(t) == "Translation(translation: no views computed)"
    t.discriminate("fake")
    _ = t[brightness]
    assert repr(t) == "Translation(translation: brightness, code, conditioned, discriminator_output(fake, discriminator), fake)"


def test_a_view_is_a_function_with_or_without_the_decorator() -> None:
    t = make_translation(assemble(STARGAN))
    assert torch.equal(t[view(brightness)], t[brightness])


def test_an_update_of_the_discriminator_drops_its_outputs_and_keeps_the_fake_with_its_graph() -> None:
    t = make_translation(assemble(STARGAN))
    before, fake = t.discriminate("fake"), t.fake
    t.forget(frozenset({"discriminator"}))
    assert t.fake is fake
    assert fake.requires_grad
    assert t.discriminate("fake") is not before


def test_an_update_of_the_generator_detaches_the_fake_and_drops_the_views_that_depend_on_it() -> None:
    model = assemble(STARGAN)
    t = make_translation(model)
    fake, cycle, bright = t.fake, t.cycle, t[brightness]
    t.forget(frozenset({"generator"}))
    assert torch.equal(t.fake, fake)
    assert not t.fake.requires_grad
    assert t.cycle is not cycle
    assert t[brightness] is not bright


def test_a_later_turn_of_the_generator_generates_the_fake_again_with_the_new_weights() -> None:
    model = assemble(STARGAN)
    t = make_translation(model)
    old = t.fake
    with torch.no_grad():
        model.slot("generator").get_parameter("draw.weight").add_(1.0)
    t.forget(frozenset({"generator"}))
    t.updating = frozenset({"discriminator"})
    assert torch.equal(t.fake, old)
    assert torch.equal(t[brightness], old.mean())
    t.updating = frozenset({"generator"})
    assert t.fake.requires_grad
    assert not torch.equal(t.fake, old)
    assert t[brightness].requires_grad  # the view of the old fake, computed in the turn of the discriminator, is not used


def test_the_gradient_of_an_output_reaches_the_generator_only_in_its_own_turn() -> None:
    model = assemble(STARGAN)
    t, weight = make_translation(model), model.slot("generator").get_parameter("draw.weight")
    t.updating = frozenset({"discriminator"})
    assert torch.autograd.grad(t.discriminate("fake").scores[0].sum(), weight, allow_unused=True)[0] is None
    t.updating = frozenset({"generator"})
    assert torch.autograd.grad(t.discriminate("fake").scores[0].sum(), weight)[0].abs().sum() > 0


def test_the_error_for_a_missing_input_of_a_view_names_plan_and_term() -> None:
    model = assemble(STARGAN)
    t = make_translation(model)
    t.term = "translator/kl"
    with pytest.raises(PlanError, match='Term "translator/kl" requires target images, but plan "labelled" sets none'):
        _ = t[posterior_of_target]


def half_loss(t: Translation) -> Tensor:
    return t.take_every(2).fake.square().mean()


@pytest.mark.parametrize(
    ("recipe", "overrides"),
    [
        pytest.param(MUNIT, {}, id="reverse"),
        pytest.param(MUNIT, {"retranslate": True, "redraw": True}, id="retranslate"),
        pytest.param(BICYCLEGAN, {"terms": {"translator/half": half_loss}}, id="part"),  # its style is a view
    ],
)
def test_translations_are_freed_after_the_step(recipe: Recipe, overrides: dict[str, Any]) -> None:
    model, references = assemble(recipe, **overrides), list[weakref.ref[Translation]]()
    plan = model.plan

    @functools.wraps(plan)
    def spy(*arguments: Any, **options: Any) -> list[Translation]:
        translations = plan(*arguments, **options)
        references.extend(weakref.ref(each) for t in translations for each in (t, t.take_every(2)))
        return translations

    model.plan = spy
    gc.disable()
    try:
        model.step(make_batch(model))
        assert {each() for each in references} == {None}
    finally:
        gc.enable()


# -- random numbers


def noisy_loss(t: Translation) -> Tensor:
    return t.normal("of another loss", 5).sum() + 0 * t.discriminate("fake").scores[0].sum()


def test_a_loss_with_random_numbers_does_not_change_those_of_others() -> None:
    one, two = assemble(STARGAN), assemble(STARGAN, terms={"discriminator/noisy": Term(noisy_loss, 0.0)})
    for index in range(2):
        one.step(make_labelled_batch(one, index))
        two.step(make_labelled_batch(two, index))
    for own, other in zip(one.nets.parameters(), two.nets.parameters(), strict=True):
        assert torch.equal(own, other)


def test_a_tensor_replaces_a_draw_by_its_name() -> None:
    one, two, three = (assemble(STARGAN) for _ in range(3))
    alpha = RandomStreams((0, 0, 0), dtype=torch.float64).for_translation("translation").uniform("alpha", (6, 1, 1, 1))
    logs = [
        one.step(make_labelled_batch(one)),
        two.step(make_labelled_batch(two), draws={"alpha": alpha}),
        three.step(make_labelled_batch(three), draws={"alpha": alpha.flip(0)}),
    ]
    penalties = [each["discriminator/penalty"] for each in logs]
    assert penalties[0] == penalties[1] != penalties[2]


def test_an_unknown_draw_is_refused_with_the_nearest_name() -> None:
    model = assemble(STARGAN)
    with pytest.raises(UnknownNameError, match=r'No draw is called "alhpa"\. Did you mean "alpha"'):
        model.step(make_labelled_batch(model), draws={"alhpa": torch.zeros(6)})


def test_a_replacement_of_another_size_is_refused() -> None:
    model = assemble(STARGAN)
    with pytest.raises(PlanError, match=r'draw "alpha" is replaced by a tensor of shape \[5\]; expected \[6, 1, 1, 1\]'):
        model.step(make_labelled_batch(model), draws={"alpha": torch.zeros(5)})


def test_random_numbers_depend_on_seed_step_batch_and_translation() -> None:
    paths: list[tuple[object, ...]] = [(0, 0, 0, "a"), (1, 0, 0, "a"), (0, 1, 0, "a"), (0, 0, 1, "a"), (0, 0, 0, "b")]
    numbers = [float(RandomStreams(path).uniform("alpha", (1,))) for path in paths]
    assert len(set(numbers)) == len(numbers)
    assert float(RandomStreams(paths[0]).uniform("alpha", (1,))) == numbers[0]


def test_dropout_uses_named_streams_and_does_not_change_the_global_random_state() -> None:
    model = assemble(STARGAN, generator=Slot("toy_painter", {"dropout": 0.5}))
    state = torch.random.get_rng_state()
    fakes = []
    for _ in range(2):
        torch.rand(3)
        t = make_translation(model)
        fakes.append(t.fake)
        assert not torch.equal(t.decode(t.code, t.target_label), t.fake)
    assert torch.equal(*fakes)
    torch.random.set_rng_state(state)
    model.step(make_labelled_batch(model))
    assert torch.equal(torch.random.get_rng_state(), state)
