"""CycleGAN written by hand from its paper and its original code, on dictionaries of tensors with the original's keys.

It does not use the library, because tests compare the library with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional as F

Weights = dict[str, Tensor]


def reflect_pad(x: Tensor, pad: int) -> Tensor:
    return F.pad(x, (pad, pad, pad, pad), mode="reflect")


def blur_down(x: Tensor, filt: Tensor) -> Tensor:
    """Filter maps with reflection padding and take every second pixel."""
    return F.conv2d(reflect_pad(x, 1), filt, stride=2, groups=x.shape[1])


def blur_up(x: Tensor, filt: Tensor) -> Tensor:
    """Insert zeros between the pixels of maps and filter them with replication padding."""
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    return F.conv_transpose2d(x, filt, stride=2, padding=2, groups=x.shape[1])[..., 1:-1, 1:-1]


def find_layers(w: Weights, pattern: str) -> list[int]:
    """Return the sorted numbers of the layers whose keys match."""
    return sorted({int(key.split(".")[1]) for key in w if re.fullmatch(pattern, key)})


def generate(w: Weights, image: Tensor) -> Tensor:
    """The residual generator. Fixed filters among the layers of the original show where it downsamples and upsamples."""

    def conv(x: Tensor, layer: object, **options: int) -> Tensor:
        return F.conv2d(x, w[f"model.{layer}.weight"], w[f"model.{layer}.bias"], **options)  # type: ignore[arg-type]

    blocks = find_layers(w, r"model\.\d+\.conv_block\.1\.weight")
    layers = find_layers(w, r"model\.\d+\.weight")
    filters = find_layers(w, r"model\.\d+\.filt")
    below = [layer for layer in layers if layer < blocks[0]]
    above = [layer for layer in layers if layer > blocks[-1]]
    x = F.instance_norm(conv(reflect_pad(image, 3), below[0])).relu()
    for layer in below[1:]:
        x = F.instance_norm(conv(x, layer, stride=1 if layer + 3 in filters else 2, padding=1)).relu()
        x = blur_down(x, w[f"model.{layer + 3}.filt"]) if layer + 3 in filters else x
    for block in blocks:
        second = 6 if f"model.{block}.conv_block.6.weight" in w else 5
        h = F.instance_norm(conv(reflect_pad(x, 1), f"{block}.conv_block.1")).relu()
        x = x + F.instance_norm(conv(reflect_pad(h, 1), f"{block}.conv_block.{second}"))
    for layer in above[:-1]:
        if layer - 1 in filters:
            x = conv(blur_up(x, w[f"model.{layer - 1}.filt"]), layer, padding=1)
        else:
            x = F.conv_transpose2d(x, w[f"model.{layer}.weight"], w[f"model.{layer}.bias"], stride=2, padding=1, output_padding=1)
        x = F.instance_norm(x).relu()
    return conv(reflect_pad(x, 3), above[-1]).tanh()


def discriminate(w: Weights, image: Tensor) -> Tensor:
    """The patch discriminator with 4x4 convolutions, or 1x1 convolutions if the keys begin with "net"."""
    prefix = "net" if "net.0.weight" in w else "model"
    layers = find_layers(w, rf"{prefix}\.\d+\.weight")
    filters = find_layers(w, r"model\.\d+\.filt")
    x = image
    for index, layer in enumerate(layers):
        is_strided, is_last = index < len(layers) - 2, index == len(layers) - 1
        padding = 1 if prefix == "model" else 0
        stride = 2 if is_strided and prefix == "model" and not filters else 1
        x = F.conv2d(x, w[f"{prefix}.{layer}.weight"], w[f"{prefix}.{layer}.bias"], stride=stride, padding=padding)
        if not is_last:
            x = F.leaky_relu(F.instance_norm(x) if index else x, 0.2)
            after = layer + (3 if index else 2)
            x = blur_down(x, w[f"model.{after}.filt"]) if after in filters else x
    return x


def l1(one: Tensor, other: Tensor) -> Tensor:
    return (one - other).abs().mean()


def copy_parameters(w: Weights) -> Weights:
    """Return copies of the trainable tensors that require gradients; fixed filters are not copied."""
    return {key: value if key.endswith(".filt") else value.clone().requires_grad_() for key, value in w.items()}


EPS = 1e-5
"""Epsilon of Adam in these tests. A bias before an instance norm has gradient zero; the usual 1e-8 would amplify its rounding noise."""


def make_adam(nets: Iterable[Weights], lr: float = 2e-4, betas: tuple[float, float] = (0.5, 0.999), decay: float = 0.0) -> torch.optim.Adam:
    return torch.optim.Adam([x for net in nets for x in net.values() if x.requires_grad], lr=lr, betas=betas, eps=EPS, weight_decay=decay)


def minimise(total: Tensor, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    total.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


class HistoryPool:
    """The image pool of section 4 of the paper: returns an image and stores it, or returns a stored image in exchange."""

    def __init__(self, size: int) -> None:
        self.size, self.images = size, list[Tensor]()

    def exchange(self, images: Tensor, chance: Tensor, place: Tensor) -> Tensor:
        returned = []
        for image, coin, where in zip(images, chance.flatten(), place.flatten(), strict=True):
            if len(self.images) < self.size:
                self.images.append(image)
                returned.append(image)
            elif coin > 0.5:
                index = int(where * self.size)
                returned.append(self.images[index])
                self.images[index] = image
            else:
                returned.append(image)
        return torch.stack(returned)


class CycleGAN:
    """Both generators and both discriminators. As in the original, G_A translates A to B, and D_A scores the images of G_A."""

    def __init__(self, states: dict[str, Weights], pool: int = 50) -> None:
        self.nets = {name: copy_parameters(state) for name, state in states.items()}
        self.g_a, self.g_b, self.d_a, self.d_b = (self.nets.get(name, {}) for name in NETWORKS)
        self.g_optimizer, self.d_optimizer = make_adam((self.g_a, self.g_b)), make_adam((self.d_a, self.d_b)) if self.d_a else None
        self.pool_a, self.pool_b = HistoryPool(pool), HistoryPool(pool)

    def step(
        self, a: Tensor, b: Tensor, draws: dict[str, Tensor], lambda_a: float = 10.0, lambda_b: float = 10.0, identity: float = 0.0,
        gan: bool = True,
    ) -> None:  # fmt: skip
        """Equation 3 with the identity loss and weights of the original, then the discriminators with the same fakes from their pools."""
        fake_b, fake_a = generate(self.g_a, a), generate(self.g_b, b)
        total = torch.zeros((), dtype=a.dtype)
        if gan:
            total = total + (discriminate(self.d_a, fake_b) - 1).square().mean() + (discriminate(self.d_b, fake_a) - 1).square().mean()
        if lambda_a:
            total = total + lambda_a * l1(generate(self.g_b, fake_b), a)
        if lambda_b:
            total = total + lambda_b * l1(generate(self.g_a, fake_a), b)
        if identity:
            total = total + identity * (lambda_b * l1(generate(self.g_a, b), b) + lambda_a * l1(generate(self.g_b, a), a))
        minimise(total, self.g_optimizer)
        if gan and self.d_optimizer is not None:
            pooled_b = self.pool_b.exchange(fake_b.detach(), draws["a_to_b/pool/chance"], draws["a_to_b/pool/place"])
            pooled_a = self.pool_a.exchange(fake_a.detach(), draws["b_to_a/pool/chance"], draws["b_to_a/pool/place"])
            pairs = ((self.d_a, b, pooled_b), (self.d_b, a, pooled_a))
            losses = [(discriminate(d, real) - 1).square().mean() + discriminate(d, fake).square().mean() for d, real, fake in pairs]
            minimise(0.5 * (losses[0] + losses[1]), self.d_optimizer)


NETWORKS = ("generator_a", "generator_b", "discriminator_a", "discriminator_b")


def make_pool_draws(rows: int, seed: int) -> dict[str, Tensor]:
    """Return random draws for the pools of both translations."""
    generator = torch.Generator().manual_seed(seed)
    names = [f"{pair}/pool/{what}" for pair in ("a_to_b", "b_to_a") for what in ("chance", "place")]
    return {name: torch.rand(rows, generator=generator).double() for name in names}
