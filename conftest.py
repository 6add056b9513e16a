"""Examples in the Markdown files are tests: every Python block of a page runs, top to bottom, in an empty folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
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
    parsers=[PythonCodeBlockParser(), SkipParser()], patterns=["README.md", "docs/*.md", "docs/*/*.md"], setup=_enter, teardown=_leave
).pytest()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the examples of one page in one process: each goes on where the one above it stopped."""
    from xdist.scheduler import LoadScopeScheduling

    class Pages(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
        def _split_scope(self, nodeid: str) -> str:
            page = nodeid.partition("::")[0]
            return page if page.endswith(".md") else nodeid

    return Pages(config, log)
