"""Tests of every registered recipe: it builds, explains itself, learns, resumes bit by bit, and computes nothing twice."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_recipes import (
    TINY,
    build_tiny,
    can_translate,
    find_batch_kind,
    get_recipe,
    get_request,
    list_recipes,
    needs_weights,
    write_weights,
)
from torch import Tensor, nn
from toy_training import CallAtStep, assert_same_state

from i2ikit import Model, build, load, open_data
from i2ikit.errors import BuildError
from i2ikit.train import fit, resume
from i2ikit.train.progress import Silent

NAMES = list_recipes()
WITHOUT_WEIGHTS = [name for name in NAMES if not needs_weights(name)]
UNUSED = {"cae-gan": ["style_encoder.logvar"], "clr-gan": ["style_encoder.logvar"]}  # they use the mean of the style only
FIRST = {id(small): name for name, small in reversed(TINY.items())}.values()  # of the recipes with equal tiny forms
ONE_OF_EACH = [name if name in FIRST else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
ONLY_TWO_DOMAINS = {
    "bigan": "requires two domains",
    "simgan": "does not receive the target domain",
    "feature-loss-gan": "does not receive the target domain",
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("weights") / "vgg16.pth")


def train_on_random_batches(model: Model, steps: int, first: int = 0) -> Model:
    """Train a model on random batches, which depend only on the number of the step, and return it."""
    for index in range(first, first + steps):
        logs = model.step(model.example_batch(2, seed=index))
        assert all(torch.isfinite(value).all() for value in logs.values()), logs
        model.raise_if_not_finite()
    return model


def count_steps_until_all_play(name: str) -> int:
    return max(2, *(player.every for player in get_recipe(name).players))


def test_every_recipe_has_a_tiny_form() -> None:
    assert sorted(TINY) == NAMES, "TINY in tests/tiny_recipes.py must have one entry per recipe"


def test_every_recipe_has_a_description_and_names_its_paper() -> None:
    for name in NAMES:
        assert get_recipe(name).name == name
        assert get_recipe(name).description.endswith("."), name
        assert get_recipe(name).paper.endswith(")") or "(" in get_recipe(name).paper, name


@pytest.mark.parametrize("name", WITHOUT_WEIGHTS)
def test_it_builds_with_no_arguments(name: str) -> None:
    with torch.device("meta"):  # networks in the size of the paper, without memory
        model = build(name, rehearsal=False)
    assert model.recipe.name == name
    assert model.image == get_recipe(name).image


@pytest.mark.slow
@pytest.mark.parametrize("name", WITHOUT_WEIGHTS)
def test_it_builds_with_no_arguments_and_rehearses(name: str) -> None:
    assert build(name).views_read


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(WITHOUT_WEIGHTS)))
def test_a_recipe_that_requires_weights_asks_for_a_file(name: str) -> None:
    with pytest.raises(BuildError, match=r"^Recipe .* trained VGG-16.* weights.*: build\(.*\)\.$"):
        build(name, rehearsal=False)


@pytest.mark.parametrize("name", NAMES)
def test_it_explains_every_slot_and_term(name: str, weights: Path) -> None:
    model = build_tiny(name, weights)
    explanation = model.explain()
    for slot, filled in model.recipe.slots.items():
        assert any(line.startswith(f"{slot} ") and filled.component in line for line in explanation.splitlines()), slot
    for player in model.recipe.players:
        for term in player.terms:
            assert f"{player.name}/{term} = " in explanation
            assert model.views_read[f"{player.name}/{term}"], f"{player.name}/{term} reads nothing"
    assert sorted({key.rpartition(".")[0] for key in model.unreached_weights}) == UNUSED.get(name, [])


@pytest.mark.parametrize("name", NAMES)
def test_its_steps_are_finite_and_change_every_slot_that_is_trained(name: str, weights: Path) -> None:
    model = build_tiny(name, weights, rehearsal=False)
    before = {key: value.detach().clone() for key, value in model.nets.named_parameters()}
    train_on_random_batches(model, count_steps_until_all_play(name))
    moved = {key.split(".")[0] for key, value in model.nets.named_parameters() if not torch.equal(value, before[key])}
    trained = {slot for player in model.recipe.players for slot in player.trains if model.nets.get_parameters([slot])}
    assert moved == trained


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_it_resumes_bit_by_bit_from_its_state(name: str, weights: Path) -> None:
    whole = train_on_random_batches(build_tiny(name, weights, rehearsal=False), 4)
    parts = train_on_random_batches(build_tiny(name, weights, rehearsal=False), 2)
    resumed = build_tiny(name, weights, rehearsal=False)
    resumed.restore_training_state(*parts.training_state())
    train_on_random_batches(resumed, 2, first=2)
    (tensors, data), (expected_tensors, expected_data) = resumed.training_state(), whole.training_state()
    assert tensors.keys() == expected_tensors.keys()
    assert [key for key, value in expected_tensors.items() if not torch.equal(tensors[key], value)] == []
    assert data == expected_data


@pytest.mark.parametrize("name", [name for name in NAMES if can_translate(name)])
def test_a_loaded_model_translates_as_the_saved_one(name: str, weights: Path, tmp_path: Path) -> None:
    model = train_on_random_batches(build_tiny(name, weights, rehearsal=False), 1)
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1
    weights = weights.rename(weights.with_suffix(".away"))  # a saved model contains them
    try:
        loaded = load(model.save(tmp_path / "model"))
    finally:
        weights.rename(weights.with_suffix(".pth"))
    assert torch.equal(loaded.translate(image, **get_request(model)), model.translate(image, **get_request(model)))


FITTED = {
    "stargan": "faces:count=24,size=16",
    "cyclegan": "faces:count=24,size=16,domains=blond",
    "munit-fast": "faces:count=24,size=16,domains=blond",
    "simgan": "faces:count=24,size=16,domains=blond",
    "cogan": "faces:count=24,size=16,domains=blond",
    "pix2pix-fast": "faces:count=24,size=16,view=sketch,target=image",
    "bicyclegan": "faces:count=24,size=16,view=sketch,target=image",
}
"""A recipe of each kind: labels, domains, styles, one direction, noise, pairs, two styles; with image pools and with EMA."""


class PulledPlugError(BaseException):
    """An error that no part of the training catches."""


def pull_plug() -> None:
    raise PulledPlugError


@pytest.mark.parametrize("name", FITTED)
def test_an_interrupted_run_continues_bit_by_bit(name: str, weights: Path, tmp_path: Path) -> None:
    data = open_data(FITTED[name])
    settings: dict[str, Any] = {"steps": 4, "batch": 2, "log_every": 1, "sample_every": 0, "checkpoint_every": 2, "progress": Silent()}

    def model() -> Model:
        sides = {"channels": data.image.channels, "source_channels": data.source.channels}
        return build_tiny(name, weights, rehearsal=False, **sides, **({"labels": data.domain} if data.domain.width else {}))

    fit(model(), data, tmp_path / "whole", **settings)
    with pytest.raises(PulledPlugError):
        fit(model(), data, tmp_path / "parts", loggers=[CallAtStep(3, pull_plug)], **settings)
    resume(tmp_path / "parts", progress=Silent())
    assert_same_state(tmp_path / "whole", tmp_path / "parts")


class Repeats:
    """Counts calls of a network with the same tensors, weights and gradient mode."""

    def __init__(self, model: Model) -> None:
        self.calls: Counter[Any] = Counter()
        for slot in model.nets.slots:
            net = model.slot(slot)
            for name, each in net.items() if isinstance(net, nn.ModuleDict) else [("", net)]:
                if any(True for _ in each.parameters()):
                    each.register_forward_hook(self._make_hook(f"{slot} {name}"), with_kwargs=True)

    def _make_hook(self, name: str) -> Any:
        def count(module: nn.Module, inputs: Any, options: Any, _: Any) -> None:
            version = sum(parameter._version for parameter in module.parameters())
            self.calls[name, version, torch.is_grad_enabled(), _make_key([inputs, options])] += 1

        return count


def _make_key(value: Any) -> Any:
    if isinstance(value, Tensor):
        return (tuple(value.shape), value.requires_grad, value.detach().contiguous().numpy().tobytes())
    if isinstance(value, (list, tuple)):
        return tuple(_make_key(each) for each in value)
    return tuple((key, _make_key(each)) for key, each in value.items()) if isinstance(value, dict) else None


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_computed_twice_in_a_step(name: str, weights: Path) -> None:
    model = build_tiny(name, weights, rehearsal=False)
    repeats = Repeats(model)
    train_on_random_batches(model, count_steps_until_all_play(name))
    assert [key[:3] for key, count in repeats.calls.items() if count > 1] == []


@pytest.mark.parametrize("name", [name for name in NAMES if find_batch_kind(name).domains])
def test_it_supports_three_domains_or_names_the_reason(name: str, weights: Path) -> None:
    if name in ONLY_TWO_DOMAINS:
        with pytest.raises(BuildError, match=ONLY_TWO_DOMAINS[name]):
            build_tiny(name, weights, domains=3)
        return
    model = train_on_random_batches(build_tiny(name, weights, domains=3, rehearsal=False), 1)
    if not can_translate(name):
        return
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1
    fakes = {(begin, end): model.translate(image, to=end, source=begin) for begin, end in model.routes}
    assert len(fakes) == 6
    for one, other in itertools.combinations(fakes, 2):
        is_equal = name == "unit-fast" and one[1] == other[1]  # it has one encoder for all domains
        assert torch.equal(fakes[one], fakes[other]) == is_equal
