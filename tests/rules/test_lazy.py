"""Names of a package that are imported when they are first used."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

PACKAGE = """
from typing import TYPE_CHECKING
from i2ikit.lazy import attach
if TYPE_CHECKING:
    from lazy_sample import part as part
    from lazy_sample.part import thing as thing
__getattr__, __dir__, __all__ = attach(__name__)
"""


def test_a_name_is_listed_once_and_imported_when_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lazy_sample").mkdir()
    (tmp_path / "lazy_sample/__init__.py").write_text(PACKAGE)
    (tmp_path / "lazy_sample/part.py").write_text("thing = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    import lazy_sample  # type: ignore[import-not-found]

    assert lazy_sample.__all__ == ["part", "thing"]
    assert "lazy_sample.part" not in sys.modules
    assert lazy_sample.thing == 3
    assert lazy_sample.part is sys.modules["lazy_sample.part"]
    assert {"part", "thing"} <= set(dir(lazy_sample))
    with pytest.raises(AttributeError, match='module "lazy_sample" has no attribute "thnig"'):
        lazy_sample.thnig  # noqa: B018
