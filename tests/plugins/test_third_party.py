"""A third-party plugin works as the bundled plugins do."""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from i2ikit import Registry
from i2ikit.core.component import get_factory_options
from i2ikit.testing import check_component

FOLDER = Path(__file__).parent / "example_plugin"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module("i2ikit_example")
    for name in [name for name in sys.modules if name.partition(".")[0] == "i2ikit_example"]:
        del sys.modules[name]


def test_its_metadata_names_the_entry_point() -> None:
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["i2ikit"] == {"example": "i2ikit_example"}


def test_its_component_resolves_with_its_options(example: ModuleType) -> None:
    registry = Registry(discover=False)
    registry.register(example)
    factory = registry.resolve("example_tint_conditioner", "conditioner")
    assert list(get_factory_options(factory)) == ["code", "domain", "strength"]


def test_its_loss_resolves(example: ModuleType) -> None:
    registry = Registry(discover=False)
    registry.register(example)
    assert registry.resolve("i2ikit_example:example_brightness_loss", "loss").__name__ == "brightness_loss"


@pytest.mark.parametrize("name", ["example_tint_conditioner", "example_brightness_loss"])
def test_its_parts_conform(example: ModuleType, name: str) -> None:
    registry = Registry(discover=False)
    registry.register(example)
    assert "is_documented" in check_component(name, registry=registry).passed


def test_its_recipe_uses_parts_of_other_plugins(example: ModuleType) -> None:
    registry = Registry()
    registry.register(example)
    recipe = registry.recipe("example")
    for slot, filled in recipe.slots.items():
        assert registry.component(filled.component, recipe.role(slot))
