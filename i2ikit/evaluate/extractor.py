"""What turns images into features and classes for FID, KID, IS and CIS, with a name and a hash that its numbers carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from i2ikit.errors import OptionError
from i2ikit.evaluate.classifier import Classifier
from i2ikit.evaluate.metrics import in_unit, signed
from i2ikit.evaluate.perceptual import OWN
from i2ikit.evaluate.reference import Reference
from i2ikit.evaluate.weights import digest_of

MOST_CLASSES = 1024
"""The classes of several attributes are all combinations of their values; more are not counted."""


class Extractor(nn.Module):
    """Features of images, and the classes it sees in them.

    It is what torchmetrics calls ``feature``: a module with ``num_features``.

    Args:
        name: Such as ``"own-classifier"`` or ``"inception"``; its numbers are called ``fid@NAME``.
        network: Images [B C H W] in [0, 1] to features [B, F].
        num_features: F.
        config: What it is, as JSON data, with the hash of its weights; part of the protocol of every number it gives.
        logits: Images [B C H W] in [0, 1] to the logits of classes [B, K]; None where it tells none.
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
        self.network, self.classes = network, logits
        self.eval()

    def train(self, mode: bool = True) -> Extractor:
        """Stay as it is: features under dropout or renewed statistics are none."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Return features [B, F] of images [B C H W] in [0, 1].

        Raises:
            OptionError: The images are outside, or the network gives something else.
        """
        features = self.network(in_unit(images))
        if features.shape != (len(images), self.num_features):
            raise OptionError(
                f'The extractor "{self.name}" gave {list(features.shape)} for {len(images)} images, not {self.num_features} features each.'
            )
        return features

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """Return the logits of the classes [B, K] of images [B C H W] in [0, 1].

        Raises:
            OptionError: It tells no classes, or the images are outside.
        """
        if self.classes is None:
            raise OptionError(f'The extractor "{self.name}" tells no classes, so there is no inception score. Give one with logits=.')
        return self.classes(in_unit(images))


def own_extractor(reference: Reference) -> Extractor:
    """Return the features that the heads of a reference classifier read, and as classes all combinations of its attributes' values.

    Its numbers are called ``fid@own-classifier`` and so on. They hold for the data that the classifier was trained on alone, and are never
    compared with those of Inception: the protocol has the hash of its weights.
    """
    classifier = reference.classifier
    count = 1
    for each in classifier.attributes:
        count *= len(each.choices)
    config = {
        "extractor": OWN,
        "features": "mean and maximum of the last maps of the classifier trained on the data",
        "classes": {each.name: list(each.choices) for each in classifier.attributes},
        "sha256": digest_of(classifier.state_dict()),
        "classifier": dict(reference.config),
    }
    network = _Read(classifier)
    return Extractor(OWN, network, classifier.head.in_features, config, _Joint(classifier) if count <= MOST_CLASSES else None)


class _Read(nn.Module):
    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier.features(signed(images))


class _Joint(nn.Module):
    """The log-probabilities of all combinations of values: given the image, the heads tell each attribute by itself."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        joint = torch.zeros(len(images), 1, device=images.device)
        for logits in self.classifier.logits(signed(images)).values():
            joint = (joint[:, :, None] + logits.log_softmax(dim=1)[:, None, :]).flatten(1)
        return joint


def parse_features(text: str) -> Extractor | str:
    """Return what ``"inception=WEIGHTS.pth"`` names, or ``"own-classifier"`` as it is.

    Raises:
        OptionError: The text is of another form.
        CheckpointError: The weights cannot be read.
        MissingExtraError: torch-fidelity is not installed.
    """
    from i2ikit.evaluate.inception import load_inception

    name, _, path = text.partition("=")
    if name == OWN and not path:
        return OWN
    if name != "inception" or not path:
        raise OptionError(f'Features are named as "{OWN}" or "inception=WEIGHTS.pth"; found "{text}".')
    return load_inception(path)
