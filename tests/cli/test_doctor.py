"""``i2ikit doctor``: what is installed, and how to install what is not."""

from __future__ import annotations

import pytest


def test_optional_packages_are_listed_with_the_command_that_installs_them(run_cli, monkeypatch: pytest.MonkeyPatch) -> None:
    requirements = ["click>=8", 'no-such-package>=1; extra == "images"', 'rich>=13; extra == "hub"', 'ruff; extra == "dev"']
    monkeypatch.setattr("i2ikit.cli.doctor.metadata.requires", lambda _: requirements)
    shown = run_cli("doctor").out
    required, optional = shown.partition("\npackages:\n")[2].partition("\nplugins:\n")[0].split("\noptional packages:\n")
    assert [line.split()[0] for line in required.splitlines()] == ["click"]
    missing, there = optional.splitlines()
    assert missing == '  no-such-package is not installed: pip install "i2ikit[images]"'
    assert there.startswith("  rich ")
    assert there.endswith(" (hub)")
