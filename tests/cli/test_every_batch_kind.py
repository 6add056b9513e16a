"""Training, resuming, translation and evaluation from the command line, on tiny data of every batch kind; and bad data."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageDraw

from i2ikit import load
from i2ikit.errors import DataError
from i2ikit.pixels import read_image
from i2ikit.train import fit
from i2ikit.train.progress import Silent

COLOURS = {"red": (200, 40, 40), "green": (40, 160, 60), "blue": (40, 60, 200)}
NETS = ("generator.width=4", "generator.blocks=1", "discriminator.width=4", "discriminator.depth=2")
UNET = ("generator.width=4", "generator.depth=4", "discriminator.width=4", "discriminator.depth=2")
MUNIT = ("encoder.width=4", "encoder.blocks=1", "generator.blocks=1", "generator.hidden=8", *NETS[2:], "discriminator.scales=2")

pytestmark = pytest.mark.filterwarnings("ignore:The result in tiles")


def make_drawing(number: int, colour: str, size: int = 20) -> Image.Image:
    """Draw a disc on a pale background."""
    picture = Image.new("RGB", (size, size), (250 - 7 * number, 235, 200 + 5 * number))
    left, top = 2 + number % 4, 3 + number % 3
    ImageDraw.Draw(picture).ellipse((left, top, left + 9, top + 8), fill=COLOURS[colour])
    return picture


def write_drawings(folder: Path, colour: str, count: int = 6, size: int = 20, mode: str = "RGB", first: str = "") -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        make_drawing(number, colour, size).convert(mode).save(folder / f"{first}{number}.png")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder for each kind of data, with training and test splits."""
    root = tmp_path_factory.mktemp("data")
    for split in ("train", "test"):
        for colour in COLOURS:
            write_drawings(root / "three" / split / colour, colour, first=f"{split}-{colour}-")
        for colour in ("red", "blue"):
            write_drawings(root / "two" / split / colour, colour, first=f"{split}-{colour}-")
        write_drawings(root / "pairs" / split / "drawing", "green", mode="L", first=f"{split}-")
        write_drawings(root / "pairs" / split / "photo", "green", first=f"{split}-")
    return root


def set_options(*sets: str) -> list[str]:
    return [word for each in sets for word in ("--set", each)]


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that returns a run folder of two steps. Each kind is trained once."""
    from i2ikit.cli import main

    recipes = {"labelled": ("stargan", "two", NETS), "two": ("cyclegan", "two", NETS), "three": ("munit", "three", MUNIT)}
    recipes |= {"pairs": ("pix2pix", "pairs", UNET), "one way": ("simgan", "two", NETS)}
    root, runs = tmp_path_factory.mktemp("runs"), dict[str, Path]()

    def train_once(kind: str) -> Path:
        if kind not in runs:
            recipe, folder, sets = recipes[kind]
            words = ["train", recipe, "--data", data / folder, "--steps", 2, "--batch", 2, "--run", root / kind, "--no-eval"]
            assert main([*map(str, words), *set_options(*sets)]) == 0
            runs[kind] = root / kind
        return runs[kind]

    return train_once


@pytest.mark.parametrize(
    ("recipe", "folder", "sets", "amount"),
    [
        ("stargan", "two", NETS, "12 images"),
        ("cyclegan", "two", NETS, "12 images: blue, red"),
        ("pix2pix", "pairs", UNET, "6 pairs"),
    ],
)
def test_training_prints_data_device_and_folder(
    run_cli: Any, data: Path, tmp_path: Path, recipe: str, folder: str, sets: Any, amount: str
) -> None:
    run = tmp_path / "run"
    words = ("train", recipe, "--data", data / folder, "--steps", 2, "--batch", 2, "--run", run, "--no-eval", *set_options(*sets))
    result = run_cli(*words)
    assert (result.code, result.err) == (0, "")
    assert f'Training {recipe} at 16x16 on "{folder}" ({amount}).\n' in result.out
    assert "2 steps" in result.out
    assert result.out.endswith(f"Done: {run / 'index.html'}\n")
    assert ("drawing -> photo" in result.out and "--pairs photo,drawing" in result.out) == (folder == "pairs")
    assert 'batch_kind="' not in result.out

    longer = run_cli("train", "--resume", run, "--steps", 3, "--allow-change", "recipe.steps", "--no-eval")
    assert (longer.code, longer.err) == (0, "")
    assert '"step-00000002"' in longer.out
    assert load(run).steps_done == 3


def test_the_direction_of_pairs_can_be_changed(run_cli: Any, data: Path, tmp_path: Path) -> None:
    words = ("--steps", 1, "--batch", 2, "--run", tmp_path / "run", "--no-eval", *set_options(*UNET))
    assert "photo -> drawing" in run_cli("train", "pix2pix", "--data", data / "pairs", "--pairs", "photo,drawing", *words).out
    model = load(tmp_path / "run")
    assert (model.source.channels, model.image.channels) == (3, 1)


def test_the_channels_of_source_and_target_come_from_the_data(run_cli: Any, run: Any, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert run_cli("translate", run("pairs"), data / "pairs/test/drawing/test-1.png", out).code == 0
    assert read_image(out).shape == (3, 20, 20)


def test_the_command_on_the_page_works(run_cli: Any, run: Any, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from i2ikit.train.page.descriptions import list_commands
    from i2ikit.train.page.run_summary import read_run_summary

    inputs = {"labelled": "two/test/red/test-red-1.png", "two": "two/test/blue/test-blue-1.png", "three": "three/test/blue/test-blue-1.png"}
    inputs |= {"pairs": "pairs/test/drawing/test-1.png", "one way": "two/test/red/test-red-1.png"}
    for kind, file in inputs.items():
        result = dict(list_commands(read_run_summary(run(kind))))["Translate your own image"]
        _, words = result.split(f"{run(kind)}'" if " " in kind else str(run(kind)), 1)
        typed = [word.replace("in.png", str(data / file)).replace("out.png", str(tmp_path / "o.png")) for word in words.split()]
        extra = ["--label", "domain=red"] if kind == "labelled" and "--label" in result else []
        assert run_cli("translate", run(kind), *typed, *extra).code == 0, result


def test_translate_a_folder_a_style_samples_and_tiles(run_cli: Any, run: Any, data: Path, tmp_path: Path) -> None:
    model, red = run("three"), data / "three/test/red"
    to = ("--to", "green", "--source", "red")

    assert run_cli("translate", model, red, tmp_path / "all", *to).out.endswith(f"6 images in {tmp_path / 'all'}\n")
    assert len(list((tmp_path / "all").iterdir())) == 6

    result = run_cli("translate", model, red / "test-red-1.png", tmp_path / "two.png", *to, "--samples", 2)
    assert result.out.endswith(f"-> {tmp_path / 'two.1.png'}\n{red / 'test-red-1.png'} -> {tmp_path / 'two.2.png'}\n")
    assert not torch.equal(read_image(tmp_path / "two.1.png"), read_image(tmp_path / "two.2.png"))

    style = data / "three/test/green/test-green-3.png"
    assert run_cli("translate", model, red / "test-red-1.png", tmp_path / "styled.png", *to, "--style", style).code == 0
    expected = load(model).translate(read_image(red / "test-red-1.png"), to="green", source="red", style=read_image(style))
    assert (read_image(tmp_path / "styled.png") - expected).abs().max() <= 1.01 / 255

    make_drawing(1, "red", 50).save(tmp_path / "large.png")
    result = run_cli("translate", model, tmp_path / "large.png", tmp_path / "tiled.png", *to, "--tile", 32)
    assert result.code == 0
    assert "note: The result in tiles differs" in result.out
    assert read_image(tmp_path / "tiled.png").shape == (3, 50, 50)


REFUSED: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    (("two",), ("--to", "blue, red")),
    (("two", "--to", "zebra"), ('"zebra"', "Available: blue, red.")),
    (("two", "--to", "red", "--samples", "2"), ("--samples 2", '"cyclegan"', "Leave --samples out")),
    (("two", "--to", "red", "--source", "red"), ('"cyclegan" does not translate from red to red', "blue to red")),
    (("two", "--to", "red", "--style", "{image}"), ("--style", '"cyclegan"', "Leave")),
    (("one way", "--to", "blue"), ('"simgan" does not translate to blue', "blue to red")),
    (("pairs", "--to", "photo"), ("--to", "photo", '"pix2pix"', "Leave")),
    (("pairs",), ('"{image}"', "3 channels", "Convert it to L first.")),
    (("three", "--to", "green", "--source", "red", "--style", "{large}"), ("24x24", "20x20", "--size trained")),
]


def test_the_discriminators_predict_the_domain_of_an_image(run_cli: Any, run: Any, data: Path, tmp_path: Path) -> None:
    result = run_cli("translate", run("three"), data / "three/test/red/test-red-1.png", tmp_path / "out.png", "--to", "green")
    assert (result.code, result.err) == (0, "")
    assert re.search(r'^note: --source is not given.*"(red|blue)".*--source \1', result.out, re.MULTILINE)


def test_a_note_about_images_that_look_like_pairs_side_by_side(run_cli: Any, run: Any, tmp_path: Path) -> None:
    Image.new("L", (40, 20), "white").save(tmp_path / "both.png")
    result = run_cli("translate", run("pairs"), tmp_path / "both.png", tmp_path / "out.png")
    assert (result.code, result.err) == (0, "")
    assert "note: Some images are twice as wide as high" in result.out


@pytest.mark.parametrize(("arguments", "words"), REFUSED, ids=[" ".join(arguments) for arguments, _ in REFUSED])
def test_an_impossible_request_is_reported_in_one_line(
    run_cli: Any, run: Any, data: Path, tmp_path: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    kind, *rest = arguments
    make_drawing(1, "red", 24).save(tmp_path / "large.png")
    values = {"image": data / "two/test/red/test-red-1.png", "large": tmp_path / "large.png"}
    result = run_cli("translate", run(kind), values["image"], tmp_path / "out.png", *(argument.format(**values) for argument in rest))
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert [word for word in words if word.format(**values) not in result.err] == []
    assert not (tmp_path / "out.png").exists()


def make_unpaired_names(root: Path) -> None:
    write_drawings(root / "drawing", "green", first="d")
    write_drawings(root / "photo", "green", first="p")


def make_unequal_sizes(root: Path) -> None:
    write_drawings(root / "drawing", "green", size=18)
    write_drawings(root / "photo", "green")


def make_domain_of_one_image(root: Path) -> None:
    for split in ("train", "test"):
        write_drawings(root / split / "a", "red", first=split)
        write_drawings(root / split / "b", "blue", count=1, first=split)


BAD = {
    make_unpaired_names: ("pix2pix", ('"drawing" ("d0", "d1", "d2" and 3 more)', '"photo" ("p0", "p1", "p2" and 3 more)', "unpaired")),
    make_unequal_sizes: ("pix2pix", ("6 of 6 pairs", "drawing/0.png 18x18 and 20x20", "3 more", "Resize")),
    make_domain_of_one_image: ("cyclegan", ('Domain "b" of "data"', "one image", "Add")),
}


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_bad_data_is_reported_in_one_line(run_cli: Any, tmp_path: Path, make: Any) -> None:
    recipe, words = BAD[make]
    make(tmp_path / "data")
    sets = UNET if recipe == "pix2pix" else NETS
    result = run_cli(
        "train", recipe, "--data", tmp_path / "data", "--steps", 1, "--batch", 2, "--run", tmp_path / "run", *set_options(*sets)
    )
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert [word for word in words if word not in result.err] == []
    dry = run_cli("train", recipe, "--data", tmp_path / "data", "--dry-run", *set_options(*sets))
    assert (dry.code, dry.err) == (result.code, result.err)
    if make is not make_unpaired_names:
        assert "There is no training command: " in run_cli("data", "check", tmp_path / "data").out


def test_bad_data_is_reported_by_the_python_functions(tmp_path: Path) -> None:
    from i2ikit import build, open_data

    make_unequal_sizes(tmp_path / "sizes")
    make_domain_of_one_image(tmp_path / "one")
    make_unpaired_names(tmp_path / "names")
    with pytest.raises(DataError, match=r'"drawing" \("d0", "d1", "d2" and 3 more\).*batch_kind="unpaired"'):
        open_data(tmp_path / "names", batch_kind="paired")
    small: dict[str, Any] = {
        "size": 16,
        "generator": {"width": 4, "depth": 4},
        "discriminator": {"width": 4, "depth": 2},
        "rehearsal": False,
    }
    with pytest.raises(DataError, match=r"6 of 6 pairs: drawing/0\.png 18x18 and 20x20"):
        fit(build("pix2pix", **small), tmp_path / "sizes", tmp_path / "run", steps=1, progress=Silent())
    small["generator"] = {"width": 4, "blocks": 1}
    with pytest.raises(DataError, match=r'Domain "b" of "one" .*one image'):
        fit(build("cyclegan", labels=("a", "b"), **small), tmp_path / "one", tmp_path / "run", steps=1, batch=2, progress=Silent())


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("pairs", ('"{run}"', "labels none", "domain=blue, domain=red", "--init-from")),
        ("one way", ('"{run}"', 'recipe "cyclegan"', "nets.generator.blue_to_red.stem.conv.weight")),
    ],
)
def test_weights_of_another_architecture_are_refused(
    run_cli: Any, run: Any, data: Path, tmp_path: Path, start: str, words: tuple[str, ...]
) -> None:
    arguments = ("--steps", 1, "--batch", 2, "--run", tmp_path / "run", "--init-from", run(start), *set_options(*NETS))
    result = run_cli("train", "cyclegan", "--data", data / "two", *arguments)
    assert result.code == 2
    assert [word for word in words if word.format(run=run(start)) not in result.err] == []
    assert result.err.count("\n") == 1
    if start == "one way":
        assert result.err.endswith(f"To build the networks of this checkpoint: i2ikit train simgan {' '.join(set_options(*NETS[:3]))}\n")


@pytest.mark.parametrize("kind", ["labelled", "two", "three", "pairs"])
def test_a_run_is_evaluated(run_cli: Any, run: Any, kind: str) -> None:
    result = run_cli("eval", run(kind), "--no-classifier", "--samples-per-input", 2)
    assert (result.code, result.err) == (0, "")
    assert "parameters" in result.out
    assert f"written to {run(kind) / 'numbers.json'}" in result.out
    if kind == "pairs":
        assert "psnr_copy" in result.out
