"""Training, resuming, translating and measuring from the command line, on tiny data of every kind; and what is said of bad data."""

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

pytestmark = pytest.mark.filterwarnings("ignore:The tiles do not equal")


def drawing(number: int, colour: str, size: int = 20) -> Image.Image:
    """A disc on a pale ground."""
    picture = Image.new("RGB", (size, size), (250 - 7 * number, 235, 200 + 5 * number))
    left, top = 2 + number % 4, 3 + number % 3
    ImageDraw.Draw(picture).ellipse((left, top, left + 9, top + 8), fill=COLOURS[colour])
    return picture


def written(folder: Path, colour: str, count: int = 6, size: int = 20, mode: str = "RGB", first: str = "") -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        drawing(number, colour, size).convert(mode).save(folder / f"{first}{number}.png")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders by kind, each with a split for tests."""
    root = tmp_path_factory.mktemp("data")
    for split in ("train", "test"):
        for colour in COLOURS:
            written(root / "three" / split / colour, colour, first=f"{split}-{colour}-")
        for colour in ("red", "blue"):
            written(root / "two" / split / colour, colour, first=f"{split}-{colour}-")
        written(root / "pairs" / split / "drawing", "green", mode="L", first=f"{split}-")
        written(root / "pairs" / split / "photo", "green", first=f"{split}-")
    return root


def options(*sets: str) -> list[str]:
    return [word for each in sets for word in ("--set", each)]


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of a run of two steps, trained when it is first asked for."""
    from i2ikit.cli import main

    recipes = {"labelled": ("stargan", "two", NETS), "two": ("cyclegan", "two", NETS), "three": ("munit", "three", MUNIT)}
    recipes |= {"pairs": ("pix2pix", "pairs", UNET), "one way": ("simgan", "two", NETS)}
    root, made = tmp_path_factory.mktemp("runs"), dict[str, Path]()

    def trained(kind: str) -> Path:
        if kind not in made:
            recipe, folder, sets = recipes[kind]
            words = ["train", recipe, "--data", data / folder, "--steps", 2, "--batch", 2, "--run", root / kind, "--no-eval"]
            assert main([*map(str, words), *options(*sets)]) == 0
            made[kind] = root / kind
        return made[kind]

    return trained


@pytest.mark.parametrize(
    ("recipe", "folder", "sets", "amount"),
    [
        ("stargan", "two", NETS, "12 images"),
        ("cyclegan", "two", NETS, "12 images: blue, red"),
        ("pix2pix", "pairs", UNET, "6 pairs"),
    ],
)
def test_training_says_what_it_trains_on(i2i: Any, data: Path, tmp_path: Path, recipe: str, folder: str, sets: Any, amount: str) -> None:
    run = tmp_path / "run"
    words = ("train", recipe, "--data", data / folder, "--steps", 2, "--batch", 2, "--run", run, "--no-eval", *options(*sets))
    said = i2i(*words)
    assert (said.code, said.err) == (0, "")
    assert f'Training {recipe} at 16x16 on "{folder}" ({amount}).\n' in said.out
    assert "2 steps of 2 images on cpu, 32-true; samples every step, checkpoints every step, in " in said.out
    assert said.out.endswith(f"Done: {run / 'index.html'}\n")
    assert ("note: Pairs by equal name, drawing -> photo; --pairs photo,drawing swaps them.\n" in said.out) == (folder == "pairs")
    assert 'batch_kind="' not in said.out

    longer = i2i("train", "--resume", run, "--steps", 3, "--allow-change", "recipe.steps", "--no-eval")
    assert (longer.code, longer.err) == (0, "")
    assert 'Going on from "step-00000002"' in longer.out
    assert load(run).steps_done == 3


def test_pairs_are_turned_around_when_asked(i2i: Any, data: Path, tmp_path: Path) -> None:
    words = ("--steps", 1, "--batch", 2, "--run", tmp_path / "run", "--no-eval", *options(*UNET))
    assert (
        "note: Pairs by equal name, photo -> drawing;"
        in i2i("train", "pix2pix", "--data", data / "pairs", "--pairs", "photo,drawing", *words).out
    )
    model = load(tmp_path / "run")
    assert (model.source.channels, model.image.channels) == (3, 1)


def test_the_channels_of_both_sides_are_found_in_the_data(i2i: Any, run: Any, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert i2i("translate", run("pairs"), data / "pairs/test/drawing/test-1.png", out).code == 0
    assert read_image(out).shape == (3, 20, 20)


def test_the_page_shows_a_command_that_works(i2i: Any, run: Any, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from i2ikit.train.page.record import read_record
    from i2ikit.train.page.words import commands

    inputs = {"labelled": "two/test/red/test-red-1.png", "two": "two/test/blue/test-blue-1.png", "three": "three/test/blue/test-blue-1.png"}
    inputs |= {"pairs": "pairs/test/drawing/test-1.png", "one way": "two/test/red/test-red-1.png"}
    for kind, file in inputs.items():
        said = dict(commands(read_record(run(kind))))["translate an image of your own"]
        _, words = said.split(f"{run(kind)}'" if " " in kind else str(run(kind)), 1)
        typed = [word.replace("in.png", str(data / file)).replace("out.png", str(tmp_path / "o.png")) for word in words.split()]
        extra = ["--label", "domain=red"] if kind == "labelled" and "--label" in said else []
        assert i2i("translate", run(kind), *typed, *extra).code == 0, said


def test_a_folder_a_style_samples_and_tiles(i2i: Any, run: Any, data: Path, tmp_path: Path) -> None:
    model, red = run("three"), data / "three/test/red"
    to = ("--to", "green", "--source", "red")

    assert i2i("translate", model, red, tmp_path / "all", *to).out.endswith(f"6 images in {tmp_path / 'all'}\n")
    assert len(list((tmp_path / "all").iterdir())) == 6

    said = i2i("translate", model, red / "test-red-1.png", tmp_path / "two.png", *to, "--samples", 2)
    assert said.out.endswith(f"-> {tmp_path / 'two.1.png'}\n{red / 'test-red-1.png'} -> {tmp_path / 'two.2.png'}\n")
    assert not torch.equal(read_image(tmp_path / "two.1.png"), read_image(tmp_path / "two.2.png"))

    style = data / "three/test/green/test-green-3.png"
    assert i2i("translate", model, red / "test-red-1.png", tmp_path / "styled.png", *to, "--style", style).code == 0
    expected = load(model).translate(read_image(red / "test-red-1.png"), to="green", source="red", style=read_image(style))
    assert (read_image(tmp_path / "styled.png") - expected).abs().max() <= 1.01 / 255

    drawing(1, "red", 50).save(tmp_path / "large.png")
    said = i2i("translate", model, tmp_path / "large.png", tmp_path / "tiled.png", *to, "--tile", 32)
    assert said.code == 0
    assert "note: The tiles do not equal the whole image: these networks look at all of it" in said.out
    assert read_image(tmp_path / "tiled.png").shape == (3, 50, 50)


ASKED = {
    ("two",): "--to names no domain; this model translates to: blue, red.",
    ("two", "--to", "zebra"): 'No domain of this model is called "zebra". Available: blue, red.',
    ("two", "--to", "red", "--samples", "2"): '--samples 2: "cyclegan" draws no style, so that all would be equal. Leave --samples out.',
    (
        "two",
        "--to",
        "red",
        "--source",
        "red",
    ): '"cyclegan" does not translate from red to red. It translates from blue to red, from red to blue.',
    ("two", "--to", "red", "--style", "{image}"): '--style is given, and "cyclegan" draws no style. Leave it out.',
    ("one way", "--to", "blue"): '"simgan" does not translate to blue. It translates from blue to red.',
    ("pairs", "--to", "photo"): "--to 'photo' says nothing to \"pix2pix\", which has one target. Leave it out.",
    ("pairs",): '"{image}": The image has 3 channels, the model 1. Convert it first, such as with Pillow: image.convert("L").',
    ("three", "--to", "green", "--source", "red", "--style", "{large}"): (
        'The style image and the image to translate are 24x24 and 20x20. Give equal sizes, or --size "trained" to resize both.'
    ),
}


def test_the_discriminators_say_where_an_image_of_three_domains_comes_from(i2i: Any, run: Any, data: Path, tmp_path: Path) -> None:
    said = i2i("translate", run("three"), data / "three/test/red/test-red-1.png", tmp_path / "out.png", "--to", "green")
    assert (said.code, said.err) == (0, "")
    told = r'^note: --source is not given; the discriminators take the image to be of "(red|blue)"\. --source "\1" says so\.$'
    assert re.search(told, said.out, re.MULTILINE)


def test_pairs_side_by_side_are_told_to_be_translated_whole(i2i: Any, run: Any, tmp_path: Path) -> None:
    Image.new("L", (40, 20), "white").save(tmp_path / "both.png")
    said = i2i("translate", run("pairs"), tmp_path / "both.png", tmp_path / "out.png")
    assert (said.code, said.err) == (0, "")
    assert "note: some images are twice as wide as high, as pairs side by side are; they are translated whole" in said.out


@pytest.mark.parametrize(("words", "line"), ASKED.items(), ids=[line[:40] for line in ASKED.values()])
def test_what_cannot_be_asked_is_one_line(i2i: Any, run: Any, data: Path, tmp_path: Path, words: Any, line: str) -> None:
    kind, *rest = words
    drawing(1, "red", 24).save(tmp_path / "large.png")
    places = {"image": data / "two/test/red/test-red-1.png", "large": tmp_path / "large.png"}
    said = i2i("translate", run(kind), places["image"], tmp_path / "out.png", *(word.format(**places) for word in rest))
    assert (said.code, said.err) == (2, f"error: {line.format(**places)}\n")
    assert not (tmp_path / "out.png").exists()


def bad_names(root: Path) -> None:
    written(root / "drawing", "green", first="d")
    written(root / "photo", "green", first="p")


def bad_sizes(root: Path) -> None:
    written(root / "drawing", "green", size=18)
    written(root / "photo", "green")


def a_domain_of_one(root: Path) -> None:
    for split in ("train", "test"):
        written(root / split / "a", "red", first=split)
        written(root / split / "b", "blue", count=1, first=split)


NO_PAIRS = (
    'No name stands both in "drawing" and in "photo", so there are no pairs: "d0", "d1", "d2" and 3 more against "p0", "p1", "p2" and '
    "3 more. Give equal names, or train a recipe for unpaired domains."
)
UNLIKE = (
    "6 pairs of 6 have images of unlike sizes: drawing/0.png 18x18 and 20x20; drawing/1.png 18x18 and 20x20; drawing/2.png 18x18 and "
    "20x20; and 3 more. Resize one to the other."
)
ALONE = 'Domain "b" of "data" has one image only in this split. A domain is learnt from several: add some.'
BAD = {bad_names: ("pix2pix", NO_PAIRS), bad_sizes: ("pix2pix", UNLIKE), a_domain_of_one: ("cyclegan", ALONE)}


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_bad_data_is_one_line(i2i: Any, tmp_path: Path, make: Any) -> None:
    recipe, line = BAD[make]
    make(tmp_path / "data")
    sets = UNET if recipe == "pix2pix" else NETS
    said = i2i("train", recipe, "--data", tmp_path / "data", "--steps", 1, "--batch", 2, "--run", tmp_path / "run", *options(*sets))
    assert (said.code, said.err) == (2, f"error: {line}\n")
    dry = i2i("train", recipe, "--data", tmp_path / "data", "--dry-run", *options(*sets))
    assert (dry.code, dry.err) == (said.code, said.err)
    if make is not bad_names:
        assert "Training refuses" in i2i("data", "check", tmp_path / "data").out


def test_bad_data_is_one_line_in_python_too(tmp_path: Path) -> None:
    from i2ikit import build, open_data

    bad_sizes(tmp_path / "sizes")
    a_domain_of_one(tmp_path / "one")
    bad_names(tmp_path / "names")
    with pytest.raises(
        DataError, match=r'no pairs: "d0", "d1", "d2" and 3 more against .* Give equal names, or use batch_kind="unpaired"\.$'
    ):
        open_data(tmp_path / "names", batch_kind="paired")
    small: dict[str, Any] = {
        "size": 16,
        "generator": {"width": 4, "depth": 4},
        "discriminator": {"width": 4, "depth": 2},
        "rehearsal": False,
    }
    with pytest.raises(DataError, match=r"^6 pairs of 6 have images of unlike sizes: drawing/0\.png 18x18 and 20x20;"):
        fit(build("pix2pix", **small), tmp_path / "sizes", tmp_path / "run", steps=1, progress=Silent())
    small["generator"] = {"width": 4, "blocks": 1}
    with pytest.raises(DataError, match=r'^Domain "b" of "one" has one image only'):
        fit(build("cyclegan", labels=("a", "b"), **small), tmp_path / "one", tmp_path / "run", steps=1, batch=2, progress=Silent())


@pytest.mark.parametrize(
    ("start", "line"),
    [
        ("pairs", '"{run}" was trained with the labels none; this data has domain=blue, domain=red.'),
        ("one way", '"{run}" does not fit recipe "cyclegan": nets.generator.blue_to_red.stem.conv.weight is missing;'),
    ],
)
def test_the_weights_of_another_architecture_are_named(i2i: Any, run: Any, data: Path, tmp_path: Path, start: str, line: str) -> None:
    words = ("--steps", 1, "--batch", 2, "--run", tmp_path / "run", "--init-from", run(start), *options(*NETS))
    said = i2i("train", "cyclegan", "--data", data / "two", *words)
    assert said.code == 2
    assert said.err.startswith("error: " + line.format(run=run(start)))
    assert said.err.count("\n") == 1
    if start == "one way":
        assert said.err.endswith(f"Its own networks are built by: i2ikit train simgan {' '.join(options(*NETS[:3]))}\n")


@pytest.mark.parametrize("kind", ["labelled", "two", "three", "pairs"])
def test_a_run_is_measured(i2i: Any, run: Any, kind: str) -> None:
    said = i2i("eval", run(kind), "--no-classifier", "--samples", 2)
    assert (said.code, said.err) == (0, "")
    assert "parameters" in said.out
    assert f"written to {run(kind) / 'numbers.json'}" in said.out
    if kind == "pairs":
        assert "psnr_copy" in said.out
