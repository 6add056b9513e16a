"""MUNIT's and UNIT's networks and training iteration in plain functions on the original's state dicts, written from the papers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Weights = Mapping[str, Tensor]


def convolve(p: Weights, key: str, x: Tensor, pad: int, stride: int = 1) -> Tensor:
    return F.conv2d(F.pad(x, (pad,) * 4, mode="reflect"), p[f"{key}.weight"], p[f"{key}.bias"], stride)


def standard(x: Tensor) -> Tensor:
    mean = x.mean((2, 3), keepdim=True)
    return (x - mean) / (x.var((2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()


def content(p: Weights, x: Tensor, of: str = "enc_content") -> Tensor:
    x = standard(convolve(p, f"{of}.model.0.conv", x, 3)).relu()
    steps = len([key for key in p if key.startswith(f"{of}.model.") and key.endswith(".conv.weight") and key.count(".") == 4]) - 1
    for step in range(1, steps + 1):
        x = standard(convolve(p, f"{of}.model.{step}.conv", x, 1, 2)).relu()
    block = 0
    while f"{of}.model.{steps + 1}.model.{block}.model.0.conv.weight" in p:
        key = f"{of}.model.{steps + 1}.model.{block}.model"
        x = x + standard(convolve(p, f"{key}.1.conv", standard(convolve(p, f"{key}.0.conv", x, 1)).relu(), 1))
        block += 1
    return x


def style(p: Weights, x: Tensor) -> Tensor:
    x = convolve(p, "enc_style.model.0.conv", x, 3).relu()
    for step in range(1, 5):
        x = convolve(p, f"enc_style.model.{step}.conv", x, 1, 2).relu()
    return F.conv2d(x.mean((2, 3), keepdim=True), p["enc_style.model.6.weight"], p["enc_style.model.6.bias"]).flatten(1)


def parameters_of_norms(p: Weights, s: Tensor) -> Tensor:
    for place in range(3):
        s = F.linear(s, p[f"mlp.model.{place}.fc.weight"], p[f"mlp.model.{place}.fc.bias"])
        s = s.relu() if place < 2 else s
    return s


def draw(p: Weights, maps: Tensor, s: Tensor | None = None) -> Tensor:
    drawn = None if s is None else parameters_of_norms(p, s)
    channels = maps.shape[1]

    def norm(x: Tensor, index: int) -> Tensor:
        if drawn is None:
            return standard(x)
        mine = drawn[:, 2 * channels * index : 2 * channels * (index + 1)]
        return standard(x) * mine[:, channels:, None, None] + mine[:, :channels, None, None]  # first the means, then the deviations

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


def fooled_loss(p: Weights, fake: Tensor) -> Tensor:
    return sum(((score - 1).square().mean() for score in discriminate(p, fake)), torch.zeros(()))


class TwoDomains:
    """Copies of the original's state dicts, and the two optimizers of its trainer."""

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

    def discriminate(self, real: Mapping[str, Tensor], fake: Mapping[str, Tensor]) -> float:
        total = sum((discriminator_loss(self.d[domain], fake[domain], real[domain]) for domain in "ab"), torch.zeros(()))
        self.minimise(total, self.d_optimizer)
        return float(total.detach())

    def minimise(self, total: Tensor, optimizer: torch.optim.Optimizer) -> None:
        for each in (self.g_optimizer, self.d_optimizer):
            each.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    def fooled(self, fake: Mapping[str, Tensor]) -> Tensor:
        return sum((fooled_loss(self.d[domain], fake[domain]) for domain in "ab"), torch.zeros(()))

    def assert_equal(self, files: Mapping[str, Mapping[str, Weights]], tolerance: float = 1e-10) -> None:
        for name, mine in (("generator", self.g), ("discriminator", self.d)):
            for domain, state in mine.items():
                for key, tensor in state.items():
                    difference = (files[name][domain][key] - tensor).abs().max()
                    assert difference <= tolerance, f"{name} {domain} {key}: {difference}"


class Munit(TwoDomains):
    """The iteration of MUNIT: the discriminators, then encoders and decoders."""

    def translations(self, real: Mapping[str, Tensor], styles: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return, by the domain that they are translated to, the images drawn in the styles."""
        return {to: draw(self.g[to], content(self.g[of], real[of]), styles[to]) for of, to in ("ab", "ba")}

    def discriminators(self, real: Mapping[str, Tensor], styles: Mapping[str, Tensor]) -> dict[str, float]:
        return {"discriminator/adversarial": self.discriminate(real, self.translations(real, styles))}

    def translators(
        self, real: Mapping[str, Tensor], styles: Mapping[str, Tensor], cycle: float = 0.0, leave_out: Callable[[str], bool] | None = None
    ) -> dict[str, float]:
        contents = {domain: content(self.g[domain], real[domain]) for domain in "ab"}
        own = {domain: style(self.g[domain], real[domain]) for domain in "ab"}
        recon = {domain: draw(self.g[domain], contents[domain], own[domain]) for domain in "ab"}
        fake = {to: draw(self.g[to], contents[of], styles[to]) for of, to in ("ab", "ba")}
        again = {of: content(self.g[to], fake[to]) for of, to in ("ab", "ba")}
        losses = {
            "adversarial": self.fooled(fake),
            "recon": sum((l1(recon[domain], real[domain]) for domain in "ab"), torch.zeros(())),
            "style": sum((l1(style(self.g[domain], fake[domain]), styles[domain]) for domain in "ab"), torch.zeros(())),
            "content": sum((l1(again[domain], contents[domain]) for domain in "ab"), torch.zeros(())),
        }
        weights = {"adversarial": 1.0, "recon": 10.0, "style": 1.0, "content": 1.0, "cycle": cycle}
        if cycle:
            back = {domain: draw(self.g[domain], again[domain], own[domain]) for domain in "ab"}
            losses["cycle"] = sum((l1(back[domain], real[domain]) for domain in "ab"), torch.zeros(()))
        kept = {name: loss for name, loss in losses.items() if not (leave_out and leave_out(name))}
        self.minimise(sum((weights[name] * loss for name, loss in kept.items()), torch.zeros(())), self.g_optimizer)
        return {f"translator/{name}": float(loss.detach()) for name, loss in kept.items()}


class Unit(TwoDomains):
    """The iteration of UNIT: the discriminators, then encoders and decoders. Every encoding draws noise of unit variance."""

    def __init__(self, files: Mapping[str, Mapping[str, Weights]], shared: Mapping[str, tuple[str, ...]] | None = None) -> None:
        super().__init__(files)
        # What the paper shares is one tensor under the keys of both domains.
        for key in list(self.g["b"]):
            if shared and key.startswith(shared["prefixes"]):
                self.g["b"][key] = self.g["a"][key]
        settings = self.g_optimizer.defaults
        unique = {id(p): p for state in self.g.values() for p in state.values()}
        self.g_optimizer = torch.optim.Adam(unique.values(), **{k: settings[k] for k in ("lr", "betas", "weight_decay")})

    def encode(self, domain: str, image: Tensor) -> Tensor:
        return content(self.g[domain], image, "enc")

    def discriminators(self, real: Mapping[str, Tensor], noise: Mapping[str, Tensor]) -> dict[str, float]:
        codes = {domain: self.encode(domain, real[domain]) + noise[domain] for domain in "ab"}
        return {"discriminator/adversarial": self.discriminate(real, {to: draw(self.g[to], codes[of]) for of, to in ("ab", "ba")})}

    def translators(self, real: Mapping[str, Tensor], noise: Mapping[str, Tensor], again: Mapping[str, Tensor]) -> dict[str, float]:
        means = {domain: self.encode(domain, real[domain]) for domain in "ab"}
        codes = {domain: means[domain] + noise[domain] for domain in "ab"}
        recon = {domain: draw(self.g[domain], codes[domain]) for domain in "ab"}
        fake = {to: draw(self.g[to], codes[of]) for of, to in ("ab", "ba")}
        back = {of: self.encode(to, fake[to]) for of, to in ("ab", "ba")}
        cycle = {domain: draw(self.g[domain], back[domain] + again[domain]) for domain in "ab"}

        def both(of: Callable[[str], Tensor]) -> Tensor:
            return of("a") + of("b")

        losses = {
            "adversarial": self.fooled(fake),
            "recon": both(lambda domain: l1(recon[domain], real[domain])),
            "kl": both(lambda domain: means[domain].square().mean()),
            "cycle": both(lambda domain: l1(cycle[domain], real[domain])),
            "cycle_kl": both(lambda domain: back[domain].square().mean()),
        }
        weights = {"adversarial": 1.0, "recon": 10.0, "kl": 0.01, "cycle": 10.0, "cycle_kl": 0.01}
        self.minimise(sum((weights[name] * loss for name, loss in losses.items()), torch.zeros(())), self.g_optimizer)
        return {f"translator/{name}": float(loss.detach()) for name, loss in losses.items()}
