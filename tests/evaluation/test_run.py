"""The evaluation of runs and of models of the library, and the command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from i2ikit import build
from i2ikit.cli import main
from i2ikit.data import open_data, write_image
from i2ikit.errors import CheckpointError, DataError, OptionError
from i2ikit.evaluation import Report, count_parameters, evaluate, evaluate_run
from i2ikit.evaluation.parameters import count_domain_pairs
from i2ikit.evaluation.protocol import Number

TONES = {"red": 0, "green": 1, "blue": 2}


def mark_trained(model: Any) -> Any:
    """Return a model that reports a step: loading one of step 0 warns of its random weights."""
    model.steps_done = 1
    return model


def build_small() -> Any:
    return mark_trained(build("stargan", size=16, labels={"tone": tuple(TONES)}, generator={"width": 8, "blocks": 1}, rehearsal=False))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("table")
    lines = ["file,split,subject,tone"]
    for subject in range(6):
        for tone, channel in TONES.items():
            image = torch.full((3, 20, 20), -1.0)
            image[channel, 4 : 8 + subject] = 1.0
            write_image(image, folder / f"{subject}-{tone}.png")
            lines.append(f"{subject}-{tone}.png,{'test' if subject > 3 else 'train'},{subject},{tone}")
    (folder / "attributes.csv").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def model() -> Any:
    return build_small()


@pytest.fixture
def run(table: Path, model: Any, tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    model.save(folder / "final")
    data = {"path": str(table), "options": {"labels": ["tone"]}, "fingerprint": open_data(table, labels=["tone"]).fingerprint()}
    (folder / "run.json").write_text(json.dumps({"data": data, "train": {}}))
    return folder


def test_a_run_is_measured_with_its_own_data_and_its_numbers_are_written(run: Path) -> None:
    report = evaluate_run(run, classifier=None)
    assert report.number("psnr").protocol["count"] == 6 * 2
    assert Report.read(run / "numbers.json") == report
    assert report.notes == ()
    assert sorted(path.name for path in run.iterdir()) == ["final", "numbers.json", "run.json"]


def test_the_limit_of_pixels_can_be_changed_for_an_evaluation(run: Path) -> None:
    with pytest.raises(DataError, match=r"above the limit of 10\. .* raise the limit: max_pixels="):
        evaluate_run(run, max_pixels=10, write=False, classifier=None)


def test_the_classifier_is_saved_in_the_run(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from i2ikit.evaluation import evaluation_classifier

    trained = []
    monkeypatch.setattr(evaluation_classifier, "train", lambda *_, **__: trained.append(1))
    evaluate_run(run)
    evaluate_run(run)
    assert trained == [1]
    assert (run / "classifier" / "weights.safetensors").exists()


def test_changed_data_is_noted(run: Path, table: Path, tmp_path: Path) -> None:
    other = shutil.copytree(table, tmp_path / "other")
    lines = (other / "attributes.csv").read_text().splitlines()
    (other / "attributes.csv").write_text("\n".join(lines[:-3]))
    report = evaluate_run(run, data=other, classifier=None)
    assert "the fingerprints differ" in report.notes[0]


def test_a_model_without_a_run_needs_data_and_writes_nothing(model: Any, table: Path, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    with pytest.raises(OptionError, match=r'does not record .* data="PATH"'):
        evaluate_run(tmp_path / "model")
    assert evaluate_run(tmp_path / "model", data=table, classifier=None).number("psnr").protocol["count"] == 12
    assert not (tmp_path / "model" / "numbers.json").exists()


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="contains no model"):
        evaluate_run(tmp_path)


def test_parameters_are_counted_by_slot_and_against_cross_domain_models(model: Any) -> None:
    counts = count_parameters(model)
    generator = sum(each.numel() for each in model.slot("generator").parameters())
    assert counts.slots["generator"] == generator
    assert counts.total == sum(each.numel() for each in model.nets.parameters())
    assert counts.translators == 3 * 2
    assert counts.cross_domain == 6 * generator
    assert counts.formula.startswith("k(k-1) translators")


def test_cross_domain_models_are_counted_by_the_values_of_each_attribute() -> None:
    from i2ikit import DomainSpec

    assert count_domain_pairs(DomainSpec.parse({"hair": ("black", "blond", "brown"), "male": bool})) == 3 * 2 + 2 * 1


def test_a_run_on_two_data_sets_has_the_numbers_of_each_attribute(tmp_path: Path) -> None:
    path, sources = "faces:count=20,size=16", []
    model = build("stargan", size=16, labels=[{"glasses": bool}, {"hat": bool}], generator={"width": 8, "blocks": 1}, rehearsal=False)
    mark_trained(model).save(tmp_path / "final")
    for name in ("glasses", "hat"):
        data = open_data(path, labels=[name])
        sources.append({"path": path, "name": name, "options": {"labels": [name]}, "fingerprint": data.fingerprint()})
    (tmp_path / "run.json").write_text(json.dumps({"data": sources, "train": {}}))
    report = evaluate_run(tmp_path, classifier=None)
    assert {each.name for each in report.numbers if each.name.startswith("psnr/")} == {"psnr/glasses", "psnr/hat"}
    assert "psnr" not in {each.name for each in report.numbers}
    assert report.number("psnr/glasses").protocol["data"] != report.number("psnr/hat").protocol["data"]
    assert report.left_out["accuracy"] == "faces: No classifier was requested. faces: No classifier was requested."


def test_a_run_on_data_made_in_python_requires_the_data(run: Path, table: Path) -> None:
    configuration = json.loads((run / "run.json").read_text())
    configuration["data"]["path"] = None
    (run / "run.json").write_text(json.dumps(configuration))
    with pytest.raises(OptionError, match='Give it: data="PATH"'):
        evaluate_run(run)
    assert evaluate_run(run, data=open_data(table), classifier=None).notes == ()


def test_faces_have_a_target_for_every_change() -> None:
    data = open_data("faces:count=20,size=16")
    model = build("stargan", size=16, labels=data.domain, generator={"width": 8, "blocks": 1}, rehearsal=False)
    report = evaluate(model, data, classifier=None)
    protocol = report.number("psnr").protocol
    assert protocol["count"] == protocol["inputs"] * (3 + 1 + 1 + 7)
    assert report.value("nearest_accuracy/hair") <= 1.0


def test_the_command_prints_numbers_and_their_protocol(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", str(run), "--no-classifier", "--limit", "2"]) == 0
    out = capsys.readouterr().out
    assert "psnr_copy" in out
    assert "split: test" in out
    assert f"written to {run / 'numbers-limit-2.json'}; numbers.json and the page" in out


def test_the_command_accepts_features_and_lpips(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from i2ikit.evaluation import evaluation_classifier

    monkeypatch.setattr(evaluation_classifier, "train", lambda *_, **__: None)
    assert main(["eval", str(run), "--features", "own-classifier", "--classifier-steps", "7"]) == 0
    assert Report.read(run / "numbers.json").number("accuracy/tone").protocol["classifier"]["steps"] == 7
    names = {each.name for each in Report.read(run / "numbers.json").numbers}
    assert {"fid@own-classifier", "fid@own-classifier/tone=red", "perceptual@own-classifier"} <= names
    capsys.readouterr()
    assert main(["eval", str(run), "--lpips", f"alex={tmp_path / 'none.pth'},{tmp_path / 'none.pth'}"]) == 2
    assert capsys.readouterr().err.startswith(f'error: "{tmp_path / "none.pth"}" is missing.')
    assert main(["eval", str(run), "--features", "resnet"]) == 2
    assert 'found "resnet"' in capsys.readouterr().err


def test_a_partial_evaluation_does_not_replace_the_complete_one(run: Path) -> None:
    evaluate_run(run, classifier=None)
    whole = (run / "numbers.json").read_text()
    evaluate_run(run, classifier=None, limit=2)
    evaluate_run(run, classifier=None, targets="tone", split="train")
    assert (run / "numbers.json").read_text() == whole
    assert {path.name for path in run.glob("numbers*")} == {
        "numbers.json", "numbers-limit-2.json", "numbers-split-train-targets-tone.json",
    }  # fmt: skip


def test_other_data_never_replaces_the_numbers_and_the_classifier_of_the_run(
    run: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from i2ikit.evaluation import evaluation_classifier

    monkeypatch.setattr(evaluation_classifier, "train", lambda *_, **__: None)
    evaluate_run(run)
    before = {name: (run / name).read_bytes() for name in ("numbers.json", "classifier/classifier.json")}
    other = shutil.copytree(table, tmp_path / "other images")
    lines = (other / "attributes.csv").read_text().splitlines()
    (other / "attributes.csv").write_text("\n".join(lines[:-3]))
    capsys.readouterr()
    assert main(["eval", str(run), "--data", str(other), "--split", "train"]) == 0
    file = run / "numbers-data-other-images-split-train.json"
    assert f"written to {file}; numbers.json and the page are unchanged" in capsys.readouterr().out
    assert Report.read(file).number("psnr").protocol["split"] == "train"
    assert {name: (run / name).read_bytes() for name in before} == before


def test_the_data_of_the_run_in_another_folder_is_no_other_data(run: Path, table: Path, tmp_path: Path) -> None:
    evaluate_run(run, classifier=None, data=shutil.copytree(table, tmp_path / "moved"))
    assert (run / "numbers.json").is_file()


def test_the_command_writes_the_page_that_it_names(run: Path, model: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from i2ikit.core import recipe_json

    configuration = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**configuration, "recipe": recipe_json.dump(model.recipe)}))
    (run / "index.html").write_text("old")
    assert main(["eval", str(run), "--no-classifier"]) == 0
    assert f"written to {run / 'numbers.json'}; page: {run / 'index.html'}" in capsys.readouterr().out
    assert "Nearest-target accuracy" in (run / "index.html").read_text()
    (run / "index.html").write_text("old")
    assert main(["eval", str(run), "--no-classifier", "--limit", "3"]) == 0
    assert (run / "index.html").read_text() == "old"


def test_a_page_that_cannot_be_written_leaves_the_numbers(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", str(run), "--no-classifier"]) == 0  # run.json of this run has no recipe
    shown = capsys.readouterr()
    assert f"written to {run / 'numbers.json'}\n" in shown.out
    assert shown.err.count("warning: The page could not be written") == 1


def test_an_evaluation_shows_how_much_of_each_task_is_done(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: dict[str, list[tuple[int, int]]] = {}
    evaluate_run(run, classifier_steps=3, on_task=lambda title, done, total: shown.setdefault(title, []).append((done, total)))
    assert list(shown) == [
        "Reading images",
        "Training the classifier",
        "Measuring translations",
    ]
    assert shown["Training the classifier"] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert shown["Measuring translations"][-1] == (12, 12)
    assert all(done <= total for parts in shown.values() for done, total in parts)


def test_the_table_calls_numbers_of_a_few_images_rough(run: Path) -> None:
    lines = evaluate_run(run, classifier=None).table()
    assert lines[0].endswith("(12, rough)")
    assert lines[-1].startswith("note: A number of fewer than 50 images is rough")


def test_the_table_of_pairs_has_every_value_in_the_declared_order() -> None:
    rows = [("z", "a"), ("b", "z"), ("b", "a")]
    pairs = tuple({"attribute": "tone", "source": source, "target": target, "count": 1, "psnr": 20.0} for source, target in rows)
    number = Number("psnr", 20.0, "dB", True, {"targets": {"tone": ["b", "a", "z"]}})
    assert Report((number,), pairs=pairs).matrix("tone", "psnr") == [
        "",
        "psnr/tone: source values in rows, target values in columns",
        "from  b     a     z",
        "b     -  20.0  20.0",
        "a     -     -     -",
        "z     -  20.0     -",
    ]


def test_the_command_prints_json_for_programs(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", str(run), "--no-classifier", "--json"]) == 0
    assert {"numbers", "model", "pairs", "left_out", "notes"} == set(json.loads(capsys.readouterr().out))


def test_the_command_refuses_a_missing_run_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", str(tmp_path / "nothing")]) == 2
    assert capsys.readouterr().err == f'error: There is no model at "{tmp_path / "nothing"}".\n'


def test_the_crop_of_a_table_is_applied_once(run: Path) -> None:
    configuration = json.loads((run / "run.json").read_text())
    configuration["data"]["options"]["crop"] = 18
    (run / "run.json").write_text(json.dumps(configuration))
    assert evaluate_run(run, classifier=None).number("psnr").protocol["count"] == 12


def test_the_default_classifier_steps_of_the_command_and_the_function_are_equal() -> None:
    from i2ikit.cli.eval import evaluate as command
    from i2ikit.evaluation.evaluation_classifier import STEPS

    assert {option.name: option.default for option in command.params}["classifier_steps"] == STEPS
