"""CycleGAN, pix2pix and MUNIT in plain torch modules, as their papers and original codes step: what ``steps.py`` compares with.

Nothing is fused, shared or left out beyond what the originals leave out. Layers are named as in the original state dicts, so that weights
go in and out by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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


def patch_critic(channels: int, norm: type[nn.Module]) -> nn.ModuleDict:
    """The 70x70 critic of pix2pix and CycleGAN."""
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
    """Generators first; then each critic with a backward pass of its own, and a pool of 50."""

    def __init__(self, states: Mapping[str, State]) -> None:
        self.nets = {
            **{f"generator_{side}": resnet_generator() for side in "ab"},
            **{f"discriminator_{side}": patch_critic(3, nn.InstanceNorm2d) for side in "ab"},
        }
        for name, net in self.nets.items():
            load(net, states[name])
        self.translate = {side: self.nets[f"generator_{side}"]["model"] for side in "ab"}
        self.judge = {side: self.nets[f"discriminator_{side}"]["model"] for side in "ab"}
        self.for_translators = adam(*self.translate.values(), lr=2e-4)
        self.for_critics = adam(*self.judge.values(), lr=2e-4)
        self.pools: dict[str, list[Tensor]] = {"a": [], "b": []}

    def to(self, dtype: torch.dtype) -> CycleGAN:
        for net in self.nets.values():
            net.to(dtype)
        return self

    def step(self, real: Mapping[str, Tensor]) -> Losses:
        """Here ``a`` translates the first domain to the second, and judges images of the second, as in the original."""
        first, second = real.values()
        source, target = {"a": first, "b": second}, {"a": second, "b": first}
        fake, cycle = {}, {}
        for side, back in ("ab", "ba"):
            fake[side] = self.translate[side](source[side])
            cycle[side] = self.translate[back](fake[side])
        for judge in self.judge.values():
            judge.requires_grad_(False)
        self.for_translators.zero_grad()
        fooled = lsgan(self.judge["a"](fake["a"]), 1) + lsgan(self.judge["b"](fake["b"]), 1)
        back_again = sum(F.l1_loss(cycle[side], source[side]) for side in "ab")
        (fooled + 10 * back_again).backward()
        self.for_translators.step()
        for judge in self.judge.values():
            judge.requires_grad_(True)
        self.for_critics.zero_grad()
        caught = torch.zeros(())
        for side, judge in self.judge.items():
            shown = self.pooled(side, fake[side].detach())
            loss = lsgan(judge(target[side]), 1) + lsgan(judge(shown), 0)
            (loss * 0.5).backward()
            caught = caught + loss.detach()
        self.for_critics.step()
        return {"translator/adversarial": fooled.detach(), "translator/cycle": back_again.detach(), "critic/adversarial": caught}

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
    """The critic first, then the generator against the updated critic; without dropout, whose draws the two would not share."""

    def __init__(self, states: Mapping[str, State]) -> None:
        block = UnetBlock(512, 512, None)
        for outer, inner in ((512, 512), (512, 512), (512, 512), (256, 512), (128, 256), (64, 128)):
            block = UnetBlock(outer, inner, block)
        self.generator = nn.ModuleDict({"model": UnetBlock(3, 64, block, source=3)})
        self.discriminator = patch_critic(6, nn.BatchNorm2d)
        load(self.generator, states["generator"])
        load(self.discriminator, states["discriminator"])
        self.for_translator, self.for_critic = adam(self.generator, lr=2e-4), adam(self.discriminator, lr=2e-4)

    def to(self, dtype: torch.dtype) -> Pix2Pix:
        self.generator.to(dtype)
        self.discriminator.to(dtype)
        return self

    def step(self, real: Mapping[str, Tensor]) -> Losses:
        judge, source, truth = self.discriminator["model"], real["image"], real["target"]
        fake = self.generator["model"](source)
        self.discriminator.requires_grad_(True)
        self.for_critic.zero_grad()
        caught = logistic(judge(torch.cat([source, fake.detach()], 1)), 0) + logistic(judge(torch.cat([source, truth], 1)), 1)
        (caught * 0.5).backward()
        self.for_critic.step()
        self.discriminator.requires_grad_(False)
        self.for_translator.zero_grad()
        fooled, distance = logistic(judge(torch.cat([source, fake], 1)), 1), F.l1_loss(fake, truth)
        (fooled + 100 * distance).backward()
        self.for_translator.step()
        return {
            "translator/adversarial": fooled.detach(),
            "translator/l1": distance.detach(),
            "critic/adversarial": caught.detach(),
        }

    def states(self) -> dict[str, State]:
        return {"generator": self.generator.state_dict(), "discriminator": self.discriminator.state_dict()}


# -- MUNIT


class AdaIN(nn.Module):
    """A batch norm of the batch laid out as one image, whose weights are set before each pass."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels, self.weight, self.bias = channels, None, None
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        rows = len(x)
        mean, var = self.running_mean.repeat(rows).to(x.dtype), self.running_var.repeat(rows).to(x.dtype)
        flat = x.contiguous().view(1, -1, *x.shape[2:])
        return F.batch_norm(flat, mean, var, self.weight, self.bias, True, 0.1, 1e-5).view_as(x)


class LayerNorm(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.rand(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(len(x), -1)
        x = (x - flat.mean(1).view(-1, 1, 1, 1)) / (flat.std(1).view(-1, 1, 1, 1) + 1e-5)
        return x * self.gamma.view(1, -1, 1, 1) + self.beta.view(1, -1, 1, 1)


class ConvBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, pad: int, norm: Any = None, act: Any = nn.ReLU) -> None:
        super().__init__()
        self.pad, self.conv = nn.ReflectionPad2d(pad), nn.Conv2d(inputs, outputs, kernel, stride)
        self.norm = norm(outputs) if norm else None
        self.act = nn.LeakyReLU(0.2, True) if act is nn.LeakyReLU else nn.ReLU(True) if act is nn.ReLU else nn.Tanh() if act else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(self.pad(x))
        x = self.norm(x) if self.norm else x
        return self.act(x) if self.act else x


class ResBlock(nn.Module):
    def __init__(self, width: int, norm: Any) -> None:
        super().__init__()
        self.model = nn.Sequential(ConvBlock(width, width, 3, 1, 1, norm), ConvBlock(width, width, 3, 1, 1, norm, act=None))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.model(x)


def res_blocks(norm: Any) -> nn.ModuleDict:
    return numbered([ResBlock(256, norm) for _ in range(4)])


class Applied(nn.ModuleDict):
    """What stands under ``model``, called."""

    def forward(self, x: Tensor) -> Tensor:
        return self["model"](x)


class AutoEncoder(nn.Module):
    """Content encoder, style encoder, decoder and its MLP, of one domain."""

    def __init__(self) -> None:
        super().__init__()
        style = [ConvBlock(3, 64, 7, 1, 3), ConvBlock(64, 128, 4, 2, 1), ConvBlock(128, 256, 4, 2, 1)]
        style += [ConvBlock(256, 256, 4, 2, 1) for _ in range(2)]
        self.enc_style = Applied(numbered([*style, nn.AdaptiveAvgPool2d(1), nn.Conv2d(256, 8, 1)]))
        norm = nn.InstanceNorm2d
        content = [ConvBlock(3, 64, 7, 1, 3, norm), ConvBlock(64, 128, 4, 2, 1, norm), ConvBlock(128, 256, 4, 2, 1, norm)]
        self.enc_content = Applied(numbered([*content, Applied(res_blocks(norm))]))
        layers: list[nn.Module] = [Applied(res_blocks(AdaIN))]
        for width in (256, 128):
            layers += [nn.Upsample(scale_factor=2), ConvBlock(width, width // 2, 5, 1, 2, LayerNorm)]
        self.dec = Applied(numbered([*layers, ConvBlock(64, 3, 7, 1, 3, act=nn.Tanh)]))
        self.mlp = Applied(numbered([Linear(8, 256, True), Linear(256, 256, True), Linear(256, 4096, False)]))

    def encode(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return self.enc_content(image), self.enc_style(image)

    def decode(self, content: Tensor, style: Tensor) -> Tensor:
        parameters = self.mlp(style.flatten(1))
        for norm in (module for module in self.dec.modules() if isinstance(module, AdaIN)):
            shift, scale, parameters = (
                parameters[:, : norm.channels],
                parameters[:, norm.channels :][:, : norm.channels],
                parameters[:, 2 * norm.channels :],
            )
            norm.bias, norm.weight = shift.reshape(-1), scale.reshape(-1)
        return self.dec(content)


class Linear(nn.Module):
    def __init__(self, inputs: int, outputs: int, active: bool) -> None:
        super().__init__()
        self.fc, self.active = nn.Linear(inputs, outputs), active

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.fc(x)) if self.active else self.fc(x)


class Critic(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        widths = ((3, 64), (64, 128), (128, 256), (256, 512))
        self.cnns = nn.ModuleList(
            nn.Sequential(*(ConvBlock(*width, 4, 2, 1, act=nn.LeakyReLU) for width in widths), nn.Conv2d(512, 1, 1)) for _ in range(3)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        scores = []
        for cnn in self.cnns:
            scores.append(cnn(x))
            x = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
        return scores


class MUNIT:
    """The critics first, then encoders and decoders; each of the two encodes and draws anew, with a graph."""

    def __init__(self, states: Mapping[str, Mapping[str, State]]) -> None:
        self.gen, self.dis = {side: AutoEncoder() for side in "ab"}, {side: Critic() for side in "ab"}
        for side in "ab":
            load(self.gen[side], states["generator"][side])
            load(self.dis[side], states["discriminator"][side])
        self.for_translators = adam(*self.gen.values(), lr=1e-4, weight_decay=1e-4)
        self.for_critics = adam(*self.dis.values(), lr=1e-4, weight_decay=1e-4)

    def to(self, dtype: torch.dtype) -> MUNIT:
        for net in (*self.gen.values(), *self.dis.values()):
            net.to(dtype)
        return self

    def step(self, real: Mapping[str, Tensor], styles: Mapping[str, Tensor]) -> Losses:
        caught = self.critics(real, styles)
        self.for_translators.zero_grad()
        code = {side: self.gen[side].encode(real[side]) for side in "ab"}
        recon = {side: self.gen[side].decode(*code[side]) for side in "ab"}
        fake = {to: self.gen[to].decode(code[of][0], styles[to]) for of, to in ("ba", "ab")}
        again = {to: self.gen[to].encode(fake[to]) for to in "ab"}
        losses = {
            "recon": sum(F.l1_loss(recon[side], real[side]) for side in "ab"),
            "style": sum(F.l1_loss(again[side][1].flatten(1), styles[side]) for side in "ab"),
            "content": sum(F.l1_loss(again[to][0], code[of][0]) for of, to in ("ba", "ab")),
            "adversarial": sum(lsgan(score, 1) for side in "ab" for score in self.dis[side](fake[side])),
        }
        (10 * losses["recon"] + losses["style"] + losses["content"] + losses["adversarial"]).backward()
        self.for_translators.step()
        return {"critic/adversarial": caught, **{f"translator/{name}": loss.detach() for name, loss in losses.items()}}

    def critics(self, real: Mapping[str, Tensor], styles: Mapping[str, Tensor]) -> Tensor:
        self.for_critics.zero_grad()
        code = {side: self.gen[side].encode(real[side]) for side in "ab"}
        fake = {to: self.gen[to].decode(code[of][0], styles[to]).detach() for of, to in ("ba", "ab")}
        caught = torch.zeros(())
        for side in "ab":
            for on_fake, on_real in zip(self.dis[side](fake[side]), self.dis[side](real[side]), strict=True):
                caught = caught + lsgan(on_fake, 0) + lsgan(on_real, 1)
        caught.backward()
        self.for_critics.step()
        return caught.detach()

    def states(self) -> dict[str, dict[str, State]]:
        return {
            "generator": {side: self.gen[side].state_dict() for side in "ab"},
            "discriminator": {side: self.dis[side].state_dict() for side in "ab"},
        }
