"""What is imported when, how long it takes, and who may import whom."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for folder in ("i2ikit", "plugins") for path in (ROOT / folder).rglob("*.py"))
PATIENCE = 4 if os.environ.get("CI") else 2  # these machines are shared; the budget itself is for a quiet one


def python(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# CPU time: what the machine does besides does not count.
CLOCK = "import time; start = time.process_time()\n{}\nspent = time.process_time() - start; print(spent)"


def seconds(code: str) -> float:
    return median(float(python(CLOCK.format(code)).splitlines()[-1]) for _ in range(3))


def test_import_i2ikit_takes_less_than_150_ms() -> None:
    assert seconds("import i2ikit") < 0.150 * PATIENCE


@pytest.mark.parametrize("verb", ["--help", "list"])
def test_help_and_list_answer_in_less_than_300_ms(verb: str) -> None:
    code = f"import sys, io; kept, sys.stdout = sys.stdout, io.StringIO()\nfrom i2ikit.cli import main; main([{verb!r}])\nsys.stdout = kept"
    assert seconds(code) < 0.300 * PATIENCE


@pytest.mark.parametrize("verb", ["", "--help", "--version", "list", "describe --help"])
def test_neither_import_nor_help_nor_list_imports_torch(verb: str) -> None:
    run = f"from i2ikit.cli import main; main({verb.split()!r})" if verb else "import i2ikit"
    heavy = ["torch", "torchvision", "numpy", "PIL", "lightning_fabric"]
    found = python(f"import sys\n{run}\nprint([name for name in {heavy!r} if name in sys.modules])").splitlines()[-1]
    assert found == "[]"


def test_plugins_are_listed_without_torch() -> None:
    code = "import sys; from i2ikit import default_registry as r; r().components(); [r().recipe(n) for n in r().recipes()]"
    assert python(f"{code}; print('torch' in sys.modules)").strip() == "False"


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_pluggy_is_imported_by_hooks_and_registry_only() -> None:
    found = {str(path.relative_to(ROOT)) for path in SOURCES if "pluggy" in imported(path)}
    assert found == {"i2ikit/core/hookspecs.py", "i2ikit/core/plugins.py", "i2ikit/core/registry.py"}


def test_triton_is_imported_by_kernels_only() -> None:
    found = [path for path in SOURCES if "triton" in imported(path)]
    assert [path for path in found if not path.name.startswith("kernel") or path.parent.parent.name != "ops"] == []


def test_the_layers_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
