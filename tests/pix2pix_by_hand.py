"""pix2pix written by hand from its paper and its original code, on dictionaries of tensors with the original's keys.

It does not use the library, because tests compare the library with it.
"""

from __future__ import annotations

import torch
from stargan_by_hand import Adam, Weights, copy_parameters
from torch import Tensor
from torch.nn import functional as F


def normalize(w: Weights, key: str, x: Tensor, running: Weights | None = None) -> Tensor:
    """Batch norm with the statistics of the batch if the state has one, otherwise instance norm without parameters.

    Running statistics are updated in place with a momentum of 0.1 and the unbiased variance.
    """
    batch = f"{key}.weight" in w
    axes = (0, 2, 3) if batch else (2, 3)
    if running:
        for name, value in (("running_mean", x.mean(axes)), ("running_var", x.var(axes, unbiased=True))):
            running[f"{key}.{name}"] = 0.9 * running[f"{key}.{name}"] + 0.1 * value.detach()
        running[f"{key}.num_batches_tracked"] = running[f"{key}.num_batches_tracked"] + 1
    y = (x - x.mean(axes, keepdim=True)) / (x.var(axes, keepdim=True, unbiased=False) + 1e-5).sqrt()
    return y * w[f"{key}.weight"][:, None, None] + w[f"{key}.bias"][:, None, None] if batch else y


def conv(w: Weights, key: str, x: Tensor, stride: int = 2, padding: int = 1) -> Tensor:
    """A convolution, with bias if the state has one."""
    return F.conv2d(x, w[f"{key}.weight"], w.get(f"{key}.bias"), stride=stride, padding=padding)


def upsample(w: Weights, key: str, x: Tensor) -> Tensor:
    """A transposed convolution of stride 2."""
    return F.conv_transpose2d(x, w[f"{key}.weight"], w.get(f"{key}.bias"), stride=2, padding=1)


def generate(w: Weights, image: Tensor) -> Tensor:
    """The U-Net, block by block from the outermost inwards. Each block concatenates its input with the output of the inner blocks."""

    def block(x: Tensor, key: str) -> Tensor:
        x = F.leaky_relu(x, 0.2)  # in place in the original, so that it also applies to the skip connection
        h = conv(w, f"{key}.1", x)
        if f"{key}.3.model.1.weight" in w:
            h = block(normalize(w, f"{key}.2", h), f"{key}.3.model")
            h = normalize(w, f"{key}.6", upsample(w, f"{key}.5", h.relu()))
        else:
            h = normalize(w, f"{key}.4", upsample(w, f"{key}.3", h.relu()))
        return torch.cat([x, h], 1)

    return upsample(w, "model.model.3", block(conv(w, "model.model.0", image), "model.model.1.model").relu()).tanh()


def discriminate(w: Weights, image: Tensor, running: Weights | None = None) -> Tensor:
    """Return the scores of the patch discriminator or of the pixel discriminator; the running statistics are updated in place."""
    if "net.0.weight" in w:
        h = F.leaky_relu(conv(w, "net.0", image, 1, 0), 0.2)
        return conv(w, "net.5", F.leaky_relu(normalize(w, "net.3", conv(w, "net.2", h, 1, 0), running), 0.2), 1, 0)
    strided = len([key for key in w if key.startswith("model.") and w[key].ndim == 4]) - 2
    h = F.leaky_relu(conv(w, "model.0", image), 0.2)
    for step in range(strided):
        place = 2 + 3 * step
        h = conv(w, f"model.{place}", h, 2 if step < strided - 1 else 1)
        h = F.leaky_relu(normalize(w, f"model.{place + 1}", h, running), 0.2)
    return conv(w, f"model.{2 + 3 * strided}", h, 1)


class Pix2Pix:
    """Equation 4: update the discriminator with half its objective, then the generator against it, with the same fakes.

    ``fake_first`` is the order of the original code, ``backward_D``: the fakes are scored before the real images.
    """

    def __init__(
        self, g: Weights, d: Weights | None, *, conditional: bool = True, gan: float = 1.0, l1: float = 100.0, fake_first: bool = False
    ) -> None:
        self.g, self.d = copy_parameters(g), copy_parameters(d) if d else {}
        self.g_adam, self.d_adam = Adam(self.g), Adam(self.d)
        self.running = {key: tensor.clone() for key, tensor in (d or {}).items() if "running" in key or "num_batches" in key}
        self.conditional, self.gan, self.l1, self.fake_first = conditional, gan, l1, fake_first

    def score(self, source: Tensor, image: Tensor) -> Tensor:
        return discriminate(self.d, torch.cat([source, image], 1) if self.conditional else image, self.running)

    def step(self, source: Tensor, target: Tensor, *, lr: float = 2e-4) -> dict[str, float]:
        """Train on one batch and return the unweighted losses."""
        fake = generate(self.g, source)
        losses: dict[str, Tensor] = {}
        if self.d:
            first, second = (fake.detach(), target) if self.fake_first else (target, fake.detach())
            scores = self.score(source, first), self.score(source, second)
            real_score, fake_score = reversed(scores) if self.fake_first else scores
            entropy = F.binary_cross_entropy_with_logits
            losses["discriminator/adversarial"] = entropy(real_score, torch.ones_like(real_score)) + entropy(
                fake_score, torch.zeros_like(fake_score)
            )
            self._update(self.d, self.d_adam, losses["discriminator/adversarial"] / 2, lr)
            score = self.score(source, fake)
            losses["translator/adversarial"] = entropy(score, torch.ones_like(score))
        if self.l1:
            losses["translator/l1"] = (fake - target).abs().mean()
        total = torch.stack([value * (self.l1 if "l1" in name else self.gan) for name, value in losses.items() if "tra" in name]).sum()
        self._update(self.g, self.g_adam, total, lr)
        return {name: float(value.detach()) for name, value in losses.items()}

    @staticmethod
    def _update(w: Weights, adam: Adam, loss: Tensor, lr: float) -> None:
        adam.step(dict(zip(w, torch.autograd.grad(loss, list(w.values())), strict=True)), lr)
