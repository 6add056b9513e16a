"""upfirdn: its values and gradients for every implementation, torch.library, compile, export, autocast, bad input."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ops.golden import load_cases, needs_golden
from ops.interpreted import IMPLEMENTATIONS, INTERPRETED, ON_GPU, get_device, run_in_interpreter
from torch import Tensor

from i2ikit import ops
from i2ikit.ops.upfirdn.geometry import adjoint_padding, result_size
from i2ikit.ops.upfirdn.register import upfirdn_op

# opcheck reads the gradients of tensors that are not leaves
WITHIN_TORCH = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
LAYOUTS = [torch.contiguous_format, torch.channels_last]
TOLERANCE = {torch.float64: 1e-12, torch.float32: 3e-6, torch.float16: 4e-3, torch.bfloat16: 3e-2}
# shape, filter, up, down, padding [x before, x after, y before, y after]
SHAPES: list[tuple[Any, ...]] = [
    ((2, 3, 5, 7), (4, 4), 2, 1, (2, 1, 2, 1)),
    ((2, 3, 6, 8), (4, 4), 1, 2, (1, 1, 1, 1)),
    ((2, 3, 5, 7), (4, 4), 1, 1, (2, 1, 2, 1)),
    ((1, 1, 1, 1), (1, 1), 1, 1, (0, 0, 0, 0)),
    ((1, 1, 1, 1), (4, 4), 2, 1, (2, 1, 2, 1)),
    ((1, 5, 13, 11), (3, 2), (2, 1), (1, 2), (2, 0, 1, 3)),
    ((2, 2, 7, 5), (12,), 2, 1, (6, 5, 6, 5)),
    ((2, 2, 17, 19), (12,), 1, 2, (5, 5, 5, 5)),
    ((1, 3, 6, 5), (2, 5), 3, 2, (3, 2, 2, 4)),
    ((1, 3, 6, 5), (3, 3), (3, 2), (2, 3), (4, 1, 0, 2)),
    ((2, 3, 9, 8), (4, 3), 1, 1, (-2, -1, -1, -2)),
    ((2, 3, 9, 8), (4, 3), 2, 1, (-3, 2, 1, -2)),
    ((2, 3, 9, 8), (2, 2), 4, 4, (0, 3, 5, 0)),
    ((1, 2, 40, 150), (4, 4), 1, 1, (1, 2, 2, 1)),
    ((1, 70, 3, 21), (4, 4), 2, 1, (2, 1, 2, 1)),
]


@pytest.fixture(params=IMPLEMENTATIONS)
def implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("I2IKIT_OPS", request.param)
    return str(request.param)


def make_numbers(*shape: int, implementation: str = "cpu", dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(get_device(implementation), dtype)


def compute_by_hand(x: Tensor, fir: Tensor, up: Any, down: Any, padding: Any, flip: bool, gain: float) -> Tensor:
    """Sum x[i] fir[k] over all i, k with i * up = o * down + k - before, for each output o: a matrix for each axis and tap selects i."""
    fir = torch.outer(fir, fir).double() if fir.ndim == 1 else fir.double()
    fir = fir if flip else fir.flip((0, 1))
    ups, downs = ((each, each) if isinstance(each, int) else each for each in (up, down))
    total = None
    for ky in range(fir.shape[0]):
        for kx in range(fir.shape[1]):
            rows = select_inputs(x.shape[2], fir.shape[0], ky, ups[1], downs[1], padding[2:])
            columns = select_inputs(x.shape[3], fir.shape[1], kx, ups[0], downs[0], padding[:2])
            part = torch.einsum("oi,bcij,pj->bcop", rows, x.double().cpu(), columns) * fir[ky, kx].cpu()
            total = part if total is None else total + part
    assert total is not None
    return total * gain


def select_inputs(size: int, taps: int, k: int, up: int, down: int, padding: Any) -> Tensor:
    count = (size * up + padding[0] + padding[1] - taps) // down + 1
    position = torch.arange(count)[:, None] * down + k - padding[0]
    return (position == torch.arange(size)[None, :] * up).double()


def assert_near(found: Tensor, expected: Tensor, dtype: torch.dtype) -> None:
    assert found.dtype is dtype
    torch.testing.assert_close(found.double().cpu(), expected, rtol=0, atol=TOLERANCE[dtype] * max(1.0, expected.abs().max().item()))


@pytest.mark.parametrize("memory_format", LAYOUTS)
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(("shape", "taps", "up", "down", "padding"), SHAPES)
def test_values_and_gradients_equal_those_of_the_formula(
    implementation: str, shape: Any, taps: Any, up: Any, down: Any, padding: Any, flip: bool, memory_format: torch.memory_format
) -> None:
    x = make_numbers(*shape, implementation=implementation).contiguous(memory_format=memory_format).requires_grad_()
    fir = make_numbers(*taps, implementation=implementation, seed=1)
    y = ops.upfirdn(x, fir, up, down, padding, flip, gain=1.5)
    exact = x.detach().double().cpu().requires_grad_()
    expected = compute_by_hand(exact, fir, up, down, padding, flip, 1.5)
    grad = make_numbers(*y.shape, implementation=implementation, seed=2)
    assert_near(y.detach(), expected.detach(), torch.float32)
    assert y.is_contiguous(memory_format=memory_format)
    (dx,) = torch.autograd.grad(y, x, grad)
    (dx_expected,) = torch.autograd.grad(expected, exact, grad.double().cpu())
    assert_near(dx, dx_expected, torch.float32)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("memory_format", LAYOUTS)
def test_half_precision_keeps_its_dtype(implementation: str, memory_format: torch.memory_format, dtype: torch.dtype) -> None:
    x = make_numbers(2, 3, 9, 7, implementation=implementation, dtype=dtype).contiguous(memory_format=memory_format)
    fir = ops.fir_filter([1, 3, 3, 1]).to(x.device)
    assert_near(ops.upfirdn(x, fir, 2, 1, (2, 1, 2, 1), gain=4.0), compute_by_hand(x, fir, 2, 1, (2, 1, 2, 1), False, 4.0), dtype)


def test_scattered_maps_and_expanded_gradients_are_right(implementation: str) -> None:
    whole = make_numbers(3, 9, 8, 4, implementation=implementation).requires_grad_()
    x = whole.permute(3, 0, 2, 1)[:2, :, ::2]
    fir = make_numbers(4, 3, implementation=implementation, seed=1)
    y = ops.upfirdn(x, fir, up=2, padding=2)
    exact = whole.detach().double().cpu().requires_grad_()
    expected = compute_by_hand(exact.permute(3, 0, 2, 1)[:2, :, ::2], fir, 2, 1, (2,) * 4, False, 1.0)
    assert_near(y.detach(), expected.detach(), torch.float32)
    (dx,) = torch.autograd.grad(y.sum(), whole)
    (dx_expected,) = torch.autograd.grad(expected.sum(), exact)
    assert_near(dx, dx_expected, torch.float32)


@pytest.mark.parametrize("memory_format", LAYOUTS)
@pytest.mark.parametrize(("shape", "taps", "up", "down", "padding"), SHAPES)
def test_every_pixel_is_written(
    implementation: str,
    shape: Any,
    taps: Any,
    up: Any,
    down: Any,
    padding: Any,
    memory_format: torch.memory_format,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    empty = torch.empty
    monkeypatch.setattr(torch, "empty", lambda *arguments, **options: empty(*arguments, **options).fill_(torch.nan))
    x = make_numbers(*shape, implementation=implementation).contiguous(memory_format=memory_format)
    assert ops.upfirdn(x, make_numbers(*taps, implementation=implementation), up, down, padding).isfinite().all()


def test_results_are_bitwise_reproducible(implementation: str) -> None:
    x, fir = make_numbers(2, 3, 33, 35, implementation=implementation), make_numbers(4, 4, implementation=implementation)
    first, second = (ops.upfirdn(x, fir, up=2, padding=(2, 1, 2, 1)) for _ in range(2))
    assert torch.equal(first, second)


def test_an_empty_batch_stays_empty(implementation: str) -> None:
    assert ops.upfirdn(make_numbers(0, 3, 8, 8, implementation=implementation), None, up=2, padding=0).shape == (0, 3, 16, 16)


@needs_golden
@pytest.mark.parametrize("memory_format", LAYOUTS)
def test_values_and_gradients_equal_those_of_the_original_code(implementation: str, memory_format: torch.memory_format) -> None:
    for case in load_cases("ops_upfirdn2d", part=LAYOUTS.index(memory_format)):
        options = {key: value for key, value in case.args.items() if key != "filter"}
        x, fir, v = (None if case.inputs[name] is None else case.inputs[name].to(get_device(implementation)) for name in ("x", "f", "v"))
        x = x.contiguous(memory_format=memory_format).requires_grad_()
        y = ops.upfirdn(x, fir, **options)
        gy = case.make_gradient(y).requires_grad_()
        (dx,) = torch.autograd.grad(y, x, gy, create_graph=True)
        (ggy,) = torch.autograd.grad((dx * v).sum(), gy)
        for name, value in (("y", y), ("dx", dx), ("ggy", ggy)):
            case.assert_near(name, value)


@needs_golden
def test_filters_equal_those_of_the_original_code() -> None:
    for case in load_cases("ops_resample_wrappers", "setup_filter"):
        options = {"flip" if key == "flip_filter" else key: value for key, value in case.args.items()}
        case.assert_near("y", ops.fir_filter(options.pop("taps"), **options))
    for case in load_cases("ops_filtered_lrelu", "design_lowpass_filter"):
        taps, cutoff, width, rate = (case.args[name] for name in ("numtaps", "cutoff", "width", "fs"))
        found = ops.lowpass_filter(taps, cutoff, width, rate, radial=case.args.get("radial", False))
        assert found is not None
        case.assert_near("y", found)


@pytest.mark.parametrize("memory_format", LAYOUTS)
@pytest.mark.parametrize("implementation", ["reference", "cpu"])
@pytest.mark.parametrize(("up", "down", "padding"), [(2, 1, (2, 1, 2, 1)), (1, 2, (1, 0, 2, -1)), ((3, 2), (2, 1), (3, 1, 0, 2))])
def test_first_and_second_gradients_are_right(
    implementation: str, up: Any, down: Any, padding: Any, memory_format: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("I2IKIT_OPS", implementation)
    x = make_numbers(2, 2, 5, 4, dtype=torch.float64).contiguous(memory_format=memory_format).requires_grad_()
    fir = make_numbers(4, 3, dtype=torch.float64, seed=1)

    def resample(maps: Tensor) -> Tensor:
        return ops.upfirdn(maps, fir, up, down, padding).square()

    assert torch.autograd.gradcheck(resample, (x,))
    assert torch.autograd.gradgradcheck(resample, (x,))


def test_the_transposed_operator_returns_to_the_size_of_the_input() -> None:
    for shape, taps, up, down, padding in SHAPES:
        ups, downs = ((each, each) if isinstance(each, int) else each for each in (up, down))
        both = (taps[0], taps[-1])
        back = adjoint_padding(shape[2:], both, ups, downs, padding)
        assert result_size(result_size(shape[2:], both, ups, downs, padding), both, downs, ups, back) == shape[2:]


@WITHIN_TORCH
@pytest.mark.parametrize("memory_format", LAYOUTS)
def test_opcheck_passes(memory_format: torch.memory_format) -> None:
    x = make_numbers(2, 3, 6, 5).contiguous(memory_format=memory_format).requires_grad_()
    torch.library.opcheck(upfirdn_op, (x, make_numbers(4, 4), (2, 2), (1, 1), (2, 1, 2, 1), False, 4.0))
    torch.library.opcheck(upfirdn_op, (x, make_numbers(4, 4), (1, 1), (2, 2), (1, 1, 1, 1), True, 1.0))


@pytest.mark.slow
def test_it_compiles_as_one_graph_with_its_gradient() -> None:
    x, fir = make_numbers(2, 3, 8, 8).requires_grad_(), ops.fir_filter([1, 3, 3, 1])

    def layer(maps: Tensor) -> Tensor:
        return ops.upfirdn(maps.sin(), fir, up=2, padding=(2, 1, 2, 1), gain=4.0)

    y = torch.compile(layer, fullgraph=True)(x)
    torch.testing.assert_close(y, layer(x))
    torch.testing.assert_close(torch.autograd.grad(y.sum(), x), torch.autograd.grad(layer(x).sum(), x))


def test_it_can_be_exported() -> None:
    class Blur(torch.nn.Module):
        def forward(self, maps: Tensor) -> Tensor:
            return ops.upfirdn(maps, torch.ones(4, 4) / 16, padding=(2, 1, 2, 1))

    x = make_numbers(1, 3, 8, 8)
    torch.testing.assert_close(torch.export.export(Blur(), (x,)).module()(x), Blur()(x))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_autocast_leaves_the_dtype_alone(dtype: torch.dtype) -> None:
    x = make_numbers(1, 2, 8, 8, dtype=dtype)
    with torch.autocast("cpu", torch.bfloat16):
        assert ops.upfirdn(x, ops.fir_filter([1, 2, 1]), padding=1).dtype is dtype


X = torch.zeros(1, 3, 8, 8)
FIR = torch.ones(4, 4)
BAD: list[tuple[type[Exception], dict[str, Any], str]] = [
    (ValueError, {"x": torch.zeros(3, 8, 8)}, r"upfirdn: x has shape \[3, 8, 8\]; it must have 4 axes"),
    (TypeError, {"x": torch.zeros(1, 3, 8, 8, dtype=torch.uint8)}, r"upfirdn: x has dtype uint8; it must be floating point"),
    (TypeError, {"x": [1.0]}, r"upfirdn: x is of type list; it must be a tensor"),
    (ValueError, {"fir": torch.ones(1, 2, 3)}, r"upfirdn: fir has shape \[1, 2, 3\]; it must be \[k\] or \[kh, kw\]"),
    (TypeError, {"fir": torch.ones(2, dtype=torch.int64)}, r"upfirdn: fir has dtype int64; it must be floating point"),
    (ValueError, {"fir": FIR.clone().requires_grad_()}, r"upfirdn: fir requires a gradient"),
    (ValueError, {"fir": torch.ones(9, 4)}, r"upfirdn: fir has shape \[9, 4\], which is too large for x of shape \[1, 3, 8, 8\] with up"),
    (ValueError, {"up": 0}, r"upfirdn: up is 0; it must be an integer, or two \[x, y\], of at least 1"),
    (ValueError, {"down": (2, 2, 2)}, r"upfirdn: down is \(2, 2, 2\); it must be an integer, or two"),
    (TypeError, {"down": 1.5}, r"upfirdn: down is 1\.5; it must hold integers"),
    (ValueError, {"padding": (1, 2, 3)}, r"upfirdn: padding is \(1, 2, 3\); it must be an integer, or two \[x, y\], or four"),
    (TypeError, {"gain": "2"}, r"upfirdn: gain is '2'; it must be a number\."),
    (ValueError, {"gain": float("inf")}, r"upfirdn: gain is inf; it must be finite\."),
    (ValueError, {"fir": torch.ones(4, 4, device="meta")}, r"upfirdn: fir is on meta and x is on cpu"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "arguments", "message"), BAD)
def test_bad_input_is_named_in_one_line(error: type[Exception], arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        ops.upfirdn(**{"x": X, "fir": FIR, **arguments})
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.skipif(INTERPRETED or ON_GPU, reason="the kernels run in this process")
@pytest.mark.parametrize("names", ["formula", "original_code", "(not formula and not original_code)"])
def test_the_kernels_pass_in_the_interpreter(names: str) -> None:
    run_in_interpreter(__file__, f"triton and {names}")
