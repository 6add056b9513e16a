"""The report page of a run: one file, complete, fast, and clear about missing parts."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from written_runs import write_log, write_run

from i2ikit import DiscriminatorOutput, default_registry
from i2ikit.core import recipe_json
from i2ikit.data import Transform
from i2ikit.data.faces import FacesDataset
from i2ikit.errors import CheckpointError
from i2ikit.losses import adversarial
from i2ikit.train.page import write_page
from i2ikit.train.page.descriptions import describe_losses, describe_training, format_duration
from i2ikit.train.page.run_summary import MAX_POINTS, read_run_summary
from i2ikit.train.samples import Samples


class IdentityModel:
    """Stands in for a model and returns each image unchanged."""

    def translate(self, image: Tensor, **_: Any) -> Tensor:
        return image


@pytest.fixture
def run(tmp_path: Path) -> Path:
    data = FacesDataset(40, size=16, labels=("hair", "glasses"))
    run = write_run(tmp_path / "run", labels=data.domain)
    write_log(run, 100)
    samples = Samples(data, data.domain, Transform(16, 16), rows=2)
    for number in (0, 50, 100):
        samples.write(IdentityModel(), run, number)  # type: ignore[arg-type]
    protocol = {"split": "test", "inputs": 40, "definition": "mean over images", "count": 1200, "versions": {"torch": "2.10.0"}}
    numbers = [("psnr/hair", 23.456, "dB"), ("psnr_copy/hair", 19.021, "dB"), ("accuracy/hair", 0.962, "")]
    entries = [
        {"name": name, "value": value, "unit": unit, "higher_is_better": True, "protocol": protocol} for name, value, unit in numbers
    ]
    (run / "numbers.json").write_text(json.dumps({"numbers": entries, "model": {"step": 100}, "left_out": {"ssim": "no reason."}}))
    return run


def test_the_page_needs_no_script_no_other_file_and_no_network(run: Path) -> None:
    page = write_page(run).read_text()
    assert not re.search(r"<script|<link|<iframe|@import|https?://|url\(", page)
    assert set(re.findall(r'src="([^"]{11})', page)) == {"data:image/"}


def test_the_first_section_shows_input_output_and_target_of_several_examples(run: Path) -> None:
    page = write_page(run).read_text()
    cards = re.findall(r'<article class="card">.*?</article>', page)
    assert len(cards) == 2
    for card in cards:
        assert re.findall(r"<figcaption>(\w+)</figcaption>", card) == ["input", "output", "target"]
        assert card.count("<img") == 3
    assert page.index("<article") < page.index("The same images over time") < page.index("<h2>Numbers") < page.index("<h2>Losses")


def test_the_same_images_are_shown_at_each_step(run: Path) -> None:
    table = re.search(r'<table class="time">.*?</table>', write_page(run).read_text())
    assert table is not None
    assert re.findall(r"<th>([^<]*)</th>", table[0]) == ["", "input", "0", "50", "100", "target"]


@pytest.mark.parametrize("has_target", [True, False])
def test_the_last_step_has_a_frame_with_and_without_a_target(run: Path, has_target: bool) -> None:
    if not has_target:
        layout = json.loads((run / "samples" / "layout.json").read_text())
        layout["places"]["target"] = None
        (run / "samples" / "layout.json").write_text(json.dumps(layout))
    rows = re.findall(r'<tr><th scope="row">.*?</tr>', write_page(run).read_text())
    assert len(rows) == 2
    for row in rows:
        cells = re.findall(r'<td(?: class="(\w+)")? data-part="[^"]+"><img src="[^"]*" alt="([^"]*)"', row)
        steps = [("", "step 0"), ("", "step 50"), ("output", "step 100")]
        assert cells == [("source", "input"), *steps, *([("target", "target")] if has_target else [])]


def test_the_psnr_of_a_copy_of_the_input_is_shown_with_that_of_the_translations(run: Path) -> None:
    page = write_page(run).read_text()
    assert "<b>23.46 dB</b><small>copy 19.02 dB</small><small>n = 1,200, rough</small>" in page
    assert "PSNR of hair (copy of the input: 19.02 dB; n = 1,200, rough)" in page
    assert "96.2 %" in page
    assert "split test; inputs 40" in page
    assert "Not measured: ssim: no reason." in page


def test_each_loss_has_its_description_and_its_equilibrium(run: Path) -> None:
    page = write_page(run).read_text()
    registry = default_registry()
    for player in json.loads((run / "run.json").read_text())["recipe"]["players"]:
        for term in player["terms"].values():
            assert registry.component(term["loss"]).curve.split(":")[0].split("'")[0] in page
    assert page.count('class="equilibrium" d=') == 2
    assert re.search(r'<text class="equilibrium"[^>]*>0\.5</text>', page)


def test_the_commands_are_those_of_this_run(run: Path) -> None:
    page = write_page(run).read_text()
    for command in (f"i2ikit train stargan-fast --data faces --run {run}", f"i2ikit translate {run} in.png out.png --to hair=red"):
        assert command in page


def test_ten_thousand_lines_of_the_log_take_less_than_a_second(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    write_log(run, 10_000)
    begin = time.process_time()
    page = write_page(run)
    assert time.process_time() - begin < 1
    assert page.stat().st_size < 400_000
    assert all(len(curve.mean) <= MAX_POINTS for curve in read_run_summary(run).curves.values())


def test_repeated_steps_of_a_resumed_run_replace_the_old_ones(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    write_log(run, 10)
    with (run / "log.jsonl").open("a") as log:
        log.write('{"step": 8, "seconds": 0.9, "discriminator/adversarial": 2.0}\n{"step": 9, "seco')
    curve = read_run_summary(run).curves["discriminator/adversarial"]
    assert curve.steps == tuple(map(float, range(1, 9)))
    assert curve.mean[-1] == 2.0


def test_the_page_of_a_new_run_names_what_is_missing(tmp_path: Path) -> None:
    page = write_page(write_run(tmp_path / "run")).read_text()
    assert "Not finished yet: step 0 of 100." in page
    assert "There are no sample grids yet" in page
    assert "Not measured yet" in page


def test_the_page_says_why_nothing_could_be_measured(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    numbers = {"numbers": [{"name": "parameters", "value": 12}], "left_out": {"diversity": "There are fewer than two images."}}
    (run / "numbers.json").write_text(json.dumps(numbers))
    page = write_page(run).read_text()
    assert "Nothing could be measured" in page
    assert "Not measured: diversity: There are fewer than two images." in page
    assert "Parameters: all 12." in page


@pytest.mark.parametrize(("seconds", "text"), [(0.6, "1 second"), (42.2, "42 seconds"), (750, "12.5 minutes"), (12_000, "3.3 hours")])
def test_a_duration_is_a_text(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_the_page_of_a_run_on_two_data_sets_shows_two_batches_per_step(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    write_log(run, 100)
    config = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**config, "data": [config["data"], {**config["data"], "name": "moods"}]}))
    page = write_page(run).read_text()
    assert re.search(r"Trained for 100 steps of 2 × \d+ images", page)
    assert "on faces and moods</h1>" in page


def test_the_page_of_a_run_without_sample_grids_says_so(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a run")
    config = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**config, "train": {"sample_every": 0}}))
    page = write_page(run).read_text()
    assert "switched off in this training" in page
    assert "Not finished yet: step 0 of 100." in page
    assert f"<code>i2ikit eval &#x27;{run}&#x27;</code>" in page


def test_the_configuration_shows_the_settings_of_slots(tmp_path: Path) -> None:
    slots = {
        "generator": {"weights": "runs/first", "frozen": True},
        "discriminator": {"wrappers": [("diff_augment", {"policy": ["cutout"]})]},
    }
    page = write_page(write_run(tmp_path / "run", slots=slots)).read_text()
    assert "frozen yes, weights runs/first" in page
    assert "in diff_augment, policy cutout" in page


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (None, None, 'There is no run at "{run}".'),
        ("other.txt", "x", '"{run}" is not a run: it has no run.json.'),
        ("run.json", "{", '"{run}/run.json" is damaged: '),
        ("run.json", "{}", '"{run}/run.json" has no "recipe".'),
    ],
)
def test_a_folder_that_is_no_run_is_refused_in_one_line(tmp_path: Path, file: str | None, content: str | None, message: str) -> None:
    run = tmp_path / "run"
    if file:
        run.mkdir()
        (run / file).write_text(content or "")
    with pytest.raises(CheckpointError) as caught:
        write_page(run)
    assert str(caught.value).startswith(message.format(run=run))
    assert "\n" not in str(caught.value)
    assert not (run / "index.html").exists()


def test_every_loss_of_the_library_describes_its_curve() -> None:
    for component in default_registry().components("loss"):
        assert component.curve, component.name


class EqualScores:
    """A translation whose fake and real images get equal scores: the best possible discriminator if they are indistinguishable."""

    def __init__(self, score: float) -> None:
        self.score = score

    def discriminate(self, view: str, slot: str) -> DiscriminatorOutput:
        return DiscriminatorOutput((torch.full((4, 1, 2, 2), self.score),), None, ())


@pytest.mark.parametrize(
    ("loss", "score"),
    [
        ("wgan_discriminator_loss", 3.7), ("lsgan_discriminator_loss", 0.5), ("lsgan_generator_loss", 0.5),
        ("hinge_discriminator_loss", 0.3), ("logistic_discriminator_loss", 0.0), ("logistic_generator_loss", 0.0),
    ],
)  # fmt: skip
def test_the_equilibrium_is_the_loss_of_a_discriminator_that_cannot_distinguish_fake_from_real(loss: str, score: float) -> None:
    equilibrium = default_registry().component(loss).equilibrium
    assert getattr(adversarial, loss)(EqualScores(score)).item() == pytest.approx(equilibrium, abs=1e-6)
    if loss.endswith("discriminator_loss"):
        nearby = [getattr(adversarial, loss)(EqualScores(score + step)).item() for step in (-2.0, 2.0)]
        assert min(nearby) >= equilibrium - 1e-6


def test_the_equilibrium_is_multiplied_by_the_scales_of_the_discriminator() -> None:
    recipe = recipe_json.dump(default_registry().recipe("stargan-fast"))
    recipe["slots"]["discriminator"]["options"]["scales"] = 3
    assert describe_losses(recipe)["discriminator/adversarial"].equilibrium == 1.5
    recipe["players"][0]["terms"]["adversarial"]["options"]["average"] = True
    assert describe_losses(recipe)["discriminator/adversarial"].equilibrium == 0.5


def test_a_loss_that_is_a_function_has_a_name_but_no_description() -> None:
    recipe = recipe_json.dump(default_registry().recipe("stargan-fast"))
    recipe["players"][0]["terms"]["adversarial"]["loss"] = "python:my_loss"
    loss = describe_losses(recipe)["discriminator/adversarial"]
    assert (loss.loss, loss.description, loss.equilibrium) == ("my_loss", "", None)


def test_the_page_of_a_recipe_of_images_says_that_it_reproduces_them(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", recipe="pix2pix-fast", plan="images")
    assert "It learns to reproduce images of 16 × 16 pixels." in describe_training(read_run_summary(run))
