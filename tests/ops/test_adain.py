"""adain: its values and first gradients on every route. Higher gradients and torch's machinery are in test_adain_torch.py."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ops.golden import cases, needs_golden
from ops.interpreted import INTERPRETED, ON_GPU, ROUTES, device_of, needs_triton, run_again
from torch import Tensor
from torch.utils import deterministic

from i2ikit.ops.adain import adain

LAYOUTS = [torch.contiguous_format, torch.channels_last]
# Of the largest number.
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}
SHAPES = [(1, 1, 1, 1), (3, 4, 1, 1), (1, 1, 7, 1), (2, 1, 5, 7), (2, 3, 13, 11), (1, 5, 17, 19), (2, 19, 4, 4)]
FORMS = [(None, False), ("relu", False), ("lrelu", False), (None, True), ("relu", True), ("lrelu", True)]
# Settings under which small maps run the kernels of large ones: what a program holds, a block of pixels, and the machine's processors.
KERNELS: dict[str, tuple[torch.memory_format, tuple[int, ...], dict[str, int]]] = {
    "whole": (torch.contiguous_format, (2, 3, 13, 11), {}),
    "whole last": (torch.channels_last, (2, 37, 5, 7), {"HELD_LAST": 512}),
    "sweep": (torch.contiguous_format, (2, 2, 13, 11), {"HELD": 16, "BLOCK": 64, "processors": 2}),
    "parts": (torch.contiguous_format, (1, 2, 19, 11), {"HELD": 16, "BLOCK": 64}),
    "one part": (torch.contiguous_format, (1, 3, 5, 7), {"HELD": 16, "BLOCK": 64}),
    "very large": (torch.contiguous_format, (2, 1, 19, 11), {"HELD": 16, "BLOCK": 64, "BEYOND_CACHE": 128, "processors": 1}),
    "rows": (torch.channels_last, (2, 7, 7, 5), {"HELD_PIXELS": 16, "TILE": 64}),
    "rows, groups": (torch.channels_last, (1, 67, 9, 8), {"HELD_PIXELS": 16, "TILE": 1024, "processors": 1}),
}


@pytest.fixture(params=ROUTES)
def route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("I2IKIT_OPS", request.param)
    return str(request.param)


@pytest.fixture(params=KERNELS)
def forced(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[torch.memory_format, tuple[int, ...]]:
    from i2ikit.ops.adain import kernel

    monkeypatch.setenv("I2IKIT_OPS", "triton")
    order, shape, settings = KERNELS[request.param]
    processors = settings.get("processors", 132)
    for name, value in settings.items():
        if name != "processors":
            monkeypatch.setattr(kernel, name, value)
    monkeypatch.setattr(kernel, "_processors", lambda device: processors)
    kinds = {"whole last": "whole", "one part": "parts", "very large": "parts", "rows, groups": "rows"}
    assert kernel.plan(shape, order is torch.channels_last, processors).kind == kinds.get(request.param, request.param)
    return order, shape


def numbers(*shape: int, route: str = "cpu", dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(device_of(route), dtype)


def before(x: Tensor, scale: Any, shift: Any, residual: Any, eps: float) -> Tensor:
    """Write equation 8 as the paper has it."""
    spread = (x.var((2, 3), unbiased=False, keepdim=True) + eps).sqrt()
    y = (x - x.mean((2, 3), keepdim=True)) / spread
    y = y if scale is None else y * scale.expand(x.shape[:2])[..., None, None]
    y = y if shift is None else y + shift.expand(x.shape[:2])[..., None, None]
    return y if residual is None else y + residual


def by_hand(x: Tensor, scale: Any, shift: Any, eps: float = 1e-5, residual: Any = None, activation: str | None = None) -> Tensor:
    z = before(x, scale, shift, residual, eps)
    return z if activation is None else torch.where(z > 0, z, z * (0.2 if activation == "lrelu" else 0))


def assert_near(found: Tensor, wanted: Tensor, dtype: torch.dtype = torch.float32, *, through: torch.dtype | None = None) -> None:
    """Compare numbers that were rounded to a dtype on their way, or else to their own."""
    assert found.dtype is dtype
    margin = TOLERANCE[through or dtype] * max(1.0, wanted.abs().max().item())
    torch.testing.assert_close(found.detach().double().cpu(), wanted.detach(), rtol=0, atol=margin)


def assert_right(tensors: dict[str, Tensor | None], activation: str | None, order: torch.memory_format) -> None:
    """Compare the result and all gradients with the formula's in float64."""
    given = {name: each.detach().requires_grad_() for name, each in tensors.items() if each is not None}
    exact = {name: each.detach().double().cpu().requires_grad_() for name, each in given.items()}
    pick = [{name: side.get(name) for name in ("x", "scale", "shift", "residual")} for side in (given, exact)]
    y, wanted = adain(**pick[0], activation=activation), by_hand(**pick[1], activation=activation)
    kind = given["x"].dtype
    assert_near(y, wanted, kind)
    assert y.is_contiguous(memory_format=order)
    grad = numbers(*y.shape, seed=9).to(y.device, kind).contiguous(memory_format=order)
    if activation is not None:
        # At the kink rounding decides.
        margin = 1e-3 if kind is torch.float32 else 0.1
        far = before(pick[1]["x"], pick[1]["scale"], pick[1]["shift"], pick[1]["residual"], 1e-5).abs() > margin
        grad = grad * far.to(y.device)
    found = torch.autograd.grad(y, list(given.values()), grad)
    for one, other, source in zip(
        found, torch.autograd.grad(wanted, list(exact.values()), grad.double().cpu()), given.values(), strict=True
    ):
        assert one.shape == source.shape
        assert_near(one, other, source.dtype, through=kind)
    assert found[0].is_contiguous(memory_format=order)


def maps(shape: tuple[int, ...], order: torch.memory_format, route: str, residual: bool, **options: Any) -> dict[str, Tensor | None]:
    return {
        "x": numbers(*shape, route=route, **options).contiguous(memory_format=order),
        "scale": numbers(*shape[:2], route=route, seed=1) + 1,
        "shift": numbers(*shape[:2], route=route, seed=2),
        "residual": numbers(*shape, route=route, seed=3, **options).contiguous(memory_format=order) if residual else None,
    }


@pytest.mark.parametrize("order", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("activation", "residual"), FORMS)
def test_values_and_gradients_are_those_of_the_paper(
    route: str, shape: Any, order: torch.memory_format, activation: str | None, residual: bool
) -> None:
    assert_right(maps(shape, order, route, residual), activation, order)


@needs_triton
@pytest.mark.parametrize(("activation", "residual"), [(None, False), ("relu", False), ("lrelu", True)])
def test_triton_kernels_of_every_size_are_right(forced: Any, activation: str | None, residual: bool) -> None:
    order, shape = forced
    assert_right(maps(shape, order, "triton", residual), activation, order)


@needs_triton
def test_triton_kernels_take_half_precision_and_large_means(forced: Any) -> None:
    order, shape = forced
    assert_right(maps(shape, order, "triton", True, dtype=torch.bfloat16), "relu", order)
    far = maps(shape, order, "triton", False)
    assert far["x"] is not None
    assert_right(far | {"x": 50 + 3 * far["x"]}, None, order)


@needs_triton
@pytest.mark.parametrize("form", [("relu", False), ("lrelu", True)])
def test_triton_kernels_write_every_number_and_repeat_to_the_bit(forced: Any, monkeypatch: pytest.MonkeyPatch, form: Any) -> None:
    order, shape = forced
    assert_poisoned_and_repeated(maps(shape, order, "triton", form[1]), form[0], monkeypatch)


@pytest.mark.parametrize("order", LAYOUTS)
def test_every_number_is_written_and_results_repeat_to_the_bit(
    route: str, order: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_poisoned_and_repeated(maps((2, 5, 13, 11), order, route, True), "lrelu", monkeypatch)


def assert_poisoned_and_repeated(tensors: dict[str, Tensor | None], activation: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deterministic, "fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(True)
    try:
        assert torch.empty(3).isnan().all()
        results = []
        for _ in range(2):
            given = {name: each.detach().requires_grad_() for name, each in tensors.items() if each is not None}
            y = adain(**{"scale": None, "shift": None, **given}, activation=activation)
            results.append((y, *torch.autograd.grad(y.sum() + y.square().sum(), list(given.values()))))
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(each.isfinite().all() for each in results[0])
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


@pytest.mark.parametrize("order", LAYOUTS)
@pytest.mark.parametrize("given", ["none", "scale", "shift", "channels", "chunks"])
def test_scale_and_shift_may_be_absent_shared_by_images_or_parts_of_a_vector(route: str, order: torch.memory_format, given: str) -> None:
    tensors = maps((2, 3, 6, 5), order, route, False)
    style = numbers(2, 7, route=route, seed=4)
    factors = {
        "none": {"scale": None, "shift": None},
        "scale": {"shift": None},
        "shift": {"scale": None},
        "channels": {"scale": style[0, :3].clone(), "shift": style[1, :3].clone()},
        "chunks": {"scale": style[:, 1:4], "shift": style.flip(1).mT.contiguous().mT[:, :3]},
    }[given]
    assert_right(tensors | factors, "relu", order)


@pytest.mark.parametrize("order", LAYOUTS)
@pytest.mark.parametrize("shape", [(1, 3, 64, 64), (2, 3, 64, 64)])
def test_large_means_cost_no_digits(route: str, order: torch.memory_format, shape: Any) -> None:
    tensors = maps(shape, order, route, False)
    assert tensors["x"] is not None
    assert_right(tensors | {"x": (50 + 3 * tensors["x"]).contiguous(memory_format=order)}, None, order)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("order", LAYOUTS)
@pytest.mark.parametrize(("activation", "residual"), [(None, False), ("relu", False), ("lrelu", True)])
def test_half_precision_keeps_its_dtype_beside_float32_factors(
    route: str, order: torch.memory_format, dtype: torch.dtype, activation: str | None, residual: bool
) -> None:
    assert_right(maps((2, 3, 13, 11), order, route, residual, dtype=dtype), activation, order)
    far = maps((2, 3, 13, 11), order, route, False)
    assert far["x"] is not None
    assert_right(far | {"x": (9 + far["x"]).to(dtype)}, None, order)


@pytest.mark.parametrize("activation", [None, "relu"])
def test_scattered_maps_and_expanded_gradients_are_right(route: str, activation: Any) -> None:
    whole = numbers(5, 9, 8, 4, route=route).requires_grad_()
    scale = numbers(2, 5, route=route, seed=1)
    residual = numbers(2, 5, 1, 1, route=route, seed=2).expand(2, 5, 4, 9)
    y = adain(whole.permute(3, 0, 2, 1)[:2, :, ::2], scale, None, residual=residual, activation=activation)
    exact = whole.detach().double().cpu().requires_grad_()
    wanted = by_hand(exact.permute(3, 0, 2, 1)[:2, :, ::2], scale.double().cpu(), None, 1e-5, residual.double().cpu(), activation)
    assert_near(y, wanted)
    for grad in (numbers(1, 5, 1, 9, route=route, seed=3).expand(y.shape), numbers(2, 4, 9, 5, route=route, seed=4).permute(0, 3, 1, 2)):
        (dx,) = torch.autograd.grad(y, whole, grad, retain_graph=True)
        (dwanted,) = torch.autograd.grad(wanted, exact, grad.double().cpu(), retain_graph=True)
        assert_near(dx, dwanted)


@pytest.mark.parametrize("order", LAYOUTS)
def test_a_map_of_one_value_becomes_the_shift(route: str, order: torch.memory_format) -> None:
    scale, shift = numbers(2, 3, route=route), numbers(2, 3, route=route, seed=1)
    pixel = torch.full((2, 3, 1, 1), 7.3, device=scale.device)
    assert torch.equal(adain(pixel, scale, shift), shift[..., None, None])
    flat = torch.full((2, 3, 4, 5), 7.3, device=scale.device).contiguous(memory_format=order)
    # The root of eps makes three hundred times of the mean's last digit.
    torch.testing.assert_close(adain(flat, scale, shift), shift[..., None, None].expand(flat.shape), rtol=0, atol=1e-3)


@pytest.mark.parametrize("activation", [None, "relu", "lrelu"])
@pytest.mark.parametrize("order", LAYOUTS)
def test_what_is_no_number_spoils_its_own_map_and_is_not_hidden(route: str, order: torch.memory_format, activation: Any) -> None:
    x = numbers(2, 3, 5, 4, route=route).contiguous(memory_format=order)
    x[1, 1, 2, 3] = float("nan")
    spoilt = adain(x, None, None, activation=activation).isnan()
    assert spoilt[1, 1].all()
    assert spoilt.sum() == 20


def test_a_batch_of_no_images_stays_so(route: str) -> None:
    x = numbers(0, 3, 4, 4, route=route).requires_grad_()
    scale = numbers(3, route=route).requires_grad_()
    y = adain(x, scale, None, activation="relu")
    assert y.shape == x.shape
    assert torch.autograd.grad(y.sum(), scale)[0].tolist() == [0, 0, 0]


@needs_golden
@pytest.mark.parametrize("order", LAYOUTS)
def test_munit_s_own_numbers_come_out(route: str, order: torch.memory_format) -> None:
    for case in cases("ops_munit_norms", "adain"):
        given = case.given
        x = (2 * given["x"]).to(device_of(route)).contiguous(memory_format=order).requires_grad_()
        factors = (1 + 0.5 * given["w"]).to(x.device).requires_grad_(), given["b"].to(x.device).requires_grad_()
        y = adain(x, *(each.view(x.shape[:2]) for each in factors), eps=case.args["eps"])
        case.assert_near("y", y)
        dx, dw, db = torch.autograd.grad(y, (x, *factors), given["gy"].to(x.device))
        case.assert_near("dx", dx)
        case.assert_near("dw", dw)
        case.assert_near("db", db)


@needs_triton
@pytest.mark.parametrize("residual", [False, True])
def test_triton_keeps_the_result_for_the_activation_s_gradient_only_beside_a_residual(
    monkeypatch: pytest.MonkeyPatch, residual: bool
) -> None:
    monkeypatch.setenv("I2IKIT_OPS", "triton")
    tensors = maps((1, 2, 4, 4), torch.contiguous_format, "triton", residual)
    assert tensors["x"] is not None
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda each: (kept.append(each), each)[1], lambda each: each):
        adain(**(tensors | {"x": tensors["x"].requires_grad_()}), activation="relu")
    assert sum(each.shape == (1, 2, 4, 4) for each in kept) == 1 + residual


@pytest.mark.skipif(not ON_GPU, reason="takes a GPU with 20 GB")
def test_triton_offsets_go_beyond_32_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2IKIT_OPS", "triton")
    for order, shape in ((torch.contiguous_format, (1, 2**15 + 2, 256, 256)), (torch.channels_last, (2**7 + 2, 256, 256, 256))):
        x = torch.zeros(shape, dtype=torch.bfloat16, device="cuda").contiguous(memory_format=order)
        x[-1, -1] = numbers(256, 256, route="triton", dtype=torch.bfloat16)
        y = adain(x, None, None)
        assert_near(y[-1:, -1:], by_hand(x[-1:, -1:].double().cpu(), None, None), torch.bfloat16)
        assert not y[:-1].any()


@pytest.mark.skipif(INTERPRETED or ON_GPU, reason="the kernels run here already")
@pytest.mark.slow
def test_kernels_are_right_in_the_interpreter() -> None:
    run_again(__file__)
