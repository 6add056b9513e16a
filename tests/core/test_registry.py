"""The registry: what it finds by name, what it refuses, and what it says."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from toy_plugins import part, plugin, registry_of

from i2ikit import Component, Recipe, Registry, hookimpl
from i2ikit.errors import AmbiguousNameError, PluginError, UnknownNameError


def misspelled() -> list[Component]:
    return []


@pytest.fixture
def toy_module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("toy_module")
    monkeypatch.setitem(sys.modules, "toy_module", module)
    return module


def test_a_registry_without_discovery_is_empty() -> None:
    registry = Registry(discover=False)
    assert registry.components() == ()
    assert registry.recipes() == ()


def test_a_registered_component_is_found_by_name_and_role() -> None:
    registry = registry_of(toy=plugin([part("a_loss"), part("a_discriminator", "discriminator")]))
    assert registry.component("a_loss").role == "loss"
    assert [each.name for each in registry.components("discriminator")] == ["a_discriminator"]
    assert [each.name for each in registry.components(filter="*_loss")] == ["a_loss"]


def test_an_unknown_name_suggests_the_nearest_of_its_role() -> None:
    registry = registry_of(toy=plugin([part("munit_adain_decoder", "generator"), part("munit_adain_decode_loss")]))
    with pytest.raises(UnknownNameError) as caught:
        registry.component("munit_adain_decode", "generator")
    assert str(caught.value) == 'No generator is called "munit_adain_decode". Did you mean "munit_adain_decoder"?'
    assert caught.value.known == ("munit_adain_decoder",)


def test_a_name_of_another_role_says_which_role_it_has() -> None:
    registry = registry_of(toy=plugin([part("a_loss")]))
    with pytest.raises(UnknownNameError, match=r'No generator is called "a_loss"\. There is none\. "a_loss" is a loss\.'):
        registry.component("a_loss", "generator")


def test_two_plugins_with_one_name_are_ambiguous_and_both_named() -> None:
    registry = registry_of(one=plugin([part("a_loss", factory="x:y")]), two=plugin([part("a_loss", factory="x:z")]))
    with pytest.raises(AmbiguousNameError) as caught:
        registry.component("a_loss")
    assert str(caught.value) == (
        'Several plugins offer a component "a_loss": one (registered by hand) and two (registered by hand). '
        'Write "one:a_loss" or "two:a_loss".'
    )


def test_a_qualified_name_resolves_an_ambiguous_one() -> None:
    registry = registry_of(one=plugin([part("a_loss", factory="x:y")]), two=plugin([part("a_loss", factory="x:z")]))
    assert registry.component("one:a_loss").factory == "x:y"
    assert registry.component("two:a_loss").factory == "x:z"
    with pytest.raises(UnknownNameError, match='No component is called "three:a_loss"'):
        registry.component("three:a_loss")


def test_equal_names_of_different_roles_are_told_apart_by_role() -> None:
    registry = registry_of(one=plugin([part("patch")]), two=plugin([part("patch", "encoder")]))
    assert registry.component("patch", "encoder").role == "encoder"


def test_two_plugins_with_one_recipe_are_ambiguous() -> None:
    registry = registry_of(one=plugin(recipes={"toy": "x:Y"}), two=plugin(recipes={"toy": "x:Z"}))
    with pytest.raises(AmbiguousNameError, match=r'Several plugins offer a recipe "toy": one .* and two .*"one:toy" or "two:toy"'):
        registry.recipe("toy")


def test_a_plugin_name_is_registered_once() -> None:
    registry = registry_of(one=plugin([]))
    with pytest.raises(PluginError, match='A plugin "one" is registered already'):
        registry.register(plugin([]), "one")


def test_resolve_imports_the_factory_on_first_use(toy_module: ModuleType) -> None:
    registry = registry_of(toy=plugin([part("a_loss")]))

    def toy_loss(translation: object, *, weight: float = 1.0) -> None: ...

    toy_module.toy_loss = toy_loss
    assert registry.resolve("a_loss", "loss") is toy_loss


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (lambda **options: None, r'takes "\*\*options"'),
        (lambda *parts: None, r'takes "\*parts"'),
        (lambda width, /: None, r'takes "width" without its name'),
        ("text", "a str; it must be a class or a function"),
    ],
)
def test_a_factory_without_named_options_is_refused(toy_module: ModuleType, factory: object, message: str) -> None:
    toy_module.toy_loss = factory
    with pytest.raises(PluginError, match=message):
        registry_of(toy=plugin([part("a_loss")])).resolve("a_loss")


def test_a_module_class_without_a_constructor_has_no_options(toy_module: ModuleType) -> None:
    from torch import nn

    class Still(nn.Module):
        pass

    toy_module.toy_loss = Still
    assert registry_of(toy=plugin([part("a_loss")])).resolve("a_loss") is Still


def test_a_factory_that_is_not_there_is_named_with_its_place(toy_module: ModuleType) -> None:
    registry = registry_of(toy=plugin([part("a_loss"), part("b_loss", factory="no_such_module:f")]))
    with pytest.raises(PluginError, match='Component "a_loss" is at "toy_module:toy_loss", but module "toy_module" has no "toy_loss"'):
        registry.resolve("a_loss")
    with pytest.raises(PluginError, match='Component "b_loss" is at "no_such_module:f", which cannot be imported: ModuleNotFoundError'):
        registry.resolve("b_loss")


def test_a_recipe_is_imported_by_its_place_or_given_as_it_is(toy_module: ModuleType) -> None:
    toy_module.TOY = Recipe(name="toy", slots={}, plan="paired", players=())
    registry = registry_of(toy=plugin(recipes={"toy": "toy_module:TOY", "direct": toy_module.TOY}))
    assert registry.recipe("toy") is toy_module.TOY
    assert registry.recipe("direct") is toy_module.TOY
    assert registry.recipes() == ("toy", "direct")


def test_a_recipe_that_is_something_else_is_refused(toy_module: ModuleType) -> None:
    toy_module.TOY = {"name": "toy"}
    with pytest.raises(PluginError, match='Recipe "toy" of plugin "one" is a dict; it must be a Recipe'):
        registry_of(one=plugin(recipes={"toy": "toy_module:TOY"})).recipe("toy")


def test_an_unknown_recipe_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r'No recipe is called "starga"\. Did you mean "stargan"'):
        registry_of(one=plugin(recipes={"stargan": "x:Y"})).recipe("starga")


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (plugin("a_loss"), 'Plugin "bad": i2ikit_components gave a str. Return a list of Component.'),
        (plugin(["a_loss"]), r"""Plugin "bad": i2ikit_components gave a list that holds 'a_loss'"""),
        (plugin([part("a_loss"), part("a_loss")]), 'Plugin "bad" offers two components called "a_loss"'),
        (plugin(recipes=["stargan"]), 'Plugin "bad": i2ikit_recipes gave a list'),
        (plugin(recipes={"toy": 3}), 'Plugin "bad": recipe "toy" is 3'),
        (plugin(recipes={"toy": "no_colon"}), """Plugin "bad": recipe "toy" is 'no_colon'"""),
        (plugin(recipes={"a:b": "x:Y"}), "i2ikit_recipes names a recipe 'a:b'"),
        (plugin(), 'Plugin "bad" has no hook'),
        (
            plugin(i2ikit_component=hookimpl(misspelled)),
            'Plugin "bad" implements "i2ikit_component", which is no hook. Did you mean "i2ikit_components"',
        ),
        (plugin(i2ikit_components=hookimpl(lambda more: [])), 'Plugin "bad" cannot be registered: .*more'),
    ],
)
def test_a_hook_that_breaks_the_rules_is_refused_and_leaves_nothing(module: ModuleType, message: str) -> None:
    registry = Registry(discover=False)
    with pytest.raises(PluginError, match=message):
        registry.register(module, "bad")
    assert registry.plugins() == ()
    registry.register(plugin([]), "bad")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (("Bad Name", "loss", "a:b", "It."), "A component is called 'Bad Name'"),
        (("a_loss", "lose", "a:b", "It."), """has the role 'lose'. Did you mean "loss"?"""),
        (("a_loss", "loss", "a.b", "It."), """has the factory 'a.b'. Write "module:factory\""""),
        (("a_loss", "loss", "a:b", " "), "says ' '. Say in one line"),
    ],
)
def test_a_declaration_of_the_wrong_form_is_refused(fields: tuple[Any, ...], message: str) -> None:
    with pytest.raises(PluginError, match=message):
        Component(*fields)


def test_an_origin_is_the_plugin_of_a_component_or_recipe() -> None:
    registry = registry_of(one=plugin([part("a_loss")]), two=plugin(recipes={"toy": "x:Y"}))
    assert registry.origin("a_loss").plugin == "one"
    assert registry.origin("toy").plugin == "two"
    with pytest.raises(UnknownNameError, match=r'No component or recipe is called "tox"\. Did you mean "toy"'):
        registry.origin("tox")
