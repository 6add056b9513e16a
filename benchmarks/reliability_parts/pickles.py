"""Pickles under every name in everything that reads files: none is executed."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from reliability_parts.attempt import Attempt, make_model, train, write_data


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


def run(folder: Path, seed: int, scale: float) -> Iterator[Attempt]:
    """Write pickles of five kinds under the name of every file that the library reads, and read it by every way.

    Args:
        folder: An empty folder.
        seed: Not used.
        scale: Not used: every case is tried.
    """
    data = write_data(folder / "data")
    train("stargan-fast", data["stargan-fast"], folder / "run")
    mark = folder / "executed"
    for kind, content in _make_pickles(mark).items():
        for name, (target, read) in _list_readers(folder, data["stargan-fast"]).items():
            yield _try(f"{kind} as {name}", content, target, read, mark)


def _make_pickles(mark: Path) -> dict[str, bytes]:
    import numpy as np
    import torch

    torch_file, numpy_file, archive = io.BytesIO(), io.BytesIO(), io.BytesIO()
    torch.save({"main.0.weight": Payload(mark)}, torch_file)
    np.save(numpy_file, np.array([Payload(mark)], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr("a/data.pkl", pickle.dumps(Payload(mark)))
    return {
        "plain pickle": pickle.dumps(Payload(mark)),
        "old pickle": pickle.dumps(Payload(mark), protocol=0),
        "torch file": torch_file.getvalue(),
        "numpy array": numpy_file.getvalue(),
        "archive": archive.getvalue(),
    }


def _list_readers(folder: Path, data: tuple[str, dict[str, Any]]) -> dict[str, tuple[Path, Callable[[Path], Any]]]:
    """Return for each way the file that it reads, and a function that reads it."""
    from i2ikit import Model, build, import_official, load, open_data, resume
    from i2ikit.cli import main
    from i2ikit.core.registry import default_registry
    from i2ikit.evaluation import evaluate
    from i2ikit.evaluation.feature_option import parse_features
    from i2ikit.evaluation.perceptual import parse_lpips

    run, images = folder / "copy", folder / "images"
    model = make_model("stargan-fast", open_data(data[0], **data[1]))
    opened = open_data(data[0], **data[1])

    def command(*words: Any) -> Callable[[Path], Any]:
        return lambda _: _refuse_zero(main([str(word) for word in words]))

    readers: dict[str, tuple[Path, Callable[[Path], Any]]] = {}
    for suffix in ("png", "jpg", "webp", "tiff", "npy", "gif", "bmp"):
        file = images / f"x.{suffix}"
        readers[f"image .{suffix}, translated"] = file, lambda path: model.translate(path, to={"hair": "black"})
        readers[f"image .{suffix}, on the command line"] = (
            file, command("translate", run / "final", file, folder / "out.png", "--to", "hair=black"),
        )  # fmt: skip
        readers[f"image .{suffix}, as data"] = images / f"a/x.{suffix}", lambda path: open_data(path.parents[1])
    for table in ("attributes.csv", "attributes.jsonl", "dataset.json", "list_attr_celeba.txt"):
        readers[table] = images / table, lambda path: open_data(path.parent)
    readers["a zip of images"] = images / "set.zip", open_data
    for name in ("config.json", "weights.safetensors"):
        readers[f"final/{name}, loaded"] = run / "final" / name, lambda path: load(path.parent)
        readers[f"final/{name}, from_pretrained"] = run / "final" / name, lambda path: Model.from_pretrained(path.parent)
        readers[f"final/{name}, by eval"] = run / "final" / name, command("eval", run, "--no-classifier", "--limit", 2)
    for name in ("run.json", "checkpoints/step-00000012/state.json", "checkpoints/step-00000012/state.safetensors"):
        readers[f"{name}, resumed"] = run / name, lambda _: resume(folder / "copy", steps=13, allow=["recipe.steps"])
    readers["recipe.toml"] = folder / "recipe.toml", build
    readers["weights of a slot"] = folder / "part.pth", lambda path: build("stargan-fast", slots={"generator": {"weights": str(path)}})
    readers["weights of VGG"] = folder / "vgg.pth", lambda path: build("munit-vgg", terms={"translator/perceptual": {"weights": str(path)}})
    readers["Inception weights"] = (
        folder / "inception.pth", lambda path: evaluate(model, opened, features=parse_features(f"inception={path}"), classifier=None),
    )  # fmt: skip
    readers["LPIPS weights"] = (
        folder / "alex.pth", lambda path: evaluate(model, opened, lpips=[parse_lpips(f"alex={path},{path}")], classifier=None),
    )  # fmt: skip
    for name in default_registry().importers():
        readers[f"import {name}"] = folder / "official.pth", lambda path, name=name: _import(import_official, name, path)
    return readers


def _import(import_official: Callable[..., Any], name: str, path: Path) -> Any:
    import inspect

    from i2ikit.core.registry import default_registry

    parameters = inspect.signature(default_registry().importer(name)).parameters
    files = [key for key, value in parameters.items() if value.default is inspect.Parameter.empty and value.kind != value.VAR_KEYWORD]
    return import_official(name, **dict.fromkeys(files, path))


def _refuse_zero(code: int) -> None:
    if code == 0:
        raise AssertionError("exit code 0")


def _try(name: str, content: bytes, target: Path, read: Callable[[Path], Any], mark: Path) -> Attempt:
    from i2ikit.errors import I2IKitError

    root = mark.parent
    for folder in ("copy", "images"):
        shutil.rmtree(root / folder, ignore_errors=True)
    shutil.copytree(root / "run", root / "copy")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    problem = ""
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            read(target)
    except I2IKitError as error:
        problem = "more than one line" if "\n" in str(error) else ""
    except (Exception, SystemExit) as error:  # noqa: BLE001 - what this campaign looks for
        problem = f"{type(error).__name__}: {error}"
    if mark.exists():
        mark.rmdir()
        problem = "EXECUTED"
    return Attempt(name, problem)
