"""``i2ikit sample``: numbered files or one picture, and the arguments that it refuses before it writes anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.conftest import save_trained
from cli.written import list_written
from inference.noise_systems import build_cogan
from PIL import Image

from i2ikit import build, load
from i2ikit.pixels import read_image


@pytest.fixture(scope="module")
def cogan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_trained(build_cogan(rehearsal=False), tmp_path_factory.mktemp("models") / "cogan")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a model that takes no notice of its labels; they are only requested."""
    slots = {"generator": {"per": None, "shared": ()}, "discriminator": {"per": None, "shared": ()}}
    options = {"size": 16, "generator": {"width": 4}, "discriminator": {"width": 4}, "style": 8, "rehearsal": False}
    model = build("cogan", plan="sampled", labels={"hair": ("black", "red"), "glasses": bool}, slots=slots, **options)
    return save_trained(model, tmp_path_factory.mktemp("models") / "labelled")


def test_a_model_that_was_never_trained_is_noted(run_cli, tmp_path) -> None:
    folder = build_cogan(rehearsal=False).save(tmp_path / "cogan")
    result = run_cli("sample", folder, tmp_path / "out", "--count", "1", "--to", "b")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f'note: The model "{folder}" was saved at step 0: its weights are random')


def test_a_folder_gets_numbered_files(run_cli, cogan, tmp_path) -> None:
    result = run_cli("sample", cogan, tmp_path / "out", "--count", "3", "--to", "b", "--seed", "4", "--batch", "2")
    assert result == (0, f"3 images in {tmp_path / 'out'}\n", "")
    assert list_written(tmp_path / "out") == ["00001.png", "00002.png", "00003.png"]
    expected = load(cogan).sample(3, domain="b", seed=4)
    assert (read_image(tmp_path / "out" / "00003.png") - expected[2]).abs().max() <= 1.01 / 255


def test_an_image_file_shows_all_images(run_cli, cogan, tmp_path) -> None:
    result = run_cli("sample", cogan, tmp_path / "grid.png", "--count", "5", "--to", "domain=a")
    assert result == (0, f"5 images -> {tmp_path / 'grid.png'}\n", "")
    with Image.open(tmp_path / "grid.png") as grid:
        assert grid.size == (3 * 16 + 2 * 2, 2 * 16 + 2)
    corner = read_image(tmp_path / "grid.png")[:, 18:34, 18:34]
    assert (corner - load(cogan).sample(5, domain="a")[4]).abs().max() <= 1.01 / 255


def test_values_of_a_label_are_requested_one_by_one(run_cli, labelled, tmp_path) -> None:
    result = run_cli("sample", labelled, tmp_path / "out", "--count", "1", "--to", "hair=red", "--to", "glasses=no")
    assert (result.code, result.err) == (0, "")
    assert list_written(tmp_path / "out") == ["00001.png"]


TO = ("--to", "a")
REFUSED: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    (("{cogan}", "{out}/x.png"), ("--to is not given", "Available: a, b.")),
    (("{cogan}", "{out}/x.png", "--to", "c"), ('No domain of this model is called "c"', "Available: a, b.")),
    (("{cogan}", "{out}/x.png", "--to", "hair=a"), ('No attribute is called "hair"', "Available: domain.")),
    (("{cogan}", "{out}/x.gif", *TO), ('"{out}/x.gif" has no suffix of an image file', ".png", 'end a folder with "/"')),
    (("{cogan}", "{file}", *TO), ('"{file}" is a file', "Name a folder")),
    (("{cogan}", "{file}/out", *TO), ("Choose another output folder.", '"{file}" is a file')),
    (("{cogan}", "{out}/x.png", *TO, "--truncation", "0.7"), ("--truncation 0.7", "no conditioner", "Leave --truncation out.")),
    (("{cogan}", "{out}/x.png", *TO, "--count", "0"), ("--count", "0 is not in the range")),
    (("{cogan}", "{out}/x.png", *TO, "--device", "foo"), ('"foo"',)),
    (("{out}/none", "{out}/x.png", *TO), ('"{out}/none"',)),
    (("{model}", "{out}/x.png"), ('"stargan-fast" does not generate images from noise', "Use i2ikit translate.")),
    (("{labelled}", "{out}/x.png"), ("--to is missing", "--to hair=red --to glasses=yes")),
    (("{labelled}", "{out}/x.png", "--to", "red"), ('--to "red" does not name its attribute', "Available: hair, glasses.")),
    (("{labelled}", "{out}/x.png", "--to", "hair=red"), ('--to gives no value of "glasses"', "Available: no, yes.")),
    (("{labelled}", "{out}/x.png", "--to", "hair=rad"), ('"rad"', 'Did you mean "red"?')),
]


@pytest.mark.parametrize(("arguments", "words"), REFUSED, ids=[words[0][:30] for _, words in REFUSED])
def test_bad_arguments_are_reported_in_one_line_and_nothing_is_written(run_cli, cogan, model, labelled, tmp_path, arguments, words) -> None:
    (tmp_path / "file").write_text("")
    values = {"cogan": cogan, "model": model, "labelled": labelled, "out": tmp_path / "out", "file": tmp_path / "file"}
    result = run_cli("sample", *(argument.format(**values) for argument in arguments))
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert [word for word in words if word.format(**values) not in result.err] == []
    assert list_written(tmp_path) == ["file"]


def test_translate_names_the_command_for_models_that_generate(run_cli, cogan, photos, tmp_path) -> None:
    result = run_cli("translate", cogan, photos / "a.png", tmp_path / "x.png", "--to", "a")
    assert result == (2, "", 'error: "cogan" generates images from noise. It cannot translate an image; use i2ikit sample.\n')


@pytest.mark.parametrize("file_format", ["png", "npy", "tiff"])
def test_the_format_of_numbered_images_can_be_chosen(run_cli, cogan, tmp_path, file_format) -> None:
    assert run_cli("sample", cogan, tmp_path / "plain", "--count", "2", "--to", "a").code == 0
    result = run_cli("sample", cogan, tmp_path / "out", "--count", "2", "--to", "a", "--format", file_format)
    assert result.code == 0, result.err
    images = [read_image(tmp_path / folder / f"00002.{suffix}") for folder, suffix in (("plain", "png"), ("out", file_format))]
    assert (images[0] - images[1]).abs().max() <= (1.01 / 255 if file_format == "npy" else 0)
    result = run_cli("sample", cogan, tmp_path / "grid.png", "--to", "a", "--format", "npy")
    assert (result.code, result.err.count("\n")) == (2, 1)
