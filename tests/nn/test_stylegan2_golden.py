"""StyleGAN2 built from our layers equals the original code. Requires the folder of recorded outputs next to the repository."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, cast

import pytest
import torch
from ops.golden import Golden, needs_golden
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit.nn import Blur, Downsample, EqualLinear, FusedLeakyReLU, ModulatedConv, Upsample

WIDTH, LAYERS = 512, 9  # synthesis network at 64 x 64: two layers at each size, one at the first
TOLERANCE = 1e-4

pytestmark = needs_golden
StateDict = dict[str, Tensor]


class Mapping(nn.Module):
    """Mapping network: normalise noise and compute a style."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(EqualLinear(WIDTH, WIDTH, activation="lrelu", lr_multiplier=0.01) for _ in range(8)))

    def forward(self, z: Tensor) -> Tensor:
        return cast(Tensor, self.layers(z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()))


class Synthesis(nn.Module):
    """Synthesis network: a constant, convolutions with one style per layer, and an image summed over all sizes."""

    def __init__(self) -> None:
        super().__init__()
        options: dict[str, Any] = {"style": WIDTH, "noise": True, "bias": True, "activation": "lrelu"}
        self.constant = nn.Parameter(torch.zeros(1, WIDTH, 4, 4))
        self.convs = nn.ModuleList(ModulatedConv(WIDTH, WIDTH, up=2 if index % 2 else 1, **options) for index in range(LAYERS))
        num_rgb = (LAYERS + 1) // 2
        self.to_rgbs = nn.ModuleList(ModulatedConv(WIDTH, 3, 1, style=WIDTH, demodulate=False, bias=True) for _ in range(num_rgb))
        self.upsample = Upsample()

    def forward(self, styles: Tensor, noises: Sequence[Tensor]) -> Tensor:
        """Generate images for styles [B, LAYERS + 1, WIDTH]."""
        maps, image = self.constant.expand(len(styles), -1, -1, -1), None
        for index, (conv, noise) in enumerate(zip(self.convs, noises, strict=True)):
            maps = conv(maps, styles[:, index], noise)
            if index % 2 == 0:
                rgb = self.to_rgbs[index // 2](maps, styles[:, index + 1])
                image = rgb if image is None else self.upsample(image, rgb)
        assert image is not None
        return image


class EqualConv(nn.Module):
    """Convolution with equalised learning rate and an optional leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, active: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, inputs, kernel, kernel))
        self.stride, self.scale = stride, (inputs * kernel**2) ** -0.5
        self.padding = kernel // 2 if stride == 1 else 0
        self.activation = FusedLeakyReLU(outputs) if active else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        return cast(Tensor, self.activation(F.conv2d(maps, self.weight * self.scale, stride=self.stride, padding=self.padding)))


class DownsamplingBlock(nn.Module):
    """Residual block of the discriminator, with downsampling by 2."""

    def __init__(self) -> None:
        super().__init__()
        self.first = EqualConv(WIDTH, WIDTH, 3)
        # Padding of the strided 3x3 convolution, in addition to what keeps the size: two pixels on every side.
        self.second = nn.Sequential(Blur(padding=(0, 1, 0, 1)), EqualConv(WIDTH, WIDTH, 3, stride=2))
        self.skip = nn.Sequential(Downsample(), EqualConv(WIDTH, WIDTH, 1, active=False))

    def forward(self, maps: Tensor) -> Tensor:
        return cast(Tensor, (self.second(self.first(maps)) + self.skip(maps)) / math.sqrt(2))


class Discriminator(nn.Module):
    """Score images of 64 x 64 in groups of four."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = EqualConv(3, WIDTH, 1)
        self.blocks = nn.Sequential(*(DownsamplingBlock() for _ in range(4)))
        self.last = EqualConv(WIDTH + 1, WIDTH, 3)
        self.head = nn.Sequential(EqualLinear(WIDTH * 16, WIDTH, activation="lrelu"), EqualLinear(WIDTH, 1))

    def forward(self, image: Tensor) -> Tensor:
        maps = self.blocks(self.stem(image))
        size = min(len(maps), 4)
        groups = maps.reshape(size, -1, *maps.shape[1:])  # images whose indices differ by multiples of size form a group
        deviation = (groups.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
        plane = deviation.repeat(size)[:, None, None, None].expand(-1, 1, *maps.shape[2:])
        return cast(Tensor, self.head(self.last(torch.cat([maps, plane], 1)).flatten(1)))


def load_weights(module: nn.Module, state: StateDict, names: Iterable[tuple[str, str]]) -> None:
    """Load a state dict of the original, given pairs of our name and the original name."""
    module.load_state_dict({ours: state[original].reshape(module.state_dict()[ours].shape) for ours, original in names})
    module.requires_grad_(False)


def make_mapping(state: StateDict) -> Mapping:
    net = Mapping()
    load_weights(net, state, ((f"layers.{index}.{kind}", f"style.{index + 1}.{kind}") for index in range(8) for kind in ("weight", "bias")))
    return net


def make_synthesis(state: StateDict) -> Synthesis:
    net = Synthesis()
    names = [("constant", "input.input")]
    ends = {"strength": "noise.weight", "bias": "activate.bias"}
    parts = {"weight": "conv.weight", "affine.weight": "conv.modulation.weight", "affine.bias": "conv.modulation.bias"}
    for index in range(LAYERS):
        original = f"convs.{index - 1}" if index else "conv1"
        names += [(f"convs.{index}.{one}", f"{original}.{other}") for one, other in (parts | ends).items()]
    for index in range(len(net.to_rgbs)):
        original = f"to_rgbs.{index - 1}" if index else "to_rgb1"
        names += [(f"to_rgbs.{index}.{one}", f"{original}.{other}") for one, other in (parts | {"bias": "bias"}).items()]
    load_weights(net, state, names)
    return net


def make_discriminator(state: StateDict) -> Discriminator:
    net = Discriminator()
    names = [("stem.weight", "convs.0.0.weight"), ("stem.activation.bias", "convs.0.1.bias")]
    names += [("last.weight", "final_conv.0.weight"), ("last.activation.bias", "final_conv.1.bias")]
    names += [(f"head.{index}.{kind}", f"final_linear.{index}.{kind}") for index in (0, 1) for kind in ("weight", "bias")]
    block = {
        "first.weight": "conv1.0.weight", "first.activation.bias": "conv1.1.bias", "second.1.weight": "conv2.1.weight",
        "second.1.activation.bias": "conv2.2.bias", "skip.1.weight": "skip.1.weight",
    }  # fmt: skip
    names += [(f"blocks.{index}.{one}", f"convs.{index + 1}.{other}") for index in range(4) for one, other in block.items()]
    load_weights(net, state, names)
    return net


@pytest.fixture(scope="module")
def golden() -> Golden:
    return Golden("stylegan2_64")


@pytest.fixture(scope="module")
def generator(golden: Golden) -> tuple[Mapping, Synthesis]:
    state = golden.state("G")
    return make_mapping(state), make_synthesis(state)


def get_input_noises(golden: Golden) -> list[Tensor]:
    return [golden.input(f"stylegan2_64/noise{index}") for index in range(LAYERS)]


def get_stored_noises(golden: Golden) -> list[Tensor]:
    state = golden.state("G")
    return [state[f"noises.noise_{index}"] for index in range(LAYERS)]


def repeat_style(style: Tensor) -> Tensor:
    return style[:, None].expand(-1, LAYERS + 1, -1)


def test_mapping_network_equals_the_original(golden: Golden, generator: tuple[Mapping, Synthesis]) -> None:
    golden.assert_output("w", generator[0](golden.input("stylegan2_64/z")), TOLERANCE)


LAST = torch.channels_last
CASES = [
    ("explicit_noise", torch.contiguous_format),
    *(
        pytest.param(name, LAST, marks=pytest.mark.slow)
        for name in ("explicit_noise", "buffer_noise", "truncated", "mixed_inject3", "wplus")
    ),
]


@pytest.mark.parametrize(("case", "order"), CASES)
def test_synthesis_network_equals_the_original(
    case: str, order: torch.memory_format, golden: Golden, generator: tuple[Mapping, Synthesis]
) -> None:
    style = generator[0](golden.input("stylegan2_64/z"))
    styles, noises = repeat_style(style), get_input_noises(golden)
    if case == "buffer_noise":
        noises = get_stored_noises(golden)
    elif case == "truncated":
        average_style = golden.input("stylegan2_64/truncation_latent")
        styles = repeat_style(average_style + 0.7 * (style - average_style))
    elif case == "mixed_inject3":
        other = generator[0](golden.input("stylegan2_64/z2"))
        styles = torch.cat([repeat_style(style)[:, :3], repeat_style(other)[:, 3:]], 1)
        golden.assert_output("latent_mixed_inject3", styles, TOLERANCE)
    elif case == "wplus":
        styles = golden.input("stylegan2_64/wplus")
    synthesis = generator[1].to(memory_format=order)
    golden.assert_output(f"image_{case}", synthesis(styles, noises), TOLERANCE)


@pytest.mark.parametrize("batch", [1, 2, pytest.param(8, marks=pytest.mark.slow)])
def test_discriminator_equals_the_original(batch: int, golden: Golden) -> None:
    image = golden.input(f"stylegan2_64/D_x{batch}") * torch.linspace(0.2, 2.0, batch)[:, None, None, None]
    golden.assert_output(f"D_batch{batch}", make_discriminator(golden.state("D"))(image), TOLERANCE)
