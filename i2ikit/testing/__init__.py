"""The conformance kit: what every component has to keep, as one test for authors of plugins."""

from __future__ import annotations

from i2ikit.testing.conformance import ConformanceError, Report, check_component

__all__ = ["ConformanceError", "Report", "check_component"]
