"""Installed plugins: their order, and what becomes of a broken one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import metadata
from types import ModuleType, SimpleNamespace

import pytest
from toy_plugins import part, plugin

from i2ikit import PluginWarning, Registry, hookimpl
from i2ikit.errors import AmbiguousNameError, UnknownNameError


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install fake distributions: each a plugin module, or None for one that is not there."""
    points: list[metadata.EntryPoint] = []

    def add(name: str, module: ModuleType | None, distribution: str) -> None:
        if module is not None:
            monkeypatch.setitem(sys.modules, name, module)
        point = metadata.EntryPoint(name.removeprefix("i2ikit_"), name, "i2ikit")
        points.append(point._for(SimpleNamespace(name=distribution, version="0.1")))

    monkeypatch.setattr(metadata, "entry_points", lambda group: list(points))
    return add


def test_installed_plugins_are_found_in_a_fixed_order(install: Callable[..., None]) -> None:
    install("i2ikit_zebra", plugin([part("z_loss")]), "a-dist")
    install("i2ikit_beta", plugin([part("b_loss")]), "b-dist")
    install("i2ikit_own", plugin([part("o_loss")]), "i2ikit")
    install("i2ikit_alpha", plugin([part("a_loss")]), "b-dist")
    assert [each.name for each in Registry().components()] == ["o_loss", "z_loss", "a_loss", "b_loss"]


def test_installed_plugins_are_looked_for_once_and_again_after_refresh(install: Callable[..., None]) -> None:
    install("i2ikit_alpha", plugin([part("a_loss")]), "a-dist")
    registry = Registry()
    registry.register(plugin([part("mine_loss")]), "mine")
    assert [each.name for each in registry.components()] == ["a_loss", "mine_loss"]
    install("i2ikit_beta", plugin([part("b_loss")]), "b-dist")
    assert [each.name for each in registry.components()] == ["a_loss", "mine_loss"]
    registry.refresh()
    assert [each.name for each in registry.components()] == ["a_loss", "b_loss", "mine_loss"]


def test_a_broken_plugin_is_one_warning_and_the_others_go_on(install: Callable[..., None]) -> None:
    install("i2ikit_broken", None, "i2ikit-broken")
    install("i2ikit_good", plugin([part("good_loss")]), "i2ikit-good")
    registry = Registry()
    with pytest.warns(PluginWarning) as caught:
        assert [each.name for each in registry.components()] == ["good_loss"]
    (warning,) = caught
    assert str(warning.message) == (
        "Plugin \"i2ikit_broken\" (i2ikit-broken 0.1) failed: ModuleNotFoundError: No module named 'i2ikit_broken'. "
        "It is left out; `i2ikit doctor` lists the plugins."
    )
    assert registry.components()  # no second warning


@pytest.mark.parametrize(
    "module",
    [None, plugin("no list"), plugin(), plugin(i2ikit_components=hookimpl(lambda: 1 / 0))],
    ids=["not there", "no list", "no hook", "raises"],
)
def test_an_unknown_name_says_which_plugin_failed_and_why(install: Callable[..., None], module: ModuleType | None) -> None:
    install("i2ikit_broken", module, "i2ikit-broken")
    registry = Registry()
    with pytest.warns(PluginWarning):
        registry.plugins()
    (failure,) = registry.failures
    with pytest.raises(UnknownNameError) as caught:
        registry.component("broken_loss")
    assert (
        str(caught.value)
        == f'No component is called "broken_loss". There is none. Plugin "i2ikit_broken" (i2ikit-broken 0.1) failed: {failure.reason}.'
    )


def test_an_ambiguity_of_installed_plugins_names_both_distributions(install: Callable[..., None]) -> None:
    install("i2ikit_alpha", plugin([part("a_loss")]), "dist-one")
    install("i2ikit_beta", plugin([part("a_loss")]), "dist-two")
    with pytest.raises(
        AmbiguousNameError, match=r'i2ikit_alpha \(dist-one 0\.1\) and i2ikit_beta \(dist-two 0\.1\)\. Write "i2ikit_alpha:a_loss"'
    ):
        Registry().component("a_loss")


def test_the_library_registers_itself_as_a_plugin() -> None:
    registry = Registry()
    assert {"i2ikit.builtin", "i2ikit_stargan"} <= {offer.plugin for offer in registry.plugins()}
    assert registry.component("identity_encoder").role == "encoder"
    assert "stargan" in registry.recipes()
