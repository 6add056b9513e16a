"""All components and recipes that the library's plugins declare can be imported."""

from __future__ import annotations

import pytest

from i2ikit import default_registry
from i2ikit.core.component import get_factory_options


@pytest.mark.parametrize("name", [component.name for component in default_registry().components()])
def test_every_declared_component_resolves_to_a_documented_factory(name: str) -> None:
    factory = default_registry().resolve(name)
    get_factory_options(factory)
    assert factory.__doc__


@pytest.mark.parametrize("name", default_registry().recipes())
def test_every_declared_recipe_can_be_imported_by_its_name(name: str) -> None:
    recipe = default_registry().recipe(name)
    assert recipe.name == name
    assert recipe.description
