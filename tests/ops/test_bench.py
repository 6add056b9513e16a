"""The benchmark of the operators: values are compared first, calls take turns, and ratios are geometric means."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from i2ikit.cli.bench import bench
from i2ikit.errors import OptionError
from i2ikit.ops import bench as ops_bench
from i2ikit.ops import timing
from i2ikit.ops.bench import DIRECTIONS, DifferentValuesError, Row, measure, summarize
from i2ikit.ops.bench.baselines import Subject, list_subjects

CPU = torch.device("cpu")
SMALL = ((2, 4, 8, 6),)


def test_every_operator_is_measured_in_both_layouts_and_directions() -> None:
    rows = list(measure(CPU, sizes=SMALL, repeats=1))
    names = [subject.name for subject in list_subjects(CPU)]
    assert [(row.subject, row.layout, row.direction) for row in rows] == [
        (name, layout, direction) for name in names for layout in ("NCHW", "channels_last") for direction in DIRECTIONS
    ]
    for row in rows:
        assert {"i2ikit", "reference", "copy"} <= set(row.seconds)
        assert all(value > 0 for value in row.seconds.values())
        assert row.refused == {}


def test_a_baseline_with_other_values_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    def make_subject(run: object, baseline: object) -> list[Subject]:
        return [Subject("twice", run, {"reference": lambda x: 2 * x, "baseline": baseline}, lambda x: [x])]  # type: ignore[arg-type]

    monkeypatch.setattr(ops_bench, "list_subjects", lambda device: make_subject(lambda x: x + x, lambda x: 2.1 * x))
    row = next(measure(CPU, sizes=SMALL, repeats=1))
    assert set(row.seconds) == {"i2ikit", "reference", "copy"}
    assert "differs by" in row.refused["baseline"]
    # The gradient must be equal too.
    monkeypatch.setattr(ops_bench, "list_subjects", lambda device: make_subject(lambda x: x + x.detach(), lambda x: 2 * x))
    with pytest.raises(DifferentValuesError, match=r"twice differs by 50\.0% .*\[2, 4, 8, 6\]"):
        next(measure(CPU, sizes=SMALL, repeats=1))


def test_calls_take_turns_on_tensors_that_no_cache_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses: list[int] = []

    def twice(x: torch.Tensor) -> torch.Tensor:
        addresses.append(x.data_ptr())
        return x * 2

    one = Subject("twice", twice, {"reference": lambda x: 2 * x}, lambda x: [x])
    monkeypatch.setattr(ops_bench, "list_subjects", lambda device: [one])
    row = next(measure(CPU, sizes=SMALL, repeats=1, layouts=["NCHW"], cold_bytes=4 * 2 * 4 * 8 * 6 * 3))
    assert len(set(addresses)) == 3
    assert addresses[1:7] == addresses[1:4] * 2
    assert all(value > 0 for value in row.seconds.values())


def test_ratios_are_geometric_means_and_the_worst_size_is_a_share_of_them() -> None:
    rows = [
        Row("up2", "NCHW", "forward", (1, 1, size, size), {"i2ikit": 1.0, "reference": ratio}, {}) for size, ratio in ((8, 2.0), (16, 8.0))
    ]
    (found,) = summarize(rows)
    assert (found.baseline, found.mean, found.worst) == ("reference", pytest.approx(4.0), pytest.approx(0.5))
    assert math.isclose(found.mean * found.worst, 2.0)


def test_calls_take_turns_and_each_repeat_begins_with_another(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    monkeypatch.setattr(timing, "_count_repeats", lambda *arguments: 1)
    timing.measure_medians({name: lambda name=name: order.append(name) for name in "abc"}, CPU, repeats=3)  # type: ignore[misc]
    assert "".join(order) == "abcbcacab"


def test_a_copy_moves_as_many_bytes_as_the_operator_reads_and_writes() -> None:
    copied = timing.make_copy_tensor(torch.zeros(10), torch.zeros(30))
    assert copied.numel() * copied.element_size() == 80


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(OptionError, match=r'"adian"\. Did you mean "adain"'):
        list(measure(CPU, only=["adian"]))


def test_the_command_prints_the_table_and_writes_all_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("i2ikit.tune_cpu", lambda: "not in a test")
    file = tmp_path / "ops.json"
    arguments = ["ops", "--only", "blur", "--size", *["1", "2", "6", "6"], "--repeats", "1", "--device", "cpu", "--json", str(file)]
    done = CliRunner().invoke(bench, arguments)
    assert done.exit_code == 0, done.output
    assert "operator" in done.stdout
    assert "blur" in done.stdout
    written = json.loads(file.read_text())
    assert len(written["rows"]) == 4
    assert written["rows"][0]["size"] == [1, 2, 6, 6]
