"""Networks and training steps of MUNIT and UNIT, written by hand from the papers as functions on the state dicts of the originals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Weights = Mapping[str, Tensor]


def convolve(p: Weights, key: str, x: Tensor, pad: int, stride: int = 1) -> Tensor:
    return F.conv2d(F.pad(x, (pad,) * 4, mode="reflect"), p[f"{key}.weight"], p[f"{key}.bias"], stride)


def instance_norm(x: Tensor) -> Tensor:
    mean = x.mean((2, 3), keepdim=True)
    return (x - mean) / (x.var((2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()


def encode_content(p: Weights, x: Tensor, encoder: str = "enc_content") -> Tensor:
    x = instance_norm(convolve(p, f"{encoder}.model.0.conv", x, 3)).relu()
    steps = len([key for key in p if key.startswith(f"{encoder}.model.") and key.endswith(".conv.weight") and key.count(".") == 4]) - 1
    for step in range(1, steps + 1):
        x = instance_norm(convolve(p, f"{encoder}.model.{step}.conv", x, 1, 2)).relu()
    block = 0
    while f"{encoder}.model.{steps + 1}.model.{block}.model.0.conv.weight" in p:
        key = f"{encoder}.model.{steps + 1}.model.{block}.model"
        x = x + instance_norm(convolve(p, f"{key}.1.conv", instance_norm(convolve(p, f"{key}.0.conv", x, 1)).relu(), 1))
        block += 1
    return x


def encode_style(p: Weights, x: Tensor) -> Tensor:
    x = convolve(p, "enc_style.model.0.conv", x, 3).relu()
    for step in range(1, 5):
        x = convolve(p, f"enc_style.model.{step}.conv", x, 1, 2).relu()
    return F.conv2d(x.mean((2, 3), keepdim=True), p["enc_style.model.6.weight"], p["enc_style.model.6.bias"]).flatten(1)


def compute_adain_parameters(p: Weights, s: Tensor) -> Tensor:
    for place in range(3):
        s = F.linear(s, p[f"mlp.model.{place}.fc.weight"], p[f"mlp.model.{place}.fc.bias"])
        s = s.relu() if place < 2 else s
    return s


def decode(p: Weights, maps: Tensor, s: Tensor | None = None) -> Tensor:
    parameters = None if s is None else compute_adain_parameters(p, s)
    channels = maps.shape[1]

    def norm(x: Tensor, index: int) -> Tensor:
        if parameters is None:
            return instance_norm(x)
        own = parameters[:, 2 * channels * index : 2 * channels * (index + 1)]
        return instance_norm(x) * own[:, channels:, None, None] + own[:, :channels, None, None]  # first the shifts, then the scales

    block = 0
    while f"dec.model.0.model.{block}.model.0.conv.weight" in p:
        key = f"dec.model.0.model.{block}.model"
        inner = norm(convolve(p, f"{key}.0.conv", maps, 1), 2 * block).relu()
        maps = maps + norm(convolve(p, f"{key}.1.conv", inner, 1), 2 * block + 1)
        block += 1
    place = 2
    while f"dec.model.{place}.norm.gamma" in p:
        maps = convolve(p, f"dec.model.{place}.conv", F.interpolate(maps, scale_factor=2), 2)
        mean, deviation = maps.mean((1, 2, 3), keepdim=True), maps.flatten(1).std(1)[:, None, None, None]
        gamma, beta = (p[f"dec.model.{place}.norm.{leaf}"][:, None, None] for leaf in ("gamma", "beta"))
        maps = ((maps - mean) / (deviation + 1e-5) * gamma + beta).relu()
        place += 2
    return convolve(p, f"dec.model.{place - 1}.conv", maps, 3).tanh()


def discriminate(p: Weights, x: Tensor) -> list[Tensor]:
    scores, scale = [], 0
    while f"cnns.{scale}.0.conv.weight" in p:
        maps, step = x, 0
        while f"cnns.{scale}.{step}.conv.weight" in p:
            maps = F.leaky_relu(convolve(p, f"cnns.{scale}.{step}.conv", maps, 1, 2), 0.2)
            step += 1
        scores.append(F.conv2d(maps, p[f"cnns.{scale}.{step}.weight"], p[f"cnns.{scale}.{step}.bias"]))
        x, scale = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), scale + 1
    return scores


def l1(one: Tensor, other: Tensor) -> Tensor:
    return (one - other).abs().mean()


def discriminator_loss(p: Weights, fake: Tensor, real: Tensor) -> Tensor:
    pairs = zip(discriminate(p, fake.detach()), discriminate(p, real), strict=True)
    return sum((f.square().mean() + (r - 1).square().mean() for f, r in pairs), torch.zeros(()))


def generator_loss(p: Weights, fake: Tensor) -> Tensor:
    return sum(((score - 1).square().mean() for score in discriminate(p, fake)), torch.zeros(()))


class TwoDomains:
    """Copies of the original's state dicts, with the two optimizers of its trainer."""

    def __init__(self, files: Mapping[str, Mapping[str, Weights]]) -> None:
        unused = ("running_mean", "running_var")
        self.g, self.d = (
            {
                domain: {key: value.detach().clone().requires_grad_() for key, value in state.items() if not key.endswith(unused)}
                for domain, state in files[name].items()
            }
            for name in ("generator", "discriminator")
        )
        settings: dict[str, Any] = {"lr": 1e-4, "betas": (0.5, 0.999), "weight_decay": 1e-4}
        self.g_optimizer = torch.optim.Adam([p for state in self.g.values() for p in state.values()], **settings)
        self.d_optimizer = torch.optim.Adam([p for state in self.d.values() for p in state.values()], **settings)

    def update_discriminators(self, real: Mapping[str, Tensor], fake: Mapping[str, Tensor]) -> float:
        total = sum((discriminator_loss(self.d[domain], fake[domain], real[domain]) for domain in "ab"), torch.zeros(()))
        self.minimise(total, self.d_optimizer)
        return float(total.detach())

    def minimise(self, total: Tensor, optimizer: torch.optim.Optimizer) -> None:
        for each in (self.g_optimizer, self.d_optimizer):
            each.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    def generator_loss(self, fake: Mapping[str, Tensor]) -> Tensor:
        return sum((generator_loss(self.d[domain], fake[domain]) for domain in "ab"), torch.zeros(()))

    def assert_equal(self, files: Mapping[str, Mapping[str, Weights]], tolerance: float = 1e-10) -> None:
        for name, own in (("generator", self.g), ("discriminator", self.d)):
            for domain, state in own.items():
                for key, tensor in state.items():
                    difference = (files[name][domain][key] - tensor).abs().max()
                    assert difference <= tolerance, f"{name} {domain} {key}: {difference}"


class Munit(TwoDomains):
    """A training step of MUNIT: first the discriminators, then encoders and decoders."""

    def translate(self, real: Mapping[str, Tensor], styles: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the translations with the given styles, by target domain."""
        return {to: decode(self.g[to], encode_content(self.g[source], real[source]), styles[to]) for source, to in ("ab", "ba")}

    def step_discriminators(self, real: Mapping[str, Tensor], styles: Mapping[str, Tensor]) -> dict[str, float]:
        return {"discriminator/adversarial": self.update_discriminators(real, self.translate(real, styles))}

    def step_translators(
        self, real: Mapping[str, Tensor], styles: Mapping[str, Tensor], cycle: float = 0.0, leave_out: Callable[[str], bool] | None = None
    ) -> dict[str, float]:
        contents = {domain: encode_content(self.g[domain], real[domain]) for domain in "ab"}
        own = {domain: encode_style(self.g[domain], real[domain]) for domain in "ab"}
        recon = {domain: decode(self.g[domain], contents[domain], own[domain]) for domain in "ab"}
        fake = {to: decode(self.g[to], contents[source], styles[to]) for source, to in ("ab", "ba")}
        recovered = {source: encode_content(self.g[to], fake[to]) for source, to in ("ab", "ba")}
        losses = {
            "adversarial": self.generator_loss(fake),
            "recon": sum((l1(recon[domain], real[domain]) for domain in "ab"), torch.zeros(())),
            "style": sum((l1(encode_style(self.g[domain], fake[domain]), styles[domain]) for domain in "ab"), torch.zeros(())),
            "content": sum((l1(recovered[domain], contents[domain]) for domain in "ab"), torch.zeros(())),
        }
        weights = {"adversarial": 1.0, "recon": 10.0, "style": 1.0, "content": 1.0, "cycle": cycle}
        if cycle:
            reconstructed = {domain: decode(self.g[domain], recovered[domain], own[domain]) for domain in "ab"}
            losses["cycle"] = sum((l1(reconstructed[domain], real[domain]) for domain in "ab"), torch.zeros(()))
        used = {name: loss for name, loss in losses.items() if not (leave_out and leave_out(name))}
        self.minimise(sum((weights[name] * loss for name, loss in used.items()), torch.zeros(())), self.g_optimizer)
        return {f"translator/{name}": float(loss.detach()) for name, loss in used.items()}


class Unit(TwoDomains):
    """A training step of UNIT: first the discriminators, then encoders and decoders. Each encoding adds noise of unit variance."""

    def __init__(self, files: Mapping[str, Mapping[str, Weights]], shared: Mapping[str, tuple[str, ...]] | None = None) -> None:
        super().__init__(files)
        # The layers that the paper shares are one tensor under the keys of both domains.
        for key in list(self.g["b"]):
            if shared and key.startswith(shared["prefixes"]):
                self.g["b"][key] = self.g["a"][key]
        settings = self.g_optimizer.defaults
        unique = {id(p): p for state in self.g.values() for p in state.values()}
        self.g_optimizer = torch.optim.Adam(unique.values(), **{k: settings[k] for k in ("lr", "betas", "weight_decay")})

    def encode(self, domain: str, image: Tensor) -> Tensor:
        return encode_content(self.g[domain], image, "enc")

    def step_discriminators(self, real: Mapping[str, Tensor], noise: Mapping[str, Tensor]) -> dict[str, float]:
        codes = {domain: self.encode(domain, real[domain]) + noise[domain] for domain in "ab"}
        fake = {to: decode(self.g[to], codes[source]) for source, to in ("ab", "ba")}
        return {"discriminator/adversarial": self.update_discriminators(real, fake)}

    def step_translators(
        self, real: Mapping[str, Tensor], noise: Mapping[str, Tensor], cycle_noise: Mapping[str, Tensor]
    ) -> dict[str, float]:
        means = {domain: self.encode(domain, real[domain]) for domain in "ab"}
        codes = {domain: means[domain] + noise[domain] for domain in "ab"}
        recon = {domain: decode(self.g[domain], codes[domain]) for domain in "ab"}
        fake = {to: decode(self.g[to], codes[source]) for source, to in ("ab", "ba")}
        recodes = {source: self.encode(to, fake[to]) for source, to in ("ab", "ba")}
        cycle = {domain: decode(self.g[domain], recodes[domain] + cycle_noise[domain]) for domain in "ab"}

        def add_domains(loss: Callable[[str], Tensor]) -> Tensor:
            return loss("a") + loss("b")

        losses = {
            "adversarial": self.generator_loss(fake),
            "recon": add_domains(lambda domain: l1(recon[domain], real[domain])),
            "kl": add_domains(lambda domain: means[domain].square().mean()),
            "cycle": add_domains(lambda domain: l1(cycle[domain], real[domain])),
            "cycle_kl": add_domains(lambda domain: recodes[domain].square().mean()),
        }
        weights = {"adversarial": 1.0, "recon": 10.0, "kl": 0.01, "cycle": 10.0, "cycle_kl": 0.01}
        self.minimise(sum((weights[name] * loss for name, loss in losses.items()), torch.zeros(())), self.g_optimizer)
        return {f"translator/{name}": float(loss.detach()) for name, loss in losses.items()}
