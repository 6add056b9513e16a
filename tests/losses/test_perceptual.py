"""The domain-invariant perceptual loss: weights from a file, features without mean and deviation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit import ImageSpec, Model, build, load
from i2ikit.errors import BuildError
from i2ikit.losses.perceptual import DomainInvariantPerceptualLoss
from i2ikit.nn.vgg import BLOCKS, VGG16
from i2ikit.testing import check_component

NAME = "domain_invariant_perceptual_loss"
SMALL: dict[str, Any] = {
    "encoder": {"width": 4, "blocks": 1},
    "generator": {"blocks": 1, "hidden": 6},
    "discriminator": {"width": 4, "depth": 3},
}


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of the first blocks, by layer."""
    path, channels, generator = tmp_path_factory.mktemp("vgg") / "vgg16.pt", 3, torch.Generator().manual_seed(1)
    state: dict[str, Tensor] = {}
    for block, (outputs, count) in enumerate(BLOCKS[:2], 1):
        for place in range(1, count + 1):
            state[f"conv{block}_{place}.weight"] = torch.randn(outputs, channels, 3, 3, generator=generator) * (2 / 9 / channels) ** 0.5
            state[f"conv{block}_{place}.bias"] = torch.randn(outputs, generator=generator) * 0.1
            channels = outputs
    torch.save(state, path)
    return path


def build_munit(weights_file: Path, **overrides: Any) -> Model:
    perceptual = {"weights": str(weights_file), "layer": "relu2_2"}
    return build("munit-vgg", size=32, terms={"translator/perceptual": perceptual}, rehearsal=False, **{**SMALL, **overrides})


class ImagePair:
    def __init__(self, real: Tensor, fake: Tensor) -> None:
        self.real, self.fake = real, fake


def test_loss_is_the_mean_squared_distance_of_normalised_features_of_bgr_images(weights_file: Path) -> None:
    loss = DomainInvariantPerceptualLoss(ImageSpec(3, 32, 32), weights=str(weights_file), layer="relu2_1")
    state = torch.load(weights_file, weights_only=True)
    real, fake = torch.rand(2, 2, 3, 32, 32, generator=torch.Generator().manual_seed(3)) * 2 - 1

    def features(image: Tensor) -> Tensor:
        maps = (image.flip(1) + 1) * 127.5 - torch.tensor([103.939, 116.779, 123.68])[:, None, None]
        for name in ("conv1_1", "conv1_2", "pool", "conv2_1"):
            convolved = name != "pool"
            maps = F.conv2d(maps, state[f"{name}.weight"], state[f"{name}.bias"], padding=1).relu() if convolved else F.max_pool2d(maps, 2)
        return F.instance_norm(maps)

    expected = (features(fake) - features(real)).square().mean()
    torch.testing.assert_close(loss(ImagePair(real, fake)), expected, rtol=1e-4, atol=1e-5)  # type: ignore[arg-type]


def test_official_omits_one_pooling(weights_file: Path) -> None:
    terms = {"translator/perceptual": {"weights": str(weights_file), "layer": "relu2_2"}}
    model = build("munit-vgg", official=True, size=32, terms=terms, rehearsal=False, **SMALL)
    (features,) = [each for each in model.modules() if isinstance(each, VGG16)]
    assert features.pools == 3
    assert [each.pools for each in build_munit(weights_file).modules() if isinstance(each, VGG16)] == [4]


def test_loss_ignores_the_scale_of_features(weights_file: Path) -> None:
    loss = DomainInvariantPerceptualLoss(ImageSpec(3, 32, 32), weights=str(weights_file), layer="relu1_1")
    image = torch.rand(1, 3, 32, 32)
    assert float(loss(ImagePair(image, image))) == 0  # type: ignore[arg-type]
    with torch.no_grad():
        # A large bias keeps the ReLU linear: a change of contrast then only scales and shifts the features.
        loss.features.convolutions["conv1_1"].bias.fill_(1e4)
    low, high = image * 0.5, image
    assert float(loss(ImagePair(low, high))) < 0.02  # type: ignore[arg-type]


def test_component_passes_the_conformance_checks(weights_file: Path) -> None:
    report = check_component(NAME, weights=str(weights_file), layer="relu1_2", image=ImageSpec(3, 16, 16))
    assert "has_finite_gradients" in report.passed


def test_a_step_does_not_change_the_weights_of_the_vgg(weights_file: Path) -> None:
    model = build_munit(weights_file)
    before = {name: value.clone() for name, value in model.loss_modules.state_dict().items()}
    logs = model.step(model.example_batch(1))
    assert float(logs["translator/perceptual"]) > 0
    assert before
    assert all(torch.equal(value, before[name]) for name, value in model.loss_modules.state_dict().items())


def test_a_saved_model_loads_without_the_weights_file(weights_file: Path, tmp_path: Path) -> None:
    model = build_munit(weights_file.rename(tmp_path / "here.pt"))
    model.save(tmp_path / "saved")
    (tmp_path / "here.pt").rename(weights_file)
    again = load(tmp_path / "saved")
    for one, other in zip(again.loss_modules.state_dict().values(), model.loss_modules.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_error_without_weights_names_the_option() -> None:
    with pytest.raises(BuildError, match=r"was given no weights\. Name a file.*build\(\.\.\., terms="):
        build("munit-vgg", size=32, **SMALL)


def test_errors_for_unsupported_channels_and_missing_layers_name_them(weights_file: Path) -> None:
    with pytest.raises(BuildError, match="requires images of 1 or 3 channels; found 4"):
        build_munit(weights_file, channels=4)
    with pytest.raises(BuildError, match=r'vgg16.pt" does not fit VGG-16: conv3_1.weight'):
        build("munit-vgg", size=32, terms={"translator/perceptual": {"weights": str(weights_file)}}, **SMALL)
