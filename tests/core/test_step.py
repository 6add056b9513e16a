"""The generic step: micro-batches, gating, intervals and who moves."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from core.test_toy_bicyclegan import BICYCLEGAN
from core.test_toy_cyclegan import CYCLEGAN
from core.test_toy_munit import MUNIT
from core.test_toy_stargan import PERM, STARGAN, the_batch
from core.test_toy_stylegan2 import STYLEGAN2
from core.toys.assembly import Calls, assemble, assert_equal, batch_of, by_hand
from torch import Tensor

from i2ikit import Model, RandomStreams, Recipe, Term, Translation
from i2ikit.core.random_streams import Share
from i2ikit.core.storage import load_weights
from i2ikit.errors import NonFiniteLossError, PlanError, UnknownNameError

BOTH: dict[str, Any] = {"players": {"translator": {"every": 1}}}


def largest_difference(one: Model, other: Model) -> float:
    return max(float((own - its).detach().abs().max()) for own, its in zip(one.nets.parameters(), other.nets.parameters(), strict=True))


@pytest.mark.parametrize("parts", [2, 3])
@pytest.mark.parametrize(
    ("recipe", "changes"),
    [
        pytest.param(STARGAN, BOTH, id="stargan"),
        pytest.param(CYCLEGAN, {"players": {"discriminator": {"pool": 4}}}, id="cyclegan"),
        pytest.param(MUNIT, {}, id="munit"),
        pytest.param(BICYCLEGAN, {}, id="bicyclegan"),
        pytest.param(STYLEGAN2, {"terms": {"translator/path": None}}, id="stylegan2"),  # its running mean mixes the batch
    ],
)
def test_micro_batches_equal_the_big_batch(recipe: Recipe, changes: dict[str, Any], parts: int) -> None:
    whole, split = assemble(recipe, **changes), assemble(recipe, **changes)
    start = by_hand(whole)
    for index in range(2):
        batch = the_batch(whole, index) if recipe is STARGAN else batch_of(whole, 6, seed=index)
        logs, own = whole.step(batch), split.step(batch, accumulate=parts)
        assert {name: float(value) for name, value in own.items()} == pytest.approx({name: float(value) for name, value in logs.items()})
    assert_equal(split, whole.nets, start)


def test_given_draws_are_shared_among_micro_batches() -> None:
    whole, split = assemble(STARGAN, **BOTH), assemble(STARGAN, **BOTH)
    alpha = torch.rand(6, generator=torch.Generator().manual_seed(0)).double()
    for model, parts in ((whole, 1), (split, 3)):
        model.step(the_batch(model), draws={"perm": PERM, "alpha": alpha}, accumulate=parts)
    assert largest_difference(whole, split) < 1e-12


def test_a_batch_that_cannot_be_split_equally_is_refused() -> None:
    model = assemble(STARGAN)
    with pytest.raises(PlanError, match="A batch of 6 rows cannot be split into 4 equal parts"):
        model.step(the_batch(model), accumulate=4)


def test_micro_batches_of_a_discriminator_first_recipe_run_the_generator_without_gradients_for_the_discriminator() -> None:
    model = assemble(STARGAN, **BOTH)
    calls = Calls(model)
    model.step(the_batch(model), accumulate=2)
    assert [counts["generator"] for counts in calls.take()] == [6, 4]


def test_retranslating_makes_the_fakes_anew_for_each_player_and_changes_nothing_where_the_discriminator_plays_first() -> None:
    shared, anew = assemble(STARGAN, **BOTH), assemble(STARGAN, retranslate=True, **BOTH)
    calls = Calls(anew)
    for model in (shared, anew):
        model.step(the_batch(model))
    assert [counts["generator"] for counts in calls.take()] == [3, 2]
    assert largest_difference(shared, anew) < 1e-12


def poisoned(model: Model) -> dict[str, Any]:
    batch = the_batch(model)
    batch["image"][1, 0, 0, 0] = float("nan")
    return {**batch, "file": [f"{index}.png" for index in range(6)]}


def test_a_loss_that_is_not_finite_leaves_weights_and_optimizers_as_they_were() -> None:
    model, spared = assemble(STARGAN, **BOTH), assemble(STARGAN, **BOTH)
    draws = {"perm": PERM, "alpha": torch.full((6,), 0.5)}
    for each in (model, spared):
        each.step(the_batch(each), draws=draws)
    model.step(poisoned(model), draws=draws)
    assert largest_difference(model, spared) == 0
    with pytest.raises(NonFiniteLossError):
        model.step(the_batch(model))
    for each in (model, spared):
        each.step(the_batch(each, 1), draws=draws)
    assert largest_difference(model, spared) == 0


def test_the_next_step_names_terms_step_and_files_of_a_loss_that_was_not_finite() -> None:
    model = assemble(STARGAN, **BOTH)
    model.step(the_batch(model))
    model.step(poisoned(model))
    with pytest.raises(NonFiniteLossError) as caught:
        model.step(the_batch(model))
    assert str(caught.value) == (
        '"discriminator/adversarial" and "discriminator/penalty" and "discriminator/domain" became NaN or infinite in step 2; this update and the rest of '
        "the step were left out. Its files: 0.png, 1.png, 2.png, 3.png, 4.png, 5.png. Look at these images, or lower the learning rate."
    )


def test_what_follows_in_a_step_after_a_loss_that_was_not_finite_is_left_out_too() -> None:
    terms = {"discriminator/bad": Term(infinite)}
    model, start = assemble(STARGAN, terms=terms, **BOTH), assemble(STARGAN, terms=terms, **BOTH)
    model.step(the_batch(model))
    assert largest_difference(model, start) == 0  # the translator's own losses were finite
    with pytest.raises(NonFiniteLossError, match='"discriminator/bad" became NaN or infinite in step 1'):
        model.step(the_batch(model))


def infinite(t: Translation) -> Tensor:
    return t.discriminate("real").scores[0].mean() * float("inf")


def test_the_first_step_of_sgd_may_be_skipped() -> None:
    changes = {name: {"every": 1, "optimizer": {"name": "sgd"}} for name in ("discriminator", "translator")}
    model, spared = assemble(STARGAN, players=changes), assemble(STARGAN, players=changes)
    model.step(poisoned(model))
    with pytest.raises(NonFiniteLossError):
        model.step(the_batch(model))
    draws = {"perm": PERM, "alpha": torch.full((6,), 0.5)}
    for each in (model, spared):
        for optimizer in (each.optimizer(player) for player in each.recipe.players):
            assert all(not state["momentum_buffer"].any() for state in optimizer.state.values())
        each.step(the_batch(each), draws=draws)
    assert largest_difference(model, spared) == 0


def overflowing(t: Translation) -> Tensor:
    return (t.fake.mean() * 0).sqrt()  # zero, with an infinite gradient


def test_a_gradient_that_is_not_finite_is_caught_too() -> None:
    model = assemble(STARGAN, terms={"translator/overflow": Term(overflowing)}, **BOTH)
    start = by_hand(model)
    model.step(the_batch(model))
    assert_equal(model, model.nets, start, still=("generator",))
    with pytest.raises(NonFiniteLossError, match='The gradient of "translator" became NaN or infinite in step 1'):
        model.step(the_batch(model))


def test_a_pool_keeps_no_image_that_is_not_finite() -> None:
    model = assemble(CYCLEGAN)
    batch = batch_of(model)
    batch["a"][0] = float("nan")
    model.step(batch)
    assert all(torch.isfinite(tensor).all() for tensor in model.pools.buffers())


def test_a_pool_is_as_large_as_the_images_of_the_step() -> None:
    model = assemble(CYCLEGAN)
    for side in (16, 24, 24):
        model.step({name: torch.rand(2, 3, side, 12, dtype=torch.float64) for name in ("a", "b")})
    pool = model.get_buffer("pools.discriminator__a_to_b.images")
    assert pool.shape[-2:] == (24, 12)
    assert int(model.get_buffer("pools.discriminator__a_to_b.filled")) == 4
    again = assemble(CYCLEGAN)
    again.step(batch_of(again))
    load_weights(again, dict(model.state_dict()), "the file")
    assert torch.equal(again.get_buffer("pools.discriminator__a_to_b.images"), pool)


def test_gradients_of_slots_that_a_turn_leaves_alone_do_not_linger() -> None:
    model = assemble(
        BICYCLEGAN, terms={"translator/latent": Term("toy_latent", 0.5, translations="random", updates=("generator",), turn="alone")}
    )
    seen: list[bool] = []
    apply = model.engine.apply

    def spy(*arguments: Any) -> Tensor:
        seen.append(model.slot("style_encoder").get_parameter("mean.weight").grad is not None)
        return apply(*arguments)

    model.engine.apply = spy  # type: ignore[method-assign, assignment]
    model.step(batch_of(model))
    assert seen[:2] == [True, False]


def test_a_term_on_a_translation_that_the_plan_does_not_make_is_refused_with_the_nearest_name() -> None:
    model = assemble(MUNIT, rehearsal=False, terms={"translator/style": {"translations": ("a_to_bb",)}})
    with pytest.raises(UnknownNameError, match=r'No translation is called "a_to_bb"\. Did you mean "a_to_b"'):
        model.step(batch_of(model))


def test_draws_for_another_number_of_batches_are_refused() -> None:
    model = assemble(STARGAN)
    with pytest.raises(PlanError, match="Draws were given for 2 batches, and the step has 1"):
        model.step(the_batch(model), draws=[{}, {}])


def test_a_batch_for_another_plan_says_which_plan_it_was_made_for() -> None:
    model, other = assemble(STARGAN), assemble(BICYCLEGAN)
    with pytest.raises(PlanError) as caught:
        model.step(batch_of(other))
    assert str(caught.value) == 'Plan "labelled" needs batch["label"]; this batch has: image, target. It was made for plan "paired".'


def test_under_an_autocast_of_the_callers_no_cast_of_an_old_weight_lives_on() -> None:
    model = assemble(STARGAN, lr=0.3, **BOTH).float()
    image = torch.rand(2, 3, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        model.step(model.example_batch(2))
        inside = model.discriminate(image).scores[0]
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(model.discriminate(image).scores[0], inside)


def test_each_micro_batch_draws_dropout_of_its_own() -> None:
    def drawn(share: Share) -> Tensor:
        with RandomStreams((0,), share=share).seeded("fake/generator"):
            return torch.rand(4)

    assert torch.equal(drawn(Share()), drawn(Share()))
    assert not torch.equal(drawn(Share(0, 2)), drawn(Share(1, 2)))
