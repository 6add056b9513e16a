"""One word for one thing. What is refused here has its replacement in docs/contributing.md, "Vocabulary"."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("i2ikit", "plugins", "tests", "docs", "benchmarks", ".ci")
SUFFIXES = {".py", ".md", ".toml", ".txt", ".css"}
# These speak of old names: the map of stored names with its tests, and this list.
EXEMPT = {
    "i2ikit/core/former_names.py",
    "tests/core/test_former_names.py",
    "tests/train/test_stored_runs.py",
    "tests/rules/test_vocabulary.py",
}

# A pattern, and the word to write instead.
REFUSED = {
    r"critic(?!al|is|iz)|Critic(?!al|is|iz)": "discriminator",
    r"\bverdicts?\b|\bVerdict\b": "output of the discriminator",
    r"(?i)\bjudg(e|es|ed|ing|ements?)\b": "discriminator; it scores images",
    r"\brounds\b|\b(a|an|the|each|every|per|one|this|first|last|next|training) round\b|\bround-(\d|\*)|[\"']round[\"']": "step",
    r"(?i)\bexemplars?\b": "reference",
    r"\btruths?\b": "target",
    r"\blasting_view\b": "detached_after_update",
    r"\.(says|settles|gives|takes)\b|\b(says|settles|gives|takes|reads)=|@takes\b|self\.reads\b": "description, output_spec, inputs",
    r"\bpace=|\.pace\b": "lr_multiplier",
    r"There is: ": "Available: ",
    r"\bsays? nothing to\b": "does not accept",
    r"\btrackers?\b": "logger",
    r"\breads? [a-z ]{0,20}\boff\b": "predicted from, estimated from",
    r"(?i)\byes-or-no\b|\bexclusive[ _]groups?\b|\bindependent attributes?\b": "binary attribute, categorical attribute",
    r"\bgrays?\b(?!\")": "grey",
}
# A past participle alone is no name of a function.
PARTICIPLES = """
    aligned asked begun called changed chosen cleaned counted described drawn enlarged exchanged fed finished fitted framed given glued
    grouped grown halved held inlined joined kept known learnt listed lost made matched merged moved named needed noted opened padded
    paired passed placed played prepared reached rebuilt renamed resolved restored restyled said seen shaped shown sized spoken stored
    summed thinned tiled told touched trained turned typed wanted watched widened written
""".split()  # noqa: SIM905 - a list of words reads better so
PROPERTIES = {"property", "cached_property", "view", "detached_after_update", "batch_kind", "fixture"}


def files() -> list[Path]:
    found = [ROOT / name for name in ("README.md", "Makefile", "pyproject.toml", "conftest.py")]
    for folder in FOLDERS:
        found += [path for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES and "__pycache__" not in path.parts]
    return sorted(path for path in found if name_of(path) not in EXEMPT and not name_of(path).startswith("tests/stored/"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file, without the table of the vocabulary and the list of changes, which name the old words."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not (path.name == "contributing.md" and line.startswith("| ")) and not (path.name == "changelog.md" and "is now" in line):
            yield number, line


@pytest.mark.parametrize("pattern", REFUSED, ids=REFUSED.values())
def test_old_words_are_refused(pattern: str) -> None:
    word = re.compile(pattern)
    found = [f"{name_of(path)}:{number}: {line.strip()[:120]}" for path in files() for number, line in lines(path) if word.search(line)]
    assert found == [], f"write instead: {REFUSED[pattern]}"


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and not decorators(node) & PROPERTIES:
            yield node


def decorators(node: ast.FunctionDef) -> set[str]:
    calls = [each.func if isinstance(each, ast.Call) else each for each in node.decorator_list]
    return {str(getattr(each, "id", getattr(each, "attr", ""))) for each in calls}


def test_no_function_is_named_by_a_participle() -> None:
    sources = [path for path in files() if path.suffix == ".py" and name_of(path).startswith(("i2ikit/", "plugins/", "benchmarks/"))]
    found = [
        f"{name_of(path)}:{node.lineno}: {node.name}" for path in sources for node in functions(path) if node.name.strip("_") in PARTICIPLES
    ]
    assert found == []


@pytest.mark.parametrize("name", ["Source", "Record", "Report"])
def test_one_class_has_the_name(name: str) -> None:
    sources = [path for path in files() if path.suffix == ".py" and name_of(path).startswith(("i2ikit/", "plugins/"))]
    found = [
        name_of(path)
        for path in sources
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and node.name == name
    ]
    assert len(found) == 1


def test_one_function_is_called_compare_and_the_constants_of_roles_and_batch_kinds_stand_once() -> None:
    sources = [path for path in files() if path.suffix == ".py" and name_of(path).startswith(("i2ikit/", "plugins/"))]
    assert [name_of(path) for path in sources for node in functions(path) if node.name == "compare"] == ["i2ikit/evaluation/protocol.py"]
    for constant, place in (("ROLES", "i2ikit/core/component.py"), ("BATCH_KINDS", "i2ikit/core/batch_kinds.py")):
        definition = re.compile(rf"^{constant}\b.*=", flags=re.MULTILINE)
        assert [name_of(path) for path in sources if definition.search(path.read_text(encoding="utf-8"))] == [place]


@pytest.mark.parametrize(
    "text",
    [
        "a critic that",
        "patch_critic",
        "StarGANCritic",
        "every round",
        "3 rounds",
        "the truth",
        "@takes('paired')",
        "There is: a, b",
        "Judge it",
        "a yes-or-no attribute",
        "gray images",
    ],
)
def test_the_rule_finds_what_it_looks_for(text: str) -> None:
    assert any(re.search(pattern, text) for pattern in REFUSED)


@pytest.mark.parametrize("text", ["critical path", "x.round()", "round(3.5)", "rounded to 8 bits", "it takes a minute", "background"])
def test_the_rule_lets_other_words_pass(text: str) -> None:
    assert not any(re.search(pattern, text) for pattern in REFUSED)
