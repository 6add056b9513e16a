"""The page of a run: self-contained, complete, quick, and honest about what is missing."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from i2ikit import DiscriminatorOutput, default_registry
from i2ikit.core import recipe_json
from i2ikit.core.overrides import apply_overrides
from i2ikit.data import Transform
from i2ikit.data.faces import FacesDataset
from i2ikit.errors import CheckpointError
from i2ikit.losses import adversarial
from i2ikit.train.page import write_page
from i2ikit.train.page.charts import chart, ticks
from i2ikit.train.page.record import MOST_POINTS, read_record, thinned
from i2ikit.train.page.words import meanings
from i2ikit.train.samples import Samples


class Unchanged:
    def translate(self, image: Tensor, **_: Any) -> Tensor:
        return image


def started(run: Path, recipe: str = "stargan-fast", **changes: Any) -> Path:
    run.mkdir(parents=True, exist_ok=True)
    made = apply_overrides(default_registry().recipe(recipe), {"size": 16, "steps": 100, **changes})
    config = {
        "recipe": recipe_json.dump(made),
        "data": {"path": "faces:size=16", "name": "faces", "options": {"labels": ["hair", "glasses"]}, "fingerprint": "ab" * 32},
        "train": {"precision": "32-true"},
        "versions": {"torch": "2.10.0"},
        "command": f"i2ikit train {recipe} --data faces --run {run}",
    }
    (run / "run.json").write_text(json.dumps(config))
    return run


def logged(run: Path, lines: int) -> None:
    keys = ("discriminator/adversarial", "discriminator/domain", "translator/adversarial", "translator/domain", "translator/cycle")
    with (run / "log.jsonl").open("a") as log:
        for number in range(1, lines + 1):
            log.write(json.dumps({"step": number, "seconds": number / 10, **dict.fromkeys(keys, 0.5 + 0.1 / number), "lr": 1e-4}) + "\n")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    data = FacesDataset(40, size=16, labels=("hair", "glasses"))
    run = started(tmp_path / "run", labels=data.domain)
    logged(run, 100)
    samples = Samples(data, data.domain, Transform(16, 16), rows=2)
    for number in (0, 50, 100):
        samples.write(Unchanged(), run, number)  # type: ignore[arg-type]
    protocol = {"split": "test", "inputs": 4, "definition": "mean over images", "count": 4, "versions": {"torch": "2.10.0"}}
    numbers = [("psnr/hair", 23.456, "dB"), ("psnr_copy/hair", 19.021, "dB"), ("accuracy/hair", 0.962, "")]
    listed = [{"name": name, "value": value, "unit": unit, "higher_is_better": True, "protocol": protocol} for name, value, unit in numbers]
    (run / "numbers.json").write_text(json.dumps({"numbers": listed, "model": {"step": 100}, "left_out": {"ssim": "no reason."}}))
    return run


def test_the_page_needs_no_script_no_other_file_and_no_network(run: Path) -> None:
    page = write_page(run).read_text()
    assert not re.search(r"<script|<link|<iframe|@import|https?://|url\(", page)
    assert set(re.findall(r'src="([^"]{11})', page)) == {"data:image/"}


def test_the_first_row_shows_input_ours_and_target_of_several_examples(run: Path) -> None:
    page = write_page(run).read_text()
    cards = re.findall(r'<article class="card">.*?</article>', page)
    assert len(cards) == 2
    for card in cards:
        assert re.findall(r"<figcaption>(\w+)</figcaption>", card) == ["input", "ours", "target"]
        assert card.count("<img") == 3
    assert page.index("<article") < page.index("The same images over time") < page.index("<h2>Numbers") < page.index("<h2>Losses")


def test_the_same_images_are_shown_at_each_round(run: Path) -> None:
    table = re.search(r'<table class="time">.*?</table>', write_page(run).read_text())
    assert table is not None
    assert re.findall(r"<th>([^<]*)</th>", table[0]) == ["", "input", "0", "50", "100", "target"]


@pytest.mark.parametrize("true", [True, False])
def test_the_last_step_is_framed_whether_or_not_there_is_a_target(run: Path, true: bool) -> None:
    if not true:
        layout = json.loads((run / "samples" / "layout.json").read_text())
        layout["places"]["target"] = None
        (run / "samples" / "layout.json").write_text(json.dumps(layout))
    rows = re.findall(r'<tr><th scope="row">.*?</tr>', write_page(run).read_text())
    assert len(rows) == 2
    for row in rows:
        cells = re.findall(r'<td(?: class="(\w+)")?><img src="[^"]*" alt="([^"]*)"', row)
        steps = [("", "step 0"), ("", "step 50"), ("ours", "step 100")]
        assert cells == [("source", "input"), *steps, *([("target", "target")] if true else [])]


def test_copying_the_input_stands_beside_psnr(run: Path) -> None:
    page = write_page(run).read_text()
    assert "<b>23.46 dB</b><small>copy 19.02 dB</small>" in page
    assert "PSNR of hair, copying the input gives 19.02" in page
    assert "96.2 %" in page
    assert "split test; inputs 4" in page
    assert "Left out: ssim: no reason." in page


def test_each_loss_has_its_meaning_and_its_equilibrium(run: Path) -> None:
    page = write_page(run).read_text()
    registry = default_registry()
    for player in json.loads((run / "run.json").read_text())["recipe"]["players"]:
        for term in player["terms"].values():
            assert registry.component(term["loss"]).curve.split(":")[0].split("'")[0] in page
    assert page.count('class="equilibrium" d=') == 2
    assert "0.5 even" in page


def test_the_commands_are_those_of_this_run(run: Path) -> None:
    page = write_page(run).read_text()
    for command in (f"i2ikit train stargan-fast --data faces --run {run}", f"i2ikit translate {run} in.png out.png --to hair=red"):
        assert command in page


def test_ten_thousand_lines_of_the_log_take_less_than_a_second(tmp_path: Path) -> None:
    run = started(tmp_path / "run")
    logged(run, 10_000)
    begin = time.process_time()
    page = write_page(run)
    assert time.process_time() - begin < 1
    assert page.stat().st_size < 400_000
    assert all(len(curve.mean) <= MOST_POINTS for curve in read_record(run).curves.values())


def test_steps_that_a_resumed_run_did_anew_replace_the_old_ones(tmp_path: Path) -> None:
    run = started(tmp_path / "run")
    logged(run, 10)
    with (run / "log.jsonl").open("a") as log:
        log.write('{"step": 8, "seconds": 0.9, "discriminator/adversarial": 2.0}\n{"step": 9, "seco')
    curve = read_record(run).curves["discriminator/adversarial"]
    assert curve.steps == tuple(map(float, range(1, 9)))
    assert curve.mean[-1] == 2.0


def test_a_run_that_has_just_begun_has_a_page_that_says_what_is_missing(tmp_path: Path) -> None:
    page = write_page(started(tmp_path / "run")).read_text()
    assert "Not finished yet: step 0 of 100." in page
    assert "There are none yet" in page
    assert "Not measured yet" in page


def test_a_run_on_two_data_sets_says_that_a_step_has_a_batch_of_each(tmp_path: Path) -> None:
    run = started(tmp_path / "run")
    logged(run, 100)
    config = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**config, "data": [config["data"], {**config["data"], "name": "moods"}]}))
    page = write_page(run).read_text()
    assert re.search(r"Trained for 100 steps of 2 × \d+ images", page)
    assert "on faces and moods</h1>" in page


def test_a_run_without_samples_promises_none(tmp_path: Path) -> None:
    run = started(tmp_path / "a run")
    config = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**config, "train": {"sample_every": 0}}))
    page = write_page(run).read_text()
    assert "There are none: this training draws no samples." in page
    assert "Not finished yet: step 0 of 100." in page
    assert f"<code>i2ikit eval &#x27;{run}&#x27;</code>" in page


def test_what_a_user_has_named_is_text_and_no_markup(tmp_path: Path) -> None:
    page = write_page(started(tmp_path / "run", labels={"<b>": ("<i>", "&")})).read_text()
    assert "<b>" not in page.replace("<b>&lt;", "")
    assert "&lt;i&gt;" in page


@pytest.mark.parametrize(
    ("file", "content", "line"),
    [
        (None, None, 'There is no run at "{run}". Give the folder that `i2ikit train --run` wrote.'),
        ("other.txt", "x", '"{run}" is no run: it has no run.json. Give the folder that `i2ikit train --run` wrote.'),
        ("run.json", "{", '"{run}/run.json" is damaged: Expecting property name enclosed in double quotes: line 1 column 2 (char 1).'),
        ("run.json", "{}", '"{run}/run.json" names no recipe. It is damaged, or of another program.'),
    ],
)
def test_what_is_no_run_is_refused_in_one_line(tmp_path: Path, file: str | None, content: str | None, line: str) -> None:
    run = tmp_path / "run"
    if file:
        run.mkdir()
        (run / file).write_text(content or "")
    with pytest.raises(CheckpointError) as caught:
        write_page(run)
    assert str(caught.value) == line.format(run=run)
    assert not (run / "index.html").exists()


def test_every_loss_of_the_library_says_what_its_curve_means() -> None:
    for component in default_registry().components("loss"):
        assert component.curve, component.name


class Undecided:
    """A translation of which the discriminator says the same of everything: as good as it can, where fakes and real images are alike."""

    def __init__(self, score: float) -> None:
        self.score = score

    def discriminate(self, of: str, by: str) -> DiscriminatorOutput:
        return DiscriminatorOutput((torch.full((4, 1, 2, 2), self.score),), None, ())


@pytest.mark.parametrize(
    ("loss", "score"),
    [
        ("wgan_discriminator_loss", 3.7), ("lsgan_discriminator_loss", 0.5), ("lsgan_generator_loss", 0.5), ("hinge_discriminator_loss", 0.3),
        ("logistic_discriminator_loss", 0.0), ("logistic_generator_loss", 0.0),
    ],
)  # fmt: skip
def test_a_curve_settles_where_the_discriminator_cannot_decide(loss: str, score: float) -> None:
    equilibrium = default_registry().component(loss).equilibrium
    assert getattr(adversarial, loss)(Undecided(score)).item() == pytest.approx(equilibrium, abs=1e-6)
    if loss.endswith("discriminator_loss"):
        around = [getattr(adversarial, loss)(Undecided(score + step)).item() for step in (-2.0, 2.0)]
        assert min(around) >= equilibrium - 1e-6


def test_the_equilibrium_counts_the_scales_of_the_discriminator() -> None:
    recipe = recipe_json.dump(default_registry().recipe("stargan-fast"))
    recipe["slots"]["discriminator"]["options"]["scales"] = 3
    assert meanings(recipe)["discriminator/adversarial"].equilibrium == 1.5
    recipe["players"][0]["terms"]["adversarial"]["options"]["average"] = True
    assert meanings(recipe)["discriminator/adversarial"].equilibrium == 0.5


def test_a_loss_that_is_a_function_is_named_without_a_meaning() -> None:
    recipe = recipe_json.dump(default_registry().recipe("stargan-fast"))
    recipe["players"][0]["terms"]["adversarial"]["loss"] = "python:my_loss"
    meaning = meanings(recipe)["discriminator/adversarial"]
    assert (meaning.loss, meaning.description, meaning.equilibrium) == ("my_loss", "", None)


@pytest.mark.parametrize("values", [[0.0], [1.0, 1.0], [-3.0, 1e-9], [1e9, 1e10]])
def test_any_curve_can_be_drawn(values: list[float]) -> None:
    drawn = chart(thinned(list(enumerate(values))), 0.5)
    assert drawn.startswith("<svg")
    assert "nan" not in drawn


def test_ticks_are_step_numbers() -> None:
    assert ticks(0.0, 1.0, 4) == [0.0, 0.5, 1.0]
    assert ticks(0, 10_000, 5) == [0, 2000, 4000, 6000, 8000, 10_000]
