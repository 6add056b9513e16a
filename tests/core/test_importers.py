"""What reads original weights: declared by plugins, found by name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from i2ikit import Registry, hookimpl, import_official
from i2ikit.errors import AmbiguousNameError, OptionError, PluginError, UnknownNameError


def importing(found: Any) -> Any:
    @hookimpl
    def i2ikit_importers() -> Any:
        return found

    return SimpleNamespace(i2ikit_importers=i2ikit_importers)


def registry(**plugins: Any) -> Registry:
    made = Registry(discover=False)
    for name, found in plugins.items():
        made.register(importing(found), name)
    return made


def toy_importer(*, net: str, labels: str | None = None) -> Any:
    return SimpleNamespace(given=(net, labels), preprocessing={})


def test_an_importer_gets_its_parts_by_name() -> None:
    known = registry(toys={"toy": f"{__name__}:toy_importer"})
    known.importer = lambda name: toy_importer  # type: ignore[method-assign]
    model: Any = import_official("toy", registry=known, net="weights")
    assert model.given == ("weights", None)
    assert model.preprocessing == {"imported": "toy", "untrained": []}
    with pytest.raises(OptionError, match='Importing an official "toy" needs net=; found labels'):
        import_official("toy", registry=known, labels="a")
    with pytest.raises(UnknownNameError, match=r'No part of an official "toy" is called "nets"\. Did you mean "net"'):
        import_official("toy", registry=known, nets="weights")


def test_importers_are_listed_in_the_plugins_order() -> None:
    assert registry(b={"second": "m:f"}, a={"first": "m:f", "second": "m:g"}).importers() == ("second", "first")


def test_two_importers_of_one_system_are_told_apart_by_plugin() -> None:
    known = registry(one={"toy": "math:floor"}, two={"toy": "math:fsum"})
    with pytest.raises(AmbiguousNameError, match='Write "one:toy" or "two:toy"'):
        known.importer("toy")
    with pytest.raises(UnknownNameError, match='No importer is called "three:toy"'):
        known.importer("three:toy")


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (["toy"], "i2ikit_importers gave a list"),
        ({"a:b": "m:f"}, "i2ikit_importers names a system 'a:b'"),
        ({"toy": "m"}, 'importer "toy" is \'m\'. Give "module:function"'),
    ],
)
def test_a_wrong_declaration_is_refused(found: Any, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        registry(bad=found)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("no_such_module:f", "cannot be imported"),
        ("math:no_such", 'has no "no_such"'),
        ("math:pi", "is a float; it must be a function"),
    ],
)
def test_an_importer_that_is_not_there_is_named(place: str, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        registry(toys={"toy": place}).importer("toy")
