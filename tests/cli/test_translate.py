"""``i2ikit translate``: its output files and lines, and the arguments that it refuses before it writes anything."""

from __future__ import annotations

import pytest
import torch
from cli.written import list_written

from i2ikit import load
from i2ikit.pixels import decode, get_bits, read_image


def test_a_file_is_translated_and_the_origin_of_each_value_is_printed(run_cli, model, photos, tmp_path) -> None:
    out = tmp_path / "new" / "out.png"
    result = run_cli("translate", model, photos / "a.png", out, "--to", "tone=dark", "--label", "tone=light,male=yes")
    assert result == (0, f"{photos / 'a.png'} -> {out}  tone dark (to), male yes (label)\n", "")
    expected = load(model).translate(read_image(photos / "a.png"), to={"tone": "dark"}, label={"tone": "light", "male": "yes"})
    assert (read_image(out) - expected).abs().max() <= 1.01 / 255


def test_other_attributes_come_from_the_discriminator(run_cli, model, photos, tmp_path) -> None:
    result = run_cli("translate", model, photos / "a.png", tmp_path / "out.png", "--to", "tone=dark")
    assert result.code == 0
    assert result.out.endswith(("male yes (discriminator)\n", "male no (discriminator)\n"))


def test_label_can_omit_attributes_of_to(run_cli, model, photos, tmp_path) -> None:
    result = run_cli("translate", model, photos / "a.png", tmp_path / "out.png", "--to", "tone=dark", "--label", "male=yes")
    assert (result.code, result.err) == (0, "")
    assert result.out.endswith("tone dark (to), male yes (label)\n")


def test_a_partial_label_is_completed_by_the_discriminator(run_cli, model, photos, tmp_path) -> None:
    result = run_cli("translate", model, photos / "a.png", tmp_path / "out.png", "--to", "male=yes", "--label", "male=no")
    assert (result.code, result.err) == (0, "")
    assert "(discriminator), male yes (to)" in result.out


def test_source_unknown_masks_label_sets_without_to(run_cli, masked, photos, tmp_path) -> None:
    result = run_cli("translate", masked, photos / "a.png", tmp_path / "out.png", "--to", "tone=dark", "--source", "unknown")
    assert result.out.endswith("tone dark (to), male unknown\n")


def test_a_folder_and_a_glob_are_translated_to_a_folder_with_the_same_names(run_cli, model, photos, tmp_path) -> None:
    out = tmp_path / "out"
    result = run_cli("translate", model, photos, photos / "*.png", out, "--to", "tone=dark,male=no")
    assert result.code == 0
    assert list_written(out) == ["a.png", "b.png", "deep.png"]
    assert result.out.endswith(f"3 images in {out}\n")


def test_the_bit_depth_of_files_is_kept(run_cli, model, photos, tmp_path) -> None:
    out = tmp_path / "out"
    run_cli("translate", model, photos, out, "--to", "tone=dark")
    assert {name: get_bits(decode((out / name).read_bytes(), name)) for name in list_written(out)} == {
        "a.png": 8,
        "b.png": 8,
        "deep.png": 16,
    }


def test_images_of_another_size_are_noted_and_can_be_resized(run_cli, model, photos, tmp_path) -> None:
    result = run_cli("translate", model, photos / "b.png", tmp_path / "out.png", "--to", "tone=dark")
    for word in ("note: ", "16x16", "20x20", "--size trained"):
        assert word in result.out
    result = run_cli("translate", model, photos / "b.png", tmp_path / "small.png", "--to", "tone=dark", "--size", "trained")
    assert "note: " not in result.out
    assert read_image(tmp_path / "small.png").shape == (3, 16, 16)


ONE = ("{model}", "{photos}/a.png", "{out}/x.png")
DARK = ("--to", "tone=dark")
REFUSED: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    ((*ONE, "--to", "ton=dark"), ('No attribute is called "ton". Did you mean "tone"?',)),
    ((*ONE, "--to", "tone=drak"), ('No value of "tone" is called "drak". Did you mean "dark"?',)),
    ((*ONE, "--to", "male=maybe"), ('"male"', '"maybe"')),
    ((*ONE, "--to", "tone="), ('--to "tone="', "NAME=VALUE", "hair=blond")),
    ((*ONE, "--to", "tone=dark,tone=light"), ('--to sets "tone" twice',)),
    ((*ONE, *DARK, "--device", "foo"), ('"foo"', "{devices}")),
    ((*ONE, *DARK, "--device", "cuda:99"), ('"cuda:99"', "{devices}")),
    (ONE, ("--to is missing", "--to tone=dark")),
    ((*ONE, "--to", "dark"), ('--to "dark"', "--to NAME=dark", "Available: tone, male.")),
    ((*ONE, *DARK, "--source", "unkown"), ('--source "unkown"', 'Did you mean "unknown"?', "--label NAME=VALUE")),
    ((*ONE, *DARK, "--background", "whit"), ('--background "whit"', 'Did you mean "white", "wheat" or "whitesmoke"?')),
    ((*ONE, *DARK, "--background", "#12"), ('--background "#12"', "#ffffff")),
    (("{model}", "{photos}/aa.png", "{out}/x.png", *DARK), ('"{photos}/aa.png"', 'Did you mean "a.png", "b.png" or "deep.png"?')),
    (("{model}", "{empty}", "{out}", *DARK), ('Folder "{empty}" contains no images.',)),
    (("{model}", "{empty}/x.png", "{out}", *DARK), ('"{empty}/x.png"', 'Folder "{empty}" is empty.')),
    (("{model}", "{photos}/*.gif", "{out}", *DARK), ('No image matches "{photos}/*.gif".',)),
    (("{model}", "{photos}/a.png", *DARK), ('"{photos}/a.png" is the only path', "INPUT... OUT")),
    (("{empty}/none", "{photos}/a.png", "{out}/x.png", *DARK), ('"{empty}/none"',)),
    (("{model}", "{photos}", "{photos}/a.png", *DARK), ('"{photos}/a.png" is a file', "3 inputs", "folder")),
    (("{model}", "{photos}", "{photos}", *DARK), ('"{photos}/a.png" is one of the inputs', "Choose another output folder.")),
    (
        ("{model}", "{photos}", "{photos}/a.png/out", *DARK),
        ('"{photos}/a.png/out" cannot be created', '"{photos}/a.png" is a file', "Choose another output folder."),
    ),
    (("{model}", "{photos}/a.png", "{out}/x.gif", *DARK), ('"{out}/x.gif"', ".png, .jpg, .jpeg, .webp, .bmp, .tif, .tiff, .npy")),
]


@pytest.mark.parametrize(("arguments", "words"), REFUSED, ids=[words[0][:30] for _, words in REFUSED])
def test_bad_arguments_are_reported_in_one_line_and_nothing_is_written(run_cli, model, photos, tmp_path, arguments, words) -> None:
    (tmp_path / "empty").mkdir()
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    numbers = range(torch.accelerator.device_count()) if accelerator else ()
    devices = ", ".join(["cpu", *([accelerator.type] if accelerator else []), *(f"{accelerator.type}:{number}" for number in numbers)])
    values = {"model": model, "photos": photos, "out": tmp_path / "out", "empty": tmp_path / "empty", "devices": devices}
    before = list_written(tmp_path)
    result = run_cli("translate", *(argument.format(**values) for argument in arguments))
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert [word for word in words if word.format(**values) not in result.err] == []
    assert list_written(tmp_path) == before


def test_nothing_is_written_if_one_input_is_damaged(run_cli, model, photos, tmp_path) -> None:
    whole = (photos / "b.png").read_bytes()
    (photos / "z.png").write_bytes(whole[: len(whole) // 2])
    result = run_cli("translate", model, photos, tmp_path / "out", "--to", "tone=dark")
    assert result.code == 2
    assert f'"{photos / "z.png"}"' in result.err
    assert result.err.count("\n") == 1
    assert list_written(tmp_path / "out") == []


def test_an_image_with_other_channels_is_named(run_cli, model, photos, tmp_path) -> None:
    from PIL import Image

    Image.new("RGBA", (16, 16)).save(photos / "clear.png")
    result = run_cli("translate", model, photos, tmp_path / "out", "--to", "tone=dark")
    for word in (f'"{photos / "clear.png"}"', "4 channels", "--background white"):
        assert word in result.err
    assert result.err.count("\n") == 1
    assert run_cli("translate", model, photos, tmp_path / "out", "--to", "tone=dark", "--background", "white").code == 0


def test_one_channel_is_printed_in_the_singular(run_cli, model, photos, tmp_path) -> None:
    from PIL import Image

    Image.new("L", (16, 16)).save(tmp_path / "grey.png")
    result = run_cli("translate", model, tmp_path / "grey.png", tmp_path / "out.png", "--to", "tone=dark")
    assert "1 channel," in result.err or "1 channel;" in result.err
