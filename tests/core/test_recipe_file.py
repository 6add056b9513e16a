"""Recipes in TOML files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from scripts import load_script

import i2ikit
from i2ikit import Schedule, Slot, build
from i2ikit.core.overrides import OTHER_NAMES, RECIPE_FIELDS
from i2ikit.errors import OptionError

ROOT = Path(__file__).parents[2]

CHANGED = """
extends = "stargan"
name = "bright"
size = [32, 48]
steps = 100
conditioner = "none"
generator = {width = 8, blocks = 1}
ema = {half_life = 500, ramp = 0.05}
labels = {hair = ["black", "blond"], male = "bool"}
schedule = {kind = "constant"}
[slots.discriminator]
frozen = true
options = {width = 8}
[terms]
"translator/cycle" = 5
"translator/identity" = "identity_loss"
"discriminator/penalty" = "none"
"discriminator/domain" = {weight = {kind = "linear", start = 0.0}, official = true}
[players.discriminator]
lr = 1e-5
betas = [0.0, 0.9]
"""

WHOLE = """
plan = "paired"
size = 16
[slots]
encoder = "identity_encoder"
generator = {component = "pix2pix_unet", options = {width = 4}}
[players.translator]
trains = ["encoder", "generator"]
terms = {l1 = {loss = "l1_loss", weight = 10}}
lr = 1e-3
"""


def write(folder: Path, text: str, name: str = "my.toml") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_a_file_changes_a_recipe_as_with_overrides_does(tmp_path: Path) -> None:
    expected = i2ikit.recipe("stargan").with_overrides(
        name="bright",
        size=(32, 48),
        steps=100,
        conditioner=None,
        generator={"width": 8, "blocks": 1},
        ema={"half_life": 500, "ramp": 0.05},
        labels={"hair": ("black", "blond"), "male": bool},
        schedule="constant",
        slots={"discriminator": {"frozen": True, "options": {"width": 8}}},
        terms={
            "translator/cycle": 5,
            "translator/identity": "identity_loss",
            "discriminator/penalty": None,
            "discriminator/domain": {"weight": Schedule("linear", start=0.0), "official": True},
        },
        players={"discriminator": {"lr": 1e-5, "betas": (0.0, 0.9)}},
    )
    assert i2ikit.recipe(write(tmp_path, CHANGED)) == expected


def test_a_file_is_a_whole_recipe_that_trains(tmp_path: Path) -> None:
    recipe = i2ikit.recipe(write(tmp_path, WHOLE))
    assert recipe.name == "my"
    assert recipe.slots["generator"] == Slot("pix2pix_unet", {"width": 4})
    model = build(write(tmp_path, WHOLE))
    assert list(model.step(model.example_batch(2))) == ["translator/l1"]


def test_a_file_extends_another_one_beside_it(tmp_path: Path) -> None:
    write(tmp_path, WHOLE, "base.toml")
    assert i2ikit.recipe(write(tmp_path, 'extends = "base.toml"\nsteps = 7')).steps == 7
    with pytest.raises(OptionError, match="extends itself"):
        i2ikit.recipe(write(tmp_path, 'extends = "my.toml"'))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('extends = "stargan"\nstep = 3', r'my\.toml": No setting of recipe "stargan" is called "step"\. Did you mean .*"steps"'),
        ('extends = "starga"', 'No recipe is called "starga". Did you mean "stargan"'),
        ('extends = "stargan"\n[slots.generator]\nfrozn = true', 'Did you mean "frozen"'),
        ('extends = "stargan"\nsteps = 0', r'my\.toml": "steps" of the recipe is 0'),
        ("steps = 3", 'the recipe has no "plan". Add it, or name the recipe that this file changes'),
        ("steps = ", "is not a TOML file"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line_that_names_it(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        i2ikit.recipe(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(OptionError, match=r'"no\.toml" cannot be read: No such file'):
        i2ikit.recipe("no.toml")


def test_names_are_listed_by_pattern() -> None:
    assert {"stargan", "cyclegan"} <= set(i2ikit.list_recipes("*gan*"))
    assert [each.name for each in i2ikit.list_components(role="generator", filter="*adain*")] == ["munit_adain_decoder"]


@pytest.fixture(scope="module")
def schema_module() -> Any:
    return load_script(ROOT / "docs/recipe_schema.py")


def test_the_schema_is_up_to_date(schema_module: Any) -> None:
    stored = json.loads((ROOT / "docs/recipe.schema.json").read_text(encoding="utf-8"))
    assert stored == schema_module.make_schema(), "run: python docs/recipe_schema.py"


def test_the_schema_describes_every_setting(schema_module: Any) -> None:
    schema = schema_module.make_schema()
    assert set(schema["properties"]) == {"extends", *RECIPE_FIELDS, *OTHER_NAMES}
    undescribed = [name for name, each in schema["properties"].items() if "description" not in each]
    assert undescribed == []


def test_the_example_of_the_docs_is_a_recipe(tmp_path: Path) -> None:
    [example] = re.findall(r"^```toml\n(.*?)^```", (ROOT / "docs/concepts.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    recipe = i2ikit.recipe(write(tmp_path, example))
    assert recipe.player("discriminator").optimizer.lr == 2e-4
    assert recipe.player("translator").terms["domain"].weight == Schedule("linear", start=0.5)
