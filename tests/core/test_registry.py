"""The registry: look-up by name, refused plugins, and error messages."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from toy_plugins import make_component, make_plugin, make_registry

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
    registry = make_registry(toy=make_plugin([make_component("a_loss"), make_component("a_discriminator", "discriminator")]))
    assert registry.component("a_loss").role == "loss"
    assert [each.name for each in registry.components("discriminator")] == ["a_discriminator"]
    assert [each.name for each in registry.components(filter="*_loss")] == ["a_loss"]


def test_an_unknown_name_suggests_the_nearest_of_its_role() -> None:
    registry = make_registry(
        toy=make_plugin([make_component("munit_adain_decoder", "generator"), make_component("munit_adain_decode_loss")])
    )
    with pytest.raises(UnknownNameError) as caught:
        registry.component("munit_adain_decode", "generator")
    assert str(caught.value) == 'No generator is called "munit_adain_decode". Did you mean "munit_adain_decoder"?'
    assert caught.value.known == ("munit_adain_decoder",)


def test_the_error_for_a_name_of_another_role_names_that_role() -> None:
    registry = make_registry(toy=make_plugin([make_component("a_loss")]))
    with pytest.raises(UnknownNameError, match=r'No generator is called "a_loss"\. Available: none\. "a_loss" has the role loss\.'):
        registry.component("a_loss", "generator")


def test_a_name_of_two_plugins_is_ambiguous_and_both_are_named() -> None:
    registry = make_registry(
        one=make_plugin([make_component("a_loss", factory="x:y")]), two=make_plugin([make_component("a_loss", factory="x:z")])
    )
    with pytest.raises(AmbiguousNameError) as caught:
        registry.component("a_loss")
    assert "one (registered by hand) and two (registered by hand)" in str(caught.value)
    assert str(caught.value).endswith('Write "one:a_loss" or "two:a_loss".')


def test_a_qualified_name_resolves_an_ambiguous_one() -> None:
    registry = make_registry(
        one=make_plugin([make_component("a_loss", factory="x:y")]), two=make_plugin([make_component("a_loss", factory="x:z")])
    )
    assert registry.component("one:a_loss").factory == "x:y"
    assert registry.component("two:a_loss").factory == "x:z"
    with pytest.raises(UnknownNameError, match='No component is called "three:a_loss"'):
        registry.component("three:a_loss")


def test_equal_names_of_different_roles_are_distinguished_by_role() -> None:
    registry = make_registry(one=make_plugin([make_component("patch")]), two=make_plugin([make_component("patch", "encoder")]))
    assert registry.component("patch", "encoder").role == "encoder"


def test_a_recipe_of_two_plugins_is_ambiguous() -> None:
    registry = make_registry(one=make_plugin(recipes={"toy": "x:Y"}), two=make_plugin(recipes={"toy": "x:Z"}))
    with pytest.raises(AmbiguousNameError, match=r'a recipe "toy": one .* and two .*"one:toy" or "two:toy"'):
        registry.recipe("toy")


def test_a_plugin_name_is_refused_the_second_time() -> None:
    registry = make_registry(one=make_plugin([]))
    with pytest.raises(PluginError, match='A plugin "one" is registered already'):
        registry.register(make_plugin([]), "one")


def test_resolve_imports_the_factory_on_first_use(toy_module: ModuleType) -> None:
    registry = make_registry(toy=make_plugin([make_component("a_loss")]))

    def toy_loss(translation: object, *, weight: float = 1.0) -> None: ...

    toy_module.toy_loss = toy_loss
    assert registry.resolve("a_loss", "loss") is toy_loss


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (lambda **options: None, r'takes "\*\*options"'),
        (lambda *parts: None, r'takes "\*parts"'),
        (lambda width, /: None, r'positional-only option "width"'),
        ("text", "a str; it must be a class or a function"),
    ],
)
def test_a_factory_without_named_options_is_refused(toy_module: ModuleType, factory: object, message: str) -> None:
    toy_module.toy_loss = factory
    with pytest.raises(PluginError, match=message):
        make_registry(toy=make_plugin([make_component("a_loss")])).resolve("a_loss")


def test_a_module_class_without_a_constructor_has_no_options(toy_module: ModuleType) -> None:
    from torch import nn

    class Still(nn.Module):
        pass

    toy_module.toy_loss = Still
    assert make_registry(toy=make_plugin([make_component("a_loss")])).resolve("a_loss") is Still


def test_a_factory_that_cannot_be_imported_is_named(toy_module: ModuleType) -> None:
    registry = make_registry(toy=make_plugin([make_component("a_loss"), make_component("b_loss", factory="no_such_module:f")]))
    with pytest.raises(PluginError, match='"a_loss" is declared as "toy_module:toy_loss", but module "toy_module" has no "toy_loss"'):
        registry.resolve("a_loss")
    with pytest.raises(PluginError, match='"b_loss" is declared as "no_such_module:f", which cannot be imported: ModuleNotFoundError'):
        registry.resolve("b_loss")


def test_a_recipe_is_declared_as_a_text_or_as_an_object(toy_module: ModuleType) -> None:
    toy_module.TOY = Recipe(name="toy", slots={}, plan="paired", players=())
    registry = make_registry(toy=make_plugin(recipes={"toy": "toy_module:TOY", "direct": toy_module.TOY}))
    assert registry.recipe("toy") is toy_module.TOY
    assert registry.recipe("direct") is toy_module.TOY
    assert registry.recipes() == ("toy", "direct")


def test_a_recipe_of_another_type_is_refused(toy_module: ModuleType) -> None:
    toy_module.TOY = {"name": "toy"}
    with pytest.raises(PluginError, match='Recipe "toy" of plugin "one" is a dict; it must be a Recipe'):
        make_registry(one=make_plugin(recipes={"toy": "toy_module:TOY"})).recipe("toy")


def test_an_unknown_recipe_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r'No recipe is called "starga"\. Did you mean "stargan"'):
        make_registry(one=make_plugin(recipes={"stargan": "x:Y"})).recipe("starga")


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (make_plugin("a_loss"), 'Plugin "bad": i2ikit_components returns a str. Return a list of Component.'),
        (make_plugin(["a_loss"]), r"""Plugin "bad": i2ikit_components returns a list with 'a_loss'"""),
        (make_plugin([make_component("a_loss"), make_component("a_loss")]), 'Plugin "bad" declares two components called "a_loss"'),
        (make_plugin(recipes=["stargan"]), 'Plugin "bad": i2ikit_recipes returns a list'),
        (make_plugin(recipes={"toy": 3}), 'Plugin "bad": recipe "toy" is 3'),
        (make_plugin(recipes={"toy": "no_colon"}), """Plugin "bad": recipe "toy" is 'no_colon'"""),
        (make_plugin(recipes={"a:b": "x:Y"}), "i2ikit_recipes returns a recipe with the name 'a:b'"),
        (make_plugin(), 'Plugin "bad" implements no hook'),
        (
            make_plugin(i2ikit_component=hookimpl(misspelled)),
            'Plugin "bad" implements "i2ikit_component", which is not a hook. Did you mean "i2ikit_components"',
        ),
        (make_plugin(i2ikit_components=hookimpl(lambda more: [])), 'Plugin "bad" cannot be registered: .*more'),
    ],
)
def test_a_plugin_that_breaks_the_rules_is_refused_and_not_registered(module: ModuleType, message: str) -> None:
    registry = Registry(discover=False)
    with pytest.raises(PluginError, match=message):
        registry.register(module, "bad")
    assert registry.plugins() == ()
    registry.register(make_plugin([]), "bad")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (("Bad Name", "loss", "a:b", "It."), "'Bad Name' is not a valid component name"),
        (("a_loss", "lose", "a:b", "It."), """has the role 'lose'. Did you mean "loss"?"""),
        (("a_loss", "loss", "a.b", "It."), """has the factory 'a.b'. Write "module:factory\""""),
        (("a_loss", "loss", "a:b", " "), "has the description ' '. Describe the component in one line"),
    ],
)
def test_a_wrong_declaration_is_refused(fields: tuple[Any, ...], message: str) -> None:
    with pytest.raises(PluginError, match=message):
        Component(*fields)


def test_the_origin_of_a_component_or_recipe_is_its_plugin() -> None:
    registry = make_registry(one=make_plugin([make_component("a_loss")]), two=make_plugin(recipes={"toy": "x:Y"}))
    assert registry.origin("a_loss").name == "one"
    assert registry.origin("toy").name == "two"
    with pytest.raises(UnknownNameError, match=r'No component or recipe is called "tox"\. Did you mean "toy"'):
        registry.origin("tox")
