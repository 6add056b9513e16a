"""Seeded calls of the public functions with a bad value in an argument, for every parameter of each."""

from __future__ import annotations

import inspect
import random
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from attrs import fields

import i2ikit
from i2ikit.data import faces
from i2ikit.data import open_data as open_images
from i2ikit.train.options import FitOptions
from i2ikit.train.progress import Silent

VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 3, -0.5, 0.5, 1e20, 10**20, 10**400, float("nan"), float("inf"), "", "x", " ", "\0", "3", "a/b", b"x", (), (1,),
    (0, 0), (-1, 4), ("x",), ("", ""), [], [None], {}, {"x": 1}, {1: 2}, {"x": {"x": None}}, {None}, object(), int, len, Path(),
    Path("/nonexistent"), 1j, torch.zeros(0), torch.zeros(2, 3, 4, 4), range(3), Ellipsis,
)  # fmt: skip
SMALL: Mapping[str, Any] = {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 2}}
OVERRIDES = (
    "size", "channels", "image", "labels", "domains", "official", "lr", "schedule", "ema", "plan", "plan_options", "slots", "terms",
    "players", "stages", "style", "style_dim", "steps", "batch", "flip", "jitter", "retranslate", "redraw", "source_channels", "generator",
    "source_content", "name", "paper", "description",
)  # fmt: skip


CLASSES: Mapping[Any, dict[str, Any]] = {
    i2ikit.Slot: {"component": "x"},
    i2ikit.Term: {"loss": "x"},
    i2ikit.Optimizer: {},
    i2ikit.Schedule: {},
    i2ikit.Ema: {},
    i2ikit.ImageSpec: {},
    i2ikit.Player: {"name": "x", "trains": ("generator",), "terms": {}},
}


def list_base_calls(run: Path, folder: Path) -> dict[str, tuple[Callable[..., Any], dict[str, Any], tuple[str, ...]]]:
    """Return functions with arguments with which they do little, and names of further arguments.

    Args:
        run: A small run of "stargan-fast" on faces.
        folder: An empty folder, for what the functions write.
    """
    data = open_images("faces:count=24,size=16", labels=["hair", "glasses"])
    model = i2ikit.load(run)
    image = torch.zeros(1, 3, 16, 16)
    flags = tuple(each.name for each in fields(FitOptions) if each.name not in ("progress", "loggers", "validate"))

    def fit(**arguments: Any) -> None:
        place = folder / uuid.uuid4().hex
        try:
            fresh = i2ikit.build("stargan-fast", size=16, labels=data.domain, rehearsal=False, **SMALL)
            i2ikit.fit(**{"model": fresh, "data": data, "run": place, "progress": Silent(), **arguments})
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def resume(**arguments: Any) -> None:
        place = Path(shutil.copytree(run, folder / uuid.uuid4().hex))
        try:
            i2ikit.resume(**{"run": place, "progress": Silent(), **arguments})
        finally:
            shutil.rmtree(place, ignore_errors=True)

    build = {"recipe": "stargan-fast", "rehearsal": False, "size": 16, "labels": {"tone": ("a", "b")}, **SMALL}
    own = {"steps": 1, "batch": 4, "sample_every": 0}
    return {
        "build": (i2ikit.build, build, OVERRIDES),
        "load": (i2ikit.load, {"path": run}, ()),
        "recipe": (i2ikit.recipe, {"name": "stargan"}, ()),
        "list_recipes": (i2ikit.list_recipes, {}, ()),
        "list_components": (i2ikit.list_components, {}, ()),
        "open_data": (i2ikit.open_data, {"path": "faces:count=4,size=16"}, ()),
        "fit": (fit, own, ("model", "data", "run", *flags)),
        "resume": (resume, {}, ("run", "data", "model", "recipe", "allow", *flags)),
        "evaluate": (i2ikit.evaluate, {"model": model, "data": data, "classifier": None, "limit": 1, "samples_per_input": 0}, ()),
        "import_official": (i2ikit.import_official, {"name": "stargan", "generator": folder / "none.ckpt"}, ("labels", "size")),
        "translate": (model.translate, {"image": image, "to": {"hair": "black"}, "label": {"glasses": "no", "hair": "red"}}, ()),
        "sample": (model.sample, {"n": 1}, ()),
        "discriminate": (model.discriminate, {"image": image}, ()),
        "save": (model.save, {"directory": folder / "saved"}, ()),
        "write_faces": (faces.write_faces, {"directory": folder / "faces", "count": 2, "size": 16}, ()),
        "tune_cpu": (i2ikit.tune_cpu, {}, ()),
        **{kind.__name__: (kind, arguments, tuple(each.name for each in fields(kind))) for kind, arguments in CLASSES.items()},
        "DomainSpec.parse": (i2ikit.DomainSpec.parse, {"labels": {"hair": ("a", "b")}}, ()),
    }  # fmt: skip


def make_calls(run: Path, folder: Path, seed: int, each: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield calls, each with a description: for each parameter of each function ``each`` ones with a bad value."""
    rng = random.Random(seed)
    for name, (function, own, more) in list_base_calls(run, folder).items():
        parameters = [
            key for key, parameter in inspect.signature(function).parameters.items()
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY) and key not in {"self", "registry"}
        ]  # fmt: skip
        takes_any = any(each.kind is each.VAR_KEYWORD for each in inspect.signature(function).parameters.values())
        for parameter in dict.fromkeys([*parameters, *more, *(["unknown"] if takes_any else [])]):
            values = [value for value in VALUES if parameter != "devices" or str(value) != "3"]  # which start processes
            for value in rng.sample(values, min(each, len(values))):
                arguments = {**own, parameter: value}
                yield f"{name}({parameter}={_show(value)})", lambda function=function, arguments=arguments: function(**arguments)


def _show(value: object) -> str:
    return "10**400" if isinstance(value, int) and abs(value) > 10**50 else " ".join(repr(value).split())[:60]
