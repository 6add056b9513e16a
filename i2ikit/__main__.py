"""``python -m i2ikit`` is the command ``i2ikit``."""

from __future__ import annotations

import sys

from i2ikit.cli import main

sys.exit(main())
