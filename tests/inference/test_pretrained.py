"""Models that are published and loaded again, model cards, and the shortcuts of a model: a call, and its slots as attributes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from inference.noise_systems import build_cogan

from i2ikit import Model, build, load
from i2ikit.errors import CheckpointError, MissingExtraError

TINY: dict[str, Any] = {"size": 16, "generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 2}}
NUMBERS = {
    "model": {"recipe": "stargan", "step": 3},
    "numbers": [
        {"name": "psnr", "value": 21.4321, "unit": "dB", "protocol": {"split": "test", "inputs": 40, "definition": "mean | of images"}},
        {"name": "psnr/hair", "value": 20.0, "unit": "dB", "protocol": {}},
        {"name": "parameters", "value": 1e6, "unit": "", "protocol": {}},
    ],
}


@pytest.fixture
def model() -> Model:
    model = build("stargan", labels={"hair": ("black", "blond")}, rehearsal=False, **TINY)
    model.steps_done = 3
    model.preprocessing["data"] = ["faces"]
    return model


def write_run(folder: Path, model: Model, numbers: dict[str, Any] = NUMBERS) -> Path:
    model.save(folder / "final")
    (folder / "run.json").write_text("{}")
    (folder / "numbers.json").write_text(json.dumps(numbers))
    return folder


def test_a_published_model_is_loaded_like_a_saved_one(model: Model, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "published")
    image = torch.rand(1, 3, 16, 16) * 2 - 1
    expected = model.translate(image, to={"hair": "blond"}, label={"hair": "black"})
    for again in (Model.from_pretrained(tmp_path / "published"), load(tmp_path / "published")):
        assert torch.equal(again(image, to={"hair": "blond"}, label={"hair": "black"}), expected)


def test_the_card_names_recipe_paper_data_images_licence_and_how_to_load(model: Model, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "hair", licence="cc-by-4.0")
    card = (tmp_path / "hair" / "README.md").read_text()
    for part in (
        "---\nlibrary_name: i2ikit\npipeline_tag: image-to-image\nlicense: cc-by-4.0\n",
        "# hair\n",
        'Model.from_pretrained("hair")',
        'model("photo.png", to={"hair": "blond"}, out="fake.png")',
        "16 x 16 pixels",
        "[B, 3, H, W] with values in [-1, 1]",
        "Attribute hair: black, blond",
        "Recipe: stargan",
        "Paper: StarGAN: Unified",
        "Data: faces",
        "Steps: 3 of 200,000",
        "Not measured.",
    ):
        assert part in card


def test_the_code_of_the_card_translates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    pets = build("cyclegan", domains=("cat", "dog"), rehearsal=False, **TINY)
    pets.steps_done = 1
    pets.save_pretrained(tmp_path / "pets")
    Image.new("RGB", (16, 16)).save(tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)
    code = (tmp_path / "pets" / "README.md").read_text().split("```python")[1].split("```")[0]
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    assert namespace["fake"].name == "fake.png"


def test_the_code_of_the_card_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cogan = build_cogan()
    cogan.steps_done = 1
    folder = cogan.save_pretrained(tmp_path / "cogan")
    text = (folder / "README.md").read_text()
    assert "generated from noise" in text
    assert "The input is" not in text
    monkeypatch.chdir(tmp_path)
    code = text.split("```python")[1].split("```")[0]
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    assert namespace["images"].shape == (4, 3, 16, 16)


def test_an_undecided_licence_is_unknown(model: Model, tmp_path: Path) -> None:
    card = (model.save_pretrained(tmp_path / "out") / "README.md").read_text()
    assert "\nlicense: unknown\n" in card
    assert "## Licence\n\nNot stated." in card


def test_the_evaluation_of_the_run_is_published_with_its_model(model: Model, tmp_path: Path) -> None:
    write_run(tmp_path / "run", model)
    load(tmp_path / "run").save_pretrained(tmp_path / "one")
    model.save_pretrained(tmp_path / "two", run=tmp_path / "run")
    load(tmp_path / "one").save_pretrained(tmp_path / "three")
    for name in ("one", "two", "three"):
        card = (tmp_path / name / "README.md").read_text()
        assert "Measured on 40 images" in card
        assert "| psnr | 21.43 | dB | mean \\| of images |" in card
        assert "psnr/hair" not in card
        assert json.loads((tmp_path / name / "numbers.json").read_text()) == NUMBERS


def test_the_evaluation_of_another_step_is_not_published(model: Model, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", model)
    model.save_pretrained(tmp_path / "out", run=run)
    model.steps_done = 4
    model.save_pretrained(tmp_path / "out", run=run)
    assert "Not measured." in (tmp_path / "out" / "README.md").read_text()
    assert not (tmp_path / "out" / "numbers.json").exists()


def test_a_card_that_was_edited_by_hand_stays(model: Model, tmp_path: Path) -> None:
    card = model.save_pretrained(tmp_path / "out") / "README.md"
    card.write_text("my own words")
    model.save_pretrained(tmp_path / "out", licence="mit")
    assert card.read_text() == "my own words"


# -- repositories


def test_without_the_extra_a_repository_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r'^There is no folder "ann/horses".*pip install "i2ikit\[hub\]"\.$'):
        Model.from_pretrained("ann/horses")


def install_hub(monkeypatch: pytest.MonkeyPatch, download: Any) -> None:
    hub = ModuleType("huggingface_hub")
    hub.snapshot_download = download  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)


def test_a_repository_is_downloaded_if_there_is_no_such_folder(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    def download(name: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        calls.append((name, revision, sorted(allow_patterns)))
        return str(tmp_path / "cache")

    model.save_pretrained(tmp_path / "cache")
    install_hub(monkeypatch, download)
    assert Model.from_pretrained("ann/horses", revision="v1").steps_done == 3
    assert calls == [("ann/horses", "v1", ["README.md", "config.json", "numbers.json", "weights.safetensors"])]


def test_a_folder_and_a_misspelled_path_never_reach_the_network(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_hub(monkeypatch, lambda *arguments, **options: pytest.fail("the network was used"))
    monkeypatch.chdir(tmp_path)
    model.save_pretrained("runs/cats")
    assert Model.from_pretrained("runs/cats").steps_done == 3
    with pytest.raises(CheckpointError, match=r'There is no model at "runs/cat".*Did you mean "cats"'):
        Model.from_pretrained("runs/cat")
    for name in ("nothing", "/nothing/here", "a/b/c"):
        with pytest.raises(CheckpointError, match="There is no model at"):
            Model.from_pretrained(name)


def test_a_failed_download_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(*arguments: Any, **options: Any) -> str:
        raise OSError("404 Client Error.\nRepository Not Found.")

    install_hub(monkeypatch, download)
    with pytest.raises(CheckpointError, match=r'^There is no folder "ann/horses".*: 404 Client Error\. Repository Not Found\. Check'):
        Model.from_pretrained("ann/horses")


# -- shortcuts


def test_a_call_translates(model: Model) -> None:
    image = torch.rand(2, 3, 16, 16) * 2 - 1
    options: dict[str, Any] = {"to": {"hair": "blond"}, "label": {"hair": "black"}}
    assert torch.equal(model(image, **options), model.translate(image, **options))


def test_slots_are_attributes(model: Model) -> None:
    assert model.generator is model.slot("generator")
    assert model.discriminator is model.slot("discriminator")
    assert "generator" in dir(model)
    assert not hasattr(model, "style_encoder")


def test_an_unknown_attribute_names_the_slots(model: Model) -> None:
    with pytest.raises(AttributeError, match=r'called "genrator"\. Did you mean "generator" .*Its slots: .*discriminator'):
        _ = model.genrator
    with pytest.raises(AttributeError, match=r'Did you mean "translate"'):
        _ = model.transalte


def test_a_card_beside_a_model_may_be_no_utf8_and_its_folder_may_have_such_a_name(model: Model, tmp_path: Path) -> None:
    own = tmp_path / "own"
    model.save(own)
    (own / "README.md").write_bytes("Größe".encode("latin-1"))
    model.save_pretrained(own)
    assert (own / "README.md").read_bytes() == "Größe".encode("latin-1")
    assert r"\udcff" in (model.save_pretrained(tmp_path / "m\udcff") / "README.md").read_text(encoding="utf-8")
