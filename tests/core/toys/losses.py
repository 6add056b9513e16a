"""The losses of the toys: each a function of one translation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit import Code, DomainSpec, Translation


def wgan_discriminator(t: Translation) -> Tensor:
    return t.discriminate("fake").scores[0].mean() - t.discriminate("reference").scores[0].mean()


def wgan_translator(t: Translation) -> Tensor:
    return -t.discriminate("fake").scores[0].mean()


def penalty(t: Translation) -> Tensor:
    alpha = t.uniform("alpha", 1, 1, 1)
    between = (alpha * t.reference + (1 - alpha) * t.fake.detach()).requires_grad_()
    (gradient,) = torch.autograd.grad(t.discriminate_image(between).scores[0].sum(), between, create_graph=True)
    return (gradient.flatten(1).square().sum(1).sqrt() - 1).square().mean()


def compute_label_loss(logits: Tensor | None, label: Tensor | None, domain: DomainSpec) -> Tensor:
    """Return the cross entropy of each label set over the images for which it is known."""
    assert logits is not None
    assert label is not None
    total = logits.new_zeros(())
    for index, part in enumerate(domain.sets):
        position = domain.get_set_slice(index)
        mask = label[:, domain.num_values + index]
        if part.attributes[0].values:
            each = F.cross_entropy(logits[:, position], label[:, position], reduction="none")
        else:
            each = F.binary_cross_entropy_with_logits(logits[:, position], label[:, position], reduction="none").sum(1)
        total = total + (each * mask).sum() / len(mask)
    return total


def domain_real(t: Translation) -> Tensor:
    return compute_label_loss(t.discriminate("reference").domain_logits, t.reference_label, t.nets.domain)


def domain_fake(t: Translation) -> Tensor:
    return compute_label_loss(t.discriminate("fake").domain_logits, t.target_label, t.nets.domain)


def ls_discriminator(t: Translation, *, discriminator: str = "discriminator", real: str = "reference") -> Tensor:
    return ((t.discriminate(real, discriminator).scores[0] - 1) ** 2).mean() + (t.discriminate("fake", discriminator).scores[0] ** 2).mean()


def ls_translator(t: Translation, *, discriminator: str = "discriminator") -> Tensor:
    return ((t.discriminate("fake", discriminator).scores[0] - 1) ** 2).mean()


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


def identity(t: Translation) -> Tensor:
    return (t.identity - t.reference).abs().mean()


def l1(t: Translation) -> Tensor:
    return (t.fake - t.target).abs().mean()


def l2(t: Translation) -> Tensor:
    return (t.fake - t.target).square().mean()


def style(t: Translation) -> Tensor:
    assert t.recode.style is not None
    return (t.recode.style - t.style).abs().mean()


def content(t: Translation) -> Tensor:
    return (t.recode.maps[-1] - t.code.maps[-1]).abs().mean()


def style_size(t: Translation) -> Tensor:
    assert t.code.style is not None
    return t.code.style.square().sum((1, 2)).mean()
