"""Conformance checks for components: one function that authors of plugins call in a test."""

from __future__ import annotations

from i2ikit.testing.conformance import ConformanceError, ConformanceResult, check_component

__all__ = ["ConformanceError", "ConformanceResult", "check_component"]
