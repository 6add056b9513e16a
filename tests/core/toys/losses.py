"""The losses of the toys: each a function of one translation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit import Code, Translation


def ls_discriminator(t: Translation) -> Tensor:
    return ((t.discriminate("reference").scores[0] - 1) ** 2).mean() + (t.discriminate("fake").scores[0] ** 2).mean()


def ls_translator(t: Translation) -> Tensor:
    return ((t.discriminate("fake").scores[0] - 1) ** 2).mean()


def logistic_discriminator(t: Translation) -> Tensor:
    return F.softplus(t.discriminate("fake").scores[0]).mean() + F.softplus(-t.discriminate("reference").scores[0]).mean()


def logistic_translator(t: Translation) -> Tensor:
    return F.softplus(-t.discriminate("fake").scores[0]).mean()


def r1(t: Translation) -> Tensor:
    real = t.reference.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(t.discriminate_image(real, "reference").scores[0].sum(), real, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


class PathLength(nn.Module):
    """Path length regularisation (StyleGAN2, section 3.2): compares the length of the gradient by the style with its running mean."""

    mean: Tensor

    def __init__(self, decay: float = 0.5) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, t: Translation) -> Tensor:
        style = t.condition(t.with_target_style(Code()), t.target_label).style
        assert style is not None
        image = t.run("generator", Code(style=style))
        noise = t.normal("path/noise", *image.shape[1:]) / (image.shape[2] * image.shape[3]) ** 0.5
        (gradient,) = torch.autograd.grad((image * noise).sum(), style, create_graph=True)
        length = gradient.square().sum(2).mean(1).sqrt()
        with torch.no_grad():
            self.mean.lerp_(length.mean().to(self.mean.dtype), self.decay)
        return (length - self.mean).square().mean()


def cycle(t: Translation) -> Tensor:
    return (t.cycle - t.real).abs().mean()


def recon(t: Translation) -> Tensor:
    return (t.recon - t.real).abs().mean()


def l1(t: Translation) -> Tensor:
    return (t.fake - t.target).abs().mean()


def l2(t: Translation) -> Tensor:
    return (t.fake - t.target).square().mean()


def style(t: Translation) -> Tensor:
    assert t.recode.style is not None
    return (t.recode.style - t.style).abs().mean()


def style_size(t: Translation) -> Tensor:
    assert t.code.style is not None
    return t.code.style.square().sum((1, 2)).mean()
