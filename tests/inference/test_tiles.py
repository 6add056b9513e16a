"""Images in tiles."""

from __future__ import annotations

import warnings

import pytest
import torch
from core.small_systems import MUNIT
from core.toys.assembly import assemble
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit import Model, Slot, build
from i2ikit.errors import OptionError
from i2ikit.inference.tiles import measure_reach, run_in_tiles

CPU = torch.device("cpu")
WITHOUT_NORMS = {"encoder": Slot("toy_content_and_style", per="domain"), "generator": Slot("toy_painter", per="domain")}


class Strided(nn.Module):
    """Looks five pixels far, at a stride of 4, with zero padding: the phase of a tile and its rim both matter."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.down, self.up = nn.Conv2d(3, 4, 6, 4, 1), nn.ConvTranspose2d(4, 3, 4, 4)

    def forward(self, image: Tensor) -> Tensor:
        return self.up(F.leaky_relu(self.down(image)))


@pytest.fixture(scope="module")
def net() -> Strided:
    return Strided().requires_grad_(False)


def image_of(height: int, width: int, rows: int = 1) -> Tensor:
    return torch.rand(rows, 3, height, width, generator=torch.Generator().manual_seed(height * width)) * 2 - 1


@settings(max_examples=40, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), tile=st.integers(32, 90))
def test_tiles_equal_the_whole_where_the_reach_is_limited(height: int, width: int, tile: int) -> None:
    net, image = Strided().requires_grad_(False), image_of(4 * height, 4 * width, rows=2)
    reach = measure_reach(net, 3, 4, 8, CPU)

    torch.testing.assert_close(run_in_tiles(net, image, tile, 4, reach, CPU), net(image), rtol=0, atol=1e-5)


def test_the_reach_is_measured(net: Strided) -> None:
    assert 1 <= measure_reach(net, 3, 4, 8, CPU) <= 8
    assert measure_reach(lambda image: image * 2, 3, 1, 1, CPU) <= 1
    assert measure_reach(lambda image: image - image.mean((2, 3), keepdim=True), 3, 1, 1, CPU) is None


def test_a_larger_drawing_is_put_together_at_its_own_scale() -> None:
    image = image_of(64, 48)

    def draw(part: Tensor) -> Tensor:
        return F.interpolate(part, scale_factor=2, mode="bilinear")

    torch.testing.assert_close(run_in_tiles(draw, image, 32, 1, 2, CPU), draw(image))


def test_no_tile_is_larger_than_asked_for(net: Strided) -> None:
    seen: list[tuple[int, ...]] = []

    def draw(part: Tensor) -> Tensor:
        seen.append(tuple(part.shape[-2:]))
        return net(part)

    run_in_tiles(draw, image_of(100, 60), 42, 4, 8, CPU)

    assert len(seen) > 4
    assert max(max(size) for size in seen) <= 42


def test_a_model_without_global_statistics_translates_in_tiles_as_whole() -> None:
    model = assemble(MUNIT, **WITHOUT_NORMS).float()
    image = image_of(71, 53)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = model.translate(image, to="b", seed=3, tile=32)

    torch.testing.assert_close(made, model.translate(F.pad(image, (0, 1, 0, 1), mode="reflect"), to="b", seed=3)[..., :71, :53])


def test_a_model_with_global_statistics_says_that_tiles_differ() -> None:
    model: Model = build("stargan", size=16, labels={"glasses": bool}, generator={"width": 4, "blocks": 1}, discriminator={"width": 4})
    with pytest.warns(UserWarning, match="tiles differs from that of the whole image: .*depends on all of the image"):
        made = model.translate(image_of(70, 50), to={"glasses": True}, label={"glasses": False}, tile=40)

    assert made.shape == (1, 3, 70, 50)
    assert torch.isfinite(made).all()


def test_a_tile_that_cannot_be_is_named() -> None:
    model = assemble(MUNIT, **WITHOUT_NORMS).float()
    with pytest.raises(OptionError, match=r"^tile=8 is too small: .*\d+ pixels away\. Use 32 or more\.$"):
        model.translate(image_of(40, 40), to="b", tile=8)
    with pytest.raises(OptionError, match=r"^tile='no' .*pixels"):
        model.translate(image_of(40, 40), to="b", tile="no")


def test_networks_that_look_at_everything_take_tiles_of_two_strides() -> None:
    def draw(part: Tensor) -> Tensor:
        return part * 2

    image = image_of(1280, 768)
    torch.testing.assert_close(run_in_tiles(draw, image, 512, 256, None, CPU), draw(image))
    with pytest.raises(OptionError, match=r"^tile=500 is too small: tiles begin at multiples of 256 pixels"):
        run_in_tiles(draw, image, 500, 256, None, CPU)
