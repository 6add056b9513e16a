"""Messages on the command line name its options, not those of Python."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from PIL import Image

from i2ikit import Model, build, evaluate, fit, open_data
from i2ikit.cli import COMMANDS
from i2ikit.cli.option_names import list_flags, name_options
from i2ikit.train.options import list_options

OPTIONS = {
    name
    for function in (open_data, build, fit, Model.translate, Model.sample, evaluate)
    for name in [*inspect.signature(function).parameters, *(each.name for each in list_options())]
} - {"run", "model"}
PYTHON = re.compile(
    rf"(?<![\w.\-/,:\"'])(?<!--set )(?:{'|'.join(OPTIONS)})=|\b(?:build|resume|open_data|model\.\w+)\(|\b[a-z]+_[a-z_]+ (?:is|must)"
)


def find_command(name: str) -> click.Command:
    module, _, attribute = COMMANDS[name][0].partition(":")
    found: click.Command = getattr(import_module(module), attribute)
    return found


@pytest.mark.parametrize(
    ("command", "text", "expected"),
    [
        (
            "train",
            'Open the data with channels=3 or background="white", or call build(..., channels=4).',
            "Use --channels 3 or --background white.",
        ),
        ("train", 'Name two of them with pairs=.', "Name two of them with --pairs."),
        ("train", 'Use pairs="b,a" to swap them, or batch_kind="unpaired" to separate them.', "Use --pairs b,a to swap them."),
        ("train", 'the same name, or use batch_kind="unpaired".', "the same name, or use a recipe for unpaired data."),
        ("train", 'batch_kind="unpaired" requires two folders', "unpaired data requires two folders"),
        ("train", "evaluate_every is 0. Give evaluate_every=N", "--evaluate-every is 0. Give --evaluate-every N"),
        ("train", '"log_every" of the training is 0', "--log-every of the training is 0"),
        ("train", '"x" does not support official=True: Leave official= out.', '"x" does not support --official: Leave --official out.'),
        ("train", 'Remove it: players={"style": None}.', "Remove it: --set players.style=none."),
        ("train", 'number: build(..., stages={"gan": {"steps": ...}}).', "number: --set stages.gan.steps=VALUE."),
        ("train", "Both --batch and --set batch=8 are given.", "Both --batch and --set batch=8 are given."),
        ("train", 'such as "faces:count=300,size=64,seed=0"', 'such as "faces:count=300,size=64,seed=0"'),
        ("train", 'Folder "runs/size=64" and "size=3" stay.', 'Folder "runs/size=64" and "size=3" stay.'),
        ("translate", 'For example to={"tone": "dark"}.', "For example --to tone=dark."),
        ("translate", '--to "size=3" and --to size=large', '--to "size=3" and --to size=large'),
        ("sample", 'domain= is empty: domain={NAME: "x"}; use model.translate.', "--to is empty: --to NAME=x; use i2ikit translate."),
        ("translate", 'Convert it to RGB first, for example with Pillow: image.convert("RGB").', "Convert it to RGB first."),
        ("data", 'Use batch_kind="glued" to read them', "Use --kind glued to read them"),
        ("eval", 'Name one: --features a-b, or features="a-b". samples_per_input=3', "Name one: --features a-b. --samples-per-input 3"),
        ("bench", "batch_kinds stay", "batch_kinds stay"),
    ],
)  # fmt: skip
def test_options_of_the_library_become_flags(command: str, text: str, expected: str) -> None:
    assert name_options(text, find_command(command)) == expected


def test_every_flag_that_is_named_exists() -> None:
    for name in COMMANDS:
        command = find_command(name)
        existing = {flag for each in [command, *getattr(command, "commands", {}).values()] for param in each.params for flag in param.opts}
        assert set(list_flags(command).values()) <= existing


def write(path: Path, size: tuple[int, int] = (16, 16), mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), 120, dtype=np.uint8)).convert(mode).save(path)


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    """Write data sets of many kinds."""
    for folder, index in itertools.product("ab", range(3)):
        write(tmp_path / "pairs" / folder / f"{index}.png")
        write(tmp_path / "unpaired" / folder / f"{folder}{index}.png")
        write(tmp_path / "mixed" / folder / f"{folder}{index}.png", mode="RGBA" if index else "RGB")
        write(tmp_path / "alpha" / folder / f"{index}.png", mode="RGBA")
        write(tmp_path / "uneven" / folder / f"{index}.png", (16, 20) if folder == "b" else (16, 16))
    for index in range(4):
        write(tmp_path / "wide" / f"{index}.png", (16, 32))
        write(tmp_path / "loose" / f"{index}.png")
        write(tmp_path / "glued" / "train" / f"{index}.png", (16, 32))
    for folder in "abc":
        write(tmp_path / "three" / folder / "0.png")
    return {each.name: each for each in tmp_path.iterdir()}


TRAIN = [
    (recipe, data, *options)
    for recipe, data in itertools.product(
        ("pix2pix-fast", "cyclegan-fast", "stargan-fast"),
        (
            *("pairs", "unpaired", "mixed", "alpha", "uneven", "wide", "loose", "glued", "three"),
            *("faces:size=16", "faces:view=sketch,target=image"),
        ),
    )
    for options in ((), ("--channels", "1"))
] + [
    ("stargan-fast", "three", *options)
    for options in (
        ("--best", "psnr", "--evaluate-every", "0"), ("--log-every", "0"), ("--devices", "abc"), ("--precision", "7"),
        ("--official",), ("--steps", "1", "--minutes", "1"), ("--crop", "99"), ("--crop", "0"),
        ("--pairs", "a"), ("--source-channels", "2"), ("--set", "slots.x=3"), ("--source-content", "label_map"),
        ("--set", "generator=nothing"), ("--set", "players.x.lr=1"), ("--set", "size=3"), ("--batch", "99"),
        ("--set", "generator.width=0"), ("--set", "style_dim=3"), ("--set", "plan=paired"), ("--on-bad-file", "no"),
        ("--sample-every", "-1"),
    )
]  # fmt: skip


@pytest.mark.parametrize("arguments", TRAIN, ids=" ".join)
def test_no_message_of_train_speaks_of_python_options(
    arguments: tuple[str, ...], places: dict[str, Path], run_cli: Callable[..., Any], tmp_path: Path
) -> None:
    recipe, data, *options = arguments
    result = run_cli("train", recipe, "--data", places.get(data, data), "--run", tmp_path / "run", "--dry-run", *options)
    model = result.out.partition("; run folder:")  # what follows is the description of the model
    text = f"{model[0] if model[1] else result.out}{result.err}".replace(str(tmp_path), "")
    assert not PYTHON.findall(text), text


@pytest.mark.parametrize(
    "arguments",
    [(data, *options) for data in ("pairs", "unpaired", "mixed", "alpha", "uneven", "wide", "loose", "glued", "three")
     for options in ((), ("--batch-kind", "paired"), ("--batch-kind", "glued"), ("--batch-kind", "unpaired"), ("--channels", "1"))],
    ids=" ".join,
)  # fmt: skip
def test_no_message_of_data_check_speaks_of_python_options(
    arguments: tuple[str, ...], places: dict[str, Path], run_cli: Callable[..., Any], tmp_path: Path
) -> None:
    data, *options = arguments
    result = run_cli("data", "check", places[data], *options)
    text = f"{result.out}{result.err}".replace(str(tmp_path), "")
    assert not PYTHON.findall(text), text
