"""JSON files that were changed or damaged: what is told of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from attrs import frozen

from i2ikit.core.json_files import read_object, read_translated
from i2ikit.core.structure import UnknownKeyError, structure
from i2ikit.core.training import Optimizer
from i2ikit.errors import CheckpointError


@frozen
class Inner:
    count: int
    names: list[str]


@frozen
class Outer:
    inner: dict[str, Inner]
    pair: tuple[float, str]
    optional: str | None = None


GOOD = {"inner": {"a": {"count": 1, "names": ["x"]}}, "pair": [0.5, "y"]}


def test_good_data_becomes_a_class() -> None:
    assert structure(GOOD, Outer, "data") == Outer({"a": Inner(1, ["x"])}, (0.5, "y"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inner": 3}, '"inner" is 3; it must be a mapping'),
        ({"inner": {"a": {"count": "1", "names": []}}}, "\"inner.a.count\" is '1'; it must be a whole number"),
        ({"inner": {"a": {"count": True, "names": []}}}, '"inner.a.count" is True; it must be a whole number'),
        ({"inner": {"a": {"count": 10**400, "names": []}}}, r'"inner.a.count" is 1000+\.\.\.; it must be a whole number'),
        ({"inner": {"a": {"count": 1, "names": "xy"}}}, "\"inner.a.names\" is 'xy'; it must be a list"),
        ({"inner": {"a": {"count": 1, "names": ["x", None]}}}, '"inner.a.names.1" is None; it must be a text'),
        ({"inner": {"a": {"names": []}}}, 'there is no "inner.a.count"'),
        ({"pair": [float("nan"), "y"]}, '"pair.0" is nan; it must be a number'),
        ({"pair": [10**400, "y"]}, '"pair.0" is 1.*it must be a number'),
        ({"pair": [1]}, r'"pair" is \[1\]; it must be a list of 2 values'),
        ({"optional": 3}, '"optional" is 3; it must be a text'),
    ],
)
def test_a_wrong_value_is_named_by_key_and_by_what_is_expected(change: dict[str, object], message: str) -> None:
    with pytest.raises(CheckpointError, match=f"^data: {message}.$") as error:
        structure({**GOOD, **change}, Outer, "data")
    assert "\n" not in str(error.value)


def test_an_unknown_key_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UnknownKeyError, match=r'"optionl" is an unknown key\. Did you mean "optional"'):
        structure({**GOOD, "optionl": "x"}, Outer, "data")


def test_the_validators_of_a_class_are_told_with_the_title() -> None:
    with pytest.raises(CheckpointError, match=r'^data: "lr" of an optimizer is -1; it must be a number of 0 or more\.$'):
        structure({"lr": -1}, Optimizer, "data")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is not JSON"),
        (b'{"a": ', "it is not JSON"),
        (b'{"a": "\xff\xfe"}', "it is not a text in UTF-8"),
        (b'{"a": 1, "a": 2}', 'it holds the key "a" twice'),
        (b"[1, 2]", "it does not contain a JSON object"),
        (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", "it is nested too deeply"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "it is nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "digits"),
    ],
)
def test_a_damaged_file_is_named_with_the_reason(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=rf'^"{tmp_path}/a\.json" is damaged: .*{message}'):
        read_object(tmp_path / "a.json")


def test_a_file_that_cannot_be_translated_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"players": 3}))
    with pytest.raises(CheckpointError, match="has not the form of a former version"):
        read_translated(tmp_path / "a.json", lambda data: {**data, "players": list(data["players"])})
