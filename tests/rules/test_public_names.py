"""The public interface is a stored list, so that it changes only on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

import i2ikit

STORED = (Path(__file__).parent / "public_names.txt").read_text().split()


def test_the_public_names_equal_the_stored_list() -> None:
    assert sorted(i2ikit.__all__) == sorted(STORED)


@pytest.mark.parametrize("name", STORED)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(i2ikit, name) is not None


def test_a_name_of_a_function_is_the_function_after_its_package_was_imported() -> None:
    import i2ikit.evaluation
    import i2ikit.train

    assert (i2ikit.evaluate, i2ikit.fit, i2ikit.resume) == (i2ikit.evaluation.evaluate, i2ikit.train.fit, i2ikit.train.resume)
    assert callable(i2ikit.evaluate)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match='module "i2ikit" has no attribute "bild"'):
        i2ikit.bild  # noqa: B018


def test_dir_lists_the_public_names() -> None:
    assert set(STORED) <= set(dir(i2ikit))
