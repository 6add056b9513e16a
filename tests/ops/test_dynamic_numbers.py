"""A compiled function runs with other numbers without recompilation: the checks accept the compiler's symbolic numbers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from i2ikit import ops
from i2ikit.nn import InstanceNorm

FIR = ops.fir_filter([1, 3, 3, 1])
X, STYLE, SKIP = torch.linspace(-1, 1, 96).view(1, 2, 6, 8), torch.tensor([[0.5, 2.0]]), torch.ones(1, 2, 5, 7)


def norm(x: Tensor, number: float) -> Tensor:
    layer = InstanceNorm(2, affine=False)
    layer.eps = number
    y: Tensor = layer(x)
    return y


CALLS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "adain": lambda x, number: ops.adain(x, None, None, eps=number),
    "bias_act": lambda x, number: ops.bias_act(x, None, gain=number),
    "bias_act, alpha": lambda x, number: ops.bias_act(x, None, alpha=number),
    "upfirdn, up": lambda x, number: ops.upfirdn(x, FIR, 2, 1, (2, 1, 2, 1), gain=number),
    "upfirdn, down": lambda x, number: ops.upfirdn(x, FIR, 1, 2, 1, gain=number),
    "upfirdn_act, style": lambda x, number: ops.upfirdn_act(x, FIR, style=STYLE, act_gain=number),
    "upfirdn_act, skip": lambda x, number: ops.upfirdn_act(x, FIR, padding=1, activation="linear", gain=number, skip=SKIP),
    "filtered_lrelu": lambda x, number: ops.filtered_lrelu(x, gain=number),
    "InstanceNorm": norm,
}
QUICK = {"adain", "bias_act"}


@pytest.mark.parametrize("name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in CALLS])
def test_one_compiled_function_runs_with_two_numbers(name: str) -> None:
    torch._dynamo.reset()
    run, x = CALLS[name], X.clone().requires_grad_()
    compiled = torch.compile(run, fullgraph=True, dynamic=True, backend="aot_eager")
    for number in (0.25, 1.5):
        y, expected = compiled(x, number), run(x, number)
        torch.testing.assert_close(y, expected)
        grad = torch.linspace(-1, 2, y.numel()).view(y.shape)
        torch.testing.assert_close(torch.autograd.grad(y, x, grad), torch.autograd.grad(expected, x, grad))
