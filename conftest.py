"""Examples in the Markdown files are tests: every Python block of a page runs, top to bottom, in an empty folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

if TYPE_CHECKING:
    from collections.abc import Callable


def _enter(namespace: dict[str, Any]) -> None:
    import os
    import tempfile

    namespace["_folder"], namespace["_before"] = tempfile.TemporaryDirectory(), os.getcwd()  # noqa: PTH109
    os.chdir(namespace["_folder"].name)


def _leave(namespace: dict[str, Any]) -> None:
    import os

    os.chdir(namespace["_before"])
    namespace["_folder"].cleanup()


pytest_collect_file: Callable[..., Any] = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()], patterns=["README.md", "docs/*.md"], setup=_enter, teardown=_leave
).pytest()
