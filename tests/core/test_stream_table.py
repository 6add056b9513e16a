"""The table of random draws in the documentation is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from i2ikit import build
from i2ikit.core.explain import list_draw_names

PAGE = Path(__file__).parents[2] / "docs" / "concepts.md"


def read_table() -> dict[str, list[str]]:
    """Return the names of the random draws of each recipe in the table."""
    table = PAGE.read_text(encoding="utf-8").partition("| recipe | random draws |")[2].partition("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    return {recipe.strip("`"): sorted(re.findall(r"`([^`]+)`", re.sub(r"\([^)]*\)", "", names))) for recipe, names in rows}


@pytest.mark.parametrize(("recipe", "names"), read_table().items())
def test_a_recipe_has_the_random_draws_of_the_table(recipe: str, names: list[str]) -> None:
    model = build(recipe)
    assert list_draw_names(model) == names
    assert all(re.search(rf"\ndraws +.*{re.escape(name)}", model.explain()) for name in names)
