"""VGG-16 against torchvision's, with weights from files of several formats."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from i2ikit.errors import CheckpointError, OptionError, UnknownNameError
from i2ikit.nn import VGG16

torchvision = pytest.importorskip("torchvision")

INDICES = {"1_1": 0, "1_2": 2, "2_1": 5, "2_2": 7}


@pytest.fixture(scope="module")
def original() -> nn.Module:
    """Only the convolutions: nine tenths of the weights are in the classifier."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        features: nn.Module = torchvision.models.vgg16(weights=None).features
    for name, weight in features.named_parameters():
        nn.init.normal_(weight, std=0.1 if name.endswith("bias") else (2 / weight[0].numel()) ** 0.5)
    return features.eval()


@pytest.fixture(scope="module")
def state(original: nn.Module) -> dict[str, Tensor]:
    return {f"features.{name}": tensor for name, tensor in original.state_dict().items()}


def make_image(channels: int = 3) -> Tensor:
    return torch.rand(2, channels, 32, 48, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_features_of_all_layers_equal_torchvisions(original: nn.Module, state: dict[str, Tensor]) -> None:
    indices = {"relu1_1": 1, "relu1_2": 3, "relu2_2": 8, "relu3_1": 11, "relu4_2": 20, "relu5_3": 29}
    image = make_image()
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    maps, expected = ((image + 1) / 2 - mean[:, None, None]) / deviation[:, None, None], {}
    for index, layer in enumerate(original.children()):
        maps = layer(maps)
        expected[index] = maps.clone()
    found = VGG16(state, layers=tuple(indices))(image)
    for own, index in zip(found, indices.values(), strict=True):
        assert torch.allclose(own, expected[index], rtol=1e-4, atol=1e-4)


def test_last_pooling_can_be_omitted_as_in_munits_code(original: nn.Module, state: dict[str, Tensor]) -> None:
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    expected = ((make_image() + 1) / 2 - mean[:, None, None]) / deviation[:, None, None]
    for index, layer in enumerate(original.children()):
        if index < 30 and index != 23:  # without the fourth pooling, and the fifth, which is above relu5_3
            expected = layer(expected)
    (found,) = VGG16(state, layers=("relu5_3",), pools=3)(make_image())
    assert found.shape[-2:] == (4, 6)
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_caffe_scaling_is_bgr_from_0_to_255_minus_the_mean(state: dict[str, Tensor]) -> None:
    image = make_image()
    raw = (image.flip(1) + 1) * 127.5 - torch.tensor([103.939, 116.779, 123.68])[:, None, None]
    expected = torch.conv2d(raw, state["features.0.weight"], state["features.0.bias"], padding=1).relu()
    (found,) = VGG16(state, layers=("relu1_1",), scaling="caffe")(image)
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_gray_images_are_repeated_to_three_channels(state: dict[str, Tensor]) -> None:
    net, image = VGG16(state, layers=("relu2_1",)), make_image(1)
    assert torch.equal(net(image)[0], net(image.repeat(1, 3, 1, 1))[0])


def test_vgg_is_frozen_and_passes_gradients_to_the_image(state: dict[str, Tensor]) -> None:
    net, image = VGG16(state, layers=("relu2_2",)), make_image().requires_grad_()
    net(image)[0].sum().backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0
    assert not any(weight.requires_grad for weight in net.parameters())


def test_layers_above_the_last_requested_one_are_not_built(state: dict[str, Tensor]) -> None:
    assert list(VGG16(state, layers=("relu2_1", "relu1_2")).convolutions) == ["conv1_1", "conv1_2", "conv2_1"]


@pytest.mark.parametrize("kind", ["torch", "safetensors", "layers"])
def test_all_file_formats_give_the_same_features(kind: str, state: dict[str, Tensor], tmp_path: Path) -> None:
    part = {name: tensor for name, tensor in state.items() if int(name.split(".")[1]) < 10}
    path = tmp_path / ("vgg.safetensors" if kind == "safetensors" else "vgg.pth")
    if kind == "layers":
        leaves = ("weight", "bias")
        part = {f"conv{layer}.{leaf}": part[f"features.{index}.{leaf}"] for layer, index in INDICES.items() for leaf in leaves}
    (save_file if kind == "safetensors" else torch.save)(part, path)  # type: ignore[operator]
    expected = VGG16(state, layers=("relu2_2",))(make_image())[0]
    assert torch.equal(VGG16(path, layers=("relu2_2",))(make_image())[0], expected)


class RunsCode:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("ran",)


def test_error_for_a_file_without_weights_names_the_cause(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "vgg.pth"
    with pytest.raises(CheckpointError, match=r"vgg.pth\" is missing"):
        VGG16(path)
    path.write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="is damaged"):
        VGG16(path)
    torch.save([torch.zeros(1)], path)
    with pytest.raises(CheckpointError, match=r"holds no state dict of tensors \(list\)"):
        VGG16(path)
    torch.save({"features.0.weight": RunsCode()}, path)
    with pytest.raises(CheckpointError, match="refused: it holds more than tensors"):
        VGG16(path)
    assert "ran" not in capsys.readouterr().out


def test_error_for_weights_of_another_network_lists_the_differences(state: dict[str, Tensor]) -> None:
    wrong = {**state, "features.2.weight": torch.zeros(64, 64, 1, 1)}
    del wrong["features.0.bias"]
    with pytest.raises(CheckpointError) as caught:
        VGG16(wrong, layers=("relu1_2",))
    message = str(caught.value)
    assert message.startswith("weights= does not fit VGG-16: ")
    assert "conv1_1.bias [64] is missing" in message
    assert "conv1_2.weight is [64, 64, 1, 1], expected [64, 64, 3, 3]" in message
    assert "torchvision's vgg16" in message


def test_errors_for_unknown_layers_and_scalings_name_them(state: dict[str, Tensor]) -> None:
    with pytest.raises(UnknownNameError, match=r'No layer of VGG-16 is called "relu4_4". Did you mean "relu4_'):
        VGG16(state, layers=("relu4_4",))
    with pytest.raises(OptionError, match="layers= is empty"):
        VGG16(state, layers=())
    with pytest.raises(OptionError, match=r'no scaling "cafe". Did you mean "caffe"'):
        VGG16(state, layers=("relu1_1",), scaling="cafe")  # type: ignore[arg-type]
