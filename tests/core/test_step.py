"""The training step: micro-batches, losses that are not finite, pools, and gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from core.small_systems import BICYCLEGAN, CYCLEGAN, MUNIT, PERM, STARGAN, make_labelled_batch
from core.test_toy_stylegan2 import STYLEGAN2
from core.toys.assembly import Calls, assemble, assert_equal, copy_nets, make_batch
from torch import Tensor

from i2ikit import Model, RandomStreams, Recipe, Term, Translation
from i2ikit.core.model_state import load_weights
from i2ikit.core.random_streams import Share
from i2ikit.core.step import split
from i2ikit.errors import NonFiniteLossError, PlanError, UnknownNameError

BOTH: dict[str, Any] = {"players": {"translator": {"every": 1}}}


def get_largest_difference(one: Model, other: Model) -> float:
    return max(float((own - its).detach().abs().max()) for own, its in zip(one.nets.parameters(), other.nets.parameters(), strict=True))


@pytest.mark.parametrize("parts", [2, 3])
@pytest.mark.parametrize(
    ("recipe", "overrides"),
    [
        pytest.param(STARGAN, BOTH, id="stargan"),
        pytest.param(CYCLEGAN, {"players": {"discriminator": {"pool": 4}}}, id="cyclegan"),
        pytest.param(MUNIT, {}, id="munit"),
        pytest.param(BICYCLEGAN, {}, id="bicyclegan"),
        pytest.param(STYLEGAN2, {"terms": {"translator/path": None}}, id="stylegan2"),  # its running mean mixes the batch
    ],
)
def test_micro_batches_equal_the_whole_batch(recipe: Recipe, overrides: dict[str, Any], parts: int) -> None:
    whole, split = assemble(recipe, **overrides), assemble(recipe, **overrides)
    start = copy_nets(whole)
    for index in range(2):
        batch = make_labelled_batch(whole, index) if recipe is STARGAN else make_batch(whole, 6, seed=index)
        logs, own = whole.step(batch), split.step(batch, accumulate=parts)
        assert {name: float(value) for name, value in own.items()} == pytest.approx({name: float(value) for name, value in logs.items()})
    assert_equal(split, whole.nets, start)


def test_replaced_draws_are_distributed_among_micro_batches() -> None:
    whole, split = assemble(STARGAN, **BOTH), assemble(STARGAN, **BOTH)
    alpha = torch.rand(6, generator=torch.Generator().manual_seed(0)).double()
    for model, parts in ((whole, 1), (split, 3)):
        model.step(make_labelled_batch(model), draws={"perm": PERM, "alpha": alpha}, accumulate=parts)
    assert get_largest_difference(whole, split) < 1e-9


def test_a_batch_that_cannot_be_split_equally_is_refused() -> None:
    model = assemble(STARGAN)
    with pytest.raises(PlanError, match="A batch of 6 rows cannot be split into 4 equal parts"):
        model.step(make_labelled_batch(model), accumulate=4)


def test_micro_batches_of_the_discriminator_run_the_generator_without_gradients() -> None:
    model = assemble(STARGAN, **BOTH)
    calls = Calls(model)
    model.step(make_labelled_batch(model), accumulate=2)
    assert [counts["generator"] for counts in calls.pop_counts()] == [6, 4]


def test_with_retranslate_each_player_generates_fakes_and_the_values_are_the_same_if_the_discriminator_plays_first() -> None:
    shared, separate = assemble(STARGAN, **BOTH), assemble(STARGAN, retranslate=True, **BOTH)
    calls = Calls(separate)
    for model in (shared, separate):
        model.step(make_labelled_batch(model))
    assert [counts["generator"] for counts in calls.pop_counts()] == [3, 2]
    assert get_largest_difference(shared, separate) < 1e-12


def make_batch_with_nan(model: Model) -> dict[str, Any]:
    batch = make_labelled_batch(model)
    batch["image"][1, 0, 0, 0] = float("nan")
    return {**batch, "file": [f"{index}.png" for index in range(6)]}


def test_a_loss_that_is_not_finite_does_not_change_weights_and_optimizers() -> None:
    model, spared = assemble(STARGAN, **BOTH), assemble(STARGAN, **BOTH)
    draws = {"perm": PERM, "alpha": torch.full((6,), 0.5)}
    for each in (model, spared):
        each.step(make_labelled_batch(each), draws=draws)
    model.step(make_batch_with_nan(model), draws=draws)
    assert get_largest_difference(model, spared) == 0
    with pytest.raises(NonFiniteLossError):
        model.step(make_labelled_batch(model))
    for each in (model, spared):
        each.step(make_labelled_batch(each, 1), draws=draws)
    assert get_largest_difference(model, spared) == 0


def test_the_next_step_names_terms_step_and_files_if_a_loss_was_not_finite() -> None:
    model = assemble(STARGAN, **BOTH)
    model.step(make_labelled_batch(model))
    model.step(make_batch_with_nan(model))
    with pytest.raises(NonFiniteLossError) as caught:
        model.step(make_labelled_batch(model))
    message = str(caught.value)
    assert message.startswith('"discriminator/adversarial" and "discriminator/domain" became NaN or infinite in step 2.')
    assert "0.png, 1.png, 2.png, 3.png, 4.png, 5.png" in message
    assert "lower learning rate" in message


def test_the_rest_of_a_step_is_skipped_after_a_loss_that_is_not_finite() -> None:
    terms = {"discriminator/bad": Term(infinite_loss)}
    model, start = assemble(STARGAN, terms=terms, **BOTH), assemble(STARGAN, terms=terms, **BOTH)
    model.step(make_labelled_batch(model))
    assert get_largest_difference(model, start) == 0  # the translator's own losses were finite
    with pytest.raises(NonFiniteLossError, match='"discriminator/bad" became NaN or infinite in step 1'):
        model.step(make_labelled_batch(model))


def infinite_loss(t: Translation) -> Tensor:
    return t.discriminate("real").scores[0].mean() * float("inf")


def test_the_first_step_of_sgd_may_be_skipped() -> None:
    players = {name: {"every": 1, "optimizer": {"name": "sgd"}} for name in ("discriminator", "translator")}
    model, spared = assemble(STARGAN, players=players), assemble(STARGAN, players=players)
    model.step(make_batch_with_nan(model))
    with pytest.raises(NonFiniteLossError):
        model.step(make_labelled_batch(model))
    draws = {"perm": PERM, "alpha": torch.full((6,), 0.5)}
    for each in (model, spared):
        for optimizer in (each.optimizer(player) for player in each.recipe.players):
            assert all(not state["momentum_buffer"].any() for state in optimizer.state.values())
        each.step(make_labelled_batch(each), draws=draws)
    assert get_largest_difference(model, spared) == 0


def infinite_gradient(t: Translation) -> Tensor:
    return (t.fake.mean() * 0).sqrt()  # zero, with an infinite gradient


def test_a_gradient_that_is_not_finite_skips_the_update_too() -> None:
    model = assemble(STARGAN, terms={"translator/overflow": Term(infinite_gradient)}, **BOTH)
    start = copy_nets(model)
    model.step(make_labelled_batch(model))
    assert_equal(model, model.nets, start, unchanged=("generator",))
    with pytest.raises(NonFiniteLossError, match='The gradient of "translator" became NaN or infinite in step 1'):
        model.step(make_labelled_batch(model))


def test_a_pool_does_not_store_the_images_of_a_step_that_is_not_finite() -> None:
    model = assemble(CYCLEGAN)
    batch = make_batch(model)
    batch["images"]["a"][0] = float("nan")
    model.step(batch)
    assert all(torch.isfinite(tensor).all() for tensor in model.pools.buffers())
    assert [int(model.get_buffer(f"pools.discriminator__{name}.filled")) for name in ("a_to_b", "b_to_a")] == [0, 0]


def test_a_pool_has_the_size_of_the_images_of_the_step() -> None:
    model = assemble(CYCLEGAN)
    for side in (16, 24, 24):
        model.step({"images": {name: torch.rand(2, 3, side, 12, dtype=torch.float64) for name in ("a", "b")}})
    pool = model.get_buffer("pools.discriminator__a_to_b.images")
    assert pool.shape[-2:] == (24, 12)
    assert int(model.get_buffer("pools.discriminator__a_to_b.filled")) == 4
    again = assemble(CYCLEGAN)
    again.step(make_batch(again))
    load_weights(again, dict(model.state_dict()), "the file")
    assert torch.equal(again.get_buffer("pools.discriminator__a_to_b.images"), pool)


def test_slots_that_a_turn_does_not_update_have_no_gradient() -> None:
    model = assemble(BICYCLEGAN, terms={"translator/latent": {"fixed": False, "updates": ("generator",), "turn": "separate"}})
    has_gradient: list[bool] = []
    step_optimizer = model.engine.step_optimizer

    def spy(*arguments: Any) -> Tensor:
        has_gradient.append(model.slot("style_encoder").get_parameter("mean.weight").grad is not None)
        return step_optimizer(*arguments)

    model.engine.step_optimizer = spy  # type: ignore[method-assign, assignment]
    model.step(make_batch(model))
    assert has_gradient[:2] == [True, False]


def test_an_unknown_translation_is_refused_in_the_step_with_the_nearest_name() -> None:
    model = assemble(MUNIT, rehearsal=False, terms={"translator/style": {"translations": ("a_to_bb",)}})
    with pytest.raises(UnknownNameError, match=r'No translation is called "a_to_bb"\. Did you mean "a_to_b"'):
        model.step(make_batch(model))


def test_images_that_are_not_floats_are_refused_with_their_range() -> None:
    model = assemble(STARGAN)
    with pytest.raises(PlanError, match=r'batch\["image"\] has dtype torch\.uint8.*floats in \[-1, 1\]\. Convert uint8: images / 127'):
        model.step({**make_labelled_batch(model), "image": torch.zeros(6, 3, 8, 8, dtype=torch.uint8)})


def test_draws_for_another_number_of_batches_are_refused() -> None:
    model = assemble(STARGAN)
    with pytest.raises(PlanError, match="draws= has 2 mappings, but the number of batches is 1"):
        model.step(make_labelled_batch(model), draws=[{}, {}])


def test_the_error_for_a_wrong_batch_names_its_batch_kind() -> None:
    model, other = assemble(STARGAN), assemble(BICYCLEGAN)
    with pytest.raises(PlanError, match=r'requires batch\["label"\]; this batch has: image, target\. It is a paired batch\.'):
        model.step(make_batch(other))


def test_autocast_of_the_caller_does_not_use_casts_of_old_weights_after_a_step() -> None:
    model = assemble(STARGAN, lr=0.3, **BOTH).float()
    image = torch.rand(2, 3, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        model.step(model.example_batch(2))
        inside = model.discriminate(image).scores[0]
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(model.discriminate(image).scores[0], inside)


def test_each_micro_batch_has_separate_dropout() -> None:
    def draw(share: Share) -> Tensor:
        with RandomStreams((0,), share=share).seed_torch("fake/generator"):
            return torch.rand(4)

    assert torch.equal(draw(Share()), draw(Share()))
    assert not torch.equal(draw(Share(0, 2)), draw(Share(1, 2)))


def test_the_generator_is_called_once_without_gradients_if_only_the_discriminator_trains_and_twice_otherwise() -> None:
    model = assemble(STARGAN)
    calls = Calls(model)
    model.step(make_labelled_batch(model))
    without, with_gradients = calls.pop_counts()
    assert (without["generator"], with_gradients["generator"]) == (1, 0)
    model.step(make_labelled_batch(model))
    assert calls.pop_counts()[0]["generator"] == 2


def test_a_term_may_update_some_of_the_slots_of_its_turn() -> None:
    # BicycleGAN's own latent loss stops the gradient of the encoder by itself
    by_loss, by_term = assemble(BICYCLEGAN), assemble(BICYCLEGAN, terms={"translator/latent": {"fixed": False, "updates": ("generator",)}})
    start = copy_nets(by_loss)
    for index in range(2):
        for model in (by_loss, by_term):
            model.step(make_batch(model, seed=index))
    assert_equal(by_term, by_loss.nets, start)


def test_labels_are_permuted_among_rows_with_the_same_known_sets() -> None:
    model = assemble(STARGAN)
    batch = make_labelled_batch(model)
    orders = set()
    for _ in range(6):
        [(part, streams)] = split(model, batch, {}, 0, 1)
        target = model.plan(model.nets, part, streams, True)[0].target_label
        assert target is not None
        assert torch.equal(target[:, 4:], batch["label"][:, 4:])
        assert torch.equal(target.sum(0), batch["label"].sum(0))
        orders.add(tuple(target.flatten().tolist()))
        model.steps_done += 1
    assert len(orders) > 1
