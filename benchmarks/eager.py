"""CycleGAN and pix2pix in plain torch modules, as their papers and original codes step: what ``steps.py`` compares with.

Nothing is fused, shared or left out beyond what the originals leave out. Layers are named as in the original state dicts, so that weights
go in and out by name.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

State = Mapping[str, Tensor]
Losses = dict[str, Tensor]


def load(net: nn.Module, state: State) -> None:
    """Copy weights in by name; running statistics, which no output depends on, stay."""
    missing, unexpected = net.load_state_dict({k: v for k, v in state.items() if "running" not in k}, strict=False)
    wrong = [key for key in [*missing, *unexpected] if "running" not in key and "num_batches" not in key]
    if wrong:
        raise ValueError(f"The state does not fit: {', '.join(wrong[:5])}.")


def numbered(layers: list[nn.Module]) -> nn.ModuleDict:
    """Put layers under ``model``, as the original classes do."""
    return nn.ModuleDict({"model": nn.Sequential(*layers)})


def lsgan(score: Tensor, wanted: float) -> Tensor:
    return F.mse_loss(score, torch.full_like(score, wanted))


def logistic(score: Tensor, wanted: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(score, torch.full_like(score, wanted))


def adam(*nets: nn.Module, lr: float, weight_decay: float = 0.0) -> torch.optim.Adam:
    parameters = [parameter for net in nets for parameter in net.parameters()]
    return torch.optim.Adam(parameters, lr=lr, betas=(0.5, 0.999), weight_decay=weight_decay)


def patch_discriminator(channels: int, norm: type[nn.Module]) -> nn.ModuleDict:
    """The 70x70 discriminator of pix2pix and CycleGAN."""
    bias, layers = norm is nn.InstanceNorm2d, [nn.Conv2d(channels, 64, 4, 2, 1), nn.LeakyReLU(0.2, True)]
    for before, after, stride in ((64, 128, 2), (128, 256, 2), (256, 512, 1)):
        layers += [nn.Conv2d(before, after, 4, stride, 1, bias=bias), norm(after), nn.LeakyReLU(0.2, True)]
    return numbered([*layers, nn.Conv2d(512, 1, 4, 1, 1)])


# -- CycleGAN


class ResnetBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        conv = [[nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)] for _ in range(2)]
        self.conv_block = nn.Sequential(*conv[0], nn.ReLU(True), *conv[1])

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


def resnet_generator(blocks: int = 9) -> nn.ModuleDict:
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, 64, 7), nn.InstanceNorm2d(64), nn.ReLU(True)]
    for width in (64, 128):
        layers += [nn.Conv2d(width, 2 * width, 3, 2, 1), nn.InstanceNorm2d(2 * width), nn.ReLU(True)]
    layers += [ResnetBlock(256) for _ in range(blocks)]
    for width in (128, 64):
        layers += [nn.ConvTranspose2d(2 * width, width, 3, 2, 1, 1), nn.InstanceNorm2d(width), nn.ReLU(True)]
    return numbered([*layers, nn.ReflectionPad2d(3), nn.Conv2d(64, 3, 7), nn.Tanh()])


class CycleGAN:
    """Generators first; then each discriminator with a backward pass of its own, and a pool of 50."""

    def __init__(self, states: Mapping[str, State]) -> None:
        self.nets = {
            **{f"generator_{side}": resnet_generator() for side in "ab"},
            **{f"discriminator_{side}": patch_discriminator(3, nn.InstanceNorm2d) for side in "ab"},
        }
        for name, net in self.nets.items():
            load(net, states[name])
        self.translate = {side: self.nets[f"generator_{side}"]["model"] for side in "ab"}
        self.discriminators = {side: self.nets[f"discriminator_{side}"]["model"] for side in "ab"}
        self.for_translators = adam(*self.translate.values(), lr=2e-4)
        self.for_discriminators = adam(*self.discriminators.values(), lr=2e-4)
        self.pools: dict[str, list[Tensor]] = {"a": [], "b": []}

    def to(self, dtype: torch.dtype) -> CycleGAN:
        for net in self.nets.values():
            net.to(dtype)
        return self

    def step(self, real: Mapping[str, Tensor]) -> Losses:
        """Here ``a`` translates the first domain to the second, and scores images of the second, as in the original."""
        first, second = real.values()
        source, target = {"a": first, "b": second}, {"a": second, "b": first}
        fake, cycle = {}, {}
        for side, back in ("ab", "ba"):
            fake[side] = self.translate[side](source[side])
            cycle[side] = self.translate[back](fake[side])
        for discriminator in self.discriminators.values():
            discriminator.requires_grad_(False)
        self.for_translators.zero_grad()
        fooled = lsgan(self.discriminators["a"](fake["a"]), 1) + lsgan(self.discriminators["b"](fake["b"]), 1)
        back_again = sum(F.l1_loss(cycle[side], source[side]) for side in "ab")
        (fooled + 10 * back_again).backward()
        self.for_translators.step()
        for discriminator in self.discriminators.values():
            discriminator.requires_grad_(True)
        self.for_discriminators.zero_grad()
        caught = torch.zeros(())
        for side, discriminator in self.discriminators.items():
            shown = self.pooled(side, fake[side].detach())
            loss = lsgan(discriminator(target[side]), 1) + lsgan(discriminator(shown), 0)
            (loss * 0.5).backward()
            caught = caught + loss.detach()
        self.for_discriminators.step()
        return {"translator/adversarial": fooled.detach(), "translator/cycle": back_again.detach(), "discriminator/adversarial": caught}

    def pooled(self, side: str, fake: Tensor) -> Tensor:
        """Keep the first 50; after that the draws are left at "show the fresh one", as they are given to the library."""
        if len(self.pools[side]) < 50:
            self.pools[side].append(fake.clone())
        return fake

    def states(self) -> dict[str, State]:
        return {name: net.state_dict() for name, net in self.nets.items()}


# -- pix2pix


class UnetBlock(nn.Module):
    def __init__(self, outer: int, inner: int, inside: nn.Module | None, *, source: int | None = None) -> None:
        super().__init__()
        self.outermost = source is not None
        down = nn.Conv2d(source or outer, inner, 4, 2, 1, bias=False)
        up = nn.ConvTranspose2d(inner if inside is None else 2 * inner, outer, 4, 2, 1, bias=self.outermost)
        if self.outermost:
            layers = [down, inside, nn.ReLU(True), up, nn.Tanh()]
        elif inside is None:
            layers = [nn.LeakyReLU(0.2, True), down, nn.ReLU(True), up, nn.BatchNorm2d(outer)]
        else:
            layers = [nn.LeakyReLU(0.2, True), down, nn.BatchNorm2d(inner), inside, nn.ReLU(True), up, nn.BatchNorm2d(outer)]
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


class Pix2Pix:
    """The discriminator first, then the generator against the updated discriminator; without dropout, whose draws the two would not share."""

    def __init__(self, states: Mapping[str, State]) -> None:
        block = UnetBlock(512, 512, None)
        for outer, inner in ((512, 512), (512, 512), (512, 512), (256, 512), (128, 256), (64, 128)):
            block = UnetBlock(outer, inner, block)
        self.generator = nn.ModuleDict({"model": UnetBlock(3, 64, block, source=3)})
        self.discriminator = patch_discriminator(6, nn.BatchNorm2d)
        load(self.generator, states["generator"])
        load(self.discriminator, states["discriminator"])
        self.for_translator, self.for_discriminator = adam(self.generator, lr=2e-4), adam(self.discriminator, lr=2e-4)

    def to(self, dtype: torch.dtype) -> Pix2Pix:
        self.generator.to(dtype)
        self.discriminator.to(dtype)
        return self

    def step(self, real: Mapping[str, Tensor]) -> Losses:
        discriminate, source, target = self.discriminator["model"], real["image"], real["target"]
        fake = self.generator["model"](source)
        self.discriminator.requires_grad_(True)
        self.for_discriminator.zero_grad()
        caught = logistic(discriminate(torch.cat([source, fake.detach()], 1)), 0) + logistic(
            discriminate(torch.cat([source, target], 1)), 1
        )
        (caught * 0.5).backward()
        self.for_discriminator.step()
        self.discriminator.requires_grad_(False)
        self.for_translator.zero_grad()
        fooled, distance = logistic(discriminate(torch.cat([source, fake], 1)), 1), F.l1_loss(fake, target)
        (fooled + 100 * distance).backward()
        self.for_translator.step()
        return {
            "translator/adversarial": fooled.detach(),
            "translator/l1": distance.detach(),
            "discriminator/adversarial": caught.detach(),
        }

    def states(self) -> dict[str, State]:
        return {"generator": self.generator.state_dict(), "discriminator": self.discriminator.state_dict()}
