"""StarGAN written by hand from its paper and its original code, on dictionaries of tensors with the original's keys.

It does not use the library, because tests compare the library with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

Weights = dict[str, Tensor]
Classify = Callable[[Tensor, Tensor], Tensor]


def copy_parameters(state: Weights) -> Weights:
    """Return copies of the trainable tensors that require gradients."""
    return {k: v.clone().requires_grad_() for k, v in state.items() if "running" not in k and "num_batches" not in k}


def copy_statistics(state: Weights) -> Weights:
    """Return copies of the running statistics."""
    return {k: v.clone() for k, v in state.items() if "running" in k}


def generate(w: Weights, image: Tensor, label: Tensor, running: Weights | None = None) -> Tensor:
    """The generator of table 4, in training mode, which the original also uses at inference."""

    def norm(x: Tensor, key: str) -> Tensor:
        mean, var = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True, unbiased=False)
        if running is not None:
            statistics = x.detach().mean((2, 3)).mean(0), x.detach().var((2, 3), unbiased=True).mean(0)
            for name, value in zip(("running_mean", "running_var"), statistics, strict=True):
                running[f"{key}.{name}"] = 0.9 * running[f"{key}.{name}"] + 0.1 * value
        scale, shift = w[f"{key}.weight"][:, None, None], w[f"{key}.bias"][:, None, None]
        return (x - mean) / (var + 1e-5).sqrt() * scale + shift

    blocks = len([k for k in w if re.fullmatch(r"main\.\d+\.main\.0\.weight", k)])
    x = torch.cat([image, label[:, :, None, None].expand(-1, -1, *image.shape[2:])], 1)
    x = norm(F.conv2d(x, w["main.0.weight"], padding=3), "main.1").relu()
    x = norm(F.conv2d(x, w["main.3.weight"], stride=2, padding=1), "main.4").relu()
    x = norm(F.conv2d(x, w["main.6.weight"], stride=2, padding=1), "main.7").relu()
    for block in range(9, 9 + blocks):
        h = norm(F.conv2d(x, w[f"main.{block}.main.0.weight"], padding=1), f"main.{block}.main.1").relu()
        x = x + norm(F.conv2d(h, w[f"main.{block}.main.3.weight"], padding=1), f"main.{block}.main.4")
    for up in (9 + blocks, 12 + blocks):
        x = norm(F.conv_transpose2d(x, w[f"main.{up}.weight"], stride=2, padding=1), f"main.{up + 1}").relu()
    return F.conv2d(x, w[f"main.{15 + blocks}.weight"], padding=3).tanh()


def discriminate(w: Weights, image: Tensor) -> tuple[Tensor, Tensor]:
    """The discriminator of table 5: patch scores and label logits."""
    x = image
    for layer in range(len([k for k in w if re.fullmatch(r"main\.\d+\.weight", k)])):
        x = F.leaky_relu(F.conv2d(x, w[f"main.{2 * layer}.weight"], w[f"main.{2 * layer}.bias"], stride=2, padding=1), 0.01)
    return F.conv2d(x, w["conv1.weight"], padding=1), F.conv2d(x, w["conv2.weight"])[:, :, 0, 0]


def celeba_loss(logits: Tensor, label: Tensor) -> Tensor:
    """The original's loss for several labels: the sum divided by the number of images."""
    return F.binary_cross_entropy_with_logits(logits, label, reduction="sum") / len(logits)


def rafd_loss(logits: Tensor, label: Tensor) -> Tensor:
    """The original's loss for exclusive labels, given as one-hot vectors."""
    return F.cross_entropy(logits, label.argmax(1))


class Adam:
    """Kingma and Ba 2015, algorithm 1."""

    def __init__(self, w: Weights) -> None:
        self.w, self.t = w, 0
        self.m = {k: torch.zeros_like(x) for k, x in w.items()}
        self.v = {k: torch.zeros_like(x) for k, x in w.items()}

    @torch.no_grad()
    def step(self, gradients: Weights, lr: float, b1: float = 0.5, b2: float = 0.999) -> None:
        self.t += 1
        for k, g in gradients.items():
            self.m[k] = b1 * self.m[k] + (1 - b1) * g
            self.v[k] = b2 * self.v[k] + (1 - b2) * g * g
            self.w[k] -= lr * (self.m[k] / (1 - b1**self.t)) / ((self.v[k] / (1 - b2**self.t)).sqrt() + 1e-8)


class StarGAN:
    """A training step of the original: first the discriminator, then the translator against the updated discriminator."""

    def __init__(self, g: Weights, d: Weights) -> None:
        self.g, self.d, self.running = copy_parameters(g), copy_parameters(d), copy_statistics(g)
        self.g_adam, self.d_adam = Adam(self.g), Adam(self.d)
        self.g_gradients: Weights = {}
        self.d_gradients: Weights = {}

    def step(
        self,
        image: Tensor,
        source: Tensor,
        target: Tensor,
        alpha: Tensor,
        classify: Classify,
        *,
        content: slice | None = None,
        lr: float = 1e-4,
        d_lr: float | None = None,
        translator: bool = True,
    ) -> dict[str, float]:
        """Train on one batch; ``source`` and ``target`` are whole label vectors, ``content`` is the part that the domain head predicts."""
        part = content or slice(0, source.shape[1])
        track = self.running or None
        score, logits = discriminate(self.d, image)
        fake = generate(self.g, image, target, track).detach()
        fake_score, _ = discriminate(self.d, fake)
        a = alpha.view(-1, 1, 1, 1)
        between = (a * image + (1 - a) * fake).requires_grad_()
        (slope,) = torch.autograd.grad(discriminate(self.d, between)[0].sum(), between, create_graph=True)
        penalty = ((slope.flatten(1).square().sum(1).sqrt() - 1) ** 2).mean()
        losses = {
            "discriminator/adversarial": fake_score.mean() - score.mean(),
            "discriminator/penalty": penalty,
            "discriminator/domain": classify(logits[:, part], source[:, part]),
        }
        total = losses["discriminator/adversarial"] + losses["discriminator/domain"] + 10 * penalty
        self.d_gradients = dict(zip(self.d, torch.autograd.grad(total, list(self.d.values())), strict=True))
        self.d_adam.step(self.d_gradients, lr if d_lr is None else d_lr)
        if translator:
            fake = generate(self.g, image, target, track)
            score, logits = discriminate(self.d, fake)
            losses["translator/adversarial"] = -score.mean()
            losses["translator/domain"] = classify(logits[:, part], target[:, part])
            losses["translator/cycle"] = (image - generate(self.g, fake, source, track)).abs().mean()
            total = losses["translator/adversarial"] + losses["translator/domain"] + 10 * losses["translator/cycle"]
            self.g_gradients = dict(zip(self.g, torch.autograd.grad(total, list(self.g.values())), strict=True))
            self.g_adam.step(self.g_gradients, lr)
        return {name: float(value.detach()) for name, value in losses.items()}


def list_original_rates(lr: float, iterations: int, decay: int, every: int) -> Iterator[float]:
    """Yield the learning rate of each step, as in the loop of the original."""
    rate = lr
    for i in range(iterations):
        yield rate
        if (i + 1) % every == 0 and (i + 1) > iterations - decay:
            rate -= lr / decay
