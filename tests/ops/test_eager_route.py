"""In eager mode on a CPU, operators run without torch.library and give the same results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from i2ikit import ops
from i2ikit.ops import eager_route

FIR = ops.fir_filter([1, 3, 3, 1])
LAYOUTS = [torch.contiguous_format, torch.channels_last]


def make_numbers(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape)), dtype=torch.float64)
    return values.to(dtype).requires_grad_()


X, VECTOR, BIAS, NOISE, SKIP = (
    make_numbers(2, 3, 6, 5),
    make_numbers(2, 3),
    make_numbers(3),
    make_numbers(2, 1, 6, 5),
    make_numbers(2, 3, 6, 5, seed=1),
)
CALLS: dict[str, tuple[Callable[..., Tensor], tuple[Tensor, ...]]] = {
    "up": (lambda x: ops.upfirdn(x, FIR, 2, 1, (2, 1, 2, 1)), (X,)),
    "down": (lambda x: ops.upfirdn(x, FIR, 1, 2, (1, 2, 1, 1)), (X,)),
    "lrelu": (lambda x, b, n: ops.bias_act(x, b, noise=n), (X, BIAS, NOISE)),
    "lrelu, clamped": (lambda x, b: ops.bias_act(x, b, clamp=0.7), (X, BIAS)),
    "swish": (lambda x, b: ops.bias_act(x, b, "swish"), (X, BIAS)),
    "linear": (lambda x, b: ops.bias_act(x, b, "linear"), (X, BIAS)),
    "layer": (lambda x, s, b, n: ops.upfirdn_act(x, None, scale=s, bias=b, noise=n), (X, VECTOR, BIAS, NOISE)),
    "layer, up": (lambda x, s, b: ops.upfirdn_act(x, FIR, 2, 1, (2, 1, 2, 1), scale=s, bias=b), (X, VECTOR, BIAS)),
    "layer, styled": (lambda x, s, k: ops.upfirdn_act(x, FIR, padding=(2, 1, 2, 1), style=s, skip=k), (X, VECTOR, SKIP)),
    "skip": (lambda x, k: ops.upfirdn_act(x, FIR, padding=(2, 1, 2, 1), activation="linear", skip=k), (X, SKIP)),
}


class OperatorRecorder(TorchDispatchMode):
    """Record the i2ikit operators that torch calls."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.namespace == "i2ikit":
            self.names.append(str(func))
        return func(*args, **(kwargs or {}))


def differentiate_twice(run: Callable[..., Tensor], inputs: Sequence[Tensor]) -> list[Tensor | None]:
    """Return a result and its first and second gradients with respect to all inputs."""
    y = run(*inputs)
    grad = make_numbers(*y.shape, seed=7, dtype=y.dtype)
    first = torch.autograd.grad(y, inputs, grad, create_graph=True)
    total = sum((each * make_numbers(*each.shape, seed=5, dtype=each.dtype).detach()).sum() for each in first)
    assert isinstance(total, Tensor)
    second = torch.autograd.grad(total, (grad, *inputs), allow_unused=True)
    return [y, *first, *second]


@pytest.mark.parametrize("name", CALLS)
def test_operators_and_gradients_run_without_torch_library(name: str) -> None:
    with OperatorRecorder() as recorder:
        differentiate_twice(*CALLS[name])
    assert recorder.names == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("memory_format", LAYOUTS)
@pytest.mark.parametrize("name", CALLS)
def test_results_and_gradients_are_bitwise_equal_to_those_of_the_registered_operator(
    name: str, memory_format: torch.memory_format, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, inputs = CALLS[name]
    inputs = (inputs[0].detach().to(dtype).contiguous(memory_format=memory_format).requires_grad_(), *inputs[1:])
    inputs = tuple(each.detach().to(dtype).requires_grad_() if each is SKIP else each for each in inputs)
    found = differentiate_twice(run, inputs)
    monkeypatch.setattr(eager_route, "can_run_eagerly", lambda name, x: False)
    for one, other in zip(found, differentiate_twice(run, inputs), strict=True):
        assert (one is None or not one.any()) if other is None else one is not None and torch.equal(one, other)
        assert one is None or other is None or one.stride() == other.stride()


@pytest.mark.parametrize("name", CALLS)
def test_fake_tensors_use_the_registered_operator(name: str) -> None:
    run, inputs = CALLS[name]
    with FakeTensorMode(allow_non_fake_inputs=True) as mode, OperatorRecorder() as recorder:
        fake = [mode.from_tensor(each) for each in inputs]
        y = run(*fake)
        torch.autograd.grad(y.sum(), fake)
    assert recorder.names
    assert y.shape == run(*inputs).shape


@pytest.mark.parametrize("name", [name for name in CALLS if name not in {"up", "down"}])  # these run as plain torch operators
def test_vmap_uses_the_registered_operator(name: str) -> None:
    run, inputs = CALLS[name]
    with OperatorRecorder() as recorder:
        torch.func.vmap(run)(*(each.detach()[None] for each in inputs))
    assert recorder.names


@pytest.mark.parametrize("name", CALLS)
def test_without_a_gradient_nothing_is_saved(name: str) -> None:
    run, inputs = CALLS[name]
    with torch.no_grad():
        y = run(*inputs)
    assert y.grad_fn is None
    assert not y.requires_grad
    assert all(y.data_ptr() != each.data_ptr() for each in inputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", CALLS)
def test_autocast_leaves_dtypes_alone(name: str, dtype: torch.dtype) -> None:
    run, inputs = CALLS[name]
    inputs = tuple(each.detach().to(dtype).requires_grad_() if each is X or each is SKIP else each for each in inputs)
    with torch.autocast("cpu", torch.bfloat16):
        y = run(*inputs)
        grads = torch.autograd.grad(y.sum(), inputs)
    assert y.dtype is dtype
    assert [each.dtype for each in grads] == [each.dtype for each in inputs]


def list_saved(run: Callable[..., Tensor], inputs: Sequence[Tensor]) -> set[tuple[int, ...]]:
    """Return the shapes of the maps that are saved for the gradient."""
    found: set[tuple[int, ...]] = set()
    with torch.autograd.graph.saved_tensors_hooks(lambda each: found.add(tuple(each.shape)) or each, lambda each: each):
        run(*inputs)
    return {each for each in found if len(each) == 4 and each[1] > 1}


@pytest.mark.parametrize(("up", "down", "padding"), [(2, 1, (2, 1, 2, 1)), (1, 2, 1), (1, 1, (2, 1, 2, 1)), (1, 1, 1)])
def test_resampling_saves_no_large_maps(up: int, down: int, padding: Any) -> None:
    x = make_numbers(1, 8, 200, 200)
    assert list_saved(lambda x: ops.upfirdn(x, FIR, up, down, padding), (x,)) == set()


def test_a_layer_saves_its_result_and_nothing_for_a_skip() -> None:
    assert list_saved(lambda x, b: ops.upfirdn_act(x, FIR, 2, 1, (2, 1, 2, 1), bias=b), (X, BIAS)) == {(2, 3, 12, 10)}
    assert list_saved(*CALLS["layer, up"]) == {(2, 3, 12, 10), tuple(X.shape)}
    assert list_saved(*CALLS["skip"]) == set()
    assert list_saved(*CALLS["linear"]) == set()
