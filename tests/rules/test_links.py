"""Links between the pages of the documentation work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def list_anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_has_a_target(page: Path) -> None:
    broken = []
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        target_page = (page.parent / path).resolve() if path else page
        if path.endswith(".png") and not target_page.exists():
            pytest.skip(f"the picture {path} does not exist yet")
        if not target_page.exists() or (anchor and anchor not in list_anchors(target_page)):
            broken.append(target)
    assert broken == []


def test_every_page_can_be_reached_from_the_index() -> None:
    reached, todo = set[Path](), [ROOT / "docs/index.md"]
    while todo:
        page = todo.pop()
        reached.add(page)
        links = LINK.findall(page.read_text(encoding="utf-8"))
        found = {(page.parent / link.partition("#")[0]).resolve() for link in links if link.partition("#")[0].endswith(".md")}
        todo += [each for each in found if each not in reached and each.exists()]
    assert [str(page.relative_to(ROOT)) for page in PAGES if page.resolve() not in reached] == []
