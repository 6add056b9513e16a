"""Tests run with one thread: toys are too small for several threads, and equal results require an equal number of threads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def use_one_thread_in_fixtures() -> None:
    """Fixtures of modules run before those of tests, and their trainings are compared with those of tests."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def use_one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
