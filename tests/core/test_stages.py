"""Recipes with stages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import i2ikit
from i2ikit import Recipe, build
from i2ikit.core import recipe_json
from i2ikit.core.stages import list_stages
from i2ikit.errors import BuildError, I2IKitError, OptionError


@pytest.fixture
def recipe() -> Recipe:
    coarse = i2ikit.recipe("pix2pix-l1").with_overrides(size=16, generator={"width": 4, "depth": 4}, steps=3)
    return i2ikit.recipe("pix2pix").with_overrides(
        name="refined", size=16, discriminator={"width": 4, "depth": 2}, generator="stage:coarse", stages={"coarse": coarse}
    )


def test_a_slot_of_an_earlier_stage_has_the_options_that_it_has_there(recipe: Recipe) -> None:
    for changed in (recipe, recipe.with_overrides(slots={"generator": i2ikit.Slot("stage:coarse:generator")})):
        slot = build(changed, rehearsal=False).recipe.slots["generator"]
        assert (slot.component, slot.options, slot.weights[:12]) == ("pix2pix_unet", {"width": 4, "depth": 4}, "stage:coarse")
    third = recipe.with_overrides(name="third", generator="stage:refined", stages={"refined": _without_stages(recipe)})
    assert list(list_stages(third)) == ["coarse", "refined", "third"]
    assert build(third, rehearsal=False).recipe.slots["generator"].options == {"width": 4, "depth": 4}


def _without_stages(recipe: Recipe) -> Recipe:
    return recipe.with_overrides(stages={"coarse": None})


def test_the_table_of_a_stage_has_the_size_and_labels_of_its_file_unless_it_has_its_own(tmp_path: Path) -> None:
    (tmp_path / "first.toml").write_text('extends = "stargan"\nsteps = 9')
    tables = '[stages]\nby_name = "stargan"\nby_file = "first.toml"\n[stages.own]\nextends = "stargan"\nsize = 48\nlabels = ["x", "y"]\n'
    (tmp_path / "my.toml").write_text(f'extends = "stargan"\nsize = 32\nlabels = {{male = "bool"}}\n{tables}')
    (tmp_path / "changed.toml").write_text('extends = "my.toml"\nsize = 64\n[stages]\nby_name = "none"\nby_file = {steps = 2}\n')
    recipe, changed = i2ikit.recipe(str(tmp_path / "my.toml")), i2ikit.recipe(str(tmp_path / "changed.toml"))
    assert {name: (each.image.height, each.labels == recipe.labels) for name, each in recipe.stages.items()} == {
        "by_name": (32, True),
        "by_file": (32, True),
        "own": (48, False),
    }
    assert {name: (each.image.height, each.steps) for name, each in changed.stages.items()} == {"by_file": (64, 2), "own": (96, 200_000)}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('[stages.a]\nextends = "starga"', r'my\.toml": stage "a": No recipe is called "starga". Did you mean "stargan"'),
        ("[stages.a]\nsteps = 3", r'my\.toml": stage "a": the recipe has no "plan". Add it, or name the recipe'),
        ('[stages]\na = "my.toml"', "extends itself"),
        ("stages = 3", '"stages" is 3; it must be a mapping'),
    ],
)
def test_a_wrong_stage_in_a_file_is_named(tmp_path: Path, table: str, message: str) -> None:
    (tmp_path / "my.toml").write_text(f'extends = "stargan"\n{table}\n')
    with pytest.raises(OptionError, match=message) as caught:
        i2ikit.recipe(str(tmp_path / "my.toml"))
    assert "\n" not in str(caught.value)


def test_a_recipe_with_stages_survives_json_and_a_file(recipe: Recipe) -> None:
    data = json.loads(json.dumps(recipe_json.dump(recipe)))
    assert recipe_json.dump(recipe_json.restore(data)) == data
    assert list(data["stages"]) == ["coarse"]
    assert "stages" not in recipe_json.dump(recipe.stages["coarse"])


def test_size_channels_and_labels_of_a_recipe_reach_its_stages() -> None:
    coarse = i2ikit.recipe("stargan").with_overrides(size=64)
    recipe = i2ikit.recipe("stargan").with_overrides(name="fine", stages={"coarse": coarse, "same": i2ikit.recipe("stargan")})
    changed = recipe.with_overrides(size=(32, 64), channels=1, labels={"male": bool}, steps=7, stages={"same": {"steps": 5}})
    image = changed.stages["coarse"].image
    assert (image.height, image.width, image.channels) == (16, 32, 1)
    assert changed.stages["coarse"].labels == changed.labels
    assert (changed.steps, changed.stages["same"].steps, changed.stages["coarse"].steps) == (7, 5, 200_000)


def test_the_model_of_the_last_stage_is_built_untrained_and_says_so(recipe: Recipe) -> None:
    text = build(recipe).explain()
    assert "generator is untrained here; a run gives it the weights of stage:coarse" in text
    assert "coarse (3 steps), then this one" in text


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"generator": "stage:fine"}, 'No stage before this one is called "fine". Available: coarse'),
        ({"generator": "stage:coarse:gen"}, 'No slot of stage "coarse" is called "gen"'),
        ({"generator": "stage:coarse:generator/a"}, 'has one network, without a name. Leave out "/a"'),
        ({"slots": {"discriminator": {"weights": "stage:coarse"}}}, 'No slot of stage "coarse" is called "discriminator"'),
        ({"slots": {"discriminator": {"weights": "stage:coarse:generator"}}}, 'has "pix2pix_unet" in slot "generator"'),
        ({"stages": {"coarse": None}}, "the recipe has no stages before this one"),
        ({"stages": {"coarse": {"generator": "stage:coarse"}}}, 'stage "coarse": .*has no stages before this one'),
    ],
)
def test_weights_of_a_stage_that_does_not_exist_are_refused(recipe: Recipe, overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(BuildError, match=message) as caught:
        build(recipe, **overrides)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ({"fine": {"steps": 3}}, r'No stage is called "fine". Available: coarse. To add it: stages=\{"fine": RECIPE\}'),
        ({"coarse": 3}, 'Stage "coarse" is set to 3; it must be a recipe'),
        ({"refined": i2ikit.recipe("pix2pix")}, "has the name of the recipe itself"),
        ({"a/b": i2ikit.recipe("pix2pix")}, '"a/b" is no name of a stage'),
        ({"fine": "pix2pix"}, r'is set to "pix2pix"; it must be a recipe: .*i2ikit.recipe\("pix2pix"\)'),
    ],
)
def test_wrong_stages_are_refused(recipe: Recipe, stages: dict[str, Any], message: str) -> None:
    with pytest.raises(I2IKitError, match=message):
        recipe.with_overrides(stages=stages)
    with pytest.raises(OptionError, match='Stage "all" has stages of its own: coarse'):
        i2ikit.recipe("pix2pix").with_overrides(stages={"all": recipe})
