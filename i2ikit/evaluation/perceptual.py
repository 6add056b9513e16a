"""Perceptual distances: LPIPS, and a similar distance between the maps of the evaluation classifier."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from i2ikit.errors import CheckpointError, OptionError
from i2ikit.evaluation.backbones import CHANNELS, Backbone
from i2ikit.evaluation.classifier import Classifier
from i2ikit.evaluation.evaluation_classifier import EvaluationClassifier
from i2ikit.evaluation.metrics import check_shapes, check_signed_range
from i2ikit.evaluation.weights import hash_file, hash_tensors, read_weights

EPS = 1e-10
"""Added to the length of a pixel's feature vector before the vector is divided by it."""
OWN_CLASSIFIER = "own-classifier"
"""The part after the @ in the names of all numbers that use the evaluation classifier."""


class PerceptualDistance(nn.Module):
    """Perceptual distance between the features of a network (Zhang et al., 2018, equation 1).

    The feature vector of each pixel is divided by its length. The distance is the weighted sum of squared differences over channels,
    averaged over pixels and summed over layers.

    Args:
        name: The name of its numbers, such as ``"lpips@alex"``.
        maps: A network that takes images [B, C, H, W] in [-1, 1] and returns a list of maps [B, C, H, W].
        weights: One weight for each channel of each layer (the square of w_l in the paper); None weights all channels by 1.
        config: The description of the distance, as JSON data; part of the protocol of every number that uses it.
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
        """Stay in evaluation mode: dropout or updated batch statistics would change the distance."""
        return super().train(False)

    def features(self, images: Tensor) -> list[Tensor]:
        """Return the maps of images [B, C, H, W] in [-1, 1], with feature vectors of length one; several pairs can share them."""
        return [each / (each.square().sum(dim=1, keepdim=True).sqrt() + EPS) for each in self.maps(images)]

    def compute_distance(self, first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
        """Return the distance [B] between two results of :meth:`features`."""
        total = torch.zeros(len(first[0]), device=first[0].device, dtype=first[0].dtype)
        for layer, (a, b) in enumerate(zip(first, second, strict=True)):
            squares = (a - b).square()
            weighted = squares if self.weights is None else squares * self.weights[layer].to(squares).reshape(1, -1, 1, 1)
            total = total + weighted.sum(dim=1).mean(dim=(1, 2))
        return total

    def forward(self, preds: Tensor, target: Tensor) -> Tensor:
        """Return the distance between each image and its target [B].

        Args:
            preds: [B, C, H, W] in [-1, 1].
            target: [B, C, H, W] in [-1, 1].

        Raises:
            OptionError: The shapes differ, or values are out of range.
        """
        check_shapes(preds, target)
        return self.compute_distance(self.features(check_signed_range(preds)), self.features(check_signed_range(target)))


def load_lpips(backbone: str, weights: str | Path, linear: str | Path) -> PerceptualDistance:
    """Return LPIPS (Zhang et al., 2018, version 0.1) from two files; the protocol of its numbers has the hashes of both.

    Args:
        backbone: ``"alex"`` or ``"vgg"``.
        weights: The weights of torchvision's ``alexnet`` or ``vgg16``.
        linear: The five linear layers of LPIPS, ``lin0.model.1.weight`` to ``lin4.model.1.weight`` [1, C, 1, 1].

    Raises:
        OptionError: There is no backbone of this name.
        CheckpointError: A file is missing, damaged or unsafe, or belongs to another network.
    """
    network = Backbone(backbone, weights)
    found = read_weights(linear)
    layers = []
    for layer, channels in enumerate(network.channels):
        names = [name for name in found if name.startswith((f"lin{layer}.", f"{layer}."))]
        if len(names) != 1 or found[names[0]].shape != (1, channels, 1, 1):
            shapes = ", ".join(f"{name} {list(found[name].shape)}" for name in names) or "nothing"
            raise CheckpointError(
                f'"{linear}" does not hold the linear layers of LPIPS for "{backbone}": expected [1, {channels}, 1, 1] in layer {layer}, '
                f"found {shapes}. Give the file of the same backbone, {backbone}.pth of LPIPS 0.1."
            )
        layers.append(found[names[0]].float())
    config = {"distance": "LPIPS 0.1", "trunk": backbone, "trunk_sha256": hash_file(weights), "linear_sha256": hash_file(linear)}
    return PerceptualDistance(f"lpips@{backbone}", network, layers, config)


def parse_lpips(text: str) -> PerceptualDistance:
    """Load LPIPS as described by ``"alex=BACKBONE.pth,LINEAR.pth"``.

    Raises:
        OptionError: The text has another form.
        CheckpointError: A file cannot be loaded, as in :func:`load_lpips`.
    """
    backbone, _, files = text.partition("=")
    paths = [each.strip() for each in files.split(",") if each.strip()]
    if backbone.strip() not in CHANNELS or len(paths) != 2:
        raise OptionError(f'LPIPS requires "alex=BACKBONE.pth,LINEAR.pth" or "vgg=BACKBONE.pth,LINEAR.pth"; found "{text}".')
    return load_lpips(backbone.strip(), paths[0], paths[1])


def make_classifier_distance(classifier: EvaluationClassifier) -> PerceptualDistance:
    """Return the perceptual distance between the maps of an evaluation classifier; its form is that of LPIPS, with equal channel weights.

    Its numbers are called ``perceptual@own-classifier``. They are valid only for the data that the classifier was trained on, and must not
    be compared with LPIPS.
    """
    config = {
        "distance": "as LPIPS, all channels alike, on the four blocks of the classifier trained on the data",
        "sha256": hash_tensors(classifier.network.state_dict()),
        "classifier": dict(classifier.config),
    }
    return PerceptualDistance(f"perceptual@{OWN_CLASSIFIER}", _Blocks(classifier.network), None, config)


class _Blocks(nn.Module):
    """Returns the maps after each ReLU of a classifier."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> list[Tensor]:
        return self.classifier.blocks(images)
