"""BicycleGAN written by hand from its paper and its original code, on dictionaries of tensors with the original's keys.

It does not use the library, because tests compare the library with it.
"""

from __future__ import annotations

import torch
from pix2pix_by_hand import conv, normalize
from stargan_by_hand import Adam, Weights, copy_parameters
from torch import Tensor
from torch.nn import functional as F


def append_style(x: Tensor, z: Tensor | None) -> Tensor:
    """Concatenate maps with the style, one constant channel per entry."""
    return x if z is None else torch.cat([x, z[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)


def upsample(w: Weights, key: str, x: Tensor) -> tuple[Tensor, str]:
    """Return the maps after the upsampling that begins at layer ``key``, and the name of the next layer."""
    outer, _, place = key.rpartition(".")
    if f"{key}.weight" in w:
        return F.conv_transpose2d(x, w[f"{key}.weight"], w[f"{key}.bias"], stride=2, padding=1), f"{outer}.{int(place) + 1}"
    wide = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    key = f"{outer}.{int(place) + 2}"
    return F.conv2d(F.pad(wide, (1, 1, 1, 1), "reflect"), w[f"{key}.weight"], w[f"{key}.bias"]), f"{outer}.{int(place) + 3}"


def generate_all(w: Weights, image: Tensor, z: Tensor) -> Tensor:
    """The U-Net that takes the style in every block."""

    def block(x: Tensor, key: str) -> Tensor:
        h = conv(w, f"{key}.down.1", F.leaky_relu(append_style(x, z), 0.2))
        if f"{key}.submodule.down.1.weight" in w:
            h = block(normalize(w, f"{key}.down.2", h), f"{key}.submodule")
        h, norm = upsample(w, f"{key}.up.1", h.relu())
        return torch.cat([normalize(w, norm, h), x], 1)

    return upsample(w, "model.up.1", block(conv(w, "model.down.0", append_style(image, z)), "model.submodule").relu())[0].tanh()


def generate_input(w: Weights, image: Tensor, z: Tensor) -> Tensor:
    """The U-Net that takes the style at the input."""

    def block(x: Tensor, key: str) -> Tensor:
        x = F.leaky_relu(x, 0.2)
        h, up = conv(w, f"{key}.1", x), 3
        if f"{key}.3.model.1.weight" in w:
            h, up = block(normalize(w, f"{key}.2", h), f"{key}.3.model"), 5
        h, norm = upsample(w, f"{key}.{up}", h.relu())
        return torch.cat([normalize(w, norm, h), x], 1)

    return upsample(w, "model.model.3", block(conv(w, "model.model.0", append_style(image, z)), "model.model.1.model").relu())[0].tanh()


def generate(w: Weights, image: Tensor, z: Tensor) -> Tensor:
    return (generate_all if "model.down.0.weight" in w else generate_input)(w, image, z)


def encode(w: Weights, image: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and log variance of the style, by residual blocks or by strided convolutions."""
    h = conv(w, "conv.0", image)
    if "conv.1.conv.2.weight" in w:
        for n in range(1, 1 + len([key for key in w if key.endswith("shortcut.1.weight")])):
            x, key = h, f"conv.{n}"
            h = conv(w, f"{key}.conv.2", F.leaky_relu(normalize(w, f"{key}.conv.0", x), 0.2), 1)
            h = conv(w, f"{key}.conv.5.0", F.leaky_relu(normalize(w, f"{key}.conv.3", h), 0.2), 1)
            h = F.avg_pool2d(h, 2) + conv(w, f"{key}.shortcut.1", F.avg_pool2d(x, 2), 1, 0)
        h = F.leaky_relu(h, 0.2)
    else:
        h, place = F.leaky_relu(h, 0.2), 2
        while f"conv.{place}.weight" in w:
            h = F.leaky_relu(normalize(w, f"conv.{place + 1}", conv(w, f"conv.{place}", h)), 0.2)
            place += 3
    h = F.avg_pool2d(h, h.shape[-1])[:, :, 0, 0]
    return F.linear(h, w["fc.0.weight"], w["fc.0.bias"]), F.linear(h, w["fcVar.0.weight"], w["fcVar.0.bias"])


def discriminate(w: Weights, image: Tensor) -> list[Tensor]:
    """Return the scores of each scale, the full resolution first."""
    scores = []
    for prefix in ["model"] if "model.0.weight" in w else sorted({key.partition(".")[0] for key in w}):
        strided = len([key for key in w if key.startswith(f"{prefix}.") and w[key].ndim == 4]) - 2
        h = F.leaky_relu(conv(w, f"{prefix}.0", image), 0.2)
        for place in range(2, 2 + 3 * strided, 3):
            h = conv(w, f"{prefix}.{place}", h, 2 if place < 3 * strided - 1 else 1)
            h = F.leaky_relu(normalize(w, f"{prefix}.{place + 1}", h), 0.2)
        scores.append(conv(w, f"{prefix}.{2 + 3 * strided}", h, 1))
        image = F.avg_pool2d(image, 3, 2, 1, count_include_pad=False)
    return scores


def lsgan_loss(w: Weights, image: Tensor, target: float) -> Tensor:
    """The sum over the scales of the mean squared distance from the target."""
    return torch.stack([((score - target) ** 2).mean() for score in discriminate(w, image)]).sum()


class BicycleGAN:
    """Section 3.4: update generator and encoder, with the latent term for the generator alone, then the discriminators with the same fakes.

    Args:
        g, e, d, d2: State dicts; None if the method has no such network.
        encoded, l1, kl, random, latent: Weights of the terms.
        latent_reaches_encoder: Whether the latent term also trains the encoder, as in cLR-GAN.
    """

    def __init__(
        self, g: Weights, e: Weights | None, d: Weights | None, d2: Weights | None, *, encoded: float = 1, l1: float = 10, kl: float = 0.01,
        random: float = 1, latent: float = 0.5, latent_reaches_encoder: bool = False,
    ) -> None:  # fmt: skip
        self.nets = {name: copy_parameters(state) if state else {} for name, state in (("g", g), ("e", e), ("d", d), ("d2", d2))}
        self.adams = {name: Adam(w) for name, w in self.nets.items()}
        self.encoded, self.l1, self.kl, self.random, self.latent = encoded, l1, kl, random, latent
        self.latent_reaches_encoder = latent_reaches_encoder

    def step(
        self,
        image: Tensor,
        target: Tensor,
        noise: Tensor,
        z: Tensor,
        *,
        reference: Tensor | None = None,
        sum_kl: bool = False,
        l1_on_random: bool = False,
    ) -> None:
        """Train on one batch; ``reference`` are the real images for the discriminator of translations with a random style."""
        g, e, d, d2 = self.nets.values()
        total = torch.zeros((), dtype=image.dtype)
        fakes: dict[str, Tensor] = {}
        if self.encoded:
            mean, logvar = encode(e, target)
            fakes["d"] = generate(g, image, mean + (logvar / 2).exp() * noise)
            kl = 0.5 * (mean**2 + logvar.exp() - logvar - 1).sum(1)
            total = total + self.encoded * lsgan_loss(d, fakes["d"], 1) + self.l1 * (fakes["d"] - target).abs().mean()
            total = total + self.kl * (kl.sum() if sum_kl else kl.mean())
        if self.random:
            fakes["d2"] = generate(g, image, z)
            total = total + self.random * lsgan_loss(d2, fakes["d2"], 1)
            if l1_on_random:
                total = total + self.l1 * (fakes["d2"] - target).abs().mean()
        latent_loss = self.latent * (encode(e, fakes["d2"])[0] - z).abs().mean() if self.latent else torch.zeros((), dtype=image.dtype)
        both = {**{f"g/{k}": v for k, v in g.items()}, **{f"e/{k}": v for k, v in e.items()}}
        gradients = dict(zip(both, compute_gradients(total, list(both.values())), strict=True))
        for key, gradient in zip(both, compute_gradients(latent_loss, list(both.values())), strict=True):
            if key.startswith("g/") or self.latent_reaches_encoder:
                gradients[key] = gradients[key] + gradient
        for name in ("g", "e"):
            self.adams[name].step({key[2:]: value for key, value in gradients.items() if key.startswith(f"{name}/")}, 2e-4)
        for name, fake in fakes.items():
            real = reference if reference is not None and name == "d2" else target
            w = self.nets[name]
            loss = lsgan_loss(w, real, 1) + lsgan_loss(w, fake.detach(), 0)
            self.adams[name].step(dict(zip(w, compute_gradients(loss, list(w.values())), strict=True)), 2e-4)


def compute_gradients(loss: Tensor, weights: list[Tensor]) -> list[Tensor]:
    """Return gradients, which are zero for weights that do not influence the loss."""
    if not loss.requires_grad:
        return [torch.zeros_like(weight) for weight in weights]
    found = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(weight) if each is None else each for weight, each in zip(weights, found, strict=True)]
