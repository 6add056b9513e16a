"""Complete evaluations of models that need no training."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from i2ikit.errors import DataError, OptionError, UnknownNameError
from i2ikit.evaluation import (
    Preparation,
    compare,
    evaluate,
    make_evaluation_classifier,
    mean_absolute_error,
    peak_signal_noise_ratio,
    to_unit_range,
)


@pytest.fixture(scope="module")
def classifiers() -> dict[str, Any]:
    return {}


@pytest.fixture
def classifier(squares: Any, classifiers: dict[str, Any]) -> Any:
    if not classifiers:
        classifiers["squares"] = make_evaluation_classifier(squares, Preparation(16, 16), steps=80)
    return classifiers["squares"]


def test_a_perfect_model_gets_the_capped_psnr_and_full_accuracy(oracle: Any, squares: Any, classifier: Any) -> None:
    report = evaluate(oracle, squares, classifier=classifier, targets="tone")
    assert report.value("psnr") == 100.0
    assert report.value("ssim") == pytest.approx(1.0, abs=1e-4)
    assert report.value("mae") == 0.0
    assert report.value("accuracy") == report.value("accuracy/tone") == 1.0
    assert report.value("nearest_accuracy") == 1.0
    assert report.value("diversity") == pytest.approx(report.value("diversity_target"))
    assert report.value("psnr_copy") < 20


def test_a_model_that_copies_its_input_gets_the_numbers_of_the_copy(copying: Any, squares: Any, classifier: Any) -> None:
    report = evaluate(copying, squares, classifier=classifier, targets="tone")
    for name in ("psnr", "ssim", "mae"):
        assert report.value(name) == pytest.approx(report.value(f"{name}_copy"))
    assert report.value("accuracy") == report.value("nearest_accuracy") == 0.0
    assert report.value("diversity") == 0.0


def test_the_numbers_of_the_copy_are_means_over_all_ordered_pairs(copying: Any, squares: Any) -> None:
    report = evaluate(copying, squares, classifier=None, targets="tone")
    part = squares.split("test")
    found, distances = [], []
    for item in part.items:
        for tone in {"red", "green", "blue"} - {item.row["tone"]}:
            a, b = to_unit_range(part.read(item))[None], to_unit_range(part.find_target(item, {"tone": tone}))[None]
            found.append(float(peak_signal_noise_ratio(a, b)))
            distances.append(float(mean_absolute_error(a, b)))
    assert len(found) == 3 * 6
    assert report.value("psnr_copy") == pytest.approx(sum(found) / len(found), abs=1e-4)
    assert report.value("mae_copy") == pytest.approx(sum(distances) / len(distances), abs=1e-6)
    assert report.number("psnr").protocol["count"] == 18
    assert report.number("psnr").protocol["pairs"] == 6
    assert len(report.pairs) == 6
    assert all(row["count"] == 3 for row in report.pairs)


def test_the_batch_size_changes_no_number(oracle: Any, squares: Any) -> None:
    first, second = (evaluate(oracle, squares, classifier=None, batch=batch) for batch in (2, 64))
    assert {each.name: each.value for each in first.numbers} == pytest.approx({each.name: each.value for each in second.numbers})
    assert [compare(a, b) for a, b in zip(first.numbers, second.numbers, strict=True)] == pytest.approx([0.0] * len(first.numbers))


def test_known_values_are_in_the_label_and_unknown_ones_are_masked(oracle: Any, squares: Any) -> None:
    evaluate(oracle, squares, classifier=None, targets="tone")
    part = squares.split("test")
    known = {tuple(squares.encode_label(item)) for item in part.items}
    assert {tuple(row) for _, _, label in oracle.calls for row in label.tolist()} == known
    masks = {row[-2:] for row in known}
    assert masks == {(1.0, 0.0), (1.0, 1.0)}


def test_only_known_values_are_changed(oracle: Any, squares: Any) -> None:
    evaluate(oracle, squares, classifier=None, targets="side")
    known = sum(item.row["side"] is not None for item in squares.split("test").items)
    assert sum(count for count, _, _ in oracle.calls) == known == 6


def test_kept_is_measured_for_the_attributes_that_are_not_changed(oracle: Any, squares: Any, classifier: Any) -> None:
    report = evaluate(oracle, squares, classifier=classifier, targets="tone")
    assert report.number("kept/side").protocol["count"] == 12
    assert report.number("kept").protocol["classifier"]["seed"] == 0
    assert report.value("classifier_accuracy/tone") == classifier.accuracy["tone"]


def test_each_image_is_read_once(oracle: Any, squares: Any) -> None:
    part = squares.split("test")
    part.read_count = 0
    squares.split = lambda _: part
    evaluate(oracle, squares, classifier=None)
    assert part.read_count == len(part.items)


def test_without_targets_the_distances_are_left_out_with_the_reason(oracle: Any, make_squares: Any) -> None:
    report = evaluate(oracle, make_squares(has_target=False), classifier=None)
    assert not [each.name for each in report.numbers if each.name.startswith(("psnr", "ssim", "mae", "nearest"))]
    assert '"squares" has no target' in report.left_out["psnr"]
    assert report.value("diversity") > 0
    assert any("left out: psnr: " in line for line in report.table())


def test_an_attribute_without_targets_is_left_out_with_the_reason(oracle: Any, squares: Any) -> None:
    report = evaluate(oracle, squares, classifier=None)
    assert report.value("psnr/tone") == 100.0
    assert report.left_out["psnr/side"] == '"squares" has no target images for changes of "side".'


def test_without_a_test_split_all_is_left_out_with_the_reason(oracle: Any, make_squares: Any) -> None:
    report = evaluate(oracle, make_squares(splits=("train",)))
    assert report.left_out["psnr"] == '"squares" has no split "test". Available: train.'


def test_an_unknown_split_is_refused(oracle: Any, squares: Any) -> None:
    with pytest.raises(UnknownNameError, match='No split is called "tset"'):
        evaluate(oracle, squares, split="tset")


def test_without_a_training_split_accuracy_is_left_out_with_the_reason(oracle: Any, squares: Any) -> None:
    report = evaluate(oracle, squares.split("test"))
    assert '"squares" has no split "train"' in report.left_out["accuracy"]
    assert report.value("psnr") == 100.0


def test_small_images_have_no_ssim_with_the_reason(make_squares: Any, make_stub: Any) -> None:
    data = make_squares(size=8)
    report = evaluate(make_stub(data, lambda image, _: image), data, classifier=None)
    assert {"11x11", "8x8."} <= set(report.left_out["ssim"].split())


def test_other_channels_are_refused(squares: Any, make_stub: Any) -> None:
    from attrs import evolve

    model = make_stub(squares, lambda image, _: image)
    model.image = evolve(model.image, channels=4)
    with pytest.raises(DataError, match=r"images of 4 channels, .* images of 3 channels"):
        evaluate(model, squares)


def test_data_that_shares_no_attribute_is_refused(squares: Any, make_stub: Any) -> None:
    from i2ikit.core.domain import DomainSpec

    model = make_stub(squares, lambda image, _: image)
    model.domain = DomainSpec.parse({"hair": ("black", "blond")})
    with pytest.raises(DataError, match=r"The model has: hair\. The data has: side, tone"):
        evaluate(model, squares)


@pytest.mark.parametrize("options", [{"batch": 0}, {"limit": 0}, {"targets": ()}])
def test_options_out_of_range_are_refused(oracle: Any, squares: Any, options: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        evaluate(oracle, squares, classifier=None, **options)


def test_a_misspelt_target_is_refused_with_the_nearest_name(oracle: Any, squares: Any) -> None:
    with pytest.raises(UnknownNameError, match=r'No attribute is called "tnoe". Did you mean "tone"'):
        evaluate(oracle, squares, targets="tnoe")


def test_a_limit_is_noted_and_recorded(oracle: Any, squares: Any) -> None:
    report = evaluate(oracle, squares, classifier=None, limit=3, targets="tone")
    assert report.number("psnr").protocol["inputs"] == 3
    assert [note.partition(" only")[0] for note in report.notes] == ["Measured on 3 of the images"]


def test_a_limit_draws_all_values_of_a_sorted_table(oracle: Any, make_squares: Any) -> None:
    report = evaluate(oracle, make_squares(subjects=80), classifier=None, limit=20, targets="tone")
    assert {row["source"] for row in report.pairs} == {"red", "green", "blue"}


def test_every_number_has_its_protocol_and_the_file_is_plain_json(oracle: Any, squares: Any, classifier: Any) -> None:
    data = json.loads(json.dumps(evaluate(oracle, squares, classifier=classifier).to_json(), allow_nan=False))
    for number in data["numbers"]:
        assert set(number) == {"name", "value", "unit", "higher_is_better", "protocol"}
        assert {"definition", "count", "versions", "split", "data"} <= set(number["protocol"])
    psnr_number = next(each for each in data["numbers"] if each["name"] == "psnr")
    assert psnr_number["protocol"] | {"versions": None, "definition": None} == {
        "split": "test", "inputs": 9, "targets": {"tone": ["red", "green", "blue"], "side": ["left", "right"]}, "size": [16, 16],
        "resize": "Lanczos with three lobes, antialiased, as Pillow's LANCZOS, on float values, clamped", "crop": "fit", "channels": 3,
        "range": "[0, 1], not rounded to 8 bits", "data": "squares 36 16", "step": 7, "seed": 3, "versions": None, "count": 18, "pairs": 6,
        "attribute": None, "definition": None,
    }  # fmt: skip


def test_the_table_has_one_matrix_for_each_measure(oracle: Any, squares: Any, classifier: Any) -> None:
    lines = evaluate(oracle, squares, classifier=classifier, targets="tone").table()
    assert lines.index("psnr/tone: source values in rows, target values in columns") + 1 == lines.index("from     red  green   blue")
    assert any(line.split() == ["red", "-", "100.0", "100.0"] for line in lines)


def test_translations_are_clamped_to_the_range_of_images(squares: Any, make_stub: Any) -> None:
    unclamped = make_stub(squares, lambda image, _: image * 3)
    clamped = make_stub(squares, lambda image, _: (image * 3).clamp(-1, 1))
    first, second = (evaluate(model, squares, classifier=None) for model in (unclamped, clamped))
    assert first.value("mae") == second.value("mae")
    assert torch.isfinite(torch.tensor([each.value for each in first.numbers])).all()
