"""adain as torch knows it: its implementations, shapes and gradients. The gradient is an operator too, so that it is as fused."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from i2ikit.ops import vmap
from i2ikit.ops.adain import cpu, reference
from i2ikit.ops.choice import LARGEST_PLANE, Route, attempt, route
from i2ikit.ops.memory_format import in_order, in_order_of, memory_format

Three = tuple[Tensor, Tensor, Tensor]
Four = tuple[Tensor, Tensor, Tensor, Tensor]


@torch.library.custom_op("i2ikit::adain", mutates_args=())
def adain_op(
    x: Tensor, scale: Tensor | None, shift: Tensor | None, residual: Tensor | None, eps: float, activation: str | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the result, and mean and one over the standard deviation [B, C] of each map; scale and shift are [B, C]."""
    x, order = in_order(x), memory_format(x)
    arguments = (x, scale, shift, None if residual is None else in_order_of(residual, x), eps, activation)

    def plain() -> Three:
        y, mean, rstd = reference.adain(*arguments)
        return y.contiguous(memory_format=order), mean.contiguous(), rstd.contiguous()

    def fused() -> Three:
        from i2ikit.ops.adain import kernel

        return kernel.adain(*arguments)

    chosen = route_of(x)
    if chosen == "cpu":
        y, mean, rstd = cpu.adain(*arguments)
        return y.contiguous(memory_format=order), mean, rstd
    return attempt("adain", x.device, fused, plain) if chosen == "triton" else plain()


@adain_op.register_fake
def _(
    x: Tensor, scale: Tensor | None, shift: Tensor | None, residual: Tensor | None, eps: float, activation: str | None
) -> tuple[Tensor, Tensor, Tensor]:
    statistic = x.new_empty(x.shape[:2], dtype=_wide(x))
    return _like(x), statistic, torch.empty_like(statistic)


@torch.library.custom_op("i2ikit::adain_backward", mutates_args=())
def adain_backward_op(
    grad: Tensor,
    x: Tensor,
    scale: Tensor | None,
    shift: Tensor | None,
    mean: Tensor,
    rstd: Tensor,
    y: Tensor | None,
    eps: float,
    activation: str | None,
    dx: bool,
    dresidual: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of x, scale, shift and residual, the first and the last without elements where they are not wanted.

    The activation's derivative is taken from the sign of y, or where that is None, of what x is made to: then there was no residual.
    """
    x = in_order(x)
    grad, y = in_order_of(grad, x), None if y is None else in_order_of(y, x)

    def finish(found: Four) -> Four:
        order = memory_format(x)
        inner = found[3].clone(memory_format=order) if found[3] is grad else found[3].to(x.dtype).contiguous(memory_format=order)
        return (
            found[0].contiguous(memory_format=order) if dx else x.new_empty(0),
            found[1].to(_dtype(scale, x)).contiguous(),
            found[2].to(_dtype(shift, x)).contiguous(),
            inner if dresidual else x.new_empty(0),
        )

    def plain() -> Four:
        return finish(reference.adain_backward(grad, x, scale, shift, y, eps, activation))

    def fused() -> Four:
        from i2ikit.ops.adain import kernel

        return kernel.adain_backward(grad, x, scale, shift, mean, rstd, y, activation, dx=dx, dresidual=dresidual)

    chosen = route_of(x)
    if chosen == "cpu":
        return finish(cpu.adain_backward(grad, x, scale, shift, mean, rstd, y, activation))
    return attempt("adain", x.device, fused, plain) if chosen == "triton" else plain()


@adain_backward_op.register_fake
def _(
    grad: Tensor,
    x: Tensor,
    scale: Tensor | None,
    shift: Tensor | None,
    mean: Tensor,
    rstd: Tensor,
    y: Tensor | None,
    eps: float,
    activation: str | None,
    dx: bool,
    dresidual: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return (
        _like(x) if dx else x.new_empty(0),
        x.new_empty(x.shape[:2], dtype=_dtype(scale, x)),
        x.new_empty(x.shape[:2], dtype=_dtype(shift, x)),
        _like(x) if dresidual else x.new_empty(0),
    )


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Three) -> None:
    x, scale, shift, residual, ctx.eps, ctx.activation = inputs
    y, mean, rstd = output
    ctx.mark_non_differentiable(mean, rstd)
    # A kernel makes the sign of y anew from x, which costs nothing there and keeps one tensor less. Elsewhere it would be another sweep.
    kept = ctx.activation is not None and (residual is not None or route_of(x) != "triton")
    ctx.residual = None if residual is None else residual.dtype
    # The gradients of a shift and a residual are sums of what comes in, and that itself.
    ctx.only_added = ctx.activation is None and not any(ctx.needs_input_grad[:2])
    ctx.shift = None if shift is None else shift.dtype
    if ctx.only_added:
        ctx.save_for_backward()
    else:
        ctx.save_for_backward(x, scale, shift, mean, rstd, y if kept else None)


def _backward(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
    wants_x, wants_scale, wants_shift, wants_residual, *_rest = ctx.needs_input_grad
    if ctx.only_added:
        total = grad.sum((2, 3), dtype=torch.promote_types(grad.dtype, torch.float32)).to(ctx.shift) if wants_shift else None
        return None, None, total, grad.to(ctx.residual) if wants_residual else None, None, None
    x, scale, shift, mean, rstd, y = ctx.saved_tensors
    masked = wants_residual and ctx.activation is not None
    dx = dscale = dshift = None
    dresidual = grad if wants_residual else None
    if wants_x or wants_scale or wants_shift or masked:
        dx, dscale, dshift, inner = adain_backward_op(grad, x, scale, shift, mean, rstd, y, ctx.eps, ctx.activation, wants_x, masked)
        dresidual = inner if masked else dresidual
    return (
        dx if wants_x else None,
        dscale if wants_scale else None,
        dshift if wants_shift else None,
        None if dresidual is None else dresidual.to(ctx.residual),
        None,
        None,
    )


def _keep_backward(ctx: Any, inputs: tuple[Any, ...], output: Four) -> None:
    grad, x, scale, shift, _, _, y, ctx.eps, ctx.activation, ctx.dx, ctx.dresidual = inputs
    ctx.save_for_backward(grad, x, scale, shift, y)


def _second(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
    """Differentiate the definition of the gradient, in which mean and deviation are functions of x and not inputs of their own."""
    again = torch.is_grad_enabled()
    wanted = ctx.needs_input_grad[:3]
    grad, x, scale, shift, y = ctx.saved_tensors
    with torch.enable_grad():
        # Aliases, so that the derivatives stop here even where grad was itself computed from x.
        grad, x, scale = (value.view_as(value) if wants else value for value, wants in zip((grad, x, scale), wanted, strict=True))
        results = reference.adain_backward(grad, x, scale, shift, y, ctx.eps, ctx.activation)
        made = (ctx.dx, True, True, ctx.dresidual)
        pairs = [(result, to) for result, to, is_made in zip(results, cotangents, made, strict=True) if is_made and result.requires_grad]
        inputs = [value for value, wants in zip((grad, x, scale), wanted, strict=True) if wants]
        if not inputs or not pairs:  # nothing of this gradient hangs on what wants one
            return (None,) * 11
        found = iter(
            torch.autograd.grad(
                [result for result, _ in pairs],
                inputs,
                [to.to(result.dtype) for result, to in pairs],
                create_graph=again,
                allow_unused=True,
            )
        )
    return *(next(found) if wants else None for wants in wanted), *(None,) * 8


adain_op.register_autograd(_backward, setup_context=_keep)
adain_backward_op.register_autograd(_second, setup_context=_keep_backward)
vmap.register(adain_op, {0, 1, 2, 3})
vmap.register(adain_backward_op, {0, 1, 2, 3, 4, 5, 6})


def route_of(x: Tensor) -> Route:
    """Return the implementation that maps take."""
    pixels = x.shape[2] * x.shape[3]
    if x.numel() == 0:
        return "reference"
    chosen = route("adain", x)
    if chosen == "cpu":
        # The group norm takes the mean away last, and without a variance hundreds of times the pixel is not exact enough for that.
        return "reference" if pixels == 1 else "cpu"
    # The kernels count in 32-bit numbers inside of one plane, or of one image in channels_last.
    small = (pixels if x.is_contiguous() else x.shape[1] * pixels) < LARGEST_PLANE
    return chosen if small else "reference"


def _wide(x: Tensor) -> torch.dtype:
    return torch.promote_types(x.dtype, torch.float32)


def _dtype(factor: Tensor | None, x: Tensor) -> torch.dtype:
    return _wide(x) if factor is None else factor.dtype


def _like(x: Tensor) -> Tensor:
    return x.new_empty(x.shape).contiguous(memory_format=memory_format(x))
