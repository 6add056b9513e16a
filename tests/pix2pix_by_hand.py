"""pix2pix written by hand from its paper and from what its original code does, on dictionaries of tensors under the original's keys.

Nothing of the library is used here: it is what the library is compared with.
"""

from __future__ import annotations

import torch
from stargan_by_hand import Adam, Weights, parameters
from torch import Tensor
from torch.nn import functional as F


def norm_of(w: Weights, key: str, x: Tensor) -> Tensor:
    """A batch norm by the batch at hand where the state has one, an instance norm without weights otherwise."""
    batch = f"{key}.weight" in w
    axes = (0, 2, 3) if batch else (2, 3)
    y = (x - x.mean(axes, keepdim=True)) / (x.var(axes, keepdim=True, unbiased=False) + 1e-5).sqrt()
    return y * w[f"{key}.weight"][:, None, None] + w[f"{key}.bias"][:, None, None] if batch else y


def conv(w: Weights, key: str, x: Tensor, stride: int = 2, padding: int = 1) -> Tensor:
    """A convolution with or without bias, as the state has it."""
    return F.conv2d(x, w[f"{key}.weight"], w.get(f"{key}.bias"), stride=stride, padding=padding)


def enlarge(w: Weights, key: str, x: Tensor) -> Tensor:
    """A transposed convolution of stride 2."""
    return F.conv_transpose2d(x, w[f"{key}.weight"], w.get(f"{key}.bias"), stride=2, padding=1)


def draw(w: Weights, image: Tensor) -> Tensor:
    """The U-Net block by block, from the outermost in: what comes by, and what came through all inner blocks, side by side."""

    def block(x: Tensor, key: str) -> Tensor:
        x = F.leaky_relu(x, 0.2)  # in place in the original: what comes by has gone through it too
        h = conv(w, f"{key}.1", x)
        if f"{key}.3.model.1.weight" in w:
            h = block(norm_of(w, f"{key}.2", h), f"{key}.3.model")
            h = norm_of(w, f"{key}.6", enlarge(w, f"{key}.5", h.relu()))
        else:
            h = norm_of(w, f"{key}.4", enlarge(w, f"{key}.3", h.relu()))
        return torch.cat([x, h], 1)

    return enlarge(w, "model.model.3", block(conv(w, "model.model.0", image), "model.model.1.model").relu()).tanh()


def discriminate(w: Weights, seen: Tensor) -> Tensor:
    """The patch discriminator, or the pixel discriminator: scores."""
    if "net.0.weight" in w:
        h = F.leaky_relu(conv(w, "net.0", seen, 1, 0), 0.2)
        return conv(w, "net.5", F.leaky_relu(norm_of(w, "net.3", conv(w, "net.2", h, 1, 0)), 0.2), 1, 0)
    strided = len([key for key in w if key.startswith("model.") and w[key].ndim == 4]) - 2
    h = F.leaky_relu(conv(w, "model.0", seen), 0.2)
    for step in range(strided):
        place = 2 + 3 * step
        h = F.leaky_relu(norm_of(w, f"model.{place + 1}", conv(w, f"model.{place}", h, 2 if step < strided - 1 else 1)), 0.2)
    return conv(w, f"model.{2 + 3 * strided}", h, 1)


class Pix2Pix:
    """Equation 4: the discriminator first, its objective halved, then the generator against the updated discriminator, with the same fakes."""

    def __init__(self, g: Weights, d: Weights | None, *, conditional: bool = True, gan: float = 1.0, l1: float = 100.0) -> None:
        self.g, self.d = parameters(g), parameters(d) if d else {}
        self.g_adam, self.d_adam = Adam(self.g), Adam(self.d)
        self.conditional, self.gan, self.l1 = conditional, gan, l1

    def score(self, source: Tensor, image: Tensor) -> Tensor:
        return discriminate(self.d, torch.cat([source, image], 1) if self.conditional else image)

    def iteration(self, source: Tensor, target: Tensor, *, lr: float = 2e-4) -> dict[str, float]:
        """One batch; the losses before weighting."""
        fake = draw(self.g, source)
        losses: dict[str, Tensor] = {}
        if self.d:
            real, unreal = self.score(source, target), self.score(source, fake.detach())
            entropy = F.binary_cross_entropy_with_logits
            losses["discriminator/adversarial"] = entropy(real, torch.ones_like(real)) + entropy(unreal, torch.zeros_like(unreal))
            self._step(self.d, self.d_adam, losses["discriminator/adversarial"] / 2, lr)
            score = self.score(source, fake)
            losses["translator/adversarial"] = entropy(score, torch.ones_like(score))
        if self.l1:
            losses["translator/l1"] = (fake - target).abs().mean()
        total = torch.stack([value * (self.l1 if "l1" in name else self.gan) for name, value in losses.items() if "tra" in name]).sum()
        self._step(self.g, self.g_adam, total, lr)
        return {name: float(value.detach()) for name, value in losses.items()}

    @staticmethod
    def _step(w: Weights, adam: Adam, loss: Tensor, lr: float) -> None:
        adam.step(dict(zip(w, torch.autograd.grad(loss, list(w.values())), strict=True)), lr)
