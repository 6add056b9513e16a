"""What holds for every registered recipe: it builds, explains itself, learns, resumes bit by bit, and computes nothing twice."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_recipes import TINY, asked, batch_kind, names, needs_weights, recipe, tiny, translates, write_weights
from torch import Tensor, nn
from toy_training import At, same

from i2ikit import Model, build, load, open_data
from i2ikit.errors import BuildError
from i2ikit.train import fit, resume
from i2ikit.train.progress import Silent

NAMES = names()
BARE = [name for name in NAMES if not needs_weights(name)]
UNUSED = {"cae-gan": ["style_encoder.logvar"], "clr-gan": ["style_encoder.logvar"]}  # they read a style without its spread
FIRST = {id(small): name for name, small in reversed(TINY.items())}.values()  # of those that share their parts
ONE_OF_EACH = [name if name in FIRST else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
TWO_ALONE = {"bigan": "scores pairs of two domains", "simgan": "nothing tells it which", "feature-loss-gan": "nothing tells it which"}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("weights") / "vgg16.pth")


def after(model: Model, steps: int, first: int = 0) -> Model:
    """Return the model after some steps on random batches, which depend on the step alone."""
    for index in range(first, first + steps):
        logs = model.step(model.example_batch(2, seed=index))
        assert all(torch.isfinite(value).all() for value in logs.values()), logs
        model.raise_if_not_finite()
    return model


def until_all_play(name: str) -> int:
    return max(2, *(player.every for player in recipe(name).players))


def test_every_recipe_has_its_small_form() -> None:
    assert sorted(TINY) == NAMES, "write an entry into TINY in tests/tiny_recipes.py for every recipe, and for no other"


def test_every_recipe_says_what_it_is_and_names_its_paper() -> None:
    for name in NAMES:
        assert recipe(name).name == name
        assert recipe(name).description.endswith("."), name
        assert recipe(name).paper.endswith(")") or "(" in recipe(name).paper, name


@pytest.mark.parametrize("name", BARE)
def test_it_builds_with_no_arguments(name: str) -> None:
    with torch.device("meta"):  # the networks of the papers, without their memory
        model = build(name, rehearsal=False)
    assert model.recipe.name == name
    assert model.image == recipe(name).image


@pytest.mark.slow
@pytest.mark.parametrize("name", BARE)
def test_it_builds_with_no_arguments_and_rehearses(name: str) -> None:
    assert build(name).views_read


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(BARE)))
def test_one_that_needs_weights_asks_for_a_file_in_one_line(name: str) -> None:
    with pytest.raises(BuildError, match=r"^Recipe .* was given no weights\. Name a file of them: build\(.*\)\.$"):
        build(name, rehearsal=False)


@pytest.mark.parametrize("name", NAMES)
def test_it_explains_every_slot_and_term(name: str, weights: Path) -> None:
    model = tiny(name, weights)
    told = model.explain()
    for slot, filled in model.recipe.slots.items():
        assert any(line.startswith(f"{slot} ") and filled.component in line for line in told.splitlines()), slot
    for player in model.recipe.players:
        for term in player.terms:
            assert f"{player.name}/{term} = " in told
            assert model.views_read[f"{player.name}/{term}"], f"{player.name}/{term} reads nothing"
    assert sorted({key.rpartition(".")[0] for key in model.idle}) == UNUSED.get(name, [])


@pytest.mark.parametrize("name", NAMES)
def test_its_steps_are_finite_and_change_every_slot_that_is_trained(name: str, weights: Path) -> None:
    model = tiny(name, weights, rehearsal=False)
    before = {key: value.detach().clone() for key, value in model.nets.named_parameters()}
    after(model, until_all_play(name))
    moved = {key.split(".")[0] for key, value in model.nets.named_parameters() if not torch.equal(value, before[key])}
    trained = {slot for player in model.recipe.players for slot in player.trains if model.nets.parameters_of([slot])}
    assert moved == trained


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_it_goes_on_bit_by_bit_from_its_state(name: str, weights: Path) -> None:
    whole = after(tiny(name, weights, rehearsal=False), 4)
    parts = after(tiny(name, weights, rehearsal=False), 2)
    resumed = tiny(name, weights, rehearsal=False)
    resumed.restore_training_state(*parts.training_state())
    after(resumed, 2, first=2)
    (tensors, data), (wanted, told) = resumed.training_state(), whole.training_state()
    assert tensors.keys() == wanted.keys()
    assert [key for key in wanted if not torch.equal(tensors[key], wanted[key])] == []
    assert data == told


@pytest.mark.parametrize("name", [name for name in NAMES if translates(name)])
def test_what_is_loaded_translates_as_what_was_saved(name: str, weights: Path, tmp_path: Path) -> None:
    model = after(tiny(name, weights, rehearsal=False), 1)
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1
    weights = weights.rename(weights.with_suffix(".away"))  # a saved model brings them along
    try:
        loaded = load(model.save(tmp_path / "model"))
    finally:
        weights.rename(weights.with_suffix(".pth"))
    assert torch.equal(loaded.translate(image, **asked(model)), model.translate(image, **asked(model)))


FITTED = {
    "stargan": "faces:count=24,size=16",
    "cyclegan": "faces:count=24,size=16,domains=blond",
    "munit-fast": "faces:count=24,size=16,domains=blond",
    "simgan": "faces:count=24,size=16,domains=blond",
    "cogan": "faces:count=24,size=16,domains=blond",
    "pix2pix-fast": "faces:count=24,size=16,view=sketch,target=image",
    "bicyclegan": "faces:count=24,size=16,view=sketch,target=image",
}
"""A recipe of each kind: labels, domains, styles, one way, noise, pairs, two styles; with pools and with averages."""


class PulledPlugError(BaseException):
    """What nothing in a training catches."""


def pulled() -> None:
    raise PulledPlugError


@pytest.mark.parametrize("name", FITTED)
def test_a_run_that_was_broken_off_goes_on_bit_by_bit(name: str, weights: Path, tmp_path: Path) -> None:
    data = open_data(FITTED[name])
    often: dict[str, Any] = {"steps": 4, "batch": 2, "log_every": 1, "sample_every": 0, "checkpoint_every": 2, "progress": Silent()}

    def model() -> Model:
        sides = {"channels": data.image.channels, "source_channels": data.source.channels}
        return tiny(name, weights, rehearsal=False, **sides, **({"labels": data.domain} if data.domain.width else {}))

    fit(model(), data, tmp_path / "whole", **often)
    with pytest.raises(PulledPlugError):
        fit(model(), data, tmp_path / "parts", loggers=[At(3, pulled)], **often)
    resume(tmp_path / "parts", progress=Silent())
    same(tmp_path / "whole", tmp_path / "parts")


class Repeats:
    """Finds a network that is called twice on the same tensors, with the same weights and the same use of the gradient."""

    def __init__(self, model: Model) -> None:
        self.seen: Counter[Any] = Counter()
        for slot in model.nets.slots:
            net = model.slot(slot)
            for name, each in net.items() if isinstance(net, nn.ModuleDict) else [("", net)]:
                if any(True for _ in each.parameters()):
                    each.register_forward_hook(self._noted(f"{slot} {name}"), with_kwargs=True)

    def _noted(self, name: str) -> Any:
        def note(module: nn.Module, inputs: Any, options: Any, _: Any) -> None:
            version = sum(parameter._version for parameter in module.parameters())
            self.seen[name, version, torch.is_grad_enabled(), _label_from_discriminator([inputs, options])] += 1

        return note


def _label_from_discriminator(value: Any) -> Any:
    if isinstance(value, Tensor):
        return (tuple(value.shape), value.requires_grad, value.detach().contiguous().numpy().tobytes())
    if isinstance(value, (list, tuple)):
        return tuple(_label_from_discriminator(each) for each in value)
    return tuple((key, _label_from_discriminator(each)) for key, each in value.items()) if isinstance(value, dict) else None


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_computed_twice_in_a_round(name: str, weights: Path) -> None:
    model = tiny(name, weights, rehearsal=False)
    repeats = Repeats(model)
    after(model, until_all_play(name))
    assert [key[:3] for key, count in repeats.seen.items() if count > 1] == []


@pytest.mark.parametrize("name", [name for name in NAMES if batch_kind(name) == "unpaired"])
def test_it_takes_three_domains_or_says_why_not(name: str, weights: Path) -> None:
    if name in TWO_ALONE:
        with pytest.raises(BuildError, match=rf"{TWO_ALONE[name]}.*Declare two"):
            tiny(name, weights, domains=3)
        return
    model = after(tiny(name, weights, domains=3, rehearsal=False), 1)
    if not translates(name):
        return
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1
    made = {(begin, end): model.translate(image, to=end, source=begin) for begin, end in model.routes}
    assert len(made) == 6
    for one, other in itertools.combinations(made, 2):
        alike = name == "unit-fast" and one[1] == other[1]  # which has one encoder for all domains
        assert torch.equal(made[one], made[other]) == alike
