"""docs/components.md agrees with the registry."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest
from scripts import load_script
from toy_plugins import make_plugin, make_registry

from i2ikit import Component, default_registry

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def page_module() -> ModuleType:
    return load_script(ROOT / "docs/components.py")


def test_the_page_is_up_to_date(page_module: ModuleType) -> None:
    expected = page_module.page(default_registry())
    assert (ROOT / "docs/components.md").read_text(encoding="utf-8") == expected, "run: python docs/components.py"


def test_the_page_has_every_component_and_recipe_of_the_library(page_module: ModuleType) -> None:
    text = page_module.page(default_registry())
    names = [*(each.name for each in default_registry().components() if "i2ikit" in each.factory), *default_registry().recipes()]
    assert [name for name in names if f"### `{name}`" not in text] == []


def test_the_page_leaves_out_other_plugins(page_module: ModuleType) -> None:
    registry = make_registry(other=make_plugin([Component("other_loss", "loss", "broken_parts:good_loss", "From another plugin.")]))
    assert "other_loss" not in page_module.page(registry)


def test_options_have_their_default_and_their_description(page_module: ModuleType) -> None:
    assert re.search(r"^\| `width` \| `64` \| Channels [^|]+ \|$", page_module.page(default_registry()), re.MULTILINE)
