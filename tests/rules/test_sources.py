"""Rules for every source file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("i2ikit", "plugins", "tests", "docs", "benchmarks")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
SHIPPED = [path for path in FILES if path.relative_to(ROOT).parts[0] in {"i2ikit", "plugins"}]
FORBIDDEN = {"util", "utils", "helper", "helpers", "common", "base", "misc"}
DEVICE = re.compile(r"""\.cuda\(|["']cuda(:\d+)?["']""")


def get_name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def find_calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))


def test_no_file_has_more_than_300_lines() -> None:
    assert {get_name(path): count for path in FILES if (count := len(path.read_text().splitlines())) > 300} == {}


def test_no_file_or_folder_has_a_meaningless_name() -> None:
    assert [
        get_name(path) for path in FILES if {word for part in path.relative_to(ROOT).parts for word in re.split(r"[_.]", part)} & FORBIDDEN
    ] == []


def test_no_function_or_class_has_a_meaningless_name() -> None:
    kinds = (ast.FunctionDef, ast.ClassDef)
    found = [
        f"{get_name(path)}: {node.name}"
        for path in SHIPPED
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, kinds)
        and set(re.findall(r"[a-z]+", re.sub(r"(?<!^)(?=[A-Z])", "_", node.name).lower())) & (FORBIDDEN - {"base"})
    ]
    assert found == []


def test_no_device_name_is_hard_coded() -> None:
    # This file lists the devices that have kernels.
    found = [get_name(path) for path in SHIPPED if DEVICE.search(path.read_text())]
    assert found == ["i2ikit/ops/implementations.py"]


def test_the_device_pattern_finds_device_names() -> None:
    assert DEVICE.search("net.cuda()")
    assert DEVICE.search('torch.device("cuda:0")')
    assert not DEVICE.search("torch.accelerator")


def test_no_pickle_is_loaded() -> None:
    pickles = {"pickle", "dill", "cloudpickle", "joblib"}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom) and get_name(path).partition("/")[0] in {"i2ikit", "plugins"}:
                modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
                assert not {module.partition(".")[0] for module in modules} & pickles, get_name(path)
    for path in SHIPPED:
        for call in find_calls(path):
            if ast.unparse(call.func) == "torch.load":
                given = {word.arg: ast.unparse(word.value) for word in call.keywords}
                assert given.get("weights_only") == "True", f"{get_name(path)}:{call.lineno}"


def test_image_files_are_opened_in_one_place_only() -> None:
    # Image.open hands some files to other programs, such as Ghostscript. i2ikit.pixels.open_picture reads documented formats only.
    readers = re.compile(r"PIL\.(\w*Plugin|Image\.open)|pillow_heif|torchvision\.io|imageio|cv2")
    found: dict[str, list[str]] = {}
    for path in FILES:
        if get_name(path).startswith("tests/") or get_name(path) == "i2ikit/pixels/pictures.py":
            continue
        nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
        names = [f"{getattr(node, 'module', '')}.{alias.name}".lstrip(".") for node in nodes for alias in node.names]
        calls = [ast.unparse(call.func) for call in find_calls(path)]
        bad = [name for name in names if readers.match(name)] + [call for call in calls if call in {"Image.open", "PIL.Image.open"}]
        found |= {get_name(path): bad} if bad else {}
    assert found == {}


def test_docs_do_not_mention_private_files() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    words = re.compile(r"\.\./shared|/work/|\bscratch/")
    assert [get_name(page) for page in pages if words.search(page.read_text())] == []


@pytest.mark.parametrize("package", ["i2ikit", "plugins/i2ikit_stargan"])
def test_each_package_has_a_marker_for_types(package: str) -> None:
    assert (ROOT / package / "py.typed").exists()


def test_members_of_components_are_read_by_their_contract_only() -> None:
    from i2ikit.core.contract import MEMBERS

    names = "|".join(member.name for member in MEMBERS)
    asked = re.compile(rf"""(getattr|hasattr)\([^()]*(\([^()]*\))?[^()]*, ["']({names})["']""")
    assert [get_name(path) for path in SHIPPED if asked.search(path.read_text())] == []


def test_commands_print_by_the_functions_that_escape_control_characters() -> None:
    printing = {"click.echo", "click.secho", "click.style", "print", "sys.stdout.write", "sys.stderr.write"}
    commands = [path for path in SHIPPED if get_name(path).startswith("i2ikit/cli/") and path.name != "output.py"]
    assert commands
    assert [f"{get_name(path)}:{call.lineno}" for path in commands for call in find_calls(path) if ast.unparse(call.func) in printing] == []
