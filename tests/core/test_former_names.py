"""Files of version 0.1 are read with the present names, and random numbers stay the same.

``tests/stored`` was written by that version: the data of every recipe (``recipes.json``), and for each recipe, made small as in
``tiny_recipes``, the keys of its random streams and the losses of its first steps (``steps.json``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_recipes import TINY, build_tiny, can_translate, get_recipe, get_request, write_weights

from i2ikit import DomainSpec
from i2ikit.core import former_names, recipe_json
from i2ikit.core.random_streams import RandomStreams
from i2ikit.evaluation.aggregate import MEASURES

STORED = Path(__file__).parents[1] / "stored"
RECIPES = json.loads((STORED / "recipes.json").read_text())
STEPS = json.loads((STORED / "steps.json").read_text())


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("weights") / "vgg16.pth")


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> dict[str, None]:
    """Collect the keys of all streams that numbers are drawn from, in their order."""
    found: dict[str, None] = {}
    seed = RandomStreams.seed

    def note(streams: RandomStreams, name: str) -> int:
        found[streams.get_key(name)] = None
        return seed(streams, name)

    monkeypatch.setattr(RandomStreams, "seed", note)
    return found


def read_recipe(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data of a recipe without its texts, and its labels as they are read: version 0.1 wrote no list of what can be none."""
    kept = {key: value for key, value in data.items() if key not in {"description", "paper"}}
    return {**kept, "labels": DomainSpec.from_dict(data["labels"])}


@pytest.mark.parametrize("name", RECIPES)
def test_a_stored_recipe_equals_the_present_recipe(name: str) -> None:
    present = json.loads(json.dumps(recipe_json.dump(get_recipe(name))))
    assert read_recipe(former_names.recipe(RECIPES[name])) == read_recipe(present)


@pytest.mark.parametrize("name", TINY)
def test_present_names_are_not_changed(name: str) -> None:
    present = json.loads(json.dumps(recipe_json.dump(get_recipe(name))))
    assert former_names.recipe(present) == present


@pytest.mark.parametrize("name", STEPS)
def test_each_recipe_uses_the_same_random_streams_as_in_version_0_1(name: str, weights: Path, keys: dict[str, None]) -> None:
    stored, (plain, _, official) = STEPS[name], name.partition(", ")
    model = build_tiny(plain, weights, **({"official": True} if official else {}))
    keys.clear()
    logs = [model.step(model.example_batch(2, seed=index)) for index in range(len(stored["logs"]))]
    assert list(keys) == stored["streams"]
    for found, wanted in zip(logs, stored["logs"], strict=True):
        assert {key: float(value) for key, value in found.items()} == pytest.approx(
            {former_names.player(key): value for key, value in wanted.items()}, rel=2e-3, abs=2e-4
        )
    assert model.stream_names == sorted({former_names.player(each) for each in stored["names"]})
    if can_translate(plain) and "translate" in stored:
        keys.clear()
        total, streams = stored["translate"]
        batch = model.example_batch(1, seed=9)
        fake = model.translate(batch["image"] if "image" in batch else batch["images"]["a"], **get_request(model))
        assert list(keys) == streams
        assert float(fake.double().sum()) == pytest.approx(total, rel=2e-3, abs=0.05)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("fake/generator", "fake/generator"),
        ("discriminator_output(fake, discriminator)/discriminator", "verdict(fake, discriminator)/discriminator"),
        ("discriminator_output(reference, discriminator_b)/discriminator_b/2", "verdict(exemplar, discriminator_b)/discriminator_b/2"),
        ("posterior_of_target/style_encoder", "posterior_of_truth/style_encoder"),
        ("call/discriminator", "call/discriminator"),
        ("reference/noise", "reference/noise"),
        ("alpha", "alpha"),
    ],
)
def test_streams_of_renamed_views_have_the_same_keys(name: str, key: str) -> None:
    assert former_names.stream_key(name) == key


def test_the_streams_of_one_player_have_the_same_keys() -> None:
    streams = RandomStreams((3, 7, 0))
    assert streams.for_player("discriminator").for_translation("a_to_b").get_key("style") == "3/7/0/critic/a_to_b/style"
    assert streams.for_player("translator").get_key("perm") == "3/7/0/translator/perm"
    assert streams.for_translation("discriminator").get_key("style") == "3/7/0/discriminator/style"  # here it names a translation


def test_settings_in_the_history_of_a_run_are_renamed() -> None:
    stored = {
        "data": [{"path": "x", "options": {"kind": "paired"}}],
        "command": "i2ikit train stargan",
        "train": {"best": "-l1/hair"},
        "changes": [{"round": 2, "changed": {"recipe.rounds": [2, 4], "recipe.players.critic.optimizer.lr": [0.1, 0.2]}}],
    }
    assert former_names.run(stored) == {
        "data": [{"path": "x", "options": {"batch_kind": "paired"}}],
        "command": "i2ikit train stargan",
        "train": {"best": "-mae/hair"},
        "changes": [{"step": 2, "changed": {"recipe.steps": [2, 4], "recipe.players.discriminator.optimizer.lr": [0.1, 0.2]}}],
    }


def test_numbers_of_a_users_function_keep_their_names() -> None:
    stored = {"command": "train.py", "train": {"best": "-l1"}}
    assert former_names.run(stored) == stored
    assert former_names.log({"event": "evaluated", "round": 2, "l1": 0.5}) == {"event": "evaluated", "step": 2, "l1": 0.5}
    assert former_names.log({"event": "evaluated", "round": 2, "psnr": 9, "l1": 0.5}) == {
        "event": "evaluated",
        "step": 2,
        "psnr": 9,
        "mae": 0.5,
    }


def test_files_of_today_pass_unchanged_whatever_names_their_users_chose() -> None:
    line = {"event": "evaluated", "step": 2, "psnr": 9, "l1": 0.5}
    term = {"loss": "other_loss", "on": 1, "options": {"critic": "mine", "of": "fake"}}
    player = {"name": "translator", "optimizer": {}, "terms": {"a": term}}
    stored = {"steps": 4, "description": "A critic.", "slots": {}, "players": [player]}
    assert former_names.log(line) == line
    assert former_names.recipe(stored) == stored


def test_the_description_of_a_recipe_is_shown_in_present_words() -> None:
    assert former_names.recipe({"says": "A style is read from an example; one critic."})["description"] == (
        "A style is read from a reference image; one discriminator."
    )
    assert former_names.recipe({"description": "An example."})["description"] == "An example."


def test_numbers_of_an_evaluation_are_renamed() -> None:
    stored = {
        "model": {"round": 7},
        "numbers": [
            {
                "name": "l1",
                "value": 0.1,
                "protocol": {"round": 7, "attribute": "hair", "definition": "mean absolute difference to the truth"},
            }
        ],
        "pairs": [{"attribute": "hair", "l1": 0.1}],
        "left_out": {"diversity_truth": "the truth has 1 channel."},
    }
    assert former_names.numbers(stored) == {
        "model": {"step": 7},
        "numbers": [
            {
                "name": "mae",
                "value": 0.1,
                "protocol": {"step": 7, "attribute": "hair", "definition": "mean absolute difference to the target"},
            }
        ],
        "pairs": [{"attribute": "hair", "mae": 0.1}],
        "left_out": {"diversity_target": "the target image has 1 channel."},
    }


def test_the_definitions_of_numbers_are_those_of_today() -> None:
    """Two numbers are compared only if their definitions are equal."""
    today = {definition for _, _, definition in MEASURES.values()}
    assert {"mean absolute difference to the target", dict(former_names.DEFINITIONS)["mean absolute difference to the truth"]} <= today


def test_tensors_of_players_are_renamed_and_networks_are_not() -> None:
    stored = {"losses.critic__penalty.weight": 1, "pools.critic__a.images": 2, "optimizers.critic.0.exp_avg": 3, "nets.critic.weight": 4}
    assert list(former_names.tensors(stored)) == [
        "losses.discriminator__penalty.weight",
        "pools.discriminator__a.images",
        "optimizers.discriminator.0.exp_avg",
        "nets.critic.weight",
    ]
