"""LPIPS from files, its metrics, and the perceptual distance of the evaluation classifier."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchmetrics import Metric
from torchvision.models import alexnet, vgg16

from i2ikit.errors import CheckpointError, OptionError
from i2ikit.evaluation import (
    LearnedPerceptualImagePatchSimilarity,
    LPIPSDiversity,
    PerceptualDistance,
    Preparation,
    load_lpips,
    make_classifier_distance,
    make_evaluation_classifier,
)
from i2ikit.evaluation.backbones import Backbone
from i2ikit.evaluation.perceptual import parse_lpips

CHANNELS = {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}
LAYERS = {"alex": (1, 4, 7, 9, 11), "vgg": (3, 8, 15, 22, 29)}


def make_linear(backbone: str) -> dict[str, Tensor]:
    torch.manual_seed(1)
    return {f"lin{layer}.model.1.weight": torch.rand(1, width, 1, 1) for layer, width in enumerate(CHANNELS[backbone])}


@pytest.fixture(scope="module")
def networks() -> dict[str, nn.Module]:
    return {"alex": make_features(alexnet), "vgg": make_features(vgg16)}


def make_features(make: Any) -> nn.Module:
    """The convolutions of torchvision's network with random weights, without its large classifier."""
    with torch.device("meta"):
        features: nn.Module = make(weights=None, init_weights=False).features if make is vgg16 else make(weights=None).features
    features = features.to_empty(device="cpu").eval()
    generator = torch.Generator().manual_seed(0)
    for each in features.parameters():
        each.data.normal_(0.0, (2 / each[0].numel()) ** 0.5 if each.ndim == 4 else 0.1, generator=generator)
    return features


@pytest.fixture(scope="module")
def files(networks: dict[str, nn.Module], tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    folder, made = tmp_path_factory.mktemp("weights"), {}
    for name, network in networks.items():
        made[name] = folder / f"{name}.pth", folder / f"{name}-linear.pth"
        kept = {f"features.{key}": value for key, value in network.state_dict().items()}
        torch.save(kept, made[name][0])
        torch.save(make_linear(name), made[name][1])
    return made


def compute_by_hand(network: nn.Module, backbone: str, first: Tensor, second: Tensor) -> Tensor:
    """Equation 1 of the paper in float64, on torchvision's own network."""
    features = network.double()
    total = torch.zeros(len(first), dtype=torch.float64)
    maps = []
    for images in (first, second):
        x = (images.double() - torch.tensor([-0.030, -0.088, -0.188]).double()[:, None, None]) / torch.tensor(
            [0.458, 0.448, 0.450]
        ).double()[:, None, None]
        kept = []
        for place, layer in enumerate(features[: LAYERS[backbone][-1] + 1]):
            x = layer(x)
            if place in LAYERS[backbone]:
                kept.append(x.clone())
        maps.append([each / (each.square().sum(1, keepdim=True).sqrt() + 1e-10) for each in kept])
    for a, b, weight in zip(*maps, make_linear(backbone).values(), strict=True):
        total += ((a - b) ** 2 * weight.double()).sum(1).mean((1, 2))
    features.float()
    return total


@pytest.mark.parametrize("backbone", ["alex", "vgg"])
def test_lpips_is_the_equation_of_the_paper_on_torchvisions_networks(backbone: str, networks: Any, files: Any) -> None:
    first, second = torch.rand(2, 2, 3, 40, 33) * 2 - 1
    with torch.no_grad():
        found = load_lpips(backbone, *files[backbone])(first, second)
        expected = compute_by_hand(networks[backbone], backbone, first, second)
    assert found.shape == (2,)
    assert torch.allclose(found.double(), expected, rtol=1e-5)


@pytest.mark.parametrize("backbone", ["alex", "vgg"])
def test_lpips_agrees_with_torchmetrics(backbone: str, networks: Any, files: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchmetrics.functional.image import lpips as module

    monkeypatch.setattr(module, "_get_tv_model_features", lambda *_: networks[backbone])
    oracle = module._LPIPS(pretrained=False, net=backbone, pnet_rand=True)
    oracle.load_state_dict(make_linear(backbone), strict=False)
    first, second = torch.rand(2, 2, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        assert torch.allclose(load_lpips(backbone, *files[backbone])(first, second), oracle(first, second).flatten(), rtol=2e-3)


def test_equal_images_have_distance_zero_and_gradients_reach_the_images(files: Any) -> None:
    distance = load_lpips("alex", *files["alex"])
    images = torch.rand(1, 3, 32, 32) * 2 - 1
    assert float(distance(images, images)) == 0.0
    moved = (images + 0.1 * torch.rand_like(images)).requires_grad_()
    distance(moved, images).sum().backward()
    assert moved.grad is not None
    assert moved.grad.abs().sum() > 0


def test_grey_images_are_read_as_three_equal_channels(files: Any) -> None:
    distance = load_lpips("alex", *files["alex"])
    first, second = torch.rand(2, 1, 1, 32, 32)
    assert torch.allclose(distance(first, second), distance(first.expand(-1, 3, -1, -1), second.expand(-1, 3, -1, -1)))


def test_the_hashes_of_both_files_are_in_its_protocol(files: Any) -> None:
    config = load_lpips("alex", *files["alex"]).config
    assert config["trunk_sha256"] == hashlib.sha256(files["alex"][0].read_bytes()).hexdigest()
    assert config["linear_sha256"] == hashlib.sha256(files["alex"][1].read_bytes()).hexdigest()


def test_safetensors_are_read_as_pth_files_are(networks: Any, files: Any, tmp_path: Path) -> None:
    state = {f"features.{key}": value for key, value in networks["alex"].state_dict().items()}
    save_file(state, tmp_path / "alex.safetensors")
    images = torch.rand(2, 1, 3, 32, 32)
    expected = load_lpips("alex", *files["alex"])(*images)
    assert torch.equal(load_lpips("alex", tmp_path / "alex.safetensors", files["alex"][1])(*images), expected)


def test_linear_layers_named_by_their_number_only_are_read(files: Any, tmp_path: Path) -> None:
    torch.save({f"{layer}.1.weight": value for layer, value in enumerate(make_linear("alex").values())}, tmp_path / "linear.pth")
    images = torch.rand(2, 1, 3, 32, 32)
    expected = load_lpips("alex", *files["alex"])(*images)
    assert torch.equal(load_lpips("alex", files["alex"][0], tmp_path / "linear.pth")(*images), expected)


def test_weights_of_another_network_are_refused_with_what_differs(files: Any) -> None:
    with pytest.raises(CheckpointError, match=r"does not fit AlexNet: features\.0\.weight is \[64, 3, 3, 3\], expected \[64, 3, 11"):
        load_lpips("alex", files["vgg"][0], files["alex"][1])
    with pytest.raises(CheckpointError, match=r'for "alex": expected \[1, 192, 1, 1\] in layer 1, found lin1.* 128'):
        load_lpips("alex", files["alex"][0], files["vgg"][1])


class Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path("/harm").touch, ())


def test_a_file_that_runs_code_is_refused(files: Any, tmp_path: Path) -> None:
    torch.save({"features.0.weight": Harmful()}, tmp_path / "harm.pth")
    with pytest.raises(CheckpointError, match="is refused: it holds more than tensors"):
        load_lpips("alex", tmp_path / "harm.pth", files["alex"][1])


def test_missing_and_damaged_files_are_named(files: Any, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r'none\.pth" is missing'):
        load_lpips("alex", tmp_path / "none.pth", files["alex"][1])
    (tmp_path / "cut.pth").write_bytes(files["alex"][1].read_bytes()[:100])
    with pytest.raises(CheckpointError, match=r'cut\.pth" is (damaged|refused)'):
        load_lpips("alex", files["alex"][0], tmp_path / "cut.pth")


def test_an_unknown_backbone_and_small_images_are_refused(files: Any) -> None:
    with pytest.raises(OptionError, match=r'"alexnet"\. Did you mean "alex"'):
        Backbone("alexnet", files["alex"][0])
    with pytest.raises(OptionError, match=r"31 pixels or more .* found \[1, 3, 30, 40\]"):
        Backbone("alex", files["alex"][0])(torch.zeros(1, 3, 30, 40))
    with pytest.raises(OptionError, match=r'"alex=BACKBONE\.pth,LINEAR\.pth" .* found "squeeze=a,b"'):
        parse_lpips("squeeze=a,b")
    assert parse_lpips(f"alex={files['alex'][0]},{files['alex'][1]}").name == "lpips@alex"


def test_images_far_outside_minus_one_to_one_are_refused(files: Any) -> None:
    distance, images = load_lpips("alex", *files["alex"]), torch.rand(1, 3, 32, 32)
    with pytest.raises(OptionError, match=r"in \[-1, 1\]; found 0.* to 2[0-9][0-9]"):
        distance(images, 255 * images)
    with pytest.raises(OptionError, match=r"in \[-1, 1\] as floats; found torch\.uint8"):
        distance((255 * images).byte(), images)


def test_the_metric_takes_images_from_0_to_1_and_is_the_mean_over_all(files: Any) -> None:
    distance = load_lpips("alex", *files["alex"])
    metric, (first, second) = LearnedPerceptualImagePatchSimilarity(distance), torch.rand(2, 3, 3, 32, 32)
    metric.update(first[:2], second[:2])
    metric.update(first[2:], second[2:])
    assert isinstance(metric, Metric)
    assert torch.allclose(metric.compute(), distance(first * 2 - 1, second * 2 - 1).mean())


def make_pixel_distance() -> PerceptualDistance:
    return PerceptualDistance("pixels", lambda images: [images])


def test_diversity_is_the_mean_distance_of_all_pairs_of_samples() -> None:
    samples = torch.rand(5, 3, 4, 4)
    distance, metric = make_pixel_distance(), LPIPSDiversity(make_pixel_distance(), pairs=None)
    metric.update(samples)
    expected = [float(distance(samples[a : a + 1] * 2 - 1, samples[b : b + 1] * 2 - 1)) for a in range(5) for b in range(a)]
    assert float(metric.compute()) == pytest.approx(sum(expected) / 10, rel=1e-5)


def test_the_protocol_of_the_papers_compares_the_same_19_pairs_of_each_input_every_time() -> None:
    calls = []
    distance = make_pixel_distance()
    original = distance.compute_distance
    distance.compute_distance = lambda *args: calls.append(1) or original(*args)  # type: ignore[method-assign,func-returns-value]
    samples = torch.rand(2, 8, 3, 4, 4)
    first, second = LPIPSDiversity(distance), LPIPSDiversity(distance)
    first.update(samples)
    assert len(calls) == 2 * 19
    second.update(samples[0])
    second.update(samples[1])
    assert torch.equal(first.compute(), second.compute())


def test_equal_samples_have_diversity_zero_and_too_few_are_refused() -> None:
    metric = LPIPSDiversity(make_pixel_distance(), pairs=None)
    metric.update(torch.rand(1, 3, 4, 4).expand(4, -1, -1, -1))
    assert float(metric.compute()) == 0.0
    with pytest.raises(OptionError, match="two or more samples"):
        metric.update(torch.rand(1, 3, 4, 4))
    with pytest.raises(OptionError, match=r"pairs=19 .* 4 samples have 6 pairs"):
        LPIPSDiversity(make_pixel_distance()).update(torch.rand(4, 3, 4, 4))


def test_the_distance_of_the_evaluation_classifier_has_its_name_and_hash(squares: Any) -> None:
    first, other = (make_evaluation_classifier(squares, Preparation(16, 16), steps=2, seed=seed) for seed in (0, 1))
    distance = make_classifier_distance(first)
    images, targets = torch.rand(2, 2, 3, 16, 16) * 2 - 1
    assert distance.name == "perceptual@own-classifier"
    expected = torch.zeros(2)
    for a, b in zip(first.network.blocks(images), first.network.blocks(targets), strict=True):
        expected += (a / (a.norm(dim=1, keepdim=True) + 1e-10) - b / (b.norm(dim=1, keepdim=True) + 1e-10)).square().sum(1).mean((1, 2))
    assert torch.allclose(distance(images, targets), expected, rtol=1e-5)
    assert distance.config["sha256"] != make_classifier_distance(other).config["sha256"]
    assert distance.config["sha256"] == make_classifier_distance(first).config["sha256"]
