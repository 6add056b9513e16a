"""docs/components.md says what the registry says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from toy_plugins import plugin, registry_of

from i2ikit import Component, default_registry

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("components_page", ROOT / "docs/components.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_components_is_current(writer: ModuleType) -> None:
    wanted = writer.page(default_registry())
    assert (ROOT / "docs/components.md").read_text(encoding="utf-8") == wanted, "write it again: python docs/components.py"


def test_every_component_and_recipe_of_the_library_stands_in_the_page(writer: ModuleType) -> None:
    text = writer.page(default_registry())
    names = [*(each.name for each in default_registry().components() if "i2ikit" in each.factory), *default_registry().recipes()]
    assert [name for name in names if f"### `{name}`" not in text] == []


def test_a_plugin_of_somebody_else_is_left_out(writer: ModuleType) -> None:
    strange = registry_of(strange=plugin([Component("strange_loss", "loss", "broken_parts:good_loss", "Strange.")]))
    assert "strange_loss" not in writer.page(strange)


def test_options_come_with_their_default_and_their_meaning(writer: ModuleType) -> None:
    assert "| `width` | `64` | Channels after the first convolution; doubled by each further one. |" in writer.page(default_registry())
