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
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of the first blocks, by layer."""
    path, channels, generator = tmp_path_factory.mktemp("vgg") / "vgg16.pt", 3, torch.Generator().manual_seed(1)
    state: dict[str, Tensor] = {}
    for block, (wanted, count) in enumerate(BLOCKS[:2], 1):
        for place in range(1, count + 1):
            state[f"conv{block}_{place}.weight"] = torch.randn(wanted, channels, 3, 3, generator=generator) * (2 / 9 / channels) ** 0.5
            state[f"conv{block}_{place}.bias"] = torch.randn(wanted, generator=generator) * 0.1
            channels = wanted
    torch.save(state, path)
    return path


def munit(file: Path, **changes: Any) -> Model:
    perceptual = {"weights": str(file), "layer": "relu2_2"}
    return build("munit-vgg", size=32, terms={"translator/perceptual": perceptual}, rehearsal=False, **{**SMALL, **changes})


class Pair:
    def __init__(self, real: Tensor, fake: Tensor) -> None:
        self.real, self.fake = real, fake


def test_it_is_the_mean_squared_difference_of_normalised_features_of_bgr_images(file: Path) -> None:
    loss = DomainInvariantPerceptualLoss(ImageSpec(3, 32, 32), weights=str(file), layer="relu2_1")
    state = torch.load(file, weights_only=True)
    real, fake = torch.rand(2, 2, 3, 32, 32, generator=torch.Generator().manual_seed(3)) * 2 - 1

    def features(image: Tensor) -> Tensor:
        maps = (image.flip(1) + 1) * 127.5 - torch.tensor([103.939, 116.779, 123.68])[:, None, None]
        for name in ("conv1_1", "conv1_2", "pool", "conv2_1"):
            convolved = name != "pool"
            maps = F.conv2d(maps, state[f"{name}.weight"], state[f"{name}.bias"], padding=1).relu() if convolved else F.max_pool2d(maps, 2)
        return F.instance_norm(maps)

    wanted = (features(fake) - features(real)).square().mean()
    torch.testing.assert_close(loss(Pair(real, fake)), wanted, rtol=1e-4, atol=1e-5)  # type: ignore[arg-type]


def test_the_original_code_pools_once_less(file: Path) -> None:
    terms = {"translator/perceptual": {"weights": str(file), "layer": "relu2_2"}}
    model = build("munit-vgg", official=True, size=32, terms=terms, rehearsal=False, **SMALL)
    (features,) = [each for each in model.modules() if isinstance(each, VGG16)]
    assert features.pools == 3
    assert [each.pools for each in munit(file).modules() if isinstance(each, VGG16)] == [4]


def test_a_change_of_all_features_alike_costs_nothing(file: Path) -> None:
    loss = DomainInvariantPerceptualLoss(ImageSpec(3, 32, 32), weights=str(file), layer="relu1_1")
    image = torch.rand(1, 3, 32, 32)
    assert float(loss(Pair(image, image))) == 0  # type: ignore[arg-type]
    with torch.no_grad():
        loss.features.convolutions["conv1_1"].bias.fill_(1e4)  # beyond the ReLU, contrast is a factor
    low, high = image * 0.5, image
    assert float(loss(Pair(low, high))) < 0.02  # type: ignore[arg-type]


def test_it_conforms(file: Path) -> None:
    report = check_component(NAME, weights=str(file), layer="relu1_2", image=ImageSpec(3, 16, 16))
    assert "has_finite_gradients" in report.passed


def test_a_step_with_it_moves_no_weight_of_the_vgg(file: Path) -> None:
    model = munit(file)
    before = {name: value.clone() for name, value in model.loss_modules.state_dict().items()}
    logs = model.step(model.example_batch(1))
    assert float(logs["translator/perceptual"]) > 0
    assert before
    assert all(torch.equal(value, before[name]) for name, value in model.loss_modules.state_dict().items())


def test_a_saved_model_needs_the_file_no_more(file: Path, tmp_path: Path) -> None:
    model = munit(file.rename(tmp_path / "here.pt"))
    model.save(tmp_path / "saved")
    (tmp_path / "here.pt").rename(file)
    again = load(tmp_path / "saved")
    for one, other in zip(again.loss_modules.state_dict().values(), model.loss_modules.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_without_weights_it_says_what_to_give() -> None:
    with pytest.raises(BuildError, match=r"was given no weights\. Name a file of them: build\(\.\.\., terms="):
        build("munit-vgg", size=32, **SMALL)


def test_images_that_it_cannot_see_are_refused(file: Path) -> None:
    with pytest.raises(BuildError, match="sees gray or coloured images, and these have 4 channels"):
        munit(file, channels=4)
    with pytest.raises(BuildError, match=r'vgg16.pt" does not fit VGG-16: conv3_1.weight'):
        build("munit-vgg", size=32, terms={"translator/perceptual": {"weights": str(file)}}, **SMALL)
