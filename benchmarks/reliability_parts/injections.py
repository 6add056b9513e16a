"""NaN and infinity in every term and in every kind of input: named, and nothing of the model is harmed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reliability_parts.attempt import Attempt


def run(folder: Path, seed: int, scale: float) -> Iterator[Attempt]:
    """Give each term of each recipe, and each tensor of its batch, a value that is not finite in the second step.

    Args:
        folder: An empty folder.
        seed: Seed of the models.
        scale: Not used: all terms and inputs are tried.
    """
    from tiny_recipes import build_tiny, list_recipes, write_weights

    weights = write_weights(folder / "vgg.pth")
    for recipe in list_recipes():
        model = build_tiny(recipe, weights, rehearsal=False)
        for key in model.losses:
            for bad in (math.nan, math.inf):
                yield _try(build_tiny(recipe, weights, rehearsal=False, seed=seed), recipe, key, bad)
        for place in _list_tensors(model.example_batch(2)):
            yield _try(build_tiny(recipe, weights, rehearsal=False, seed=seed), recipe, place, math.nan)


def _list_tensors(batch: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(batch, Tensor):
        return [path] if batch.is_floating_point() and batch.ndim == 4 else []
    if not isinstance(batch, dict):
        return []
    return [each for key, value in batch.items() for each in _list_tensors(value, (*path, key))]


def _try(model: Any, recipe: str, place: Any, bad: float) -> Attempt:
    from i2ikit.errors import NonFiniteLossError

    name = f"{recipe}: {bad} in {place if isinstance(place, str) else '/'.join(place)}"
    every = math.lcm(*(player.every for player in model.recipe.players), *(t.every for p in model.recipe.players for t in p.terms.values()))
    for number in range(every):
        model.step(model.example_batch(2, seed=number))
    batch, original = model.example_batch(2, seed=99), dict(model.losses)
    if isinstance(place, str):
        _break(model, place, bad)
    else:
        target = batch
        for key in place[:-1]:
            target = target[key]
        target[place[-1]][0] = bad
    try:
        for _ in range(every):
            model.step(batch)
        model.raise_if_not_finite()
    except NonFiniteLossError as error:
        if isinstance(place, str) and place not in error.terms:
            return Attempt(name, f"names {error.terms} instead: {error}")
    else:
        return Attempt(name, "not noticed")
    finally:
        model.losses.clear()
        model.losses.update(original)
    after = model.training_state()[0]
    harmed = [key for key, value in after.items() if torch.is_tensor(value) and not torch.isfinite(value.float()).all()]
    if harmed:
        return Attempt(name, f"not finite afterwards: {harmed[:3]}")
    if not isinstance(place, str):
        model.step(model.example_batch(2, seed=100))
        model.raise_if_not_finite()
    return Attempt(name)


def _break(model: Any, key: str, bad: float) -> None:
    loss = model.losses[key]

    def broken(*arguments: Any, **options: Any) -> Tensor:
        return loss(*arguments, **options) * bad

    model.losses[key] = broken
