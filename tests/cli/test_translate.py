"""``i2ikit translate``: what it writes, what it says, and what it refuses before it writes anything."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from i2ikit import load
from i2ikit.pixels import bits_of, decode, read_image


def written(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) if folder.exists() else []


def test_a_file_becomes_a_file_and_the_line_says_where_each_value_comes_from(i2i, model, photos, tmp_path) -> None:
    out = tmp_path / "new" / "out.png"
    said = i2i("translate", model, photos / "a.png", out, "--to", "tone=dark", "--label", "tone=light,male=yes")
    assert said == (0, f"{photos / 'a.png'} -> {out}  tone dark (to), male yes (label)\n", "")
    expected = load(model).translate(read_image(photos / "a.png"), to={"tone": "dark"}, label={"tone": "light", "male": "yes"})
    assert (read_image(out) - expected).abs().max() <= 1.01 / 255


def test_what_neither_to_nor_label_names_is_asked_of_the_discriminator(i2i, model, photos, tmp_path) -> None:
    said = i2i("translate", model, photos / "a.png", tmp_path / "out.png", "--to", "tone=dark")
    assert said.code == 0
    assert said.out.endswith(("male yes (discriminator)\n", "male no (discriminator)\n"))


def test_label_need_not_name_what_to_names(i2i, model, photos, tmp_path) -> None:
    said = i2i("translate", model, photos / "a.png", tmp_path / "out.png", "--to", "tone=dark", "--label", "male=yes")
    assert (said.code, said.err) == (0, "")
    assert said.out.endswith("tone dark (to), male yes (label)\n")


def test_a_label_in_part_is_completed_by_the_discriminator(i2i, model, photos, tmp_path) -> None:
    said = i2i("translate", model, photos / "a.png", tmp_path / "out.png", "--to", "male=yes", "--label", "male=no")
    assert (said.code, said.err) == (0, "")
    assert "(discriminator), male yes (to)" in said.out


def test_source_unknown_masks_the_sets_that_to_does_not_name(i2i, masked, photos, tmp_path) -> None:
    said = i2i("translate", masked, photos / "a.png", tmp_path / "out.png", "--to", "tone=dark", "--source", "unknown")
    assert said.out.endswith("tone dark (to), male unknown\n")


def test_a_folder_and_a_glob_become_a_folder_with_the_same_names(i2i, model, photos, tmp_path) -> None:
    out = tmp_path / "out"
    said = i2i("translate", model, photos, photos / "*.png", out, "--to", "tone=dark,male=no")
    assert said.code == 0
    assert written(out) == ["a.png", "b.png", "deep.png"]
    assert said.out.endswith(f"3 images in {out}\n")


def test_the_bits_of_a_file_are_kept(i2i, model, photos, tmp_path) -> None:
    out = tmp_path / "out"
    i2i("translate", model, photos, out, "--to", "tone=dark")
    assert {name: bits_of(decode((out / name).read_bytes(), name)) for name in written(out)} == {"a.png": 8, "b.png": 8, "deep.png": 16}


def test_another_size_than_the_trained_one_is_noted_and_can_be_resized(i2i, model, photos, tmp_path) -> None:
    note = "note: the model was trained at 16x16; images of 20x20 stay as large as they are. --size trained resizes them.\n"
    said = i2i("translate", model, photos / "b.png", tmp_path / "out.png", "--to", "tone=dark")
    assert said.out.startswith(note)
    said = i2i("translate", model, photos / "b.png", tmp_path / "small.png", "--to", "tone=dark", "--size", "trained")
    assert note not in said.out
    assert read_image(tmp_path / "small.png").shape == (3, 16, 16)


ONE = ("{model}", "{photos}/a.png", "{out}/x.png")
DARK = ("--to", "tone=dark")
REFUSED = {
    (*ONE, "--to", "ton=dark"): 'No attribute is called "ton". Did you mean "tone"?',
    (*ONE, "--to", "tone=drak"): 'No value of "tone" is called "drak". Did you mean "dark"?',
    (*ONE, "--to", "male=maybe"): 'Attribute "male" is yes or no; found "maybe". Write 1 or 0.',
    (*ONE, "--to", "tone="): '--to "tone=" is not of the form name=value, such as hair=blond.',
    (*ONE, "--to", "tone=dark,tone=light"): '--to names "tone" twice. Give it one value.',
    (*ONE, *DARK, "--device", "foo"): 'Device "foo" was asked for, and here there is: {devices}. Choose one of these.',
    (*ONE, *DARK, "--device", "cuda:99"): 'Device "cuda:99" was asked for, and here there is: {devices}. Choose one of these.',
    ONE: "There is no --to. Say what is asked for, such as --to tone=dark.",
    (*ONE, "--to", "dark"): '--to "dark" does not say of which attribute. Write --to name=dark; the names are tone, male.',
    (*ONE, *DARK, "--source", "unkown"): (
        '--source "unkown" says nothing to this model. Did you mean "unknown"? What the inputs are is said by --label NAME=VALUE.'
    ),
    (*ONE, *DARK, "--background", "whit"): '--background "whit" is no colour. Did you mean "white", "wheat" or "whitesmoke"?',
    (*ONE, *DARK, "--background", "#12"): '--background "#12" is no colour. Write a name such as white, or #ffffff.',
    (
        "{model}",
        "{photos}/aa.png",
        "{out}/x.png",
        *DARK,
    ): 'There is no image at "{photos}/aa.png". Did you mean "a.png", "b.png" or "deep.png"?',
    ("{model}", "{empty}", "{out}", *DARK): 'Folder "{empty}" holds no image.',
    ("{model}", "{empty}/x.png", "{out}", *DARK): 'There is no image at "{empty}/x.png". Folder "{empty}" is empty.',
    ("{model}", "{photos}/*.gif", "{out}", *DARK): 'No image fits "{photos}/*.gif".',
    ("{model}", "{photos}/a.png", *DARK): (
        '"{photos}/a.png" is the only path. Give the inputs, and at the end where the translations go: INPUT... OUT.'
    ),
    ("{empty}/none", "{photos}/a.png", "{out}/x.png", *DARK): 'There is no model at "{empty}/none".',
    ("{model}", "{photos}", "{photos}/a.png", *DARK): '"{photos}/a.png" is a file, and 3 inputs need a folder. Name a folder at the end.',
    ("{model}", "{photos}", "{photos}", *DARK): (
        '"{photos}/a.png" is one of the inputs and would be lost. Choose another place for the translations.'
    ),
    ("{model}", "{photos}", "{photos}/a.png/out", *DARK): (
        '"{photos}/a.png/out" cannot be made, because "{photos}/a.png" is a file. Choose another place for the translations.'
    ),
    ("{model}", "{photos}/a.png", "{out}/x.gif", *DARK): (
        '"{out}/x.gif" is no image file: it ends in none of .png, .jpg, .jpeg, .webp, .bmp, .tif, .tiff, .npy. '
        'Name one, or a folder with "/" at its end.'
    ),
}


@pytest.mark.parametrize(("words", "line"), REFUSED.items(), ids=[line[:30] for line in REFUSED.values()])
def test_what_cannot_be_done_is_one_line_and_nothing_is_written(i2i, model, photos, tmp_path, words, line) -> None:
    (tmp_path / "empty").mkdir()
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    numbers = range(torch.accelerator.device_count()) if accelerator else ()
    devices = ", ".join(["cpu", *([accelerator.type] if accelerator else []), *(f"{accelerator.type}:{number}" for number in numbers)])
    places = {"model": model, "photos": photos, "out": tmp_path / "out", "empty": tmp_path / "empty", "devices": devices}
    before = written(tmp_path)
    said = i2i("translate", *(word.format(**places) for word in words))
    assert said == (2, "", f"error: {line.format(**places)}\n")
    assert written(tmp_path) == before


def test_one_damaged_input_among_many_stops_before_anything_is_written(i2i, model, photos, tmp_path) -> None:
    whole = (photos / "b.png").read_bytes()
    (photos / "z.png").write_bytes(whole[: len(whole) // 2])
    said = i2i("translate", model, photos, tmp_path / "out", "--to", "tone=dark")
    assert said.code == 2
    assert said.err.startswith(f'error: Image "{photos / "z.png"}" is damaged: ')
    assert said.err.count("\n") == 1
    assert written(tmp_path / "out") == []


def test_an_image_of_other_channels_is_named(i2i, model, photos, tmp_path) -> None:
    from PIL import Image

    Image.new("RGBA", (16, 16)).save(photos / "clear.png")
    said = i2i("translate", model, photos, tmp_path / "out", "--to", "tone=dark")
    found = "The image has 4 channels, the model 3."
    assert said.err == f'error: "{photos / "clear.png"}": {found} Say what is behind transparent pixels: --background white.\n'
    assert i2i("translate", model, photos, tmp_path / "out", "--to", "tone=dark", "--background", "white").code == 0


def test_one_channel_is_said_in_the_singular(i2i, model, photos, tmp_path) -> None:
    from PIL import Image

    Image.new("L", (16, 16)).save(tmp_path / "gray.png")
    said = i2i("translate", model, tmp_path / "gray.png", tmp_path / "out.png", "--to", "tone=dark")
    assert "The image has 1 channel, the model 3." in said.err
