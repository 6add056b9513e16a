"""Inception V3 with weights from files: the network of FID, and a classifier that was fine-tuned from it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit.errors import CheckpointError, MissingExtraError, OptionError
from i2ikit.evaluation.extractor import Extractor
from i2ikit.evaluation.weights import hash_file, read_weights

NUM_FEATURES, INPUT_SIZE = 2048, 299
FILE = "weights-inception-2015-12-05-6726825d.pth"
"""The file of the Inception V3 of FID."""


def load_inception(path: str | Path) -> Extractor:
    """Load the Inception V3 of FID; its 2,048 features equal those of the original TensorFlow network.

    The network is that of torch-fidelity (optional: ``i2ikit[metrics]``). Inside it, images become 8-bit values and are resized to 299x299.

    Args:
        path: ``weights-inception-2015-12-05-6726825d.pth`` from torch-fidelity's releases, or a file with the same tensors.

    Raises:
        MissingExtraError: torch-fidelity is not installed.
        CheckpointError: The file is missing, damaged or unsafe, or belongs to another network.
    """
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError as error:
        raise MissingExtraError("FID with Inception V3", "metrics") from error
    tensors = read_weights(path)
    with TemporaryDirectory() as folder, torch.random.fork_rng(devices=[]):
        safe = Path(folder) / "inception.pth"  # torch-fidelity unpickles its file: it receives a safe one, with tensors only
        torch.save(tensors, safe)
        try:
            network = FeatureExtractorInceptionV3(
                "inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(safe)
            )
        except RuntimeError as error:
            raise _make_error(path, "the Inception V3 of FID", f"{FILE}, from torch-fidelity's releases", error) from error
    config = {"extractor": "inception", "features": "2048 of Inception V3 (2015-12-05), by torch-fidelity", "sha256": hash_file(path)}
    return Extractor("inception", _FidelityOutput(network, 0), NUM_FEATURES, config, _FidelityOutput(network, 1))


def load_inception_classifier(path: str | Path, *, name: str = "inception-classifier") -> Extractor:
    """Load an Inception V3 that was fine-tuned as a classifier (MUNIT, section 5.2), for IS and CIS.

    Images are resized to 299x299 (bilinear) and scaled to [-1, 1]. The number of classes is that of the last layer.

    Args:
        path: The state dict of torchvision's ``inception_v3``, with or without its auxiliary classifier.
        name: The name in its numbers, after the @.

    Raises:
        CheckpointError: The file is missing, damaged or unsafe, or belongs to another network.
    """
    from torchvision.models import inception_v3

    tensors = read_weights(path)
    if "fc.weight" not in tensors or tensors["fc.weight"].ndim != 2:
        raise CheckpointError(
            f'"{path}" does not hold an Inception V3 classifier: the last layer "fc.weight" is missing. '
            f"Save the state dict of torchvision's inception_v3 after its fine-tuning, with its last layer."
        )
    classes = len(tensors["fc.weight"])
    auxiliary = any(key.startswith("AuxLogits.") for key in tensors)
    with torch.random.fork_rng(devices=[]):
        network = inception_v3(weights=None, num_classes=classes, aux_logits=auxiliary, init_weights=False)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise _make_error(path, "torchvision's inception_v3", "the state dict of that network after its fine-tuning", error) from error
    network.requires_grad_(requires_grad=False)
    config = {"extractor": name, "features": f"{classes} logits of torchvision's Inception V3", "sha256": hash_file(path)}
    classify = _ResizedClassifier(network.eval())
    return Extractor(name, classify, classes, config, classify)


class _FidelityOutput(nn.Module):
    """Returns one of the outputs of torch-fidelity's network, which takes images in 8 bits."""

    def __init__(self, network: nn.Module, index: int) -> None:
        super().__init__()
        self.network, self.index = network, index

    def forward(self, images: Tensor) -> Tensor:
        output: Tensor = self.network(_to_rgb(images).mul(255.0).round().clamp(0, 255).byte())[self.index]
        return output


class _ResizedClassifier(nn.Module):
    """Resizes images to the input size of a classifier."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        resized = F.interpolate(_to_rgb(images), (INPUT_SIZE, INPUT_SIZE), mode="bilinear", antialias=True)
        output: Tensor = self.network(resized * 2.0 - 1.0)
        return output


def _to_rgb(images: Tensor) -> Tensor:
    if images.ndim != 4 or images.shape[1] not in {1, 3}:
        raise OptionError(f"Inception V3 requires images [B, 3, H, W] or [B, 1, H, W]; found {list(images.shape)}.")
    return images.expand(-1, 3, -1, -1)


def _make_error(path: str | Path, what: str, file: str, error: RuntimeError) -> CheckpointError:
    reasons = [line.strip() for line in str(error).splitlines()[1:]] or [str(error)]
    return CheckpointError(f'"{path}" does not hold the weights of {what}: {" ".join(reasons)[:300].rstrip(". ")}. Give {file}.')
