"""Inception V3 from files: the network of FID and a fine-tuned classifier."""

from __future__ import annotations

import builtins
import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from i2ikit.errors import CheckpointError, MissingExtraError, OptionError
from i2ikit.evaluation import ConditionalInceptionScore, FrechetInceptionDistance, load_inception, load_inception_classifier
from i2ikit.evaluation.feature_option import parse_features


def make_random_state(network: nn.Module) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    found = {}
    for name, value in network.state_dict().items():
        if not value.is_floating_point():
            found[name] = value
        elif name.endswith(("var", "bn.weight")):
            found[name] = torch.ones_like(value)
        else:
            found[name] = torch.randn(value.shape, generator=generator) * (value[0].numel() ** -0.5 if value.ndim > 1 else 0.1)
    return found


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    module = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3", reason="torch-fidelity is not installed")

    class Unloaded(module.FeatureExtractorInceptionV3):  # type: ignore[misc,name-defined]
        def load_state_dict(self, *_: Any, **__: Any) -> None:
            """Keep the random weights."""

    folder = tmp_path_factory.mktemp("inception")
    torch.save({}, folder / "none.pth")
    torch.save(make_random_state(Unloaded("unloaded", ["2048"], str(folder / "none.pth"))), folder / "inception.pth")
    return folder / "inception.pth"


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from torchvision.models import inception_v3

    path = tmp_path_factory.mktemp("classifier") / "classifier.pth"
    torch.save(make_random_state(inception_v3(weights=None, num_classes=5, aux_logits=False, init_weights=False)), path)
    return path


def test_its_features_are_those_of_torch_fidelity_on_images_of_8_bits(weights: Path) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    pixels = torch.randint(0, 256, (2, 3, 40, 40), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    extractor = load_inception(weights)
    oracle = FeatureExtractorInceptionV3("oracle", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(weights))
    features, logits = oracle(pixels)
    assert torch.equal(extractor(pixels / 255), features)
    assert torch.equal(extractor.logits(pixels / 255), logits)
    assert extractor.config["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert FrechetInceptionDistance(extractor).real_features_sum.shape == (2048,)


def test_loading_it_leaves_the_random_state_unchanged(weights: Path) -> None:
    before = torch.random.get_rng_state()
    extractor = parse_features(f"inception={weights}")
    assert torch.equal(before, torch.random.get_rng_state())
    assert not isinstance(extractor, str)
    assert extractor.name == "inception"


def test_weights_of_another_network_are_refused(classifier: Path) -> None:
    pytest.importorskip("torch_fidelity", reason="torch-fidelity is not installed")
    with pytest.raises(CheckpointError, match="the Inception V3 of FID: size mismatch"):
        load_inception(classifier)


def test_without_torch_fidelity_the_message_gives_the_command_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    original = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name.startswith("torch_fidelity"):
            raise ImportError(name)
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingExtraError, match=r'pip install "i2ikit\[metrics\]"'):
        load_inception(tmp_path / "inception.pth")


def test_a_fine_tuned_classifier_has_its_own_number_of_classes(classifier: Path) -> None:
    extractor = load_inception_classifier(classifier, name="animals")
    samples = torch.rand(1, 2, 3, 64, 64)
    assert extractor.logits(samples[0]).shape == (2, 5)
    assert extractor(samples[0, :, :1]).shape == (2, 5)
    metric = ConditionalInceptionScore(extractor)
    metric.update(samples)
    assert 0 < float(metric.compute()) < torch.log(torch.tensor(5.0))
    with pytest.raises(OptionError, match=r"found \[1, 4, 8, 8\]"):
        extractor(torch.rand(1, 4, 8, 8))


def test_a_file_without_the_weights_of_a_classifier_is_refused(tmp_path: Path) -> None:
    torch.save({"something": torch.ones(1)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r'the last layer "fc\.weight" is missing'):
        load_inception_classifier(tmp_path / "other.pth")
    torch.save({"fc.weight": torch.ones(3, 2048)}, tmp_path / "cut.pth")
    with pytest.raises(CheckpointError, match="torchvision's inception_v3: Missing key"):
        load_inception_classifier(tmp_path / "cut.pth")


def test_unknown_names_of_features_are_refused() -> None:
    assert parse_features("own-classifier") == "own-classifier"
    with pytest.raises(OptionError, match=r'"own-classifier" or "inception=WEIGHTS\.pth"; found "inception"'):
        parse_features("inception")
