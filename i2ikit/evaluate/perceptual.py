"""Distances between maps of a network: LPIPS, and the same of a classifier that was trained on the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from i2ikit.errors import CheckpointError, OptionError
from i2ikit.evaluate.backbones import CHANNELS, Trunk
from i2ikit.evaluate.classifier import Classifier
from i2ikit.evaluate.reference import Reference
from i2ikit.evaluate.weights import digest, digest_of, read_weights

EPS = 1e-10
"""What is added to the length of a pixel's features before they are divided by it."""
OWN = "own-classifier"
"""What stands after the @ of every number that the classifier trained on the data gives."""


class PerceptualDistance(nn.Module):
    """Sum over layers of the mean over pixels of weighted squared differences of features of length one (Zhang et al., 2018, equation 1).

    Args:
        name: Of the numbers it gives, such as ``"lpips@alex"``.
        maps: A network from images [B C H W] in [-1, 1] to a list of maps [B C H W].
        weights: One weight a channel for each layer (w_l of the paper, which is squared there); None weighs all channels by 1.
        config: What the distance is, as JSON data; part of the protocol of every number it gives.
    """

    def __init__(
        self,
        name: str,
        maps: Callable[[Tensor], Sequence[Tensor]],
        weights: Sequence[Tensor] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.name, self.config = name, dict(config or {})
        self.maps = maps
        self.weights = None if weights is None else nn.ParameterList([nn.Parameter(each.flatten(), False) for each in weights])
        self.eval()

    def train(self, mode: bool = True) -> PerceptualDistance:
        """Stay as it is: a distance that drops units or renews statistics is none."""
        return super().train(False)

    def features(self, images: Tensor) -> list[Tensor]:
        """Return the maps of images [B C H W] in [-1, 1], the features of every pixel of length one, so that pairs can share them."""
        return [each / (each.square().sum(dim=1, keepdim=True).sqrt() + EPS) for each in self.maps(images)]

    def between(self, first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
        """Return the distance of each row [B] of what :meth:`features` gave."""
        total = torch.zeros(len(first[0]), device=first[0].device, dtype=first[0].dtype)
        for layer, (a, b) in enumerate(zip(first, second, strict=True)):
            squares = (a - b).square()
            weighted = squares if self.weights is None else squares * self.weights[layer].to(squares).reshape(1, -1, 1, 1)
            total = total + weighted.sum(dim=1).mean(dim=(1, 2))
        return total

    def forward(self, images: Tensor, target: Tensor) -> Tensor:
        """Return the distance of each pair of images [B].

        Args:
            images: [B C H W] in [-1, 1].
            targets: [B C H W] in [-1, 1].

        Raises:
            OptionError: The shapes differ.
        """
        if images.shape != target.shape:
            raise OptionError(f"Images and target are [B, C, H, W] of one shape; found {list(images.shape)} and {list(target.shape)}.")
        return self.between(self.features(images), self.features(target))


def load_lpips(trunk: str, weights: str | Path, linear: str | Path) -> PerceptualDistance:
    """Return LPIPS (Zhang et al., 2018, version 0.1) from two files; the hashes of both enter the protocol of its numbers.

    Args:
        trunk: ``"alex"`` or ``"vgg"``.
        weights: torchvision's ``alexnet`` or ``vgg16``.
        linear: The five linear layers of LPIPS, ``lin0.model.1.weight`` to ``lin4.model.1.weight`` [1 C 1 1].

    Raises:
        OptionError: There is no such trunk.
        CheckpointError: A file is missing, damaged, unsafe or of another network.
    """
    network = Trunk(trunk, weights)
    found = read_weights(linear)
    layers = []
    for layer, channels in enumerate(network.channels):
        names = [name for name in found if name.startswith((f"lin{layer}.", f"{layer}."))]
        if len(names) != 1 or found[names[0]].shape != (1, channels, 1, 1):
            shapes = ", ".join(f"{name} {list(found[name].shape)}" for name in names) or "nothing"
            raise CheckpointError(
                f'"{linear}" holds no linear layers of LPIPS for "{trunk}": layer {layer} is [1, {channels}, 1, 1], found {shapes}.'
            )
        layers.append(found[names[0]].float())
    config = {"distance": "LPIPS 0.1", "trunk": trunk, "trunk_sha256": digest(weights), "linear_sha256": digest(linear)}
    return PerceptualDistance(f"lpips@{trunk}", network, layers, config)


def parse_lpips(text: str) -> PerceptualDistance:
    """Return the LPIPS that ``"alex=TRUNK.pth,LINEAR.pth"`` names.

    Raises:
        OptionError: The text is of another form.
        CheckpointError: As :func:`load_lpips`.
    """
    trunk, _, files = text.partition("=")
    paths = [each.strip() for each in files.split(",") if each.strip()]
    if trunk.strip() not in CHANNELS or len(paths) != 2:
        raise OptionError(f'LPIPS is named as "alex=TRUNK.pth,LINEAR.pth" or "vgg=TRUNK.pth,LINEAR.pth"; found "{text}".')
    return load_lpips(trunk.strip(), paths[0], paths[1])


def own_distance(reference: Reference) -> PerceptualDistance:
    """Return the distance between the maps of the reference classifier, all channels alike: made as LPIPS, and not LPIPS.

    Its numbers are called ``perceptual@own-classifier``. They hold for the data that the classifier was trained on alone.
    """
    config = {
        "distance": "as LPIPS, all channels alike, on the four blocks of the classifier trained on the data",
        "sha256": digest_of(reference.classifier.state_dict()),
        "classifier": dict(reference.config),
    }
    return PerceptualDistance(f"perceptual@{OWN}", _Blocks(reference.classifier), None, config)


class _Blocks(nn.Module):
    """The maps after each ReLU of a classifier."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> list[Tensor]:
        return self.classifier.blocks(images)
