"""Recipes with several plans, one for each data set: pairs and unpaired images, or labelled images and images without labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from i2ikit.core.memo import share_views
from i2ikit.core.random_streams import RandomStreams
from i2ikit.core.translation import Translation
from i2ikit.errors import PlanError

if TYPE_CHECKING:
    from i2ikit.core.model import Model


def check_batches(model: Model, count: int) -> None:
    """Check that a step of a recipe with several plans has one batch for each of them, or raise PlanError."""
    if len(model.plans) > 1 and count != len(model.plans):
        kinds = ", ".join(model.get_batch_kind(index).name for index in range(len(model.plans)))
        raise PlanError(
            f'Recipe "{model.recipe.name}" has {len(model.plans)} plans, but the number of batches is {count}. '
            f"Pass one batch for each plan, in this order: {kinds}."
        )


def run_plan(model: Model, batch: Mapping[str, Any], streams: RandomStreams, requires_grad: bool, index: int = 0) -> list[Translation]:
    """Return the translations of a batch. If the recipe has several plans, ``index`` selects one, whose name selects its translations."""
    index = index if len(model.plans) > 1 else 0
    translations = model.plans[index](model.nets, batch, streams, requires_grad, **model.recipe.options_by_plan[index])
    _check_translations(translations, model.recipe.plan_names[index])
    share_views(translations)
    for translation in translations if len(model.plans) > 1 else ():
        translation.plan_name = model.recipe.plan_names[index]
    return translations


def _check_translations(translations: Any, plan: str) -> None:
    """Check what a plan returns, or raise PlanError."""
    if not isinstance(translations, (list, tuple)):
        found = "None" if translations is None else f"a {type(translations).__name__}"
    else:
        found = next((f"a list with a {type(each).__name__}" for each in translations if not isinstance(each, Translation)), "")
        found = found or ("" if translations else "an empty list")
    if found:
        raise PlanError(f'Plan "{plan}" returns {found}; it must return a list of translations.')
    names = [each.name for each in translations]
    if len(set(names)) < len(names):
        raise PlanError(
            f'Plan "{plan}" makes several translations with the same name: {", ".join(map(str, names))}. Give each another name=; '
            "it selects random draws, terms and pools."
        )
