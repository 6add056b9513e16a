"""The public interface is a stored list, so that it changes only on purpose."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import i2ikit

ROOT = Path(__file__).parents[2]
STORED = (Path(__file__).parent / "public_names.txt").read_text().split()


def test_the_public_names_equal_the_stored_list() -> None:
    assert sorted(i2ikit.__all__) == sorted(STORED)


@pytest.mark.parametrize("name", STORED)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(i2ikit, name) is not None


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse((ROOT / "i2ikit/__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    assert {alias.asname for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names} == set(STORED)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match='module "i2ikit" has no attribute "bild"'):
        i2ikit.bild  # noqa: B018


def test_dir_lists_the_public_names() -> None:
    assert set(STORED) <= set(dir(i2ikit))
