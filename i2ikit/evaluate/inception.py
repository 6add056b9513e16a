"""Inception V3 from weights on disk: the one of FID, and one that was fine-tuned as a classifier."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit.errors import CheckpointError, MissingExtraError, OptionError
from i2ikit.evaluate.extractor import Extractor
from i2ikit.evaluate.weights import digest, read_weights

FEATURES, SIDE = 2048, 299


def load_inception(path: str | Path) -> Extractor:
    """Return the Inception V3 of FID, whose 2,048 features are those of the original TensorFlow network, from weights on disk.

    The network is that of torch-fidelity (optional: ``i2ikit[metrics]``), with its own resizing to 299x299 of images in 8 bits.

    Args:
        path: ``weights-inception-2015-12-05-6726825d.pth`` of torch-fidelity's releases, or a file of the same tensors.

    Raises:
        MissingExtraError: torch-fidelity is not installed.
        CheckpointError: The file is missing, damaged, unsafe or of another network.
    """
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError as error:
        raise MissingExtraError("FID with Inception V3", "metrics") from error
    tensors = read_weights(path)
    with TemporaryDirectory() as folder, torch.random.fork_rng(devices=[]):
        safe = Path(folder) / "inception.pth"  # torch-fidelity unpickles what it is given: it gets tensors alone
        torch.save(tensors, safe)
        try:
            network = FeatureExtractorInceptionV3(
                "inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(safe)
            )
        except RuntimeError as error:
            raise _another(path, "the Inception V3 of FID", error) from error
    config = {"extractor": "inception", "features": "2048 of Inception V3 (2015-12-05), by torch-fidelity", "sha256": digest(path)}
    return Extractor("inception", _Bytes(network, 0), FEATURES, config, _Bytes(network, 1))


def load_classifier(path: str | Path, *, name: str = "inception-classifier") -> Extractor:
    """Return an Inception V3 that was fine-tuned as a classifier (MUNIT, section 5.2), for IS and CIS, from weights on disk.

    Images are resized to 299x299, bilinear, and given in [-1, 1]. The number of classes is that of the last layer.

    Args:
        path: The state dict of torchvision's ``inception_v3``, with or without its auxiliary classifier.
        name: What its numbers are called after the @.

    Raises:
        CheckpointError: The file is missing, damaged, unsafe or of another network.
    """
    from torchvision.models import inception_v3

    tensors = read_weights(path)
    if "fc.weight" not in tensors or tensors["fc.weight"].ndim != 2:
        raise CheckpointError(f'"{path}" is no classifier by Inception V3: its last layer "fc.weight" is missing.')
    classes = len(tensors["fc.weight"])
    auxiliary = any(key.startswith("AuxLogits.") for key in tensors)
    with torch.random.fork_rng(devices=[]):
        network = inception_v3(weights=None, num_classes=classes, aux_logits=auxiliary, init_weights=False)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise _another(path, "torchvision's inception_v3", error) from error
    network.requires_grad_(requires_grad=False)
    config = {"extractor": name, "features": f"{classes} logits of torchvision's Inception V3", "sha256": digest(path)}
    classify = _Resized(network.eval())
    return Extractor(name, classify, classes, config, classify)


class _Bytes(nn.Module):
    """One of the answers of torch-fidelity's network, which reads 8 bits."""

    def __init__(self, network: nn.Module, place: int) -> None:
        super().__init__()
        self.network, self.place = network, place

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.network(_colours(images).mul(255.0).round().clamp(0, 255).byte())[self.place]
        return found


class _Resized(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        large = F.interpolate(_colours(images), (SIDE, SIDE), mode="bilinear", antialias=True)
        found: Tensor = self.network(large * 2.0 - 1.0)
        return found


def _colours(images: Tensor) -> Tensor:
    if images.ndim != 4 or images.shape[1] not in {1, 3}:
        raise OptionError(f"Inception V3 reads images [B, 3, H, W] or [B, 1, H, W]; found {list(images.shape)}.")
    return images.expand(-1, 3, -1, -1)


def _another(path: str | Path, what: str, error: RuntimeError) -> CheckpointError:
    reasons = [line.strip() for line in str(error).splitlines()[1:]] or [str(error)]
    return CheckpointError(f'"{path}" does not hold the weights of {what}: {" ".join(reasons)[:300]}')
