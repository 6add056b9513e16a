"""Every kernel with its default settings compiles for GPUs that this machine does not have, and does not spill registers."""

from __future__ import annotations

import importlib
import re
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from ops.interpreted import INTERPRETED

KERNELS = ("adain", "bias_act", "upfirdn")
pytestmark = [
    pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed"),
    pytest.mark.skipif(INTERPRETED, reason="the interpreter compiles nothing"),
]


def compile_and_report(kernel: Any, signature: dict[str, str], constants: dict[str, Any], warps: int, capability: int) -> str:
    """Return the resource usage of a compiled kernel: registers, stack and local memory."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names = kernel.arg_names
    whole = signature | dict.fromkeys(constants, "constexpr")
    aligned = [index for index, name in enumerate(names) if signature.get(name, "").startswith(("*", "i32"))]
    source = ASTSource(
        fn=kernel,
        signature={name: whole[name] for name in names},
        constexprs={(names.index(name),): value for name, value in constants.items()},
        attrs={(index,): [["tt.divisibility", 16]] for index in aligned},
    )
    compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"num_warps": warps, "enable_fp_fusion": True})
    tool = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(compiled.asm["cubin"])
        file.flush()
        return subprocess.run([tool, "--dump-resource-usage", file.name], capture_output=True, text=True, check=True).stdout


def list_configurations(op: str, dtypes: tuple[str, ...]) -> Iterator[tuple[str, Any, dict[str, str], dict[str, Any], int]]:
    for configuration in importlib.import_module(f"i2ikit.ops.{op}.kernel").list_configurations():
        if set(configuration[0].split("/")) & set(dtypes):
            yield configuration


def assert_no_spills(op: str, capability: int, dtypes: tuple[str, ...]) -> None:
    spilled, count = [], 0
    for name, *arguments in list_configurations(op, dtypes):
        found = re.search(r"REG:(\d+) STACK:(\d+).*?LOCAL:(\d+)", compile_and_report(*arguments, capability))
        assert found is not None
        count += 1
        if int(found[2]) or int(found[3]):
            spilled.append(f"{name}: {found[0]}")
    assert count > 0
    assert spilled == []


@pytest.mark.slow
@pytest.mark.parametrize("op", KERNELS)
@pytest.mark.parametrize(("capability", "dtypes"), [(80, ("bf16",)), (90, ("fp32", "bf16"))])
def test_no_kernel_spills(op: str, capability: int, dtypes: tuple[str, ...]) -> None:
    assert_no_spills(op, capability, dtypes)
