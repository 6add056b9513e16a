"""Registration of adain with ``torch.library``: implementations, shapes and gradients. The gradient is an operator with kernels too."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from i2ikit.ops import vmap
from i2ikit.ops.adain import cpu, reference
from i2ikit.ops.implementations import LARGEST_PLANE, Implementation, get_implementation, try_kernel
from i2ikit.ops.memory_format import get_memory_format, make_contiguous, match_memory_format

ForwardOutput = tuple[Tensor, Tensor, Tensor]
BackwardOutput = tuple[Tensor, Tensor, Tensor, Tensor]


@torch.library.custom_op("i2ikit::adain", mutates_args=())
def adain_op(
    x: Tensor, scale: Tensor | None, shift: Tensor | None, residual: Tensor | None, eps: float, activation: str | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the result, and the mean and the reciprocal standard deviation of each map [B, C]; scale and shift are [B, C]."""
    x, memory_format = make_contiguous(x), get_memory_format(x)
    arguments = (x, scale, shift, None if residual is None else match_memory_format(residual, x), eps, activation)

    def run_reference() -> ForwardOutput:
        y, mean, rstd = reference.adain(*arguments)
        return y.contiguous(memory_format=memory_format), mean.contiguous(), rstd.contiguous()

    def run_kernel() -> ForwardOutput:
        from i2ikit.ops.adain import kernel

        return kernel.adain(*arguments)

    implementation = choose_implementation(x)
    if implementation == "cpu":
        y, mean, rstd = cpu.adain(*arguments)
        return y.contiguous(memory_format=memory_format), mean, rstd
    return try_kernel("adain", x.device, run_kernel, run_reference) if implementation == "triton" else run_reference()


@adain_op.register_fake
def _(
    x: Tensor, scale: Tensor | None, shift: Tensor | None, residual: Tensor | None, eps: float, activation: str | None
) -> tuple[Tensor, Tensor, Tensor]:
    statistic = x.new_empty(x.shape[:2], dtype=_get_wide_dtype(x))
    return _make_empty_like(x), statistic, torch.empty_like(statistic)


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
    needs_dx: bool,
    needs_dresidual: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of x, scale, shift and residual; those of x and residual are empty if they are not needed.

    The activation's derivative follows from the sign of y. If y is None, there was no residual, and y is computed from x again.
    """
    x = make_contiguous(x)
    grad, y = match_memory_format(grad, x), None if y is None else match_memory_format(y, x)

    def arrange(gradients: BackwardOutput) -> BackwardOutput:
        memory_format = get_memory_format(x)
        dz = gradients[3]
        # An operator must not return one of its inputs.
        dz = dz.clone(memory_format=memory_format) if dz is grad else dz.to(x.dtype).contiguous(memory_format=memory_format)
        return (
            gradients[0].contiguous(memory_format=memory_format) if needs_dx else x.new_empty(0),
            gradients[1].to(_get_factor_dtype(scale, x)).contiguous(),
            gradients[2].to(_get_factor_dtype(shift, x)).contiguous(),
            dz if needs_dresidual else x.new_empty(0),
        )

    def run_reference() -> BackwardOutput:
        return arrange(reference.adain_backward(grad, x, scale, shift, y, eps, activation))

    def run_kernel() -> BackwardOutput:
        from i2ikit.ops.adain import kernel

        return kernel.adain_backward(grad, x, scale, shift, mean, rstd, y, activation, needs_dx=needs_dx, needs_dresidual=needs_dresidual)

    implementation = choose_implementation(x)
    if implementation == "cpu":
        return arrange(cpu.adain_backward(grad, x, scale, shift, mean, rstd, y, activation))
    return try_kernel("adain", x.device, run_kernel, run_reference) if implementation == "triton" else run_reference()


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
    needs_dx: bool,
    needs_dresidual: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return (
        _make_empty_like(x) if needs_dx else x.new_empty(0),
        x.new_empty(x.shape[:2], dtype=_get_factor_dtype(scale, x)),
        x.new_empty(x.shape[:2], dtype=_get_factor_dtype(shift, x)),
        _make_empty_like(x) if needs_dresidual else x.new_empty(0),
    )


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: ForwardOutput) -> None:
    x, scale, shift, residual, ctx.eps, ctx.activation = inputs
    y, mean, rstd = output
    ctx.mark_non_differentiable(mean, rstd)
    # A kernel computes the sign of y from x again, which is free there and saves one tensor less. Other implementations would need
    # another pass over memory.
    saves_y = ctx.activation is not None and (residual is not None or choose_implementation(x) != "triton")
    ctx.residual_dtype = None if residual is None else residual.dtype
    # The gradient of a shift is the sum of the incoming gradient, and that of a residual is the incoming gradient.
    ctx.is_independent_of_x = ctx.activation is None and not any(ctx.needs_input_grad[:2])
    ctx.shift_dtype = None if shift is None else shift.dtype
    if ctx.is_independent_of_x:
        ctx.save_for_backward()
    else:
        ctx.save_for_backward(x, scale, shift, mean, rstd, y if saves_y else None)


def _backward(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
    needs_x, needs_scale, needs_shift, needs_residual, *_rest = ctx.needs_input_grad
    if ctx.is_independent_of_x:
        total = grad.sum((2, 3), dtype=torch.promote_types(grad.dtype, torch.float32)).to(ctx.shift_dtype) if needs_shift else None
        return None, None, total, grad.to(ctx.residual_dtype) if needs_residual else None, None, None
    x, scale, shift, mean, rstd, y = ctx.saved_tensors
    needs_masked = needs_residual and ctx.activation is not None
    dx = dscale = dshift = None
    dresidual = grad if needs_residual else None
    if needs_x or needs_scale or needs_shift or needs_masked:
        tensors = (grad, x, scale, shift, mean, rstd, y)
        dx, dscale, dshift, dz = adain_backward_op(*tensors, ctx.eps, ctx.activation, needs_x, needs_masked)
        dresidual = dz if needs_masked else dresidual
    return (
        dx if needs_x else None,
        dscale if needs_scale else None,
        dshift if needs_shift else None,
        None if dresidual is None else dresidual.to(ctx.residual_dtype),
        None,
        None,
    )


def _setup_backward_context(ctx: Any, inputs: tuple[Any, ...], output: BackwardOutput) -> None:
    grad, x, scale, shift, _, _, y, ctx.eps, ctx.activation, ctx.needs_dx, ctx.needs_dresidual = inputs
    ctx.save_for_backward(grad, x, scale, shift, y)


def _double_backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
    """Differentiate the definition of the gradient, in which the mean and the standard deviation are functions of x and not inputs."""
    create_graph = torch.is_grad_enabled()
    needed = ctx.needs_input_grad[:3]
    grad, x, scale, shift, y = ctx.saved_tensors
    with torch.enable_grad():
        # Views, so that the derivatives stop here even if grad was itself computed from x.
        grad, x, scale = (value.view_as(value) if is_needed else value for value, is_needed in zip((grad, x, scale), needed, strict=True))
        results = reference.adain_backward(grad, x, scale, shift, y, ctx.eps, ctx.activation)
        computed = (ctx.needs_dx, True, True, ctx.needs_dresidual)
        pairs = [
            (result, cotangent)
            for result, cotangent, is_computed in zip(results, cotangents, computed, strict=True)
            if is_computed and result.requires_grad
        ]
        inputs = [value for value, is_needed in zip((grad, x, scale), needed, strict=True) if is_needed]
        if not inputs or not pairs:  # the gradient does not depend on a tensor that needs one
            return (None,) * 11
        gradients = iter(
            torch.autograd.grad(
                [result for result, _ in pairs],
                inputs,
                [cotangent.to(result.dtype) for result, cotangent in pairs],
                create_graph=create_graph,
                allow_unused=True,
            )
        )
    return *(next(gradients) if is_needed else None for is_needed in needed), *(None,) * 8


adain_op.register_autograd(_backward, setup_context=_setup_context)
adain_backward_op.register_autograd(_double_backward, setup_context=_setup_backward_context)
vmap.register(adain_op, {0, 1, 2, 3})
vmap.register(adain_backward_op, {0, 1, 2, 3, 4, 5, 6})


def choose_implementation(x: Tensor) -> Implementation:
    """Return the implementation that runs for maps of this size, device and dtype."""
    pixels = x.shape[2] * x.shape[3]
    if x.numel() == 0:
        return "reference"
    implementation = get_implementation("adain", x)
    if implementation == "cpu":
        # The group norm multiplies before it subtracts the mean. For a single pixel, whose variance is 0, it multiplies by hundreds,
        # and so the rounding error is too large.
        return "reference" if pixels == 1 else "cpu"
    # The kernels use 32-bit offsets inside one plane, or inside one image in channels_last.
    fits = (pixels if x.is_contiguous() else x.shape[1] * pixels) < LARGEST_PLANE
    return implementation if fits else "reference"


def _get_wide_dtype(x: Tensor) -> torch.dtype:
    return torch.promote_types(x.dtype, torch.float32)


def _get_factor_dtype(factor: Tensor | None, x: Tensor) -> torch.dtype:
    return _get_wide_dtype(x) if factor is None else factor.dtype


def _make_empty_like(x: Tensor) -> Tensor:
    return x.new_empty(x.shape).contiguous(memory_format=get_memory_format(x))
