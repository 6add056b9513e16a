"""Names that come from files or from the user stand on the report page as text, whatever they contain."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from written_runs import write_run

from i2ikit.data import Transform
from i2ikit.data.faces import FacesDataset
from i2ikit.train.page import write_page
from i2ikit.train.samples import Samples

HOSTILE = """"'><b onclick='x'>&amp;"""
TAGS = {
    "html", "head", "meta", "title", "style", "body", "main", "header", "section", "h1", "h2", "h3", "p", "div", "span", "b", "i", "small",
    "article", "figure", "figcaption", "img", "details", "summary", "table", "tr", "th", "td", "svg", "path", "text", "circle", "dl", "dt",
    "dd", "code", "pre",
}  # fmt: skip
CLASSES = {
    "highlights", "quiet", "cards", "three", "card", "row", "source", "output", "target", "wide", "grid", "time", "numbers", "plain",
    "panel", "charts", "sub", "chart", "discriminator", "translator", "other", "measured", "rule", "tick", "band", "line", "now",
    "equilibrium", "commands",
}  # fmt: skip


class Elements(HTMLParser):
    """Collects the tags, the attributes, the classes and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.classes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            self.classes |= set((value or "").split()) if name == "class" else set()

    def handle_data(self, data: str) -> None:
        self.text += data


class Identity:
    def translate(self, image: Any, **_: Any) -> Any:
        return image


def make_hostile(data: Any, keep: tuple[str, ...]) -> Any:
    """Return JSON data with a hostile ending at every key of free names and every text that the page does not look up."""
    if isinstance(data, dict):
        return {key: value if key in keep else make_hostile(value, keep) for key, value in data.items()}
    if isinstance(data, list):
        return [make_hostile(each, keep) for each in data]
    return data + HOSTILE if isinstance(data, str) else data


def write_hostile_run(run: Path) -> Path:
    faces = FacesDataset(40, size=16, labels=("hair", "glasses"))
    write_run(run, labels={f"hair{HOSTILE}": ("red", f"blond{HOSTILE}"), "glasses": ()}, ema=0.5)
    samples = Samples(faces, faces.domain, Transform(16, 16), rows=2)
    for step in (0, 50):
        samples.write(Identity(), run, step)  # type: ignore[arg-type]
    config = json.loads((run / "run.json").read_text())
    recipe = config["recipe"]
    recipe["slots"] = {f"{name}{HOSTILE}": make_hostile(slot, ("role", "per")) for name, slot in recipe["slots"].items()}
    for player in recipe["players"]:
        player |= {"name": player["name"] + HOSTILE, "trains": [name + HOSTILE for name in player["trains"]]}
        player["terms"] = {f"{name}{HOSTILE}": term for name, term in player["terms"].items()}
        for term in player["terms"].values():
            term |= {"loss": term["loss"] + HOSTILE, "updates": [HOSTILE]}
    recipe |= {"name": HOSTILE, "description": HOSTILE, "paper": HOSTILE}
    rest = {name: make_hostile(value, ("precision",)) for name, value in config.items() if name != "recipe"}
    rest["data"]["options"][HOSTILE] = HOSTILE
    (run / "run.json").write_text(json.dumps({"recipe": recipe, **rest}))
    layout = json.loads((run / "samples" / "layout.json").read_text())
    (run / "samples" / "layout.json").write_text(json.dumps(make_hostile(layout, ())))
    keys = [f"{player['name']}/{name}" for player in recipe["players"] for name in player["terms"]]
    with (run / "log.jsonl").open("w") as log:
        for step in (1, 2, 3):
            log.write(json.dumps({"step": step, "seconds": 1.0, **dict.fromkeys(keys, 0.5), HOSTILE: 0.1}) + "\n")
            log.write(json.dumps({"step": step, "event": "evaluated", f"psnr{HOSTILE}": 0.1 * step}) + "\n")
    names = ("psnr/hair", "psnr_copy/hair", "accuracy/hair", f"{HOSTILE}/{HOSTILE}", "fid@x", "parameters/x")
    protocol = {
        "definition": HOSTILE,
        "count": 60,
        "inputs": 60,
        HOSTILE: HOSTILE,
        "classifier": {HOSTILE: HOSTILE},
        "versions": {"x": HOSTILE},
    }
    numbers = [{"name": name + HOSTILE, "value": 0.5, "unit": HOSTILE, "protocol": protocol} for name in names]
    content = {"numbers": numbers, "model": {"step": 2}, "left_out": {HOSTILE: HOSTILE}, "notes": [HOSTILE]}
    (run / "numbers.json").write_text(json.dumps(content))
    return run


def test_a_name_with_quotes_and_tags_adds_no_element_no_attribute_and_no_class(tmp_path: Path) -> None:
    page = Elements(write_page(write_hostile_run(tmp_path / "run")).read_text())
    assert page.tags <= TAGS
    assert not [name for name in page.attributes if name.startswith("on")]
    assert page.classes <= CLASSES


def test_a_name_with_quotes_and_tags_is_readable(tmp_path: Path) -> None:
    text = Elements(write_page(write_hostile_run(tmp_path / "run")).read_text()).text
    for name in ("discriminator", "hair", "hair: black", "psnr"):
        assert f"{name}{HOSTILE}" in text


def test_a_name_that_is_not_utf8_and_control_characters_stand_on_the_page_as_escapes(tmp_path: Path) -> None:
    run = tmp_path / "r\udcff\x1b[31m\u202e"
    write_run(run, labels={"hair": ("red", "b\udcfe")})
    text = write_page(run).read_text(encoding="utf-8")
    assert r"r\udcff\x1b[31m\u202e" in text
    assert "\x1b" not in text
