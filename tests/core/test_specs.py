"""What values have in the network: the sizes of images."""

from __future__ import annotations

import pytest

from i2ikit.core.specs import ImageSpec
from i2ikit.errors import OptionError


def test_a_size_that_no_machine_holds_is_refused() -> None:
    assert str(ImageSpec(3, 10_000, 20_000)) == "image [3, 10000, 20000]"
    with pytest.raises(OptionError, match=r"has 10,000,000,000 pixels; at most 200,000,000 are supported\. Choose a smaller size"):
        ImageSpec(3, 100_000, 100_000)
