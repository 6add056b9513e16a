"""On a CPU, where nothing is traced or mapped, operators run without torch.library around them, and give the same."""

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


def numbers(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    made = torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape)), dtype=torch.float64)
    return made.to(dtype).requires_grad_()


X, VECTOR, BIAS, NOISE, SKIP = numbers(2, 3, 6, 5), numbers(2, 3), numbers(3), numbers(2, 1, 6, 5), numbers(2, 3, 6, 5, seed=1)
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


class Seen(TorchDispatchMode):
    """Remember the operators of ours that torch calls."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.namespace == "i2ikit":
            self.names.append(str(func))
        return func(*args, **(kwargs or {}))


def to_second_order(run: Callable[..., Tensor], given: Sequence[Tensor]) -> list[Tensor | None]:
    """Return a result and its first and second gradients, each with regard to everything."""
    y = run(*given)
    above = numbers(*y.shape, seed=7, dtype=y.dtype)
    first = torch.autograd.grad(y, given, above, create_graph=True)
    total = sum((each * numbers(*each.shape, seed=5, dtype=each.dtype).detach()).sum() for each in first)
    assert isinstance(total, Tensor)
    second = torch.autograd.grad(total, (above, *given), allow_unused=True)
    return [y, *first, *second]


@pytest.mark.parametrize("name", CALLS)
def test_nothing_surrounds_an_operator_nor_its_gradients(name: str) -> None:
    with Seen() as seen:
        to_second_order(*CALLS[name])
    assert seen.names == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("order", LAYOUTS)
@pytest.mark.parametrize("name", CALLS)
def test_results_and_gradients_are_bit_for_bit_those_of_the_operator(
    name: str, order: torch.memory_format, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, given = CALLS[name]
    given = (given[0].detach().to(dtype).contiguous(memory_format=order).requires_grad_(), *given[1:])
    given = tuple(each.detach().to(dtype).requires_grad_() if each is SKIP else each for each in given)
    found = to_second_order(run, given)
    monkeypatch.setattr(eager_route, "is_bare", lambda name, x: False)
    for one, other in zip(found, to_second_order(run, given), strict=True):
        assert (one is None or not one.any()) if other is None else one is not None and torch.equal(one, other)
        assert one is None or other is None or one.stride() == other.stride()


@pytest.mark.parametrize("name", CALLS)
def test_what_only_stands_for_a_tensor_goes_to_the_operator(name: str) -> None:
    run, given = CALLS[name]
    with FakeTensorMode(allow_non_fake_inputs=True) as mode, Seen() as seen:
        fake = [mode.from_tensor(each) for each in given]
        y = run(*fake)
        torch.autograd.grad(y.sum(), fake)
    assert seen.names
    assert y.shape == run(*given).shape


@pytest.mark.parametrize("name", [name for name in CALLS if name not in {"up", "down"}])  # those are torch's own, which maps them
def test_what_is_mapped_goes_to_the_operator(name: str) -> None:
    run, given = CALLS[name]
    with Seen() as seen:
        torch.func.vmap(run)(*(each.detach()[None] for each in given))
    assert seen.names


@pytest.mark.parametrize("name", CALLS)
def test_without_a_gradient_nothing_is_kept(name: str) -> None:
    run, given = CALLS[name]
    with torch.no_grad():
        y = run(*given)
    assert y.grad_fn is None
    assert not y.requires_grad
    assert all(y.data_ptr() != each.data_ptr() for each in given)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", CALLS)
def test_autocast_leaves_dtypes_alone(name: str, dtype: torch.dtype) -> None:
    run, given = CALLS[name]
    given = tuple(each.detach().to(dtype).requires_grad_() if each is X or each is SKIP else each for each in given)
    with torch.autocast("cpu", torch.bfloat16):
        y = run(*given)
        grads = torch.autograd.grad(y.sum(), given)
    assert y.dtype is dtype
    assert [each.dtype for each in grads] == [each.dtype for each in given]


def kept(run: Callable[..., Tensor], given: Sequence[Tensor]) -> set[tuple[int, ...]]:
    """Return the shapes of the maps that are kept for the gradient."""
    found: set[tuple[int, ...]] = set()
    with torch.autograd.graph.saved_tensors_hooks(lambda each: found.add(tuple(each.shape)) or each, lambda each: each):
        run(*given)
    return {each for each in found if len(each) == 4 and each[1] > 1}


@pytest.mark.parametrize(("up", "down", "padding"), [(2, 1, (2, 1, 2, 1)), (1, 2, 1), (1, 1, (2, 1, 2, 1)), (1, 1, 1)])
def test_resampling_keeps_no_large_maps(up: int, down: int, padding: Any) -> None:
    x = numbers(1, 8, 200, 200)
    assert kept(lambda x: ops.upfirdn(x, FIR, up, down, padding), (x,)) == set()


def test_a_layer_keeps_its_result_and_an_added_image_nothing() -> None:
    assert kept(lambda x, b: ops.upfirdn_act(x, FIR, 2, 1, (2, 1, 2, 1), bias=b), (X, BIAS)) == {(2, 3, 12, 10)}
    assert kept(*CALLS["layer, up"]) == {(2, 3, 12, 10), tuple(X.shape)}
    assert kept(*CALLS["skip"]) == set()
    assert kept(*CALLS["linear"]) == set()
