"""Numbers, protocols and reports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from attrs import evolve

from i2ikit.errors import CheckpointError, UnknownNameError
from i2ikit.evaluation import Number, ProtocolError, Report, compare

PROTOCOL = {"split": "test", "size": [64, 64], "step": 5, "versions": {"torch": "2.10"}, "classifier": {"seed": 0, "data": "abc"}}
NUMBER = Number("psnr", 20.0, "dB", True, PROTOCOL)


def test_the_difference_of_two_numbers_of_one_protocol() -> None:
    assert compare(NUMBER, evolve(NUMBER, value=22.5)) == pytest.approx(2.5)


def test_step_seed_and_versions_may_differ() -> None:
    assert compare(NUMBER, evolve(NUMBER, protocol={**PROTOCOL, "step": 9, "seed": 1, "versions": {"torch": "2.15"}})) == 0.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "val"}, r'their protocols differ in "split" \(test and val\)'),
        ({"size": [128, 128]}, r'differ in "size" \(\[64, 64\] and \[128, 128\]\)'),
        ({"crop": 178}, r'differ in "crop" \(nothing and 178\)'),
        ({"classifier": {"seed": 1, "data": "abc"}}, r'differ in "classifier.seed" \(0 and 1\)'),
    ],
)
def test_numbers_of_different_protocols_are_refused_with_the_difference(change: dict[str, object], message: str) -> None:
    with pytest.raises(ProtocolError, match=message) as caught:
        compare(NUMBER, evolve(NUMBER, protocol={**PROTOCOL, **change}))
    assert "\n" not in str(caught.value)


def test_numbers_of_different_names_are_refused() -> None:
    with pytest.raises(ProtocolError, match=r'differ in "name" \(psnr and ssim\)'):
        compare(NUMBER, evolve(NUMBER, name="ssim"))


def test_a_tuple_equals_the_list_in_a_file() -> None:
    assert compare(NUMBER, evolve(NUMBER, protocol={**PROTOCOL, "size": (64, 64)})) == 0.0


def test_a_written_report_is_read_back_unchanged(tmp_path: Path) -> None:
    pairs = ({"attribute": "tone", "source": "a", "target": "b", "count": 3, "psnr": 20.0},)
    report = Report((NUMBER,), {"step": 5}, pairs, {"ssim": "too small"}, ("a note",))
    assert Report.read(report.write(tmp_path / "numbers.json")) == report
    number = json.loads((tmp_path / "numbers.json").read_text())["numbers"][0]
    assert number == {"name": "psnr", "value": 20.0, "unit": "dB", "higher_is_better": True, "protocol": PROTOCOL}


def test_the_message_for_a_missing_number_has_the_reason() -> None:
    report = Report((NUMBER,), left_out={"ssim": "The images are too small."})
    assert report.value("psnr") == 20.0
    with pytest.raises(UnknownNameError, match=r'"ssim".* The images are too small\.'):
        report.value("ssim")


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "numbers.json").write_text('{"numbers": [')
    with pytest.raises(CheckpointError, match="is damaged"):
        Report.read(tmp_path / "numbers.json")
    (tmp_path / "numbers.json").write_text("{}")
    with pytest.raises(CheckpointError, match="does not hold the numbers"):
        Report.read(tmp_path / "numbers.json")
