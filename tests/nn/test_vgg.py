"""VGG-16 as torchvision builds it, its weights from files of several makers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from i2ikit.errors import CheckpointError, OptionError, UnknownNameError
from i2ikit.nn import VGG16

torchvision = pytest.importorskip("torchvision")

PLACES = {"1_1": 0, "1_2": 2, "2_1": 5, "2_2": 7}


@pytest.fixture(scope="module")
def original() -> nn.Module:
    """The convolutions alone: the classifier has nine tenths of the weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        features: nn.Module = torchvision.models.vgg16(weights=None).features
    for name, weight in features.named_parameters():
        nn.init.normal_(weight, std=0.1 if name.endswith("bias") else (2 / weight[0].numel()) ** 0.5)
    return features.eval()


@pytest.fixture(scope="module")
def state(original: nn.Module) -> dict[str, Tensor]:
    return {f"features.{name}": tensor for name, tensor in original.state_dict().items()}


def picture(channels: int = 3) -> Tensor:
    return torch.rand(2, channels, 32, 48, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_every_layer_equals_torchvision_s(original: nn.Module, state: dict[str, Tensor]) -> None:
    places = {"relu1_1": 1, "relu1_2": 3, "relu2_2": 8, "relu3_1": 11, "relu4_2": 20, "relu5_3": 29}
    image = picture()
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    maps, wanted = ((image + 1) / 2 - mean[:, None, None]) / deviation[:, None, None], {}
    for index, layer in enumerate(original.children()):
        maps = layer(maps)
        wanted[index] = maps.clone()
    found = VGG16(state, layers=tuple(places))(image)
    for own, place in zip(found, places.values(), strict=True):
        assert torch.allclose(own, wanted[place], rtol=1e-4, atol=1e-4)


def test_the_last_pooling_can_be_left_out_as_in_munit_s_code(original: nn.Module, state: dict[str, Tensor]) -> None:
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    wanted = ((picture() + 1) / 2 - mean[:, None, None]) / deviation[:, None, None]
    for index, layer in enumerate(original.children()):
        if index < 30 and index != 23:  # the fourth of five poolings, and the last, which is above relu5_3
            wanted = layer(wanted)
    (found,) = VGG16(state, layers=("relu5_3",), pools=3)(picture())
    assert found.shape[-2:] == (4, 6)
    assert torch.allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_the_authors_weights_see_blue_green_and_red_from_0_to_255(state: dict[str, Tensor]) -> None:
    image = picture()
    raw = (image.flip(1) + 1) * 127.5 - torch.tensor([103.939, 116.779, 123.68])[:, None, None]
    wanted = torch.conv2d(raw, state["features.0.weight"], state["features.0.bias"], padding=1).relu()
    (found,) = VGG16(state, layers=("relu1_1",), scaling="caffe")(image)
    assert torch.allclose(found, wanted, rtol=1e-4, atol=1e-3)


def test_gray_images_are_seen_as_three_equal_colours(state: dict[str, Tensor]) -> None:
    net, image = VGG16(state, layers=("relu2_1",)), picture(1)
    assert torch.equal(net(image)[0], net(image.repeat(1, 3, 1, 1))[0])


def test_it_is_frozen_and_passes_gradients_to_the_image(state: dict[str, Tensor]) -> None:
    net, image = VGG16(state, layers=("relu2_2",)), picture().requires_grad_()
    net(image)[0].sum().backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0
    assert not any(weight.requires_grad for weight in net.parameters())


def test_nothing_above_the_last_wanted_layer_is_built(state: dict[str, Tensor]) -> None:
    assert list(VGG16(state, layers=("relu2_1", "relu1_2")).convolutions) == ["conv1_1", "conv1_2", "conv2_1"]


@pytest.mark.parametrize("kind", ["torch", "safetensors", "layers"])
def test_files_of_several_makers_give_the_same_maps(kind: str, state: dict[str, Tensor], tmp_path: Path) -> None:
    part = {name: tensor for name, tensor in state.items() if int(name.split(".")[1]) < 10}
    path = tmp_path / ("vgg.safetensors" if kind == "safetensors" else "vgg.pth")
    if kind == "layers":
        leaves = ("weight", "bias")
        part = {f"conv{layer}.{leaf}": part[f"features.{place}.{leaf}"] for layer, place in PLACES.items() for leaf in leaves}
    (save_file if kind == "safetensors" else torch.save)(part, path)  # type: ignore[operator]
    wanted = VGG16(state, layers=("relu2_2",))(picture())[0]
    assert torch.equal(VGG16(path, layers=("relu2_2",))(picture())[0], wanted)


class Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("ran",)


def test_files_that_are_no_weights_are_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "vgg.pth"
    with pytest.raises(CheckpointError, match=r"vgg.pth\" is missing"):
        VGG16(path)
    path.write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"or it is damaged|is damaged, or no checkpoint"):
        VGG16(path)
    torch.save([torch.zeros(1)], path)
    with pytest.raises(CheckpointError, match=r"holds no state dict of tensors \(list\)"):
        VGG16(path)
    torch.save({"features.0.weight": Code()}, path)
    with pytest.raises(CheckpointError, match="refused: it holds more than tensors"):
        VGG16(path)
    assert "ran" not in capsys.readouterr().out


def test_weights_of_another_network_are_named(state: dict[str, Tensor]) -> None:
    wrong = {**state, "features.2.weight": torch.zeros(64, 64, 1, 1)}
    del wrong["features.0.bias"]
    with pytest.raises(CheckpointError) as caught:
        VGG16(wrong, layers=("relu1_2",))
    assert str(caught.value) == (
        "weights= does not fit VGG-16: conv1_1.bias [64] is missing; conv1_2.weight is [64, 64, 1, 1], expected [64, 64, 3, 3]. "
        "Give torchvision's vgg16, or weights by layer (conv1_1.weight)."
    )


def test_what_does_not_exist_is_named(state: dict[str, Tensor]) -> None:
    with pytest.raises(UnknownNameError, match=r'No layer of VGG-16 is called "relu4_4". Did you mean "relu4_'):
        VGG16(state, layers=("relu4_4",))
    with pytest.raises(OptionError, match="asked for no layer"):
        VGG16(state, layers=())
    with pytest.raises(OptionError, match=r'no scaling "cafe". Did you mean "caffe"'):
        VGG16(state, layers=("relu1_1",), scaling="cafe")  # type: ignore[arg-type]
