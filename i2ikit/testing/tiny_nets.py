"""Small networks and a translation with every view, to test losses and plans."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from i2ikit.core.code import Code, DiscriminatorOutput, Posterior
from i2ikit.core.domain import DomainSpec
from i2ikit.core.nets import Nets
from i2ikit.core.random_streams import RandomStreams, Share
from i2ikit.core.slot import Slot
from i2ikit.core.specs import CodeSpec, ImageSpec, MapSpec, StyleSpec
from i2ikit.core.translation import Translation

WIDTH = 4


class _Encoder(nn.Module):
    def __init__(self, image: ImageSpec) -> None:
        super().__init__()
        self.output_spec = CodeSpec((MapSpec(image.channels),), StyleSpec(WIDTH), posterior=True)
        self.content = nn.Conv2d(image.channels, image.channels, 3, padding=1)
        self.style = nn.Linear(image.channels, 2 * WIDTH)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        mean, logvar = self.style(image.mean((2, 3))).chunk(2, dim=1)
        return Code((self.content(image),), mean, Posterior(mean, logvar.tanh()))


class _Conditioner(nn.Module):
    def __init__(self, code: CodeSpec, domain: DomainSpec) -> None:
        super().__init__()
        self.output_spec = code
        self.shift = nn.Linear(domain.width, code.maps[-1].channels)

    def forward(self, code: Code, label: Tensor) -> Code:
        *finer, last = code.maps
        return code._replace(maps=(*finer, last + self.shift(label.to(last.dtype))[:, :, None, None]))


class _Generator(nn.Module):
    def __init__(self, image: ImageSpec) -> None:
        super().__init__()
        self.conv = nn.Conv2d(image.channels, image.channels, 3, padding=1)
        self.tint = nn.Linear(WIDTH, image.channels)

    def forward(self, code: Code) -> Tensor:
        tint = self.tint(code.style)[:, :, None, None] if code.style is not None else 0.0
        image: Tensor = (self.conv(code.maps[-1]) + tint).tanh()
        return image


class _Discriminator(nn.Module):
    inputs: tuple[str, ...] = ()

    def __init__(self, image: ImageSpec, domain: DomainSpec) -> None:
        super().__init__()
        self.first = nn.Conv2d(image.channels, WIDTH, 4, 2, 1)
        self.second = nn.Conv2d(WIDTH, WIDTH, 4, 2, 1)
        self.fine, self.coarse = nn.Conv2d(WIDTH, 1, 1), nn.Conv2d(WIDTH, 1, 1)
        self.domain = nn.Linear(WIDTH, domain.num_values)

    def forward(self, image: Tensor) -> DiscriminatorOutput:
        fine = self.first(image).tanh()
        coarse = self.second(fine).tanh()
        return DiscriminatorOutput((self.fine(fine), self.coarse(coarse)), self.domain(coarse.mean((2, 3))), ((fine,), (coarse,)))


def make_tiny_nets(image: ImageSpec, domain: DomainSpec, seed: int = 3) -> Nets:
    """Make a small network for each role. All of them are smooth, so that second derivatives are not 0."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        encoder = _Encoder(image)
        modules: dict[str, nn.Module] = {
            "encoder": encoder,
            "conditioner": _Conditioner(encoder.output_spec, domain),
            "generator": _Generator(image),
            "discriminator": _Discriminator(image, domain),
        }
    slots = {name: Slot(f"tiny_{name}") for name in modules}
    return Nets(modules, slots, {name: name for name in modules}, ("labelled",), image, domain)


class TinyBatch:
    """A batch of four rows, from which translations of any share are made. Rows with the same mask exchange their labels.

    Args:
        nets: The networks.
        labels: The labels [4, D].
        device: "cpu", or "meta" to compute only shapes.
    """

    def __init__(self, nets: Nets, labels: Tensor, device: str = "cpu") -> None:
        generator = torch.Generator().manual_seed(11)
        size = (len(labels), nets.image.channels, nets.image.height, nets.image.width)
        names = ("real", "reference", "target", "other")
        self.images = {name: (torch.rand(size, generator=generator) * 2 - 1).to(device) for name in names}
        self.style = torch.randn(len(labels), WIDTH, generator=generator).to(device)
        self.labels = labels.to(device)
        self.order = [1, 0, 3, 2]
        self.nets, self.device = nets, device

    def make_translation(self, share: Share | None = None, seed: int = 0) -> Translation:
        """Make a translation and its reverse, of all rows or of a share of them."""
        share = share or Share()
        streams = RandomStreams(("kit", seed), {}, share, {"label": self.labels}, torch.device(self.device))
        images = {name: share.take_rows(each) for name, each in self.images.items()}
        source, target, style = share.take_rows(self.labels), share.take_rows(self.labels[self.order]), share.take_rows(self.style)
        there = Translation(
            self.nets, streams, name="there", real=images["real"], source_label=source, target_label=target,
            target=images["target"], style=style, reference=images["reference"], reference_label=source,
        )  # fmt: skip
        back = Translation(
            self.nets, streams, name="back", real=images["reference"], source_label=target, target_label=source,
            target=images["other"], style=style, reference=images["real"], reference_label=source,
        )  # fmt: skip
        there.reverse, back.reverse = back, there
        return there
