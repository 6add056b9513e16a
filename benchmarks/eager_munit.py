"""MUNIT in plain torch modules, with the training step of its paper and original code. See ``eager.py``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from eager import Losses, State, load, lsgan, make_adam, wrap_layers
from torch import Tensor, nn
from torch.nn import functional as F


class AdaIN(nn.Module):
    """AdaIN as a batch norm of the batch reshaped to one image. Its weights are set before each pass."""

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
    return wrap_layers([ResBlock(256, norm) for _ in range(4)])


class CallModel(nn.ModuleDict):
    """Call the submodule ``model``."""

    def forward(self, x: Tensor) -> Tensor:
        return self["model"](x)


class AutoEncoder(nn.Module):
    """Content encoder, style encoder, decoder and its MLP, of one domain."""

    def __init__(self) -> None:
        super().__init__()
        style = [ConvBlock(3, 64, 7, 1, 3), ConvBlock(64, 128, 4, 2, 1), ConvBlock(128, 256, 4, 2, 1)]
        style += [ConvBlock(256, 256, 4, 2, 1) for _ in range(2)]
        self.enc_style = CallModel(wrap_layers([*style, nn.AdaptiveAvgPool2d(1), nn.Conv2d(256, 8, 1)]))
        norm = nn.InstanceNorm2d
        content = [ConvBlock(3, 64, 7, 1, 3, norm), ConvBlock(64, 128, 4, 2, 1, norm), ConvBlock(128, 256, 4, 2, 1, norm)]
        self.enc_content = CallModel(wrap_layers([*content, CallModel(res_blocks(norm))]))
        layers: list[nn.Module] = [CallModel(res_blocks(AdaIN))]
        for width in (256, 128):
            layers += [nn.Upsample(scale_factor=2), ConvBlock(width, width // 2, 5, 1, 2, LayerNorm)]
        self.dec = CallModel(wrap_layers([*layers, ConvBlock(64, 3, 7, 1, 3, act=nn.Tanh)]))
        self.mlp = CallModel(wrap_layers([Linear(8, 256, True), Linear(256, 256, True), Linear(256, 4096, False)]))

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


class Discriminator(nn.Module):
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
    """The discriminators first, then encoders and decoders. Both encode and decode again, with gradients."""

    def __init__(self, states: Mapping[str, Mapping[str, State]]) -> None:
        self.gen, self.dis = {side: AutoEncoder() for side in "ab"}, {side: Discriminator() for side in "ab"}
        for side in "ab":
            load(self.gen[side], states["generator"][side])
            load(self.dis[side], states["discriminator"][side])
        self.g_optimizer = make_adam(*self.gen.values(), lr=1e-4, weight_decay=1e-4)
        self.d_optimizer = make_adam(*self.dis.values(), lr=1e-4, weight_decay=1e-4)

    def to(self, dtype: torch.dtype) -> MUNIT:
        for net in (*self.gen.values(), *self.dis.values()):
            net.to(dtype)
        return self

    def step(self, real: Mapping[str, Tensor], styles: Mapping[str, Tensor]) -> Losses:
        discriminator_loss = self.step_discriminators(real, styles)
        self.g_optimizer.zero_grad()
        code = {side: self.gen[side].encode(real[side]) for side in "ab"}
        recon = {side: self.gen[side].decode(*code[side]) for side in "ab"}
        fake = {to: self.gen[to].decode(code[source][0], styles[to]) for source, to in ("ba", "ab")}
        recode = {to: self.gen[to].encode(fake[to]) for to in "ab"}
        losses = {
            "recon": sum(F.l1_loss(recon[side], real[side]) for side in "ab"),
            "style": sum(F.l1_loss(recode[side][1].flatten(1), styles[side]) for side in "ab"),
            "content": sum(F.l1_loss(recode[to][0], code[source][0]) for source, to in ("ba", "ab")),
            "adversarial": sum(lsgan(score, 1) for side in "ab" for score in self.dis[side](fake[side])),
        }
        (10 * losses["recon"] + losses["style"] + losses["content"] + losses["adversarial"]).backward()
        self.g_optimizer.step()
        return {"discriminator/adversarial": discriminator_loss, **{f"translator/{name}": loss.detach() for name, loss in losses.items()}}

    def step_discriminators(self, real: Mapping[str, Tensor], styles: Mapping[str, Tensor]) -> Tensor:
        self.d_optimizer.zero_grad()
        code = {side: self.gen[side].encode(real[side]) for side in "ab"}
        fake = {to: self.gen[to].decode(code[source][0], styles[to]).detach() for source, to in ("ba", "ab")}
        discriminator_loss = torch.zeros(())
        for side in "ab":
            for on_fake, on_real in zip(self.dis[side](fake[side]), self.dis[side](real[side]), strict=True):
                discriminator_loss = discriminator_loss + lsgan(on_fake, 0) + lsgan(on_real, 1)
        discriminator_loss.backward()
        self.d_optimizer.step()
        return discriminator_loss.detach()

    def states(self) -> dict[str, dict[str, State]]:
        return {
            "generator": {side: self.gen[side].state_dict() for side in "ab"},
            "discriminator": {side: self.dis[side].state_dict() for side in "ab"},
        }
