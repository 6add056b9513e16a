"""Overrides of slots and terms, and their error messages."""

from __future__ import annotations

from typing import Any

import pytest
from core.small_systems import CYCLEGAN, STARGAN
from core.toys.assembly import assemble, make_batch

from i2ikit import Slot, Term, Translation
from i2ikit.core.overrides import apply_overrides
from i2ikit.errors import BuildError, OptionError


def test_a_component_and_its_options_are_set_together_and_the_slot_keeps_its_attributes() -> None:
    slot = CYCLEGAN.slots["discriminator"]
    model = assemble(CYCLEGAN, size=24, discriminator={"component": slot.component})
    assert slot.per == "domain"
    assert model.recipe.slots["discriminator"] == Slot(slot.component, per="domain", shared=slot.shared)


def test_an_attribute_of_a_slot_is_set_like_an_option() -> None:
    before, changed = CYCLEGAN.slots["generator"], apply_overrides(CYCLEGAN, {"generator": {"frozen": True}}).slots["generator"]
    assert (before.frozen, changed.frozen) == (False, True)
    assert changed.options == before.options


def test_a_slot_is_per_domain_or_per_pair() -> None:
    with pytest.raises(OptionError, match=r'"per" of a slot is "foo"\. Available: domain, pair'):
        Slot("patch_discriminator", per="foo")  # type: ignore[arg-type]


def test_one_name_may_be_given_as_text() -> None:
    assert Term("cycle_loss", updates="generator").updates == ("generator",)
    assert Term("cycle_loss", translations="forward").translations == ("forward",)
    assert Slot("unit_encoder", shared="latent").shared == ("latent",)


@pytest.mark.parametrize("value", ["cycle_loss", lambda t: t.real.mean()])
def test_a_loss_instead_of_a_weight_is_refused_with_the_remedy(value: Any) -> None:
    with pytest.raises(OptionError, match=r'Term "translator/cycle" must be set to a weight.* Write Term\(\.\.\.\)'):
        assemble(STARGAN, terms={"translator/cycle": value})


def test_a_removed_slot_that_a_term_requires_is_named() -> None:
    with pytest.raises(BuildError, match=r'No slot is called "discriminator"\. Available: '):
        assemble(STARGAN, discriminator=None)


def test_a_loss_of_several_numbers_is_named_with_its_shape() -> None:
    def loss(t: Translation) -> Any:
        return (t.fake - t.real).abs()

    with pytest.raises(BuildError, match=r'The loss of term "translator/map" must be one number; found .* shape \[\d+, \d+, \d+, \d+\]'):
        assemble(STARGAN, terms={"translator/map": Term(loss)})


def test_a_loss_of_one_element_is_accepted() -> None:
    model = assemble(CYCLEGAN, terms={"translator/one": Term(lambda t: (t.fake - t.real).abs().mean().reshape(1))})
    assert "translator/one" in model.step(make_batch(model))
