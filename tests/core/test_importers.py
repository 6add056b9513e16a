"""Importers of original weights: plugins declare them, and they are found by name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from i2ikit import Registry, hookimpl, import_official
from i2ikit.errors import AmbiguousNameError, OptionError, PluginError, UnknownNameError


def make_plugin(declared: Any) -> Any:
    @hookimpl
    def i2ikit_importers() -> Any:
        return declared

    return SimpleNamespace(i2ikit_importers=i2ikit_importers)


def make_registry(**plugins: Any) -> Registry:
    registry = Registry(discover=False)
    for name, declared in plugins.items():
        registry.register(make_plugin(declared), name)
    return registry


def toy_importer(*, net: str, labels: str | None = None) -> Any:
    return SimpleNamespace(arguments=(net, labels), preprocessing={})


def test_an_importer_receives_its_arguments_by_name() -> None:
    registry = make_registry(toys={"toy": f"{__name__}:toy_importer"})
    registry.importer = lambda name: toy_importer  # type: ignore[method-assign]
    model: Any = import_official("toy", registry=registry, net="weights")
    assert model.arguments == ("weights", None)
    assert model.preprocessing == {"imported": "toy", "untrained": []}


def test_missing_and_unknown_arguments_of_an_importer_are_named() -> None:
    registry = make_registry(toys={"toy": f"{__name__}:toy_importer"})
    registry.importer = lambda name: toy_importer  # type: ignore[method-assign]
    with pytest.raises(OptionError, match='"toy" requires net=; the given arguments are: labels'):
        import_official("toy", registry=registry, labels="a")
    with pytest.raises(UnknownNameError, match=r'No argument of the importer "toy" is called "nets"\. Did you mean "net"'):
        import_official("toy", registry=registry, nets="weights")


def test_importers_are_listed_in_the_order_of_the_plugins() -> None:
    assert make_registry(b={"second": "m:f"}, a={"first": "m:f", "second": "m:g"}).importers() == ("second", "first")


def test_two_importers_of_one_system_are_distinguished_by_plugin() -> None:
    registry = make_registry(one={"toy": "math:floor"}, two={"toy": "math:fsum"})
    with pytest.raises(AmbiguousNameError, match='Write "one:toy" or "two:toy"'):
        registry.importer("toy")
    with pytest.raises(UnknownNameError, match='No importer is called "three:toy"'):
        registry.importer("three:toy")


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (["toy"], "i2ikit_importers returns a list"),
        ({"a:b": "m:f"}, "i2ikit_importers returns a system with the name 'a:b'"),
        ({"toy": "m"}, 'importer "toy" is \'m\'. Return "module:function"'),
    ],
)
def test_a_wrong_declaration_is_refused(declared: Any, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        make_registry(bad=declared)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("no_such_module:f", "cannot be imported"),
        ("math:no_such", 'has no "no_such"'),
        ("math:pi", "is a float; it must be a function"),
    ],
)
def test_an_importer_that_cannot_be_imported_is_named(place: str, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        make_registry(toys={"toy": place}).importer("toy")
