"""Installed plugins: their order, and plugins that fail."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import metadata
from types import ModuleType, SimpleNamespace

import pytest
from toy_plugins import make_component, make_plugin

from i2ikit import PluginWarning, Registry, hookimpl
from i2ikit.errors import AmbiguousNameError, UnknownNameError


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install fake distributions, each with a plugin module, or with None for a module that does not exist."""
    points: list[metadata.EntryPoint] = []

    def add(name: str, module: ModuleType | None, distribution: str) -> None:
        if module is not None:
            monkeypatch.setitem(sys.modules, name, module)
        point = metadata.EntryPoint(name.removeprefix("i2ikit_"), name, "i2ikit")
        points.append(point._for(SimpleNamespace(name=distribution, version="0.1")))

    monkeypatch.setattr(metadata, "entry_points", lambda group: list(points))
    return add


def test_installed_plugins_are_found_in_a_fixed_order(install: Callable[..., None]) -> None:
    install("i2ikit_zebra", make_plugin([make_component("z_loss")]), "a-dist")
    install("i2ikit_beta", make_plugin([make_component("b_loss")]), "b-dist")
    install("i2ikit_own", make_plugin([make_component("o_loss")]), "i2ikit")
    install("i2ikit_alpha", make_plugin([make_component("a_loss")]), "b-dist")
    assert [each.name for each in Registry().components()] == ["o_loss", "z_loss", "a_loss", "b_loss"]


def test_installed_plugins_are_loaded_once_and_again_after_refresh(install: Callable[..., None]) -> None:
    install("i2ikit_alpha", make_plugin([make_component("a_loss")]), "a-dist")
    registry = Registry()
    registry.register(make_plugin([make_component("mine_loss")]), "mine")
    assert [each.name for each in registry.components()] == ["a_loss", "mine_loss"]
    install("i2ikit_beta", make_plugin([make_component("b_loss")]), "b-dist")
    assert [each.name for each in registry.components()] == ["a_loss", "mine_loss"]
    registry.refresh()
    assert [each.name for each in registry.components()] == ["a_loss", "b_loss", "mine_loss"]


def test_a_plugin_that_fails_causes_one_warning_and_the_others_are_loaded(install: Callable[..., None]) -> None:
    install("i2ikit_broken", None, "i2ikit-broken")
    install("i2ikit_good", make_plugin([make_component("good_loss")]), "i2ikit-good")
    registry = Registry()
    with pytest.warns(PluginWarning) as caught:
        assert [each.name for each in registry.components()] == ["good_loss"]
    (warning,) = caught
    message = str(warning.message)
    assert message.startswith('Plugin "i2ikit_broken" (i2ikit-broken 0.1) failed: ModuleNotFoundError: No module named')
    assert message.endswith("i2ikit doctor")
    assert registry.components()  # no second warning


@pytest.mark.parametrize(
    "module",
    [None, make_plugin("no list"), make_plugin(), make_plugin(i2ikit_components=hookimpl(lambda: 1 / 0))],
    ids=["missing", "no list", "no hook", "raises"],
)
def test_the_error_for_an_unknown_name_names_the_plugin_that_failed_and_the_reason(
    install: Callable[..., None], module: ModuleType | None
) -> None:
    install("i2ikit_broken", module, "i2ikit-broken")
    registry = Registry()
    with pytest.warns(PluginWarning):
        registry.plugins()
    (failure,) = registry.failures
    with pytest.raises(UnknownNameError) as caught:
        registry.component("broken_loss")
    assert str(caught.value).endswith(f' Plugin "i2ikit_broken" (i2ikit-broken 0.1) failed: {failure.reason}.')


def test_the_error_for_an_ambiguous_name_names_both_distributions(install: Callable[..., None]) -> None:
    install("i2ikit_alpha", make_plugin([make_component("a_loss")]), "dist-one")
    install("i2ikit_beta", make_plugin([make_component("a_loss")]), "dist-two")
    with pytest.raises(
        AmbiguousNameError, match=r'i2ikit_alpha \(dist-one 0\.1\) and i2ikit_beta \(dist-two 0\.1\)\. Write "i2ikit_alpha:a_loss"'
    ):
        Registry().component("a_loss")


def test_the_library_itself_is_registered_as_plugins() -> None:
    registry = Registry()
    assert {"i2ikit.builtin", "i2ikit_stargan"} <= {plugin.name for plugin in registry.plugins()}
    assert registry.component("identity_encoder").role == "encoder"
    assert "stargan" in registry.recipes()
