"""CycleGAN and pix2pix in plain torch modules, with the training steps of their papers and original codes. ``steps.py`` compares with them.

They have no optimisations beyond those of the originals. Layers have the names of the original state dicts, so that weights can be copied
by name.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

State = Mapping[str, Tensor]
Losses = dict[str, Tensor]


def load(net: nn.Module, state: State) -> None:
    """Copy weights by name, except running statistics, which do not influence the output."""
    missing, unexpected = net.load_state_dict({k: v for k, v in state.items() if "running" not in k}, strict=False)
    wrong = [key for key in [*missing, *unexpected] if "running" not in key and "num_batches" not in key]
    if wrong:
        raise ValueError(f"The state dict does not fit the network; missing or unexpected: {', '.join(wrong[:5])}.")


def wrap_layers(layers: list[nn.Module]) -> nn.ModuleDict:
    """Return the layers as the submodule ``model``, as in the original classes."""
    return nn.ModuleDict({"model": nn.Sequential(*layers)})


def lsgan(score: Tensor, target: float) -> Tensor:
    return F.mse_loss(score, torch.full_like(score, target))


def logistic(score: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(score, torch.full_like(score, target))


def make_adam(*nets: nn.Module, lr: float, weight_decay: float = 0.0) -> torch.optim.Adam:
    parameters = [parameter for net in nets for parameter in net.parameters()]
    return torch.optim.Adam(parameters, lr=lr, betas=(0.5, 0.999), weight_decay=weight_decay)


def patch_discriminator(channels: int, norm: type[nn.Module]) -> nn.ModuleDict:
    """The 70x70 discriminator of pix2pix and CycleGAN."""
    bias, layers = norm is nn.InstanceNorm2d, [nn.Conv2d(channels, 64, 4, 2, 1), nn.LeakyReLU(0.2, True)]
    for before, after, stride in ((64, 128, 2), (128, 256, 2), (256, 512, 1)):
        layers += [nn.Conv2d(before, after, 4, stride, 1, bias=bias), norm(after), nn.LeakyReLU(0.2, True)]
    return wrap_layers([*layers, nn.Conv2d(512, 1, 4, 1, 1)])


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
    return wrap_layers([*layers, nn.ReflectionPad2d(3), nn.Conv2d(64, 3, 7), nn.Tanh()])


class CycleGAN:
    """The generators first, then each discriminator with its own backward pass, and image pools of 50."""

    def __init__(self, states: Mapping[str, State]) -> None:
        self.nets = {
            **{f"generator_{side}": resnet_generator() for side in "ab"},
            **{f"discriminator_{side}": patch_discriminator(3, nn.InstanceNorm2d) for side in "ab"},
        }
        for name, net in self.nets.items():
            load(net, states[name])
        self.translate = {side: self.nets[f"generator_{side}"]["model"] for side in "ab"}
        self.discriminators = {side: self.nets[f"discriminator_{side}"]["model"] for side in "ab"}
        self.g_optimizer = make_adam(*self.translate.values(), lr=2e-4)
        self.d_optimizer = make_adam(*self.discriminators.values(), lr=2e-4)
        self.pools: dict[str, list[Tensor]] = {"a": [], "b": []}

    def to(self, dtype: torch.dtype) -> CycleGAN:
        for net in self.nets.values():
            net.to(dtype)
        return self

    def step(self, real: Mapping[str, Tensor]) -> Losses:
        """Train on one batch. As in the original, ``a`` translates the first domain to the second and scores images of the second."""
        first, second = real.values()
        source, target = {"a": first, "b": second}, {"a": second, "b": first}
        fake, cycle = {}, {}
        for side, back in ("ab", "ba"):
            fake[side] = self.translate[side](source[side])
            cycle[side] = self.translate[back](fake[side])
        for discriminator in self.discriminators.values():
            discriminator.requires_grad_(False)
        self.g_optimizer.zero_grad()
        generator_loss = lsgan(self.discriminators["a"](fake["a"]), 1) + lsgan(self.discriminators["b"](fake["b"]), 1)
        cycle_loss = sum(F.l1_loss(cycle[side], source[side]) for side in "ab")
        (generator_loss + 10 * cycle_loss).backward()
        self.g_optimizer.step()
        for discriminator in self.discriminators.values():
            discriminator.requires_grad_(True)
        self.d_optimizer.zero_grad()
        discriminator_loss = torch.zeros(())
        for side, discriminator in self.discriminators.items():
            pooled_fake = self.store(side, fake[side].detach())
            loss = lsgan(discriminator(target[side]), 1) + lsgan(discriminator(pooled_fake), 0)
            (loss * 0.5).backward()
            discriminator_loss = discriminator_loss + loss.detach()
        self.d_optimizer.step()
        return {
            "translator/adversarial": generator_loss.detach(),
            "translator/cycle": cycle_loss.detach(),
            "discriminator/adversarial": discriminator_loss,
        }

    def store(self, side: str, fake: Tensor) -> Tensor:
        """Store the first 50 images; always return the new image, which the draws of ``steps.py`` also select in the library."""
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
    """The discriminator first, then the generator against the updated discriminator; without dropout, whose random draws would differ."""

    def __init__(self, states: Mapping[str, State]) -> None:
        block = UnetBlock(512, 512, None)
        for outer, inner in ((512, 512), (512, 512), (512, 512), (256, 512), (128, 256), (64, 128)):
            block = UnetBlock(outer, inner, block)
        self.generator = nn.ModuleDict({"model": UnetBlock(3, 64, block, source=3)})
        self.discriminator = patch_discriminator(6, nn.BatchNorm2d)
        load(self.generator, states["generator"])
        load(self.discriminator, states["discriminator"])
        self.g_optimizer, self.d_optimizer = make_adam(self.generator, lr=2e-4), make_adam(self.discriminator, lr=2e-4)

    def to(self, dtype: torch.dtype) -> Pix2Pix:
        self.generator.to(dtype)
        self.discriminator.to(dtype)
        return self

    def step(self, real: Mapping[str, Tensor]) -> Losses:
        discriminate, source, target = self.discriminator["model"], real["image"], real["target"]
        fake = self.generator["model"](source)
        self.discriminator.requires_grad_(True)
        self.d_optimizer.zero_grad()
        discriminator_loss = logistic(discriminate(torch.cat([source, fake.detach()], 1)), 0) + logistic(
            discriminate(torch.cat([source, target], 1)), 1
        )
        (discriminator_loss * 0.5).backward()
        self.d_optimizer.step()
        self.discriminator.requires_grad_(False)
        self.g_optimizer.zero_grad()
        generator_loss, distance = logistic(discriminate(torch.cat([source, fake], 1)), 1), F.l1_loss(fake, target)
        (generator_loss + 100 * distance).backward()
        self.g_optimizer.step()
        return {
            "translator/adversarial": generator_loss.detach(),
            "translator/l1": distance.detach(),
            "discriminator/adversarial": discriminator_loss.detach(),
        }

    def states(self) -> dict[str, State]:
        return {"generator": self.generator.state_dict(), "discriminator": self.discriminator.state_dict()}
