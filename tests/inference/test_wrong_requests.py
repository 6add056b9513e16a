"""What a model cannot do, or is asked in a wrong way, is refused in one line by each verb."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tiny_recipes import TINY

from i2ikit import Code, Model, build
from i2ikit.errors import OptionError

VERBS: dict[str, Any] = {
    "translate": lambda model, **options: model.translate(torch.zeros(3, 32, 32), to="b", **options),
    "sample": lambda model, **options: model.sample(1, domain="a", **options),
    "encode": lambda model, **options: model.encode(torch.zeros(3, 32, 32), domain="a", **options),
    "decode": lambda model, **options: model.decode(Code(style=torch.zeros(1, 6)), domain="a", **options),
    "invert": lambda model, **options: model.invert(torch.zeros(3, 32, 32), domain="a", steps=1, **options),
}


@pytest.fixture(scope="module")
def models() -> dict[str, Model]:
    labels = {"stargan": {"male": bool}}
    return {
        name: build(name, **{"size": 32, "labels": labels.get(name, ("a", "b")), **TINY[name]}) for name in ("cyclegan", "cogan", "stargan")
    }


@pytest.mark.parametrize(("verb", "name"), [(verb, "cogan" if verb in ("sample", "decode", "invert") else "cyclegan") for verb in VERBS])
@pytest.mark.parametrize("seed", [None, "x", 0.5, True])
def test_a_seed_that_is_no_whole_number_is_refused(models: dict[str, Model], verb: str, name: str, seed: Any) -> None:
    with pytest.raises(OptionError, match=rf"seed={seed!r} is not supported\. Give a whole number"):
        VERBS[verb](models[name], seed=seed)


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("cogan", Code(style=torch.zeros(1, 5)), r'has a style of shape \[1, 5\]; "cogan" needs \[B, 6\]'),
        ("cogan", Code((torch.zeros(1, 3, 8, 8),), torch.zeros(1, 6)), r'has maps with 3 channels; "cogan" needs no maps'),
        ("stargan", Code(style=torch.zeros(1, 6)), r'has no maps; "stargan" needs maps with 3 channels'),
        ("stargan", Code((torch.zeros(1, 2, 8, 8),)), r'has maps with 2 channels; "stargan" needs maps with 3 channels'),
    ],
)
def test_a_code_of_other_shapes_is_refused(models: dict[str, Model], name: str, code: Code, message: str) -> None:
    domain = {"male": True} if name == "stargan" else "a"
    with pytest.raises(OptionError, match=f"The code {message}"):
        models[name].decode(code, domain=domain)
    with pytest.raises(OptionError, match=r"starts from a style alone|The code of start= " + message):
        models[name].invert(torch.zeros(3, 32, 32), start=code, domain=domain, steps=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": "x"}, r"lr='x' is out of range"),
        ({"lr": None}, r"lr=None is out of range"),
        ({"losses": (3,)}, r"losses= contains 3\. Give names and functions"),
    ],
)
def test_a_wrong_option_of_an_inversion_is_refused(models: dict[str, Model], options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        VERBS["invert"](models["cogan"], **options)
