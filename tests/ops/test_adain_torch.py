"""adain and the rest of torch: higher gradients, torch.library, compile, export, autocast, bad input, and its launch plans."""

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

# opcheck reads the gradients of tensors that are not leaves
WITHIN_TORCH = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
LAYOUTS = [torch.contiguous_format, torch.channels_last]
FORMS = [(None, False), ("relu", False), ("lrelu", True)]


def make_maps(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def make_tensors(memory_format: torch.memory_format, residual: bool, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    count = 4 if residual else 3
    shapes = ((2, 3, 3, 5), (2, 3), (2, 3), (2, 3, 3, 5))
    tensors = [make_maps(*shape, seed=seed, dtype=dtype) for seed, shape in enumerate(shapes[:count])]
    return [(each.contiguous(memory_format=memory_format) if each.ndim == 4 else each).requires_grad_() for each in tensors]


def run(activation: Any, x: Tensor, scale: Tensor, shift: Tensor, residual: Tensor | None = None) -> Tensor:
    return adain(x, scale, shift, residual=residual, activation=activation)


@pytest.mark.parametrize("implementation", ["reference", "cpu"])
@pytest.mark.parametrize("memory_format", LAYOUTS)
@pytest.mark.parametrize(("activation", "residual"), FORMS)
def test_first_and_second_gradients_are_those_of_finite_differences(
    monkeypatch: pytest.MonkeyPatch, implementation: str, memory_format: torch.memory_format, activation: Any, residual: bool
) -> None:
    monkeypatch.setenv("I2IKIT_OPS", implementation)
    tensors = make_tensors(memory_format, residual)
    assert torch.autograd.gradcheck(lambda *inputs: run(activation, *inputs), tensors)
    assert torch.autograd.gradgradcheck(lambda *inputs: run(activation, *inputs), tensors)


@pytest.mark.parametrize("activation", [None, "relu", "lrelu"])
@pytest.mark.parametrize("memory_format", LAYOUTS)
@pytest.mark.parametrize("needed", [(2,), (3,), (2, 3), (1,), (1, 3), (0,), (0, 3)])
def test_any_subset_of_the_tensors_may_need_a_second_gradient(
    needed: tuple[int, ...], memory_format: torch.memory_format, activation: Any
) -> None:
    tensors = make_tensors(memory_format, True)
    for place, each in enumerate(tensors):
        each.requires_grad_(place in needed)
    y = run(activation, *tensors)
    # The incoming gradient is a constant, so that the gradients depend only on the tensors themselves.
    first = torch.autograd.grad(y, [tensors[place] for place in needed], make_maps(*y.shape, seed=9), create_graph=True)
    total = sum(((each**2).sum() for each in first), torch.zeros((), dtype=y.dtype, requires_grad=True))
    found = torch.autograd.grad(total, [tensors[place] for place in needed], allow_unused=True)
    assert all(each is None or each.isfinite().all() for each in found)


def test_a_penalty_on_the_gradient_has_the_gradient_of_the_formula() -> None:
    def penalty(function: Any, x: Tensor, scale: Tensor) -> tuple[Tensor, ...]:
        # The incoming gradient of the second backward pass depends on x itself.
        y = function(x, scale)
        (dx,) = torch.autograd.grad(y.pow(3).sum(), x, create_graph=True)
        (ddx,) = torch.autograd.grad(dx.square().sum(), x, create_graph=True)
        return torch.autograd.grad(ddx.square().sum() + dx.square().sum(), (x, scale))

    def formula(x: Tensor, scale: Tensor) -> Tensor:
        y = (x - x.mean((2, 3), keepdim=True)) / (x.var((2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
        return F.leaky_relu(y * scale[..., None, None], 0.2)

    x, scale = make_tensors(torch.contiguous_format, False)[:2]
    found, expected = penalty(lambda x, scale: adain(x, scale, None, activation="lrelu"), x, scale), penalty(formula, x, scale)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9 * other.abs().max().item())


def test_each_input_gets_its_gradient_alone() -> None:
    for index in range(4):
        tensors = [each.detach().requires_grad_(place == index) for place, each in enumerate(make_tensors(torch.contiguous_format, True))]
        x, scale, shift, residual = tensors
        for activation in (None, "relu"):
            (found,) = torch.autograd.grad(run(activation, *tensors).sum(), tensors[index])
            with torch.no_grad():
                y = reference.adain(x, scale, shift, residual, 1e-5, activation)[0]
                expected = reference.adain_backward(torch.ones_like(y), x, scale, shift, y, 1e-5, activation)
            torch.testing.assert_close(found, expected[index])


@pytest.mark.parametrize("implementation", ["reference", "cpu"])
def test_gradients_that_are_not_needed_use_no_memory(monkeypatch: pytest.MonkeyPatch, implementation: str) -> None:
    monkeypatch.setenv("I2IKIT_OPS", implementation)
    x, scale, shift, _ = (each.detach() for each in make_tensors(torch.contiguous_format, True))
    y, mean, rstd = adain_op(x, scale, shift, None, 1e-5, "relu")
    inputs = (torch.ones_like(y), x, scale, shift, mean, rstd, None, 1e-5, "relu")
    assert [each.numel() for each in adain_backward_op(*inputs, False, False)] == [0, 6, 6, 0]
    without_y, with_y = adain_backward_op(*inputs, True, True), adain_backward_op(*inputs[:6], y, *inputs[7:], True, True)
    for one, other in zip(without_y, with_y, strict=True):
        torch.testing.assert_close(one, other)


@WITHIN_TORCH
@pytest.mark.parametrize("memory_format", LAYOUTS)
@pytest.mark.parametrize(("activation", "residual"), FORMS)
def test_opcheck_passes(memory_format: torch.memory_format, activation: Any, residual: bool) -> None:
    x, scale, shift, *rest = make_tensors(memory_format, residual, torch.float32)
    torch.library.opcheck(adain_op, (x, scale, shift, rest[0] if rest else None, 1e-5, activation))
    y, mean, rstd = (each.detach() for each in adain_op(x, scale, shift, rest[0] if rest else None, 1e-5, activation))
    grad = torch.ones_like(y).requires_grad_()
    torch.library.opcheck(adain_backward_op, (grad, x, scale, shift, mean, rstd, y if residual else None, 1e-5, activation, True, residual))


@WITHIN_TORCH
@pytest.mark.parametrize("memory_format", LAYOUTS)
def test_opcheck_passes_in_half_precision_without_factors(memory_format: torch.memory_format) -> None:
    x = make_maps(2, 3, 4, 5, dtype=torch.bfloat16).contiguous(memory_format=memory_format).requires_grad_()
    torch.library.opcheck(adain_op, (x, None, None, None, 1e-5, "relu"))
    y, mean, rstd = (each.detach() for each in adain_op(x, None, None, None, 1e-5, "relu"))
    assert (mean.dtype, rstd.dtype) == (torch.float32, torch.float32)
    torch.library.opcheck(adain_backward_op, (torch.ones_like(y), x, None, None, mean, rstd, y, 1e-5, "relu", True, False))


@pytest.mark.parametrize("memory_format", LAYOUTS)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_shapes_and_strides_are_known_without_running(memory_format: torch.memory_format, device: str) -> None:
    with FakeTensorMode():
        x = torch.empty(2, 3, 4, 5, device=device, dtype=torch.bfloat16).contiguous(memory_format=memory_format)
        y, mean, rstd = adain_op(x, torch.empty(2, 3, device=device), None, x, 1e-5, "relu")
        assert y.stride() == x.stride()
        assert (mean.dtype, rstd.shape) == (torch.float32, (2, 3))
        dx, dscale, dshift, dresidual = adain_backward_op(y, x, mean, None, mean, rstd, y, 1e-5, "relu", True, False)
        assert dx.stride() == x.stride()
        assert (dscale.shape, dshift.dtype, dresidual.numel()) == ((2, 3), torch.float32, 0)


@pytest.mark.slow
@pytest.mark.parametrize("memory_format", LAYOUTS)
def test_it_compiles_as_one_graph_with_its_gradient(memory_format: torch.memory_format) -> None:
    tensors = make_tensors(memory_format, True, torch.float32)

    def layer(*inputs: Tensor) -> Tensor:
        return run("lrelu", *inputs).square()

    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    found, expected = (torch.autograd.grad(function(*tensors).sum(), tensors) for function in (compiled, layer))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.slow
def test_it_can_be_exported_for_any_number_of_images() -> None:
    class Norm(torch.nn.Module):
        def forward(self, x: Tensor, scale: Tensor) -> Tensor:
            return adain(x, scale, None, activation="relu")

    batch = torch.export.Dim("batch", min=2, max=64)
    x, scale = (each.detach() for each in make_tensors(torch.contiguous_format, False, torch.float32)[:2])
    program = torch.export.export(Norm(), (x, scale), dynamic_shapes={"x": {0: batch}, "scale": {0: batch}})
    assert "i2ikit.adain" in program.graph_module.code
    more, factors = make_maps(5, 3, 3, 5, dtype=torch.float32), make_maps(5, 3, dtype=torch.float32)
    torch.testing.assert_close(program.module()(more, factors), adain(more, factors, None, activation="relu"))


def test_autocast_leaves_the_dtype_alone() -> None:
    tensors = make_tensors(torch.contiguous_format, True, torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert run("relu", *tensors).dtype is torch.float32
        low = [tensors[0].bfloat16(), *tensors[1:]]
        y = run("relu", *low)
    assert y.dtype is torch.bfloat16
    y.sum().backward()
    assert all(each.grad is not None and each.grad.dtype is torch.float32 for each in tensors[1:])


@pytest.mark.parametrize(
    ("error", "message", "arguments"),
    [
        (TypeError, "adain: x is of type list; it must be a tensor", {"x": [1.0]}),
        (TypeError, "adain: x has dtype int64; it must be floating point", {"x": torch.ones(1, 2, 3, 3).long()}),
        (ValueError, "adain: x has shape [2, 3, 3]; it must have 4 axes", {"x": torch.ones(2, 3, 3)}),
        (ValueError, "adain: x has shape [2, 3, 0, 4]; it must have at least one channel and one pixel", {"x": torch.ones(2, 3, 0, 4)}),
        (
            ValueError,
            "adain: scale has shape [2, 4]; for x of shape [2, 3, 4, 4] it must be [2, 3] or [3].",
            {"scale": torch.ones(2, 4)},
        ),
        (TypeError, "adain: scale is of type float; it must be a tensor", {"scale": 1.0}),
        (ValueError, "adain: shift has shape [2]; for x of shape [2, 3, 4, 4] it must be [2, 3] or [3].", {"shift": torch.ones(2)}),
        (ValueError, "adain: shift is on meta and x is on cpu", {"shift": torch.ones(3, device="meta")}),
        (
            ValueError,
            "adain: residual has shape [1, 3, 4, 4]; for x of shape [2, 3, 4, 4] it must be [2, 3, 4, 4].",
            {"residual": torch.ones(1, 3, 4, 4)},
        ),
        (TypeError, "adain: eps is '0'; it must be a number.", {"eps": "0"}),
        (ValueError, "adain: eps is -1.0; it must be finite and at least 0.", {"eps": -1.0}),
        (ValueError, "adain: eps is nan; it must be finite and at least 0.", {"eps": float("nan")}),
        (ValueError, 'adain: activation is \'gelu\'; it must be None, "relu" or "lrelu".', {"activation": "gelu"}),
    ],
)
def test_bad_input_is_named_in_one_line(error: type[Exception], message: str, arguments: dict[str, Any]) -> None:
    good: dict[str, Any] = {"x": torch.ones(2, 3, 4, 4), "scale": None, "shift": None}
    with pytest.raises(error) as caught:
        adain(**(good | arguments))
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(INTERPRETED, reason="does not depend on the interpreter")
@pytest.mark.parametrize(
    ("shape", "channels_last", "processors", "strategy", "programs"),
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
def test_maps_are_divided_by_their_size_and_number(shape: Any, channels_last: bool, processors: int, strategy: str, programs: int) -> None:
    kernel = pytest.importorskip("i2ikit.ops.adain.kernel")
    plan = kernel.make_plan(shape, channels_last, processors)
    assert (plan.strategy, plan.programs) == (strategy, programs)
    pixels = shape[2] * shape[3]
    if strategy in {"parts", "rows"}:
        # Every part has a pixel, and the parts cover all pixels.
        assert 1 <= plan.parts <= kernel.MAX_PARTS
        assert (plan.parts - 1) * plan.length < pixels <= plan.parts * plan.length
