"""Which implementation an operator runs, and what happens if a kernel fails."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import pytest
import torch
from ops.interpreted import ON_GPU

from i2ikit import ops
from i2ikit.errors import OptionError
from i2ikit.ops import implementations

GPU = torch.device("cuda", 0)


@pytest.fixture(autouse=True)
def clean_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("I2IKIT_OPS", raising=False)
    monkeypatch.setattr(implementations, "_failures", {})
    monkeypatch.setattr(implementations, "has_triton", lambda: True)


def test_each_device_has_its_implementation_and_a_reason() -> None:
    assert implementations.explain_implementation("adain", torch.device("cpu")) == ("cpu", "the fast implementation for a CPU")
    assert implementations.explain_implementation("adain", GPU) == ("triton", "a GPU with Triton")
    assert implementations.explain_implementation("adain", torch.device("mps")) == ("reference", "there is no kernel for mps")
    assert implementations.explain_implementation("adain", GPU, torch.float64) == ("reference", "the kernels do not support float64")


def test_a_gpu_without_triton_runs_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(implementations, "has_triton", lambda: False)
    assert implementations.explain_implementation("adain", GPU) == ("reference", "Triton is not installed")


def test_bfloat16_runs_the_reference_on_a_gpu_without_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(implementations, "_has_bfloat16", lambda device: False)
    assert implementations.explain_implementation("adain", GPU, torch.bfloat16) == ("reference", "the GPU has no bfloat16")
    assert implementations.explain_implementation("adain", GPU, torch.float16)[0] == "triton"
    monkeypatch.setenv("I2IKIT_OPS", "triton")
    assert implementations.explain_implementation("adain", GPU, torch.bfloat16) == (
        "reference",
        "I2IKIT_OPS=triton, but the GPU has no bfloat16",
    )


def test_emulated_bfloat16_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    including: list[bool] = []

    class Turing:
        def is_available(self) -> bool:
            return True

        def device(self, device: torch.device) -> warnings.catch_warnings:
            return warnings.catch_warnings()

        def is_bf16_supported(self, including_emulation: bool = True) -> bool:
            including.append(including_emulation)
            return including_emulation

    implementations._has_bfloat16.cache_clear()
    monkeypatch.setattr(torch, "get_device_module", lambda device: Turing())
    assert not implementations._has_bfloat16(torch.device("cuda", 7))
    assert including == [False]
    implementations._has_bfloat16.cache_clear()


def test_the_variable_forces_an_implementation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2IKIT_OPS", "reference")
    assert implementations.explain_implementation("adain", GPU) == ("reference", "I2IKIT_OPS=reference")
    monkeypatch.setenv("I2IKIT_OPS", "triton")
    assert implementations.explain_implementation("adain", GPU) == ("triton", "I2IKIT_OPS=triton")
    assert implementations.explain_implementation("adain", GPU, torch.float64) == (
        "reference",
        "I2IKIT_OPS=triton, but the kernels do not support float64",
    )
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    cpu = torch.device("cpu")
    assert implementations.explain_implementation("adain", cpu) == ("triton", "I2IKIT_OPS=triton")
    assert implementations.explain_implementation("adain", cpu, torch.float64) == (
        "cpu",
        "I2IKIT_OPS=triton, but the kernels do not support float64",
    )


def test_what_cannot_be_forced_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2IKIT_OPS", "tritn")
    with pytest.raises(OptionError, match=r'I2IKIT_OPS is "tritn".* Did you mean "triton"'):
        implementations.explain_implementation("adain", GPU)
    monkeypatch.setenv("I2IKIT_OPS", "cpu")
    with pytest.raises(OptionError, match="I2IKIT_OPS=cpu, but the tensors are on cuda"):
        implementations.explain_implementation("adain", GPU)
    monkeypatch.setenv("I2IKIT_OPS", "triton")
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(OptionError, match="I2IKIT_OPS=triton, but the tensors are on the CPU"):
        implementations.explain_implementation("adain", torch.device("cpu"))


@pytest.mark.skipif(ON_GPU, reason="a GPU runs the reference for float64")
def test_every_operator_supports_float64_if_the_kernels_are_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2IKIT_OPS", "triton")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    x, fir = torch.randn(2, 3, 6, 6, dtype=torch.float64, requires_grad=True), ops.fir_filter([1, 2, 1])
    weight, style = torch.randn(4, 3, 3, 3, dtype=torch.float64), torch.randn(2, 3, dtype=torch.float64)
    for run in (
        lambda: ops.adain(x, None, None, activation="relu"),
        lambda: ops.upfirdn(x, fir),
        lambda: ops.bias_act(x),
        lambda: ops.upfirdn_act(x, fir, activation="swish"),
        lambda: ops.modulated_conv(x, weight, style, up=2, fir=fir, activation="lrelu"),
    ):
        y = run()
        (dx,) = torch.autograd.grad(y.sum(), x)
        assert y.dtype is dx.dtype is torch.float64


def fail() -> torch.Tensor:
    raise RuntimeError("no image for this device\nand more")


def test_a_kernel_that_fails_is_not_tried_again_and_a_warning_names_the_cause() -> None:
    cpu = torch.device("cpu")
    with pytest.warns(implementations.KernelWarning, match='Triton kernel of "adain" failed: RuntimeError: no image for this device'):
        assert implementations.try_kernel("adain", cpu, fail, lambda: torch.ones(1)) == 1
    assert implementations.explain_implementation("adain", GPU) == (
        "reference",
        "the kernel failed: RuntimeError: no image for this device",
    )
    assert implementations.explain_implementation("bias_act", GPU)[0] == "triton"


def test_a_forced_kernel_that_fails_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2IKIT_OPS", "triton")
    with pytest.raises(RuntimeError, match="no image for this device"):
        implementations.try_kernel("adain", torch.device("cpu"), fail, lambda: torch.ones(1))


def test_running_out_of_memory_is_not_a_failure_of_the_kernel() -> None:
    def exhaust_memory() -> torch.Tensor:
        raise torch.OutOfMemoryError("full")

    with pytest.raises(torch.OutOfMemoryError):
        implementations.try_kernel("adain", torch.device("cpu"), exhaust_memory, lambda: torch.ones(1))
    assert implementations.explain_implementation("adain", GPU)[0] == "triton"


def test_a_compiler_that_runs_out_of_memory_is_not_a_failure_of_the_kernel() -> None:
    def exhaust_memory() -> torch.Tensor:
        raise RuntimeError("CUDA error: out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        implementations.try_kernel("adain", torch.device("cpu"), exhaust_memory, lambda: torch.ones(1))
    assert implementations.explain_implementation("adain", GPU)[0] == "triton"


def test_a_failure_during_a_graph_capture_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(implementations, "_is_capturing", lambda device: True)
    with pytest.raises(RuntimeError, match="no image for this device"):
        implementations.try_kernel("adain", torch.device("cpu"), fail, lambda: torch.ones(1))
    assert implementations.explain_implementation("adain", GPU)[0] == "triton"


@pytest.mark.parametrize("forced", ["cpu", "triton", "reference"])
def test_meta_tensors_work_with_every_forced_implementation(forced: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2IKIT_OPS", forced)
    x, weight, style = (torch.zeros(shape, device="meta") for shape in ((2, 3, 6, 6), (4, 3, 3, 3), (2, 3)))
    assert ops.modulated_conv(x, weight, style, bias=torch.zeros(4, device="meta"), activation="lrelu").shape == (2, 4, 6, 6)


def test_kernels_cannot_be_forced_on_a_device_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2IKIT_OPS", "triton")
    with pytest.raises(OptionError, match="I2IKIT_OPS=triton, but there is no kernel for mps"):
        implementations.explain_implementation("adain", torch.device("mps"))


def test_no_kernel_is_imported_before_one_runs() -> None:
    code = (
        "import sys, torch; from i2ikit import ops; ops.adain(torch.ones(1, 1, 2, 2), None, None); "
        "assert not [name for name in sys.modules if name.startswith('i2ikit.ops') and 'kernel' in name]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "I2IKIT_OPS": ""})
