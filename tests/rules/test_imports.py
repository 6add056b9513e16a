"""Import rules: which modules are imported when, how long it takes, and which module may import which."""

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
TIME_FACTOR = 4 if os.environ.get("CI") else 2  # factor on the time limits, because the machines of the tests are shared


def run_python(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# CPU time, so that other processes do not count.
TIMER = "import time; start = time.process_time()\n{}\nspent = time.process_time() - start; print(spent)"


def measure_seconds(code: str) -> float:
    return median(float(run_python(TIMER.format(code)).splitlines()[-1]) for _ in range(3))


def test_import_i2ikit_takes_less_than_150_ms() -> None:
    assert measure_seconds("import i2ikit") < 0.150 * TIME_FACTOR


@pytest.mark.parametrize("command", ["--help", "list"])
def test_help_and_list_take_less_than_300_ms(command: str) -> None:
    call = f"from i2ikit.cli import main; main([{command!r}])"
    code = f"import sys, io; stdout, sys.stdout = sys.stdout, io.StringIO()\n{call}\nsys.stdout = stdout"
    assert measure_seconds(code) < 0.300 * TIME_FACTOR


@pytest.mark.parametrize("command", ["", "--help", "--version", "list", "describe --help"])
def test_import_help_and_list_do_not_import_torch(command: str) -> None:
    run = f"from i2ikit.cli import main; main({command.split()!r})" if command else "import i2ikit"
    heavy = ["torch", "torchvision", "numpy", "PIL", "lightning_fabric"]
    found = run_python(f"import sys\n{run}\nprint([name for name in {heavy!r} if name in sys.modules])").splitlines()[-1]
    assert found == "[]"


def test_listing_plugins_does_not_import_torch() -> None:
    code = "import sys; from i2ikit import default_registry as r; r().components(); [r().recipe(n) for n in r().recipes()]"
    assert run_python(f"{code}; print('torch' in sys.modules)").strip() == "False"


def list_imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_only_hooks_and_registry_import_pluggy() -> None:
    found = {str(path.relative_to(ROOT)) for path in SOURCES if "pluggy" in list_imports(path)}
    assert found == {"i2ikit/core/hookspecs.py", "i2ikit/core/plugins.py", "i2ikit/core/registry.py"}


def test_only_kernels_import_triton() -> None:
    found = [path for path in SOURCES if "triton" in list_imports(path)]
    assert [path for path in found if not path.name.startswith("kernel") or path.parent.parent.name != "ops"] == []


def test_the_layers_of_packages_are_respected() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
