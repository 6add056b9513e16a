"""Feature extractors for FID, KID, IS and CIS; their names and hashes are part of every number."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from i2ikit.errors import OptionError
from i2ikit.evaluation.classifier import Classifier
from i2ikit.evaluation.evaluation_classifier import EvaluationClassifier
from i2ikit.evaluation.metrics import check_unit_range, to_signed_range
from i2ikit.evaluation.perceptual import OWN_CLASSIFIER
from i2ikit.evaluation.weights import hash_tensors

MAX_CLASSES = 1024
"""The largest number of classes. The classes of several attributes are all combinations of their values; with more, there are none."""


class Extractor(nn.Module):
    """A network that returns features of images, and the logits of classes if it has any.

    It can be passed to torchmetrics as ``feature``: it is a module with ``num_features``.

    Args:
        name: The name in its numbers: ``fid@NAME``. Examples are ``"own-classifier"`` and ``"inception"``.
        network: Takes images [B, C, H, W] in [0, 1] and returns features [B, F].
        num_features: The number of features F.
        config: Its description with the hash of its weights, as JSON data; part of the protocol of every number that uses it.
        logits: Takes images [B, C, H, W] in [0, 1] and returns the logits of classes [B, K]; None if there are no classes.
    """

    def __init__(
        self,
        name: str,
        network: Callable[[Tensor], Tensor],
        num_features: int,
        config: Mapping[str, Any],
        logits: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.name, self.num_features, self.config = name, num_features, dict(config)
        self.network, self.classifier = network, logits
        self.eval()

    def train(self, mode: bool = True) -> Extractor:
        """Stay in evaluation mode: dropout or updated batch statistics would change the features."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Return features [B, F] of images [B, C, H, W] in [0, 1].

        Raises:
            OptionError: The images are out of range, or the network returns another shape.
        """
        features = self.network(check_unit_range(images))
        if features.shape != (len(images), self.num_features):
            raise OptionError(
                f'The extractor "{self.name}" must return {self.num_features} features for each of {len(images)} images; '
                f"found {list(features.shape)}."
            )
        return features

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """Return the logits of the classes [B, K] of images [B, C, H, W] in [0, 1].

        Raises:
            OptionError: The extractor has no classes, or the images are out of range.
        """
        if self.classifier is None:
            raise OptionError(
                f'The extractor "{self.name}" has no classes, which inception scores require. Give an extractor with logits=.'
            )
        return self.classifier(check_unit_range(images))


def make_classifier_extractor(classifier: EvaluationClassifier) -> Extractor:
    """Return an extractor from an evaluation classifier.

    Its features are the inputs of the classifier's heads. Its classes are all combinations of the attributes' values. Its numbers are named
    ``fid@own-classifier`` and so on. They are valid only for the data that the classifier was trained on. They cannot be compared with
    those of Inception V3, because the protocol has the hash of the weights.
    """
    network = classifier.network
    count = math.prod(len(each.choices) for each in network.attributes)
    config = {
        "extractor": OWN_CLASSIFIER,
        "features": "mean and maximum of the last maps of the classifier trained on the data",
        "classes": {each.name: list(each.choices) for each in network.attributes},
        "sha256": hash_tensors(network.state_dict()),
        "classifier": dict(classifier.config),
    }
    logits = _JointLogits(network) if count <= MAX_CLASSES else None
    return Extractor(OWN_CLASSIFIER, _Features(network), network.head.in_features, config, logits)


class _Features(nn.Module):
    """Returns the features of a classifier for images in [0, 1]."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier.features(to_signed_range(images))


class _JointLogits(nn.Module):
    """Returns the log-probabilities of all combinations of values; the attributes are independent for a given image."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        joint = torch.zeros(len(images), 1, device=images.device)
        for logits in self.classifier.logits(to_signed_range(images)).values():
            joint = (joint[:, :, None] + logits.log_softmax(dim=1)[:, None, :]).flatten(1)
        return joint
