"""Tensors that replace random draws: a wrong name or form is named, in built, loaded and imported models alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from i2ikit import Model, build, import_official, load
from i2ikit.core.step import split
from i2ikit.errors import PlanError, UnknownNameError
from i2ikit_stargan.official import export_official

SMALL: dict[str, Any] = {
    "size": 32,
    "labels": {"hair": ("black", "blond")},
    "generator": {"width": 2, "blocks": 1},
    "discriminator": {"width": 2},
}
PERM = torch.tensor([1, 0, 3, 2])


def make_built(folder: Path) -> Model:
    return build("stargan", **SMALL)


def make_unrehearsed(folder: Path) -> Model:
    return build("stargan", rehearsal=False, **SMALL)


def make_loaded(folder: Path) -> Model:
    return load(make_built(folder).save(folder / "model"))


def make_loaded_in_double_precision(folder: Path) -> Model:
    return make_loaded(folder).double()


def make_loaded_for_inference(folder: Path) -> Model:
    return make_loaded(folder).eval()  # type: ignore[return-value]


def make_imported(folder: Path) -> Model:
    return import_official("stargan", **export_official(make_built(folder)), labels=SMALL["labels"])


MAKERS = (make_built, make_unrehearsed, make_loaded, make_loaded_in_double_precision, make_loaded_for_inference, make_imported)


@pytest.mark.parametrize("make", MAKERS)
def test_an_unknown_name_is_refused_whatever_the_origin_of_the_model(make: Callable[[Path], Model], tmp_path: Path) -> None:
    model = make(tmp_path)
    batch = {name: tensor.to(next(model.parameters()).dtype) for name, tensor in model.example_batch(4).items()}
    with pytest.raises(UnknownNameError, match=r'No draw is called "alpa"\. Did you mean "alpha"'):
        model.step(batch, draws={"alpa": torch.rand(4)})
    assert model.steps_done == 0
    model.step(batch, draws={"alpha": torch.rand(4), "perm": PERM})


def test_loaded_and_built_models_know_the_same_names(tmp_path: Path) -> None:
    assert make_loaded(tmp_path).find_stream_names() == make_built(tmp_path).stream_names != []


def test_a_system_without_random_draws_refuses_every_name() -> None:
    model = build("pix2pix", size=32, rehearsal=False, generator={"width": 2, "depth": 3}, discriminator={"width": 2})
    for _ in range(2):
        with pytest.raises(UnknownNameError, match=r'No draw is called "alpha"\. Available: none\.'):
            model.step(model.example_batch(2), draws={"alpha": torch.zeros(2)})


def test_a_loop_of_its_own_refuses_unknown_names_too(tmp_path: Path) -> None:
    model = make_loaded(tmp_path)
    with pytest.raises(UnknownNameError, match='No draw is called "nope"'):
        split(model, model.example_batch(4), {"nope": torch.zeros(4)}, 0, 1)


@pytest.mark.parametrize(
    ("perm", "found"),
    [
        (torch.tensor([1, 0]), r"found the shape \[2\]"),
        (torch.tensor([[1, 0, 3, 2]]), r"found the shape \[1, 4\]"),
        (torch.tensor([1, 0, 3, 4]), r"found \[1, 0, 3, 4\]"),
        (torch.tensor([-1, 0, 1, 2]), r"found \[-1, 0, 1, 2\]"),
        (torch.tensor([1, 1, 3, 2]), r"found \[1, 1, 3, 2\]"),
        (torch.tensor([1.0, 0.0, 3.0, 2.0]), "found dtype torch.float32"),
    ],
    ids=["length", "axes", "range", "negative", "repeats", "dtype"],
)
def test_a_wrong_permutation_is_named(perm: torch.Tensor, found: str) -> None:
    model = build("stargan", rehearsal=False, **SMALL)
    with pytest.raises(PlanError, match=rf'The draw "perm" must be a permutation of the rows, the whole numbers from 0 to 3; {found}'):
        model.step(model.example_batch(4), draws={"perm": perm})


def test_a_permutation_may_be_that_of_the_whole_batch_or_of_each_micro_batch() -> None:
    model = build("stargan", rehearsal=False, **SMALL)
    for perm in (PERM, torch.tensor([1, 0], dtype=torch.int32)):
        model.step(model.example_batch(4), draws={"perm": perm}, accumulate=2)
    with pytest.raises(PlanError, match="from 0 to 1 or 0 to 3; found the shape"):
        model.step(model.example_batch(4), draws={"perm": torch.tensor([1, 0, 2])}, accumulate=2)


@pytest.mark.parametrize(
    ("draws", "message"),
    [
        ({"alpha": [0.5] * 4}, r'The draw "alpha" is replaced by a list; expected a tensor of numbers'),
        ({"alpha": None}, r'The draw "alpha" is replaced by None'),
        ({"alpha": torch.zeros(4, dtype=torch.complex64)}, r'The draw "alpha" is replaced by a tensor of torch\.complex64'),
        ({"alpha": torch.zeros(4, dtype=torch.bool)}, r'The draw "alpha" is replaced by a tensor of torch\.bool'),
        ({"alpha": torch.zeros(3)}, r'"alpha" is replaced by a tensor of shape \[3\]; expected \[4, 1, 1, 1\]'),
        (torch.zeros(4), "draws= must be a mapping from names to tensors.* found Tensor"),
        (["alpha"], "draws= must be a mapping from names to tensors.* found str"),
    ],
)
def test_a_draw_of_another_form_is_named(draws: Any, message: str) -> None:
    model = build("stargan", rehearsal=False, **SMALL)
    with pytest.raises(PlanError, match=message):
        model.step(model.example_batch(4), draws=draws)


@pytest.mark.parametrize(
    "value", [torch.tensor([-1.0, 0.5]), torch.tensor([0.5, 1.5]), torch.tensor([0.5, float("nan")]), torch.tensor(0.5)]
)
@pytest.mark.parametrize("name", ["pool/place", "a_to_b/pool/chance"])
def test_a_uniform_draw_outside_its_range_or_without_rows_is_named(name: str, value: torch.Tensor) -> None:
    small: dict[str, Any] = {"generator": {"width": 2, "blocks": 1}, "discriminator": {"width": 2, "depth": 2}}
    model = build("cyclegan", size=16, labels=("a", "b"), players={"discriminator": {"pool": 2}}, rehearsal=False, **small)
    batch = {"images": {"a": torch.zeros(2, 3, 16, 16), "b": torch.zeros(2, 3, 16, 16)}}
    with pytest.raises(PlanError, match=r"uniform random numbers|expected \[2\]"):
        model.step(batch, draws={name: value})
