"""Draws of styles for the translations of a batch."""

from __future__ import annotations

import torch
from torch import Tensor

from i2ikit.core.nets import Nets
from i2ikit.core.random_streams import RandomStreams


def draw_style(nets: Nets, streams: RandomStreams, rows: int, name: str = "translation", stream: str = "style") -> Tensor | None:
    """Sample a style [rows, S] or [rows, V, S] from the prior for the translation ``name``; None if the plan's option ``style`` is 0."""
    return streams.for_translation(name).normal(stream, (rows, *nets.style.shape)) if nets.style else None


def draw_mixing(streams: RandomStreams, rows: int, share: float, name: str = "translation") -> Tensor:
    """Draw the share of the layers that keep the first style [rows]: uniform for the given share of the images, 1 for all others."""
    streams = streams.for_translation(name)
    chance, kept = streams.uniform("mixing/chance", (rows,)), streams.uniform("mixing/layers", (rows,))
    return kept.where(chance < share, torch.ones_like(kept))
