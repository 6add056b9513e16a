"""What plugins add to the core: plans with two translations, and views and losses of single papers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit import Code, Translation, view
from i2ikit.core.nets import Nets
from i2ikit.core.plans import batch_kind
from i2ikit.core.random_streams import RandomStreams

# -- StarGAN v2: styles from noise, then styles from reference images


@view
def mapped_style(t: Translation) -> Tensor:
    return cast(Tensor, t.run("mapping", Code(style=t.normal("noise", 3)), t.target_label).style)


def make_style_view(reference: Tensor) -> view[Tensor]:
    def reference_style(t: Translation) -> Tensor:
        style = t.encode(reference, t.target_label, None).style
        assert style is not None
        return style

    return view(reference_style)


@batch_kind("labelled")
def two_passes(nets: Nets, batch: Mapping[str, Tensor], streams: RandomStreams, requires_grad: bool) -> list[Translation]:
    image, label = batch["image"], batch["label"]
    order = streams.uniform("order", (len(image),)).argsort()
    inputs: dict[str, Any] = {
        "real": image,
        "source_label": label,
        "target_label": label[order],
        "reference": image,
        "reference_label": label,
        "requires_grad": requires_grad,
    }
    return [
        Translation(nets, streams, name="latent", style=mapped_style, **inputs),
        Translation(nets, streams, name="reference", style=make_style_view(image[order]), **inputs),
    ]


@view
def other_fake(t: Translation) -> Tensor:
    style = t.run("mapping", Code(style=t.normal("other noise", 3)), t.target_label).style
    return t.decode(t.code._replace(style=style), t.target_label).detach()


def diversity(t: Translation) -> Tensor:
    return cast(Tensor, -(t.fake - t[other_fake]).abs().mean())


# -- CUT: patches at the same position in source and fake are positive pairs, all others are negative


@view
def patch_positions(t: Translation) -> Tensor:
    return t.uniform("patches", 4)


@view
def patches(t: Translation, view: str) -> Tensor:
    features = getattr(t, view).maps[-1].flatten(2).transpose(1, 2)
    index = (t[patch_positions] * features.shape[1]).long()[:, :, None].expand(-1, -1, features.shape[2])
    return cast(Tensor, t.run("head", features.gather(1, index)))


def patch_contrast(t: Translation, *, temperature: float = 0.5) -> Tensor:
    query, key = t[patches, "recode"], t[patches, "code"]
    logits = query @ key.detach().transpose(1, 2) / temperature
    positives = torch.arange(logits.shape[1], device=logits.device).expand(len(logits), -1)
    return F.cross_entropy(logits.flatten(0, 1), positives.flatten())
