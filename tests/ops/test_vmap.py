"""torch.func.vmap over the operators equals a loop, without a warning, and so do batched gradients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.func import vmap

from i2ikit import ops

FIR = ops.fir_filter([1, 3, 3, 1])


def make_numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


X, VECTOR, BIAS, NOISE, SKIP = (
    make_numbers(4, 2, 3, 6, 5),
    make_numbers(4, 2, 3),
    make_numbers(4, 3),
    make_numbers(4, 2, 1, 6, 5),
    make_numbers(4, 2, 3, 6, 5, seed=1),
)
CALLS: dict[str, tuple[Callable[..., Tensor], list[Tensor], tuple[int | None, ...]]] = {
    "upfirdn": (lambda x: ops.upfirdn(x, FIR, up=2), [X], (0,)),
    "upfirdn along another axis": (lambda x: ops.upfirdn(x, FIR, up=2), [X.movedim(0, 3)], (3,)),
    "adain": (ops.adain, [X, VECTOR, VECTOR], (0, 0, 0)),
    "adain of shared maps": (ops.adain, [X[0], VECTOR, VECTOR[0]], (None, 0, None)),
    "adain with scales of the channels": (ops.adain, [X, BIAS, BIAS[0]], (0, 0, None)),
    "adain and residual": (lambda x, s, r: ops.adain(x, s, None, residual=r, activation="relu"), [X, VECTOR[0], SKIP], (0, None, 0)),
    "bias_act": (ops.bias_act, [X, BIAS[0]], (0, None)),
    "bias_act with a bias each": (ops.bias_act, [X, BIAS], (0, 0)),
    "bias_act of a vector": (lambda x, b: ops.bias_act(x, b, dim=0), [BIAS, BIAS[0]], (0, None)),
    "bias_act and noise": (lambda x, n: ops.bias_act(x, None, "swish", noise=n), [X, NOISE], (0, 0)),
    "bias_act and noise of all images": (lambda x, n: ops.bias_act(x, noise=n), [X[0], NOISE[:, :1]], (None, 0)),
    "upfirdn_act": (
        lambda x, s, b, n, k: ops.upfirdn_act(x, FIR, padding=(2, 1, 2, 1), scale=s, bias=b, noise=n, style=s, skip=k),
        [X, VECTOR, BIAS[0], NOISE[0], SKIP], (0, 0, None, None, 0),
    ),
    "modulated_conv": (
        lambda x, w, s: ops.modulated_conv(x, w, s, up=2, fir=FIR, activation="lrelu"), [X, make_numbers(2, 3, 3, 3), VECTOR], (0, None, 0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_vmap_equals_a_loop(name: str) -> None:
    run, tensors, dims = CALLS[name]
    inputs = [each.detach().requires_grad_() for each in tensors]
    y = vmap(run, dims)(*inputs)
    expected = torch.stack(
        [run(*(each if dim is None else each.select(dim, index) for each, dim in zip(inputs, dims, strict=True))) for index in range(4)]
    )
    torch.testing.assert_close(y, expected)
    grads = [torch.autograd.grad(each.square().sum(), inputs) for each in (y, expected)]
    for one, other in zip(*grads, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["upfirdn", "adain and residual", "bias_act", "bias_act and noise"])
def test_batched_gradients_equal_single_ones(name: str) -> None:
    run, tensors, dims = CALLS[name]
    inputs = [(each if dim is None else each[0]).detach().requires_grad_() for each, dim in zip(tensors, dims, strict=True)]
    y = run(*inputs)
    grads = make_numbers(3, *y.shape)
    together = torch.autograd.grad(y, inputs, grads, is_grads_batched=True, retain_graph=True)
    for index, grad in enumerate(grads):
        for one, other in zip(together, torch.autograd.grad(y, inputs, grad, retain_graph=True), strict=True):
            torch.testing.assert_close(one[index], other, rtol=1e-4, atol=1e-5)
