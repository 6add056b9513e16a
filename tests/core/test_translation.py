"""Views, memo and draws: what is computed when, and what random numbers depend on."""

from __future__ import annotations

import functools
import gc
import weakref
from typing import Any

import pytest
import torch
from core.test_toy_munit import MUNIT
from core.test_toy_stargan import STARGAN, the_batch
from core.toys.assembly import Calls, assemble, batch_of
from core.toys.special import posterior_of_target
from torch import Tensor

from i2ikit import Model, Term, Translation, view
from i2ikit.core.random_streams import RandomStreams
from i2ikit.core.step import split
from i2ikit.errors import PlanError, UnknownNameError


def translations_of(model: Model, batch: Any) -> list[Translation]:
    [(part, streams)] = split(model, batch, {}, 0, 1)
    return model.plan(model.nets, part, streams, True, **model.recipe.plan_options)


def the_translation(model: Model) -> Translation:
    return translations_of(model, the_batch(model))[0]


def brightness(t: Translation) -> Tensor:
    return t.fake.mean()


def test_a_view_is_computed_once() -> None:
    model = assemble(STARGAN)
    t, calls = the_translation(model), Calls(model)
    assert t.fake is t.fake
    assert t[brightness] is t[brightness]
    assert t.discriminate("fake") is t.discriminate("fake")
    assert calls.take()[0] == {"encoder": 1, "conditioner": 1, "generator": 1, "discriminator": 1}


def test_printing_a_translation_lists_what_has_been_computed() -> None:
    t = the_translation(assemble(STARGAN))
    assert repr(t) == "Translation(translation: nothing yet)"
    t.discriminate("fake")
    _ = t[brightness]
    assert repr(t) == "Translation(translation: brightness, code, discriminator_output(fake, discriminator), fake)"


def test_a_plugin_makes_a_view_of_a_function_or_with_the_decorator() -> None:
    t = the_translation(assemble(STARGAN))
    assert torch.equal(t[view(brightness)], t[brightness])


def test_an_update_of_the_discriminator_forgets_its_outputs_and_keeps_the_fake_with_its_graph() -> None:
    t = the_translation(assemble(STARGAN))
    before, fake = t.discriminate("fake"), t.fake
    t.forget(frozenset({"discriminator"}))
    assert t.fake is fake
    assert fake.requires_grad
    assert t.discriminate("fake") is not before


def test_an_update_of_the_generator_keeps_the_fake_as_a_value_and_forgets_what_came_of_it() -> None:
    model = assemble(STARGAN)
    t = the_translation(model)
    fake, cycle, bright = t.fake, t.cycle, t[brightness]
    t.forget(frozenset({"generator"}))
    assert torch.equal(t.fake, fake)
    assert not t.fake.requires_grad
    assert t.cycle is not cycle
    assert t[brightness] is not bright


def test_a_turn_that_trains_the_generator_again_makes_the_fake_anew_with_the_new_weights() -> None:
    model = assemble(STARGAN)
    t = the_translation(model)
    old = t.fake
    with torch.no_grad():
        model.slot("generator").get_parameter("out.bias").add_(1.0)
    t.forget(frozenset({"generator"}))
    t.updating = frozenset({"discriminator"})
    assert torch.equal(t.fake, old)
    assert torch.equal(t[brightness], old.mean())
    t.updating = frozenset({"generator"})
    assert t.fake.requires_grad
    assert not torch.equal(t.fake, old)
    assert t[brightness].requires_grad  # the view that a discriminator had computed of the old value is not taken for the new one


def test_a_output_for_the_discriminator_does_not_reach_the_generator_and_one_for_the_generator_does() -> None:
    model = assemble(STARGAN)
    t, weight = the_translation(model), model.slot("generator").get_parameter("out.weight")
    t.updating = frozenset({"discriminator"})
    assert torch.autograd.grad(t.discriminate("fake").scores[0].sum(), weight, allow_unused=True)[0] is None
    t.updating = frozenset({"generator"})
    assert torch.autograd.grad(t.discriminate("fake").scores[0].sum(), weight)[0].abs().sum() > 0


def test_a_view_that_the_plan_cannot_give_names_plan_and_term() -> None:
    model = assemble(STARGAN)
    t = the_translation(model)
    t.term = "translator/kl"
    with pytest.raises(
        PlanError, match='Term "translator/kl" asks for the true target, which plan "labelled" did not give translation "translation"'
    ):
        _ = t[posterior_of_target]


def test_a_translation_is_gone_after_the_step() -> None:
    model, seen = assemble(MUNIT), list[weakref.ref[Translation]]()
    plan = model.plan

    @functools.wraps(plan)
    def spy(*arguments: Any, **options: Any) -> list[Translation]:
        made = plan(*arguments, **options)
        seen.extend(weakref.ref(t) for t in made)
        return made

    model.plan = spy
    gc.disable()
    try:
        model.step(batch_of(model))
        assert [each() for each in seen] == [None, None]
    finally:
        gc.enable()


# -- draws


def noisy(t: Translation) -> Tensor:
    return t.normal("of another loss", 5).sum() + 0 * t.discriminate("fake").scores[0].sum()


def test_a_loss_that_draws_changes_no_other_draw() -> None:
    one, two = assemble(STARGAN), assemble(STARGAN, terms={"discriminator/noisy": Term(noisy, 0.0)})
    for index in range(2):
        one.step(the_batch(one, index))
        two.step(the_batch(two, index))
    for own, other in zip(one.nets.parameters(), two.nets.parameters(), strict=True):
        assert torch.equal(own, other)


def test_a_draw_that_is_given_by_name_replaces_the_stream() -> None:
    one, two, three = (assemble(STARGAN) for _ in range(3))
    alpha = RandomStreams((0, 0, 0), dtype=torch.float64).within("translation").uniform("alpha", (6, 1, 1, 1))
    logs = [
        one.step(the_batch(one)),
        two.step(the_batch(two), draws={"alpha": alpha}),
        three.step(the_batch(three), draws={"alpha": alpha.flip(0)}),
    ]
    penalties = [each["discriminator/penalty"] for each in logs]
    assert penalties[0] == penalties[1] != penalties[2]


def test_a_given_draw_that_nothing_draws_is_refused_with_the_nearest_name() -> None:
    model = assemble(STARGAN)
    with pytest.raises(UnknownNameError, match=r'No draw is called "alhpa"\. Did you mean "alpha"'):
        model.step(the_batch(model), draws={"alhpa": torch.zeros(6)})


def test_a_given_draw_of_another_size_is_refused() -> None:
    model = assemble(STARGAN)
    with pytest.raises(PlanError, match=r'Draw "alpha" was given as \[5\]; needed are \[6, 1, 1, 1\]'):
        model.step(the_batch(model), draws={"alpha": torch.zeros(5)})


def test_draws_depend_on_seed_step_and_translation() -> None:
    paths: list[tuple[object, ...]] = [(0, 0, 0, "a"), (1, 0, 0, "a"), (0, 1, 0, "a"), (0, 0, 1, "a"), (0, 0, 0, "b")]
    drawn = [float(RandomStreams(path).uniform("alpha", (1,))) for path in paths]
    assert len(set(drawn)) == len(drawn)
    assert float(RandomStreams(paths[0]).uniform("alpha", (1,))) == drawn[0]


def test_a_net_that_draws_by_itself_has_streams_of_its_own_and_leaves_the_global_one_alone() -> None:
    model = assemble(STARGAN, generator={"dropout": 0.5})
    state = torch.random.get_rng_state()
    fakes = []
    for _ in range(2):
        torch.rand(3)
        t = the_translation(model)
        fakes.append(t.fake)
        assert not torch.equal(t.decode(t.code, t.target_label), t.fake)
    assert torch.equal(*fakes)
    torch.random.set_rng_state(state)
    model.step(the_batch(model))
    assert torch.equal(torch.random.get_rng_state(), state)
