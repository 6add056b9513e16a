"""Translating images of any kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from i2ikit import Model, build
from i2ikit.errors import DataError, LabelError, OptionError, UnknownNameError

LABELS = [{"hair": ("black", "blond", "red"), "glasses": bool}, {"mood": ("calm", "happy")}]
SMALL = {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4}}


@pytest.fixture(scope="module")
def model() -> Model:
    return build("stargan", size=16, labels=LABELS, **SMALL)


@pytest.fixture
def image() -> Tensor:
    return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("size", [(8, 8), (9, 14), (17, 16), (30, 21), (5, 33), (4, 4), (1, 1), (2, 7)])
def test_size_is_kept_for_any_height_and_width(model: Model, size: tuple[int, int]) -> None:
    assert model.translate(torch.zeros(1, 3, *size), to={"hair": "red"}).shape == (1, 3, *size)


def test_tensor_comes_back_with_its_dtype_and_rank(model: Model, image: Tensor) -> None:
    batch = model.translate(image, to={"hair": "red"})
    single = model.translate(image[0], to={"hair": "red"})
    whole = model.translate(((image + 1) * 127.5).to(torch.uint8), to={"hair": "red"})

    assert (batch.dtype, batch.shape) == (torch.float32, image.shape)
    assert single.shape == image[0].shape
    assert (whole.dtype, whole.shape) == (torch.uint8, image.shape)


def test_rows_do_not_depend_on_each_other(model: Model, image: Tensor) -> None:
    both = model.translate(image, to={"hair": "red"}, label={"hair": "black", "glasses": 1, "mood": "calm"})
    one = model.translate(image[1:], to={"hair": "red"}, label={"hair": "black", "glasses": 1, "mood": "calm"})

    torch.testing.assert_close(both[1:], one)


def make_folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_kinds_give_the_same_picture_back_in_the_same_kind(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make_folder(tmp_path / "work"))
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    label = {"hair": "black", "glasses": 0, "mood": "happy"}
    Image.fromarray(pixels).save(tmp_path / "in.png")

    array = model.translate(pixels, to={"hair": "blond"}, label=label)
    picture = model.translate(Image.fromarray(pixels), to={"hair": "blond"}, label=label)
    path = model.translate(tmp_path / "in.png", to={"hair": "blond"}, label=label)
    tensor = model.translate(torch.from_numpy(pixels).permute(2, 0, 1), to={"hair": "blond"}, label=label)

    assert (array.dtype, array.shape) == (np.uint8, (16, 16, 3))
    assert isinstance(picture, Image.Image)
    assert path == tmp_path / "work" / "in.hair-blond.png"
    np.testing.assert_array_equal(array, np.asarray(picture))
    np.testing.assert_array_equal(array, np.asarray(Image.open(path)))
    np.testing.assert_array_equal(array, tensor.permute(1, 2, 0).numpy())


def test_float_array_is_read_and_given_in_zero_to_one(model: Model) -> None:
    made = model.translate(np.full((16, 16, 3), 0.5, np.float64), to={"hair": "blond"})

    assert made.dtype == np.float64
    assert 0 <= made.min() <= made.max() <= 1


def test_sixteen_bits_and_one_channel_survive() -> None:
    model = build("stargan", size=16, channels=1, labels={"glasses": bool}, **SMALL)
    deep = model.translate(np.full((16, 16), 40_000, np.uint16), to={"glasses": True})

    assert (deep.dtype, deep.shape) == (np.uint16, (16, 16))


def test_other_proportions_are_cropped_and_not_stretched(model: Model) -> None:
    wide = torch.zeros(1, 3, 32, 64)
    wide[..., :16], wide[..., 48:] = 1.0, 1.0  # outside the centred square
    label = {"hair": "black", "glasses": 0, "mood": "calm"}
    square = model.translate(torch.zeros(1, 3, 16, 16), to={"hair": "red"}, label=label)

    torch.testing.assert_close(model.translate(wide, to={"hair": "red"}, label=label, size="trained"), square)
    torch.testing.assert_close(model.discriminate(wide).domain_logits, model.discriminate(torch.zeros(1, 3, 16, 16)).domain_logits)


def test_the_crop_of_the_training_is_cut_where_the_discriminator_looks(model: Model) -> None:
    crop_to_training = torch.ones(1, 3, 44, 36)
    crop_to_training[..., 6:38, 2:34] = 0.0
    plain = model.discriminate(torch.zeros(1, 3, 16, 16)).domain_logits
    model.preprocessing = {"crop": 32}
    cut = model.discriminate(crop_to_training).domain_logits
    model.preprocessing = {}

    torch.testing.assert_close(cut, plain)
    assert not torch.allclose(model.discriminate(crop_to_training).domain_logits, plain)  # type: ignore[arg-type]


def test_files_of_other_channels_are_read_as_the_training_read_its_own(model: Model, tmp_path: Path) -> None:
    Image.new("L", (16, 16), 77).save(tmp_path / "grey.png")
    label = {"hair": "black", "glasses": 0, "mood": "calm"}
    with pytest.raises(DataError, match=r"1 channel, and the model takes 3\."):
        model.translate(tmp_path / "grey.png", to={"hair": "red"}, label=label)
    model.preprocessing = {"channels": 3}
    made = model.translate(tmp_path / "grey.png", to={"hair": "red"}, label=label, out=tmp_path / "out.png")
    colour = model.translate(Image.new("RGB", (16, 16), (77, 77, 77)), to={"hair": "red"}, label=label)
    model.preprocessing = {}

    np.testing.assert_array_equal(np.asarray(Image.open(made)), np.asarray(colour))


def test_a_translation_without_a_path_is_not_written_beside_its_input(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (16, 16)).save(tmp_path / "in.png")
    with pytest.raises(OptionError, match=r'^"in\.png" lies in the working directory, .* Name the file: out="fake\.png"\.$'):
        model.translate("in.png", to={"hair": "red"})
    assert [each.name for each in tmp_path.iterdir()] == ["in.png"]
    model.translate("in.png", to={"hair": "red"}, out="fake.png")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["fake.png", "in.png"]


def test_a_translation_without_a_path_replaces_no_file(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make_folder(tmp_path / "work"))
    Image.new("RGB", (16, 16)).save(tmp_path / "in.png")
    written = [model.translate(tmp_path / "in.png", to={"hair": "red"}).name for _ in range(2)]
    assert written == ["in.hair-red.png", "in.hair-red-2.png"]


def test_a_range_of_tensors_is_refused(model: Model, image: Tensor) -> None:
    with pytest.raises(OptionError, match=r"^range=\(0, 1\) is for PIL images, arrays and files of pictures; a tensor holds values"):
        model.translate(image, to={"hair": "red"}, range=(0, 1))


def test_a_value_with_a_slash_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make_folder(tmp_path / "work"))
    model = build("stargan", size=16, labels={"pose": ("left/up", "right")}, **SMALL)
    Image.new("RGB", (16, 16)).save(tmp_path / "in.png")

    assert model.translate(tmp_path / "in.png", to="left/up", label={"pose": "right"}) == tmp_path / "work" / "in.left_up.png"


def test_trained_size_resizes(model: Model) -> None:
    assert model.translate(torch.zeros(1, 3, 40, 40), to={"hair": "red"}, size="trained").shape[-2:] == (16, 16)


def test_mode_and_gradients_are_as_before(model: Model, image: Tensor) -> None:
    model.train()
    made = model.translate(image, to={"hair": "red"})

    assert model.training
    assert not made.requires_grad


def test_scores_and_logits_of_the_discriminator(model: Model, image: Tensor) -> None:
    output = model.discriminate(image)
    assert output.domain_logits is not None

    assert output.scores[0].shape[0] == 2
    assert output.domain_logits.shape == (2, 6)
    assert model.discriminate(torch.zeros(1, 3, 40, 24)).domain_logits is not None


@pytest.mark.parametrize(
    ("options", "error", "description"),
    [
        ({"to": {"hat": "yes"}}, UnknownNameError, 'No attribute is called "hat".'),
        ({"to": {"hair": "blonde"}}, UnknownNameError, 'No value of "hair" is called "blonde". Did you mean "blond"?'),
        ({"to": {"glasses": "maybe"}}, LabelError, 'Attribute "glasses" must be yes or no, or a number from 0 to 1; found "maybe".'),
        ({"to": {}}, OptionError, 'to={} names no target value. Request a value, for example to={"hair": "black"}.'),
        ({"to": None}, OptionError, 'to= is missing. Request a value, for example to={"hair": "black"}.'),
        ({"to": torch.zeros(2, 3)}, LabelError, "expected [1, 8]"),
        ({"to": {"hair": "red"}, "label": torch.zeros(3)}, LabelError, "label= has shape [1, 3]; expected [1, 8]: "),
        ({"to": {"hair": "red"}, "label": ["black"]}, LabelError, "label= cannot be read as a label"),
        ({"to": {"hair": "red"}, "label": [{"hair": "black"}] * 2}, LabelError, "label= has 2 rows, and there are 1 images."),
        ({"to": {"hair": "red"}, "size": 7}, OptionError, 'Write size="trained"'),
    ],
)
def test_bad_target_is_one_clear_line(model: Model, options: dict[str, object], error: type[Exception], description: str) -> None:
    with pytest.raises(error) as caught:
        model.translate(torch.zeros(1, 3, 16, 16), **options)

    assert description in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("image", "description"),
    [
        (torch.zeros(1, 4, 16, 16), "4 channels, and the model takes 3."),
        (torch.zeros(16, 16), "[B, C, H, W] or [C, H, W]; found [16, 16]."),
        (torch.zeros(1, 3, 16, 16, dtype=torch.int64), "found torch.int64"),
        (torch.zeros(1, 3, 16, 16).to_sparse(), "with the layout torch.sparse_coo"),
        (torch.zeros(1, 3, 16, 16, device="meta"), "without values"),
        (
            np.zeros((16, 16, 3), np.int32),
            "holds int32 from 0 to 0, and it is not known which values are black and white. Save it as uint8, uint16 or floats, or declare",
        ),
        (object(), "a tensor, a PIL image, an ndarray or a path; found object."),
        (Path("nowhere.png"), "nowhere.png"),
    ],
)
def test_bad_image_is_one_clear_line(model: Model, image: object, description: str) -> None:
    with pytest.raises(DataError) as caught:
        model.translate(image, to={"hair": "red"})

    assert description in str(caught.value)


def test_model_without_a_discriminator_asks_for_the_label(image: Tensor) -> None:
    model = build("stargan", size=16, labels=LABELS, **SMALL)
    del model.nets._modules["discriminator"]
    del model.nets.slots["discriminator"]

    with pytest.raises(OptionError, match='"glasses" of the source is not given, and this model has no trained discriminator'):
        model.translate(image, to={"hair": "red"})


def test_trained_background_is_put_behind_transparent_pixels(model: Model) -> None:
    clear = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    label = {"hair": "black", "glasses": 0, "mood": "happy"}
    with pytest.raises(DataError, match=r'channels, and the model takes 3\. .*background="white"'):
        model.translate(clear, to={"hair": "red"}, label=label)

    white = model.translate(Image.new("RGB", (16, 16), "white"), to={"hair": "red"}, label=label)
    model.preprocessing = {"background": "white"}
    made = model.translate(clear, to={"hair": "red"}, label=label)
    model.preprocessing = {}

    assert np.array_equal(np.asarray(made), np.asarray(white))


def test_padding_is_cropped_back_where_the_image_fits_already(model: Model, image: Tensor) -> None:
    class Copy(nn.Module):
        multiple = 8

        def forward(self, code: object) -> Tensor:
            return code.maps[-1][:, :3]  # type: ignore[attr-defined, no-any-return]

    kept = model.nets.generator
    model.nets.generator = Copy()
    odd = image[..., :13, :11]
    torch.testing.assert_close(model.translate(odd, to={"hair": "red"}), odd)
    model.nets.generator = kept


def test_images_in_another_range_are_named(model: Model, image: Tensor) -> None:
    with pytest.raises(DataError, match=r"float in \[-1, 1\], or uint8; found torch.float32 up to 25"):
        model.translate((image + 1) * 127.5, to={"hair": "red"})
    with pytest.raises(DataError, match=r'holds float32 from -0\.9.* read as 0 to 1\. Declare their range: range="-1,1"\.'):
        model.translate(image[0].permute(1, 2, 0).numpy(), to={"hair": "red"})
