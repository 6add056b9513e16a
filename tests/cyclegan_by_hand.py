"""CycleGAN written by hand from its paper and from what its original code does, on dictionaries of tensors under the original's keys.

Nothing of the library is used here: it is what the library is compared with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional as F

Weights = dict[str, Tensor]


def mirrored(x: Tensor, by: int) -> Tensor:
    return F.pad(x, (by, by, by, by), mode="reflect")


def blurred(x: Tensor, filt: Tensor) -> Tensor:
    """Every second pixel of maps that are filtered with mirrored edges."""
    return F.conv2d(mirrored(x, 1), filt, stride=2, groups=x.shape[1])


def upsample_conv(x: Tensor, filt: Tensor) -> Tensor:
    """Maps with zeros between their pixels, filtered with repeated edges."""
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    return F.conv_transpose2d(x, filt, stride=2, padding=2, groups=x.shape[1])[..., 1:-1, 1:-1]


def places(w: Weights, pattern: str) -> list[int]:
    """The numbers of the layers whose keys match, in order."""
    return sorted({int(key.split(".")[1]) for key in w if re.fullmatch(pattern, key)})


def generate(w: Weights, image: Tensor) -> Tensor:
    """The residual generator; layers stand in the original's order, whose fixed filters say where it halves and enlarges."""

    def conv(x: Tensor, layer: object, **how: int) -> Tensor:
        return F.conv2d(x, w[f"model.{layer}.weight"], w[f"model.{layer}.bias"], **how)  # type: ignore[arg-type]

    blocks = places(w, r"model\.\d+\.conv_block\.1\.weight")
    layers = places(w, r"model\.\d+\.weight")
    filters = places(w, r"model\.\d+\.filt")
    below = [layer for layer in layers if layer < blocks[0]]
    above = [layer for layer in layers if layer > blocks[-1]]
    x = F.instance_norm(conv(mirrored(image, 3), below[0])).relu()
    for layer in below[1:]:
        x = F.instance_norm(conv(x, layer, stride=1 if layer + 3 in filters else 2, padding=1)).relu()
        x = blurred(x, w[f"model.{layer + 3}.filt"]) if layer + 3 in filters else x
    for block in blocks:
        second = 6 if f"model.{block}.conv_block.6.weight" in w else 5
        h = F.instance_norm(conv(mirrored(x, 1), f"{block}.conv_block.1")).relu()
        x = x + F.instance_norm(conv(mirrored(h, 1), f"{block}.conv_block.{second}"))
    for layer in above[:-1]:
        if layer - 1 in filters:
            x = conv(upsample_conv(x, w[f"model.{layer - 1}.filt"]), layer, padding=1)
        else:
            x = F.conv_transpose2d(x, w[f"model.{layer}.weight"], w[f"model.{layer}.bias"], stride=2, padding=1, output_padding=1)
        x = F.instance_norm(x).relu()
    return conv(mirrored(x, 3), above[-1]).tanh()


def discriminate(w: Weights, image: Tensor) -> Tensor:
    """The patch discriminator: 4x4 convolutions, or 1x1 ones where the keys begin with "net"."""
    prefix = "net" if "net.0.weight" in w else "model"
    layers = places(w, rf"{prefix}\.\d+\.weight")
    filters = places(w, r"model\.\d+\.filt")
    x = image
    for index, layer in enumerate(layers):
        bends, scores = index < len(layers) - 2, index == len(layers) - 1
        padding = 1 if prefix == "model" else 0
        stride = 2 if bends and prefix == "model" and not filters else 1
        x = F.conv2d(x, w[f"{prefix}.{layer}.weight"], w[f"{prefix}.{layer}.bias"], stride=stride, padding=padding)
        if not scores:
            x = F.leaky_relu(F.instance_norm(x) if index else x, 0.2)
            after = layer + (3 if index else 2)
            x = blurred(x, w[f"model.{after}.filt"]) if after in filters else x
    return x


def l1(one: Tensor, other: Tensor) -> Tensor:
    return (one - other).abs().mean()


def trained(w: Weights) -> Weights:
    """Copies of the learnt tensors, ready for gradients; fixed filters as they are."""
    return {key: value if key.endswith(".filt") else value.clone().requires_grad_() for key, value in w.items()}


EPS = 1e-5
"""Of every Adam in these tests. A bias before an instance norm has a gradient of zero, whose rounding noise the usual 1e-8 enlarges."""


def adam(nets: Iterable[Weights], lr: float = 2e-4, betas: tuple[float, float] = (0.5, 0.999), decay: float = 0.0) -> torch.optim.Adam:
    return torch.optim.Adam([x for net in nets for x in net.values() if x.requires_grad], lr=lr, betas=betas, eps=EPS, weight_decay=decay)


def minimise(total: Tensor, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    total.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


class HistoryPool:
    """The pool of the paper's section 4: as drawn, an image is shown and kept, or exchanged for a kept one."""

    def __init__(self, size: int) -> None:
        self.size, self.images = size, list[Tensor]()

    def show(self, images: Tensor, chance: Tensor, place: Tensor) -> Tensor:
        shown = []
        for image, coin, where in zip(images, chance.flatten(), place.flatten(), strict=True):
            if len(self.images) < self.size:
                self.images.append(image)
                shown.append(image)
            elif coin > 0.5:
                index = int(where * self.size)
                shown.append(self.images[index])
                self.images[index] = image
            else:
                shown.append(image)
        return torch.stack(shown)


class CycleGAN:
    """Both generators and both discriminators; in the original, G_A draws B of A, and D_A scores what G_A draws."""

    def __init__(self, states: dict[str, Weights], pool: int = 50) -> None:
        self.nets = {name: trained(state) for name, state in states.items()}
        self.g_a, self.g_b, self.d_a, self.d_b = (self.nets.get(name, {}) for name in NAMES)
        self.for_g, self.for_d = adam((self.g_a, self.g_b)), adam((self.d_a, self.d_b)) if self.d_a else None
        self.pool_a, self.pool_b = HistoryPool(pool), HistoryPool(pool)

    def round(
        self, a: Tensor, b: Tensor, draws: dict[str, Tensor], lambda_a: float = 10.0, lambda_b: float = 10.0, identity: float = 0.0,
        gan: bool = True,
    ) -> None:  # fmt: skip
        """Equation 3 with the identity loss as the original weighs it, then the discriminators with the same fakes out of their pools."""
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
        minimise(total, self.for_g)
        if gan and self.for_d is not None:
            shown_b = self.pool_b.show(fake_b.detach(), draws["a_to_b/pool/chance"], draws["a_to_b/pool/place"])
            shown_a = self.pool_a.show(fake_a.detach(), draws["b_to_a/pool/chance"], draws["b_to_a/pool/place"])
            scored = ((self.d_a, b, shown_b), (self.d_b, a, shown_a))
            losses = [(discriminate(d, real) - 1).square().mean() + discriminate(d, fake).square().mean() for d, real, fake in scored]
            minimise(0.5 * (losses[0] + losses[1]), self.for_d)


NAMES = ("generator_a", "generator_b", "discriminator_a", "discriminator_b")


def coins(rows: int, seed: int) -> dict[str, Tensor]:
    """What the pools of both translations draw."""
    generator = torch.Generator().manual_seed(seed)
    names = [f"{pair}/pool/{what}" for pair in ("a_to_b", "b_to_a") for what in ("chance", "place")]
    return {name: torch.rand(rows, generator=generator).double() for name in names}
