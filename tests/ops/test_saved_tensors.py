"""What operators save for their gradients, and that a gradient has a graph only with create_graph."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from i2ikit import ops

X, SHIFT, BIAS = torch.linspace(-1, 2, 240).view(2, 4, 5, 6), torch.ones(4), torch.zeros(4)


def list_saved(run: Callable[[], Tensor]) -> set[int]:
    """Return the addresses of the tensors that are saved for the gradient."""
    found: set[int] = set()
    with torch.autograd.graph.saved_tensors_hooks(lambda each: found.add(each.data_ptr()) or each, lambda each: each):
        run()
    return found


def test_a_gradient_has_a_graph_only_with_create_graph() -> None:
    style = torch.ones(2, 4, requires_grad=True)
    x = X.clone().requires_grad_()
    y = ops.upfirdn_act(x, None, activation="lrelu", style=style)
    assert all(each.grad_fn is None for each in torch.autograd.grad(y.sum(), (x, style), retain_graph=True))
    assert all(each.grad_fn is not None for each in torch.autograd.grad(y.square().sum(), (x, style), create_graph=True))


def test_a_skip_is_not_saved_if_there_is_a_style() -> None:
    x, skip, style = X.clone().requires_grad_(), X.clone().requires_grad_(), torch.ones(2, 4, requires_grad=True)
    assert skip.data_ptr() not in list_saved(lambda: ops.upfirdn_act(x, None, activation="lrelu", style=style, skip=skip))
    y = ops.upfirdn_act(x, None, activation="lrelu", style=style, skip=skip)
    grad = torch.linspace(0, 1, y.numel()).view(y.shape)
    torch.testing.assert_close(torch.autograd.grad(y, skip, grad)[0], grad)


def test_adain_does_not_save_x_if_only_a_shift_or_a_residual_needs_a_gradient() -> None:
    x = X.contiguous(memory_format=torch.channels_last)
    shift, residual = SHIFT.clone().requires_grad_(), X.clone().requires_grad_()
    assert x.data_ptr() not in list_saved(lambda: ops.adain(x, None, shift, residual=residual))
    y = ops.adain(x, None, shift, residual=residual)
    grad = torch.linspace(0, 1, y.numel()).view(y.shape)
    found = torch.autograd.grad(y, (shift, residual), grad, create_graph=True)
    torch.testing.assert_close(found, (grad.sum((0, 2, 3)), grad))
