"""Wrappers around networks: what they see, where their state is, and DiffAugment on every bundled discriminator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from core.test_toy_cut import CUT
from core.test_toy_stylegan2 import STYLEGAN2
from core.toys.assembly import assemble, make_batch, make_registry
from tiny_recipes import TINY, build_tiny, write_weights
from torch import Tensor, nn
from toy_plugins import make_plugin

from i2ikit import Call, Component, Slot, build, default_registry, load
from i2ikit.core.calls import run_network
from i2ikit.core.random_streams import RandomStreams
from i2ikit.errors import BuildError
from i2ikit.nn.diff_augment import DiffAugment

WITH_DISCRIMINATOR = [name for name in TINY if "discriminator" in default_registry().recipe(name).slots]


class Note(nn.Module):
    """Notes what it sees, and counts the real images in a buffer."""

    count: Tensor

    def __init__(self, net: nn.Module, factor: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(()))
        self.seen: list[tuple[Any, ...]] = []
        self.factor = factor

    def forward(self, net: Callable[..., Any], call: Call, image: Tensor, *others: Any, **named: Any) -> Any:
        """Call the network."""
        if call.is_real:
            self.count += len(image)
        self.seen.append((call.slot, call.is_real, call.step, tuple(image.shape), tuple(named)))
        return net(image * self.factor, *others, **named)


class Broken(nn.Module):
    """Fails when it is built."""

    def __init__(self, factor: int = 1) -> None:
        super().__init__()
        raise ValueError("no")


def make_wrapped(recipe: Any, wrappers: Any, **overrides: Any) -> Any:
    registry = make_registry()
    parts = [
        Component("note", "wrapper", "core.test_wrappers:Note", "Notes."),
        Component("broken", "wrapper", "core.test_wrappers:Broken", "Fails."),
    ]
    registry.register(make_plugin(parts), "wrappers")
    return build(recipe, registry=registry, size=8, slots={"discriminator": {"wrappers": wrappers}}, **overrides).double()


def get_wrapper(model: Any, index: int = 0) -> Any:
    return model.nets.get_wrappers("discriminator")[index]


def test_a_wrapper_knows_real_from_fake_and_the_step() -> None:
    model = make_wrapped(CUT, ["note"], discriminator={"inputs": ("source",)})
    model.step(make_batch(model, 2))
    get_wrapper(model).seen.clear()
    model.step(make_batch(model, 2))
    shape = (2, 3, 8, 8)
    assert get_wrapper(model).seen == [
        ("discriminator", True, 1, shape, ("source",)),
        ("discriminator", False, 1, shape, ("source",)),
        ("discriminator", False, 1, shape, ("source",)),
    ]


def test_wrappers_stand_around_each_other_the_first_is_the_innermost() -> None:
    image = torch.ones(1, 1, 1, 1)
    wrappers = [Note(nn.Identity(), 3.0), Note(nn.Identity(), 5.0)]
    seen: list[float] = []
    wrappers[0].register_forward_pre_hook(lambda module, inputs: seen.append(float(inputs[2])))
    call = Call("discriminator", "test", RandomStreams(), None)
    assert float(run_network(nn.Identity(), call, wrappers, (image,), {})) == 15
    assert seen == [5.0]


def test_the_state_of_a_wrapper_is_saved_beside_the_network_whose_names_stay() -> None:
    plain, model = assemble(STYLEGAN2), make_wrapped(STYLEGAN2, ["note"])
    assert list(model.discriminator.state_dict()) == list(plain.discriminator.state_dict())
    model.step(make_batch(model, 2))
    tensors, data = model.training_state()
    [name] = [each for each in tensors if "wrappers" in each]
    assert float(tensors[name]) == 4  # twice the two real images: in the terms gan and r1
    other = make_wrapped(STYLEGAN2, ["note"])
    other.restore_training_state({key: value.clone() for key, value in tensors.items()}, data)
    model.step(make_batch(model, 2, seed=1))
    other.step(make_batch(other, 2, seed=1))
    assert float(get_wrapper(model).count) == float(get_wrapper(other).count) > 4
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)


def test_each_network_of_a_slot_has_a_wrapper_of_its_own(tmp_path: Path) -> None:
    model = build_tiny("cyclegan", tmp_path, slots={"discriminator": {"wrappers": ["diff_augment"]}})
    [one], [other] = (model.nets.get_wrappers("discriminator", name) for name in ("a", "b"))
    assert one is not other


def test_a_wrapper_of_a_frozen_slot_stays_in_eval_mode() -> None:
    assert get_wrapper(make_wrapped(STYLEGAN2, ["note"])).training
    frozen = make_wrapped(STYLEGAN2, ["note"], players={"discriminator": None}, discriminator=Slot("toy_discriminator", frozen=True))
    assert not get_wrapper(frozen.train()).training


def test_a_wrapper_that_does_not_exist_or_fails_is_reported_with_its_slot() -> None:
    with pytest.raises(BuildError, match=r'Slot "discriminator": No wrapper is called "notes"\. Did you mean "note"\?'):
        make_wrapped(STYLEGAN2, ["notes"])
    with pytest.raises(BuildError, match=r'Slot "discriminator": "broken" cannot be made with factor=2 \(ValueError: no\)'):
        make_wrapped(STYLEGAN2, [("broken", {"factor": 2})])


@pytest.mark.parametrize("name", WITH_DISCRIMINATOR)
def test_diff_augment_wraps_every_bundled_discriminator(name: str, tmp_path: Path) -> None:
    weights = write_weights(tmp_path / "vgg16.pth")
    slots = {slot: {"wrappers": ["diff_augment"]} for slot in default_registry().recipe(name).slots if slot.startswith("discriminator")}
    model, plain = build_tiny(name, weights, slots=slots), build_tiny(name, weights, rehearsal=False)
    batch = model.example_batch(2)
    logs, without = model.step(batch), plain.step(batch)
    model.raise_if_not_finite()
    assert any(not torch.equal(logs[key], without[key]) for key in logs)
    assert [key for key, _ in model.nets.named_parameters()] == [key for key, _ in plain.nets.named_parameters()]


def augment(image: Tensor, source: Tensor | None = None, *, training: bool = True, policy: Any = None) -> tuple[Tensor, Tensor | None]:
    """Return the images that the network gets."""
    seen: list[Tensor | None] = []

    def net(picture: Tensor, source: Tensor | None = None) -> Tensor:
        seen.extend((picture, source))
        return picture

    wrapper = DiffAugment(*([policy] if policy else [])).train(training)
    call = Call("discriminator", "test", RandomStreams((3,), dtype=image.dtype), True)
    wrapper(net, call, image, **({} if source is None else {"source": source}))
    assert seen[0] is not None
    return seen[0], seen[1]


def test_image_and_source_are_changed_in_the_same_way() -> None:
    image = torch.rand(3, 3, 16, 16, dtype=torch.float64) * 2 - 1
    changed, source = augment(image, image.clone())
    assert source is not None
    assert torch.equal(changed, source)
    assert not torch.allclose(changed, image)


def test_a_source_of_one_channel_is_moved_and_cut_like_the_image() -> None:
    image = torch.ones(4, 3, 16, 16)
    changed, source = augment(image, image[:, :1], policy=("translation", "cutout"))
    assert source is not None
    assert torch.equal(changed[:, :1], source)
    assert set(changed.unique().tolist()) == {0.0, 1.0}


def test_images_are_moved_by_an_eighth_of_a_side_at_most_and_cut_by_at_most_a_quarter_of_their_area() -> None:
    image = torch.ones(200, 1, 32, 16)
    moved, _ = augment(image, policy="translation")
    empty_rows, empty_columns = ((moved.amax(axis) == 0).sum(-1).flatten() for axis in (3, 2))
    assert (int(empty_rows.max()), int(empty_columns.max())) == (4, 2)
    cut, _ = augment(image, policy="cutout")
    share = 1 - cut.mean((1, 2, 3))
    assert 0 < float(share.min()) < float(share.max()) <= 0.25
    assert float(share.max()) == pytest.approx(0.25)


def test_colours_change_by_the_formulas_of_the_paper() -> None:
    image = torch.rand(2, 3, 4, 4, dtype=torch.float64) * 2 - 1
    streams = RandomStreams((3,), dtype=image.dtype)
    b, s, c = (streams.uniform(f"test/augment/{name}", (2, 1, 1, 1)) for name in ("brightness", "saturation", "contrast"))
    bright = image + b - 0.5
    vivid = bright.mean(1, keepdim=True) + (bright - bright.mean(1, keepdim=True)) * 2 * s
    mean = vivid.mean((1, 2, 3), keepdim=True)
    torch.testing.assert_close(augment(image, policy="colour")[0], mean + (vivid - mean) * (c + 0.5))


def test_nothing_is_changed_in_eval_mode() -> None:
    image = torch.rand(2, 3, 8, 8)
    assert augment(image, training=False)[0] is image


def test_the_changes_have_exact_first_and_second_derivatives() -> None:
    image = (torch.rand(2, 3, 8, 8, dtype=torch.float64) * 2 - 1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: augment(x)[0], image)
    assert torch.autograd.gradgradcheck(lambda x: augment(x)[0], image)


def test_a_wrapped_model_is_saved_and_loaded_with_its_wrappers(tmp_path: Path) -> None:
    model = build_tiny("stargan", tmp_path, discriminator=Slot("stargan_discriminator", {"width": 4, "depth": 3}, wrappers="diff_augment"))
    loaded = load(model.save(tmp_path / "model"))
    assert loaded.recipe.slots["discriminator"].wrappers == (("diff_augment", {}),)
    assert "diff_augment" in loaded.explain()
