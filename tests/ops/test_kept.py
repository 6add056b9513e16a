"""What gradients keep and return: no map that nothing asks for, and no graph where none was wanted."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from i2ikit import ops

X, SHIFT, BIAS = torch.linspace(-1, 2, 240).view(2, 4, 5, 6), torch.ones(4), torch.zeros(4)


def kept(run: Callable[[], Tensor]) -> set[int]:
    """Return the addresses of what is kept for the gradient."""
    found: set[int] = set()
    with torch.autograd.graph.saved_tensors_hooks(lambda each: found.add(each.data_ptr()) or each, lambda each: each):
        run()
    return found


def test_a_gradient_has_no_graph_where_none_was_asked_for() -> None:
    style = torch.ones(2, 4, requires_grad=True)
    x = X.clone().requires_grad_()
    y = ops.upfirdn_act(x, None, activation="lrelu", style=style)
    assert all(each.grad_fn is None for each in torch.autograd.grad(y.sum(), (x, style), retain_graph=True))
    assert all(each.grad_fn is not None for each in torch.autograd.grad(y.square().sum(), (x, style), create_graph=True))


def test_a_skip_is_not_kept_where_a_style_follows() -> None:
    x, skip, style = X.clone().requires_grad_(), X.clone().requires_grad_(), torch.ones(2, 4, requires_grad=True)
    assert skip.data_ptr() not in kept(lambda: ops.upfirdn_act(x, None, activation="lrelu", style=style, skip=skip))
    y = ops.upfirdn_act(x, None, activation="lrelu", style=style, skip=skip)
    grad = torch.linspace(0, 1, y.numel()).view(y.shape)
    torch.testing.assert_close(torch.autograd.grad(y, skip, grad)[0], grad)


def test_adain_keeps_nothing_where_only_a_shift_or_a_residual_wants_a_gradient() -> None:
    x = X.contiguous(memory_format=torch.channels_last)
    shift, residual = SHIFT.clone().requires_grad_(), X.clone().requires_grad_()
    assert x.data_ptr() not in kept(lambda: ops.adain(x, None, shift, residual=residual))
    y = ops.adain(x, None, shift, residual=residual)
    grad = torch.linspace(0, 1, y.numel()).view(y.shape)
    found = torch.autograd.grad(y, (shift, residual), grad, create_graph=True)
    torch.testing.assert_close(found, (grad.sum((0, 2, 3)), grad))
