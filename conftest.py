"""The examples in the Markdown files are tests: all Python blocks of a page run in order, in an empty folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

if TYPE_CHECKING:
    from collections.abc import Callable


def _enter_folder(namespace: dict[str, Any]) -> None:
    import os
    import tempfile

    namespace["_folder"], namespace["_before"] = tempfile.TemporaryDirectory(), os.getcwd()  # noqa: PTH109
    os.chdir(namespace["_folder"].name)


def _leave_folder(namespace: dict[str, Any]) -> None:
    import os

    os.chdir(namespace["_before"])
    namespace["_folder"].cleanup()


pytest_collect_file: Callable[..., Any] = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    patterns=["README.md", "docs/*.md", "docs/*/*.md"],
    setup=_enter_folder,
    teardown=_leave_folder,
).pytest()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the examples of a page in one process, because each example continues the previous one."""
    from xdist.scheduler import LoadScopeScheduling

    class PageScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
        def _split_scope(self, nodeid: str) -> str:
            page = nodeid.partition("::")[0]
            return page if page.endswith(".md") else nodeid

    return PageScheduling(config, log)
