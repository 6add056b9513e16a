"""What is known of an option: type, default, allowed values and meaning."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from attrs import fields

from i2ikit import default_registry
from i2ikit.core.option_docs import OptionDoc, describe_type, list_option_docs, list_setting_docs
from i2ikit.core.player import Player
from i2ikit.core.player_overrides import OPTIMIZER_SETTINGS
from i2ikit.core.recipe import Recipe
from i2ikit.core.slot import SLOT_SETTINGS, TERM_SETTINGS, Slot, Term
from i2ikit.core.training import Ema, Optimizer, Schedule
from i2ikit.errors import I2IKitError
from i2ikit.testing.component_under_test import prepare_component
from i2ikit.testing.fault import Fault

COMPONENTS = [component.name for component in default_registry().components()]
OWNERS = {
    Recipe: tuple(each.name for each in fields(Recipe) if each.name != "official"),
    Schedule: tuple(each.name for each in fields(Schedule)),
    Ema: tuple(each.name for each in fields(Ema)),
    Player: ("trains", "terms", "every", "pool"),
    Optimizer: ("name", *OPTIMIZER_SETTINGS),
    Slot: SLOT_SETTINGS,
    Term: TERM_SETTINGS,
}


def list_docs(name: str) -> list[OptionDoc]:
    registry = default_registry()
    return list_option_docs(registry.component(name).role, registry.resolve(name))


def is_number(doc: OptionDoc) -> bool:
    return not {"int", "float"}.isdisjoint(doc.kind.split())


@pytest.mark.parametrize("name", COMPONENTS)
def test_every_option_of_a_component_has_a_type_and_a_meaning_and_each_number_its_allowed_values(name: str) -> None:
    for doc in list_docs(name):
        assert doc.kind, doc
        assert doc.description, doc
        assert not doc.description.startswith("Options"), doc
        assert doc.allowed or not is_number(doc), doc


@pytest.mark.parametrize(("owner", "names"), OWNERS.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_every_setting_has_a_type_and_a_meaning_and_each_number_its_allowed_values(owner: type, names: tuple[str, ...]) -> None:
    for doc in list_setting_docs(owner, names):
        assert doc.kind, doc
        assert doc.description, doc
        assert doc.allowed or doc.kind not in ("int", "float") or (owner, doc.name) == (Schedule, "value"), doc


def list_limits() -> list[tuple[str, str, int]]:
    """Return the options of networks with a least value in their description."""
    registry, found = default_registry(), []
    for component in registry.components():
        if component.role in ("encoder", "generator", "discriminator"):
            for doc in list_docs(component.name):
                least = re.match(r"(\d+) or more", doc.allowed)
                found += [(component.name, doc.name, int(least[1]))] if least else []
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("component", "option", "least"), list_limits())
def test_the_least_value_in_the_description_is_the_least_that_a_component_accepts(component: str, option: str, least: int) -> None:
    with pytest.raises((I2IKitError, Fault)):
        prepare_component(default_registry(), component, {option: least - 1})


def test_a_setting_has_the_default_and_the_range_of_its_validator() -> None:
    (jitter,) = list_setting_docs(Recipe, ["jitter"])
    assert (jitter.kind, jitter.default, jitter.allowed) == ("float", "0.0", "0 or more and at most 1")
    (betas,) = list_setting_docs(Optimizer, ["betas"])
    assert betas.allowed.startswith("two numbers of 0 or more and below 1")


def test_an_option_without_a_description_of_its_own_has_that_of_the_function_it_refers_to() -> None:
    first, second = list_docs("wgan_discriminator_loss"), list_docs("hinge_generator_loss")
    assert {each.name: each.description for each in second}.items() <= {each.name: each.description for each in first}.items()


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "int"),
        (bool, "True or False"),
        (int | None, "int or None"),
        (Literal["reflect", "zero"], '"reflect" or "zero"'),
        (Literal[1, 2], "1 or 2"),
        (tuple[Literal["a", "b", "c"], ...], 'sequence of "a", "b" or "c"'),
        (tuple[float, float], "sequence: float, float"),
    ],
)
def test_a_type_is_described_by_what_a_user_can_write(annotation: object, text: str) -> None:
    assert describe_type(annotation) == text
