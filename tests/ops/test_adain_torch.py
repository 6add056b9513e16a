"""adain: its higher gradients, what torch's machinery makes of it, how it answers bad input, and how maps are divided among programs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ops.interpreted import INTERPRETED
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F

from i2ikit.ops.adain import adain, reference
from i2ikit.ops.adain.register import adain_backward_op, adain_op

# opcheck looks at gradients of tensors that are no leaves
WITHIN_TORCH = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
LAYOUTS = [torch.contiguous_format, torch.channels_last]
FORMS = [(None, False), ("relu", False), ("lrelu", True)]


def maps(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def four(order: torch.memory_format, residual: bool, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    count = 4 if residual else 3
    shapes = ((2, 3, 3, 5), (2, 3), (2, 3), (2, 3, 3, 5))
    tensors = [maps(*shape, seed=seed, dtype=dtype) for seed, shape in enumerate(shapes[:count])]
    return [(each.contiguous(memory_format=order) if each.ndim == 4 else each).requires_grad_() for each in tensors]


def run(activation: Any, x: Tensor, scale: Tensor, shift: Tensor, residual: Tensor | None = None) -> Tensor:
    return adain(x, scale, shift, residual=residual, activation=activation)


@pytest.mark.parametrize("implementation", ["reference", "cpu"])
@pytest.mark.parametrize("order", LAYOUTS)
@pytest.mark.parametrize(("activation", "residual"), FORMS)
def test_first_and_second_gradients_are_those_of_finite_differences(
    monkeypatch: pytest.MonkeyPatch, implementation: str, order: torch.memory_format, activation: Any, residual: bool
) -> None:
    monkeypatch.setenv("I2IKIT_OPS", implementation)
    tensors = four(order, residual)
    assert torch.autograd.gradcheck(lambda *given: run(activation, *given), tensors)
    assert torch.autograd.gradgradcheck(lambda *given: run(activation, *given), tensors)


@pytest.mark.parametrize("activation", [None, "relu", "lrelu"])
@pytest.mark.parametrize("order", LAYOUTS)
@pytest.mark.parametrize("wanted", [(2,), (3,), (2, 3), (1,), (1, 3), (0,), (0, 3)])
def test_any_few_of_the_tensors_may_want_a_second_gradient(wanted: tuple[int, ...], order: torch.memory_format, activation: Any) -> None:
    tensors = four(order, True)
    for place, each in enumerate(tensors):
        each.requires_grad_(place in wanted)
    y = run(activation, *tensors)
    # A constant comes in from above, so that the gradients hang on nothing but the tensors themselves.
    first = torch.autograd.grad(y, [tensors[place] for place in wanted], maps(*y.shape, seed=9), create_graph=True)
    total = sum(((each**2).sum() for each in first), torch.zeros((), dtype=y.dtype, requires_grad=True))
    found = torch.autograd.grad(total, [tensors[place] for place in wanted], allow_unused=True)
    assert all(each is None or each.isfinite().all() for each in found)


def test_a_penalty_on_the_gradient_has_the_gradient_of_the_formula() -> None:
    def penalty(made: Any, x: Tensor, scale: Tensor) -> tuple[Tensor, ...]:
        # What comes in to the second backward pass depends on x itself.
        y = made(x, scale)
        (dx,) = torch.autograd.grad(y.pow(3).sum(), x, create_graph=True)
        (ddx,) = torch.autograd.grad(dx.square().sum(), x, create_graph=True)
        return torch.autograd.grad(ddx.square().sum() + dx.square().sum(), (x, scale))

    def formula(x: Tensor, scale: Tensor) -> Tensor:
        y = (x - x.mean((2, 3), keepdim=True)) / (x.var((2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
        return F.leaky_relu(y * scale[..., None, None], 0.2)

    x, scale = four(torch.contiguous_format, False)[:2]
    found, wanted = penalty(lambda x, scale: adain(x, scale, None, activation="lrelu"), x, scale), penalty(formula, x, scale)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9 * other.abs().max().item())


def test_each_input_alone_gets_its_gradient() -> None:
    for wanted in range(4):
        tensors = [each.detach().requires_grad_(place == wanted) for place, each in enumerate(four(torch.contiguous_format, True))]
        x, scale, shift, residual = tensors
        for activation in (None, "relu"):
            (found,) = torch.autograd.grad(run(activation, *tensors).sum(), tensors[wanted])
            with torch.no_grad():
                y = reference.adain(x, scale, shift, residual, 1e-5, activation)[0]
                known = reference.adain_backward(torch.ones_like(y), x, scale, shift, y, 1e-5, activation)
            torch.testing.assert_close(found, known[wanted])


@pytest.mark.parametrize("implementation", ["reference", "cpu"])
def test_gradients_that_are_not_wanted_take_no_memory(monkeypatch: pytest.MonkeyPatch, implementation: str) -> None:
    monkeypatch.setenv("I2IKIT_OPS", implementation)
    x, scale, shift, _ = (each.detach() for each in four(torch.contiguous_format, True))
    y, mean, rstd = adain_op(x, scale, shift, None, 1e-5, "relu")
    given = (torch.ones_like(y), x, scale, shift, mean, rstd, None, 1e-5, "relu")
    assert [each.numel() for each in adain_backward_op(*given, False, False)] == [0, 6, 6, 0]
    full, held = adain_backward_op(*given, True, True), adain_backward_op(*given[:6], y, *given[7:], True, True)
    for one, other in zip(full, held, strict=True):
        torch.testing.assert_close(one, other)


@WITHIN_TORCH
@pytest.mark.parametrize("order", LAYOUTS)
@pytest.mark.parametrize(("activation", "residual"), FORMS)
def test_torch_s_own_check_of_operators_passes(order: torch.memory_format, activation: Any, residual: bool) -> None:
    x, scale, shift, *rest = four(order, residual, torch.float32)
    torch.library.opcheck(adain_op, (x, scale, shift, rest[0] if rest else None, 1e-5, activation))
    y, mean, rstd = (each.detach() for each in adain_op(x, scale, shift, rest[0] if rest else None, 1e-5, activation))
    grad = torch.ones_like(y).requires_grad_()
    torch.library.opcheck(adain_backward_op, (grad, x, scale, shift, mean, rstd, y if residual else None, 1e-5, activation, True, residual))


@WITHIN_TORCH
@pytest.mark.parametrize("order", LAYOUTS)
def test_torch_s_own_check_passes_in_half_precision_without_factors(order: torch.memory_format) -> None:
    x = maps(2, 3, 4, 5, dtype=torch.bfloat16).contiguous(memory_format=order).requires_grad_()
    torch.library.opcheck(adain_op, (x, None, None, None, 1e-5, "relu"))
    y, mean, rstd = (each.detach() for each in adain_op(x, None, None, None, 1e-5, "relu"))
    assert (mean.dtype, rstd.dtype) == (torch.float32, torch.float32)
    torch.library.opcheck(adain_backward_op, (torch.ones_like(y), x, None, None, mean, rstd, y, 1e-5, "relu", True, False))


@pytest.mark.parametrize("order", LAYOUTS)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_shapes_and_strides_are_known_without_running(order: torch.memory_format, device: str) -> None:
    with FakeTensorMode():
        x = torch.empty(2, 3, 4, 5, device=device, dtype=torch.bfloat16).contiguous(memory_format=order)
        y, mean, rstd = adain_op(x, torch.empty(2, 3, device=device), None, x, 1e-5, "relu")
        assert y.stride() == x.stride()
        assert (mean.dtype, rstd.shape) == (torch.float32, (2, 3))
        dx, dscale, dshift, dresidual = adain_backward_op(y, x, mean, None, mean, rstd, y, 1e-5, "relu", True, False)
        assert dx.stride() == x.stride()
        assert (dscale.shape, dshift.dtype, dresidual.numel()) == ((2, 3), torch.float32, 0)


@pytest.mark.slow
@pytest.mark.parametrize("order", LAYOUTS)
def test_it_compiles_as_one_graph_with_its_gradient(order: torch.memory_format) -> None:
    tensors = four(order, True, torch.float32)

    def step(*given: Tensor) -> Tensor:
        return run("lrelu", *given).square()

    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    found, wanted = (torch.autograd.grad(made(*tensors).sum(), tensors) for made in (compiled, step))
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.slow
def test_it_is_exported_for_any_number_of_images() -> None:
    class Norm(torch.nn.Module):
        def forward(self, x: Tensor, scale: Tensor) -> Tensor:
            return adain(x, scale, None, activation="relu")

    batch = torch.export.Dim("batch", min=2, max=64)
    x, scale = (each.detach() for each in four(torch.contiguous_format, False, torch.float32)[:2])
    program = torch.export.export(Norm(), (x, scale), dynamic_shapes={"x": {0: batch}, "scale": {0: batch}})
    assert "i2ikit.adain" in program.graph_module.code
    more, factors = maps(5, 3, 3, 5, dtype=torch.float32), maps(5, 3, dtype=torch.float32)
    torch.testing.assert_close(program.module()(more, factors), adain(more, factors, None, activation="relu"))


def test_autocast_changes_no_dtype() -> None:
    tensors = four(torch.contiguous_format, True, torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert run("relu", *tensors).dtype is torch.float32
        low = [tensors[0].bfloat16(), *tensors[1:]]
        y = run("relu", *low)
    assert y.dtype is torch.bfloat16
    y.sum().backward()
    assert all(each.grad is not None and each.grad.dtype is torch.float32 for each in tensors[1:])


@pytest.mark.parametrize(
    ("kind", "message", "changes"),
    [
        (TypeError, "adain: x is a list; it has to be a tensor.", {"x": [1.0]}),
        (TypeError, "adain: x holds int64; it has to hold floating point numbers. Convert it first.", {"x": torch.ones(1, 2, 3, 3).long()}),
        (ValueError, "adain: x has shape [2, 3, 3]; it has to have 4 axes [B, C, H, W].", {"x": torch.ones(2, 3, 3)}),
        (ValueError, "adain: x has shape [2, 3, 0, 4]; it has to have one channel and one pixel at least.", {"x": torch.ones(2, 3, 0, 4)}),
        (
            ValueError,
            "adain: scale has shape [2, 4]; for x of shape [2, 3, 4, 4] it has to be [2, 3] or [3].",
            {"scale": torch.ones(2, 4)},
        ),
        (TypeError, "adain: scale is a float; it has to be a tensor.", {"scale": 1.0}),
        (ValueError, "adain: shift has shape [2]; for x of shape [2, 3, 4, 4] it has to be [2, 3] or [3].", {"shift": torch.ones(2)}),
        (ValueError, "adain: shift is on meta and x on cpu; they have to be on one device.", {"shift": torch.ones(3, device="meta")}),
        (
            ValueError,
            "adain: residual has shape [1, 3, 4, 4]; for x of shape [2, 3, 4, 4] it has to be [2, 3, 4, 4].",
            {"residual": torch.ones(1, 3, 4, 4)},
        ),
        (TypeError, "adain: eps is '0'; it has to be a number.", {"eps": "0"}),
        (ValueError, "adain: eps is -1.0; it has to be finite and at least 0.", {"eps": -1.0}),
        (ValueError, "adain: eps is nan; it has to be finite and at least 0.", {"eps": float("nan")}),
        (ValueError, 'adain: activation is \'gelu\'; it has to be None, "relu" or "lrelu".', {"activation": "gelu"}),
    ],
)
def test_bad_input_is_answered_in_one_line(kind: type[Exception], message: str, changes: dict[str, Any]) -> None:
    good: dict[str, Any] = {"x": torch.ones(2, 3, 4, 4), "scale": None, "shift": None}
    with pytest.raises(kind) as caught:
        adain(**(good | changes))
    assert str(caught.value) == message


@pytest.mark.skipif(INTERPRETED, reason="tells nothing about kernels")
@pytest.mark.parametrize(
    ("shape", "channels_last", "processors", "kind", "programs"),
    [
        ((8, 256, 128, 128), False, 132, "whole", 2048),
        ((1, 8, 128, 128), False, 132, "whole", 8),
        ((8, 256, 32, 32), False, 132, "whole", 1024),
        ((8, 256, 4, 4), False, 132, "whole", 16),
        ((1, 3, 1, 1), False, 132, "whole", 1),
        ((8, 64, 256, 256), False, 132, "sweep", 512),
        ((4, 66, 129, 128), False, 132, "sweep", 264),
        ((1, 263, 129, 128), False, 132, "parts", 263 * 3),
        ((1, 64, 256, 256), False, 132, "parts", 64 * 8),
        ((4, 128, 512, 512), False, 132, "parts", 512 * 4),
        ((8, 256, 32, 32), True, 132, "whole", 256),
        ((8, 256, 33, 32), True, 132, "rows", 8 * 4 * 17),
        ((1, 64, 256, 256), True, 132, "rows", 32),
        ((1, 3, 64, 64), True, 132, "rows", 4),
    ],
)
def test_maps_are_divided_by_their_size_and_number(shape: Any, channels_last: bool, processors: int, kind: str, programs: int) -> None:
    kernel = pytest.importorskip("i2ikit.ops.adain.kernel")
    work = kernel.plan(shape, channels_last, processors)
    assert (work.kind, work.programs) == (kind, programs)
    pixels = shape[2] * shape[3]
    if kind in {"parts", "rows"}:
        # Every part has a pixel, and together they have all.
        assert 1 <= work.parts <= kernel.PARTS
        assert (work.parts - 1) * work.length < pixels <= work.parts * work.length
