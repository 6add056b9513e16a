"""A turn that is refused because it is not finite leaves running statistics, vectors of norms, means of losses and pools as they were."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from core.test_toy_stylegan2 import STYLEGAN2
from core.toys.assembly import assemble, make_batch
from torch import Tensor, nn

from i2ikit import Model, Term, Translation, build
from i2ikit.core.step import Turn, make_translations, play, split, turns, update
from i2ikit.errors import NonFiniteLossError

NAN, INFINITY = float("nan"), float("inf")


def make_pix2pix(**overrides: Any) -> Model:
    return build("pix2pix", **{"size": 32, "generator": {"width": 2, "depth": 3}, "discriminator": {"width": 2}, **overrides})


def copy_buffers(model: Model) -> dict[str, Tensor]:
    return {name: buffer.clone() for name, buffer in model.named_buffers()}


def list_changed(model: Model, before: dict[str, Tensor]) -> list[str]:
    return [name for name, buffer in model.named_buffers() if not torch.equal(buffer, before[name])]


def spoil(batch: dict[str, Tensor], entry: str = "image") -> dict[str, Tensor]:
    batch = copy.deepcopy(batch)
    batch[entry][0, 0, 0, 0] = NAN
    return batch


def infinite_loss(t: Translation) -> Tensor:
    return t.fake.mean() * INFINITY


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("entry", ["image", "target"])
def test_a_refused_step_leaves_the_running_statistics_as_they_were(entry: str, parts: int) -> None:
    model = make_pix2pix()
    model.step(model.example_batch(4), accumulate=parts)
    before = copy_buffers(model)
    model.step(spoil(model.example_batch(4), entry), accumulate=parts)
    assert list_changed(model, before) == []
    with pytest.raises(NonFiniteLossError):
        model.raise_if_not_finite()


def test_a_step_after_a_refused_one_equals_that_of_a_model_without_it() -> None:
    model, spared = make_pix2pix(), make_pix2pix()
    batches = [model.example_batch(2, seed=seed) for seed in range(2)]
    for each in (model, spared):
        each.step(batches[0])
    model.step(spoil(batches[0]))
    with pytest.raises(NonFiniteLossError):
        model.raise_if_not_finite()
    model.steps_done -= 1
    for each in (model, spared):
        each.step(batches[1])
    assert all(torch.equal(own, spared.nets.state_dict()[name]) for name, own in model.nets.state_dict().items())


def test_buffers_that_an_earlier_turn_of_the_step_has_changed_keep_their_values() -> None:
    model = make_pix2pix(terms={"translator/bad": Term(infinite_loss)})
    before = copy_buffers(model)
    model.step(model.example_batch(2))
    changed = list_changed(model, before)
    tracked = [buffer for name, buffer in model.named_buffers() if name.endswith("num_batches_tracked")]
    assert changed
    assert [int(each) for each in tracked] == [2] * len(tracked)  # real and fake; the score in the refused turn does not count


def test_means_of_losses_are_restored() -> None:
    model = assemble(STYLEGAN2, terms={"translator/bad": Term(infinite_loss, every=2)})
    before = copy_buffers(model)
    model.step(make_batch(model))
    assert list_changed(model, before) == []
    spared = assemble(STYLEGAN2)
    spared.step(make_batch(spared))
    assert list_changed(spared, before)


def test_vectors_of_spectral_norms_are_restored() -> None:
    def normalize(model: Model) -> Model:
        for layer in list(model.slot("discriminator").modules()):
            if isinstance(layer, nn.Conv2d):
                nn.utils.parametrizations.spectral_norm(layer)
        return model

    model = normalize(make_pix2pix(discriminator={"width": 2, "norm": "none"}))
    before = copy_buffers(model)
    assert before
    model.step(spoil(model.example_batch(2)))
    assert list_changed(model, before) == []
    model._reports.clear()
    model.step(model.example_batch(2))
    assert list_changed(model, before)


def test_pools_are_restored() -> None:
    small = {"size": 32, "generator": {"width": 2, "blocks": 1}, "discriminator": {"width": 2}}
    model = build("cyclegan", players={"discriminator": {"pool": 3}}, terms={"discriminator/bad": Term(infinite_fake_score)}, **small)
    spared = build("cyclegan", players={"discriminator": {"pool": 3}}, **small)
    for step in range(3):
        spared.step(spared.example_batch(2, seed=step))
    model.nets.load_state_dict(spared.nets.state_dict())
    model.pools = copy.deepcopy(spared.pools)
    before = copy_buffers(model)
    model.step(model.example_batch(2, seed=9))
    assert list_changed(model, before) == []
    assert [int(pool.filled) for pool in model.pools.values()] == [3, 3]  # type: ignore[arg-type]
    spared.step(spared.example_batch(2, seed=9))
    assert list_changed(spared, before)


def infinite_fake_score(t: Translation) -> Tensor:
    return t.discriminate("fake").scores[0].mean() * INFINITY


def test_a_pool_that_a_refused_step_begins_stays_empty() -> None:
    small = {"size": 32, "generator": {"width": 2, "blocks": 1}, "discriminator": {"width": 2}}
    model = build("cyclegan", terms={"discriminator/bad": Term(infinite_fake_score)}, **small)
    model.step(model.example_batch(2))
    assert [int(pool.filled) for pool in model.pools.values()] == [0, 0]  # type: ignore[arg-type]
    assert not any(pool.images.any() for pool in model.pools.values())  # type: ignore[operator, union-attr]


def test_a_loop_of_its_own_leaves_the_buffers_as_they_were_too() -> None:
    def run(model: Model, batch: dict[str, Tensor]) -> None:
        for part in split(model, batch, {}, 0, 1):
            translations = make_translations(model, part, model.recipe.players)
            for player in model.recipe.players:
                for turn in turns(player, 0):
                    update(model, turn, list_parameters(model, turn), play(model, turn, translations))

    def list_parameters(model: Model, turn: Turn) -> list[nn.Parameter]:
        return model.nets.get_parameters(turn.updates)

    model = make_pix2pix()
    before = copy_buffers(model)
    run(model, spoil(model.example_batch(2)))
    assert list_changed(model, before) == []


@pytest.mark.parametrize("replace", [lambda buffer: buffer + 1, lambda buffer: torch.zeros(7)], ids=["same size", "other size"])
def test_a_buffer_that_its_module_replaces_is_restored_if_it_has_the_same_size(replace: Callable[[Tensor], Tensor]) -> None:
    model = make_pix2pix()
    discriminator = model.slot("discriminator")
    discriminator.register_buffer("counter", torch.ones(3))

    def count(module: nn.Module, *_: Any) -> None:
        module.counter = replace(module.counter)  # type: ignore[assignment, arg-type]

    discriminator.register_forward_pre_hook(count)
    model.step(spoil(model.example_batch(2)))
    if len(discriminator.counter) == 3:  # type: ignore[arg-type]
        assert torch.equal(discriminator.counter, torch.ones(3))  # type: ignore[arg-type]


def test_restoring_a_state_forgets_the_failure_of_the_step_before() -> None:
    model = make_pix2pix()
    tensors, data = model.training_state()
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    model.step(spoil(model.example_batch(2)))
    model.restore_training_state(tensors, data)
    model.step(model.example_batch(2))
    model.raise_if_not_finite()
    assert model.steps_done == 1
