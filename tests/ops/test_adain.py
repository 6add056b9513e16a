"""adain: its values and first gradients for every implementation. Higher gradients and the rest are in test_adain_torch.py."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ops.golden import load_cases, needs_golden
from ops.interpreted import IMPLEMENTATIONS, INTERPRETED, ON_GPU, get_device, needs_triton, run_in_interpreter
from torch import Tensor
from torch.utils import deterministic

from i2ikit.ops.adain import adain

LAYOUTS = [torch.contiguous_format, torch.channels_last]
# Relative to the largest number.
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}
SHAPES = [(1, 1, 1, 1), (3, 4, 1, 1), (1, 1, 7, 1), (2, 1, 5, 7), (2, 3, 13, 11), (1, 5, 17, 19), (2, 19, 4, 4)]
FORMS = [(None, False), ("relu", False), ("lrelu", False), (None, True), ("relu", True), ("lrelu", True)]
# Settings with which small maps run the kernels of large ones: limits and block sizes of the kernels, and the processors of the GPU.
SMALL = {"MAX_VALUES": 16, "BLOCK": 64}
KERNELS: dict[str, tuple[torch.memory_format, tuple[int, ...], dict[str, int]]] = {
    "whole": (torch.contiguous_format, (2, 3, 13, 11), {}),
    "whole last": (torch.channels_last, (2, 37, 5, 7), {"MAX_VALUES_CHANNELS_LAST": 512}),
    "sweep": (torch.contiguous_format, (2, 2, 13, 11), {**SMALL, "processors": 2}),
    "parts": (torch.contiguous_format, (1, 2, 19, 11), SMALL),
    "one part": (torch.contiguous_format, (1, 3, 5, 7), SMALL),
    "very large": (torch.contiguous_format, (2, 1, 19, 11), {**SMALL, "MIN_PIXELS_BEYOND_CACHE": 128, "processors": 1}),
    "rows": (torch.channels_last, (2, 7, 7, 5), {"MAX_PIXELS_CHANNELS_LAST": 16, "TILE": 64}),
    "rows, groups": (torch.channels_last, (1, 67, 9, 8), {"MAX_PIXELS_CHANNELS_LAST": 16, "TILE": 1024, "processors": 1}),
}


@pytest.fixture(params=IMPLEMENTATIONS)
def implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("I2IKIT_OPS", request.param)
    return str(request.param)


@pytest.fixture(params=KERNELS)
def kernel_case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[torch.memory_format, tuple[int, ...]]:
    from i2ikit.ops.adain import kernel

    monkeypatch.setenv("I2IKIT_OPS", "triton")
    memory_format, shape, settings = KERNELS[request.param]
    processors = settings.get("processors", 132)
    for name, value in settings.items():
        if name != "processors":
            monkeypatch.setattr(kernel, name, value)
    monkeypatch.setattr(kernel, "_count_processors", lambda device: processors)
    strategies = {"whole last": "whole", "one part": "parts", "very large": "parts", "rows, groups": "rows"}
    plan = kernel.make_plan(shape, memory_format is torch.channels_last, processors)
    assert plan.strategy == strategies.get(request.param, request.param)
    return memory_format, shape


def make_numbers(*shape: int, implementation: str = "cpu", dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(get_device(implementation), dtype)


def compute_preactivation(x: Tensor, scale: Any, shift: Any, residual: Any, eps: float) -> Tensor:
    """Return equation 8 as the paper writes it, plus the residual."""
    spread = (x.var((2, 3), unbiased=False, keepdim=True) + eps).sqrt()
    y = (x - x.mean((2, 3), keepdim=True)) / spread
    y = y if scale is None else y * scale.expand(x.shape[:2])[..., None, None]
    y = y if shift is None else y + shift.expand(x.shape[:2])[..., None, None]
    return y if residual is None else y + residual


def compute_by_hand(x: Tensor, scale: Any, shift: Any, eps: float = 1e-5, residual: Any = None, activation: str | None = None) -> Tensor:
    z = compute_preactivation(x, scale, shift, residual, eps)
    return z if activation is None else torch.where(z > 0, z, z * (0.2 if activation == "lrelu" else 0))


def assert_near(found: Tensor, expected: Tensor, dtype: torch.dtype = torch.float32, *, rounded_to: torch.dtype | None = None) -> None:
    """Compare with the tolerance of a dtype that intermediate values had, or else of the result's own dtype."""
    assert found.dtype is dtype
    margin = TOLERANCE[rounded_to or dtype] * max(1.0, expected.abs().max().item())
    torch.testing.assert_close(found.detach().double().cpu(), expected.detach(), rtol=0, atol=margin)


def assert_matches_formula(tensors: dict[str, Tensor | None], activation: str | None, memory_format: torch.memory_format) -> None:
    """Compare the result and all gradients with those of the formula in float64."""
    inputs = {name: each.detach().requires_grad_() for name, each in tensors.items() if each is not None}
    exact = {name: each.detach().double().cpu().requires_grad_() for name, each in inputs.items()}
    arguments, exact_arguments = ({name: side.get(name) for name in ("x", "scale", "shift", "residual")} for side in (inputs, exact))
    y, expected = adain(**arguments, activation=activation), compute_by_hand(**exact_arguments, activation=activation)
    dtype = inputs["x"].dtype
    assert_near(y, expected, dtype)
    assert y.is_contiguous(memory_format=memory_format)
    grad = make_numbers(*y.shape, seed=9).to(y.device, dtype).contiguous(memory_format=memory_format)
    if activation is not None:
        # At the kink of the activation the gradient depends on rounding.
        margin = 1e-3 if dtype is torch.float32 else 0.1
        is_far = compute_preactivation(**exact_arguments, eps=1e-5).abs() > margin
        grad = grad * is_far.to(y.device)
    found = torch.autograd.grad(y, list(inputs.values()), grad)
    exact_grads = torch.autograd.grad(expected, list(exact.values()), grad.double().cpu())
    for one, other, source in zip(found, exact_grads, inputs.values(), strict=True):
        assert one.shape == source.shape
        assert_near(one, other, source.dtype, rounded_to=dtype)
    assert found[0].is_contiguous(memory_format=memory_format)


def make_maps(
    shape: tuple[int, ...], memory_format: torch.memory_format, implementation: str, residual: bool, **options: Any
) -> dict[str, Tensor | None]:
    x, z = (make_numbers(*shape, implementation=implementation, seed=seed, **options) for seed in (0, 3))
    return {
        "x": x.contiguous(memory_format=memory_format),
        "scale": make_numbers(*shape[:2], implementation=implementation, seed=1) + 1,
        "shift": make_numbers(*shape[:2], implementation=implementation, seed=2),
        "residual": z.contiguous(memory_format=memory_format) if residual else None,
    }


@pytest.mark.parametrize("memory_format", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("activation", "residual"), FORMS)
def test_values_and_gradients_are_those_of_the_paper(
    implementation: str, shape: Any, memory_format: torch.memory_format, activation: str | None, residual: bool
) -> None:
    assert_matches_formula(make_maps(shape, memory_format, implementation, residual), activation, memory_format)


@needs_triton
@pytest.mark.parametrize(("activation", "residual"), [(None, False), ("relu", False), ("lrelu", True)])
def test_triton_kernels_of_every_size_are_right(kernel_case: Any, activation: str | None, residual: bool) -> None:
    memory_format, shape = kernel_case
    assert_matches_formula(make_maps(shape, memory_format, "triton", residual), activation, memory_format)


@needs_triton
def test_triton_kernels_support_half_precision_and_large_means(kernel_case: Any) -> None:
    memory_format, shape = kernel_case
    assert_matches_formula(make_maps(shape, memory_format, "triton", True, dtype=torch.bfloat16), "relu", memory_format)
    far = make_maps(shape, memory_format, "triton", False)
    assert far["x"] is not None
    assert_matches_formula(far | {"x": 50 + 3 * far["x"]}, None, memory_format)


@needs_triton
@pytest.mark.parametrize("form", [("relu", False), ("lrelu", True)])
def test_triton_kernels_write_every_number_and_are_bitwise_reproducible(
    kernel_case: Any, monkeypatch: pytest.MonkeyPatch, form: Any
) -> None:
    memory_format, shape = kernel_case
    assert_complete_and_reproducible(make_maps(shape, memory_format, "triton", form[1]), form[0], monkeypatch)


@pytest.mark.parametrize("memory_format", LAYOUTS)
def test_every_number_is_written_and_results_are_bitwise_reproducible(
    implementation: str, memory_format: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_complete_and_reproducible(make_maps((2, 5, 13, 11), memory_format, implementation, True), "lrelu", monkeypatch)


def assert_complete_and_reproducible(tensors: dict[str, Tensor | None], activation: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deterministic, "fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(True)
    try:
        assert torch.empty(3).isnan().all()
        results = []
        for _ in range(2):
            inputs = {name: each.detach().requires_grad_() for name, each in tensors.items() if each is not None}
            y = adain(**{"scale": None, "shift": None, **inputs}, activation=activation)
            results.append((y, *torch.autograd.grad(y.sum() + y.square().sum(), list(inputs.values()))))
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(each.isfinite().all() for each in results[0])
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


@pytest.mark.parametrize("memory_format", LAYOUTS)
@pytest.mark.parametrize("factors", ["none", "scale", "shift", "channels", "chunks"])
def test_scale_and_shift_may_be_absent_shared_by_images_or_parts_of_a_vector(
    implementation: str, memory_format: torch.memory_format, factors: str
) -> None:
    tensors = make_maps((2, 3, 6, 5), memory_format, implementation, False)
    style = make_numbers(2, 7, implementation=implementation, seed=4)
    choices = {
        "none": {"scale": None, "shift": None},
        "scale": {"shift": None},
        "shift": {"scale": None},
        "channels": {"scale": style[0, :3].clone(), "shift": style[1, :3].clone()},
        "chunks": {"scale": style[:, 1:4], "shift": style.flip(1).mT.contiguous().mT[:, :3]},
    }
    assert_matches_formula(tensors | choices[factors], "relu", memory_format)


@pytest.mark.parametrize("memory_format", LAYOUTS)
@pytest.mark.parametrize("shape", [(1, 3, 64, 64), (2, 3, 64, 64)])
def test_large_means_cost_no_digits(implementation: str, memory_format: torch.memory_format, shape: Any) -> None:
    tensors = make_maps(shape, memory_format, implementation, False)
    assert tensors["x"] is not None
    assert_matches_formula(tensors | {"x": (50 + 3 * tensors["x"]).contiguous(memory_format=memory_format)}, None, memory_format)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("memory_format", LAYOUTS)
@pytest.mark.parametrize(("activation", "residual"), [(None, False), ("relu", False), ("lrelu", True)])
def test_half_precision_keeps_its_dtype_with_float32_factors(
    implementation: str, memory_format: torch.memory_format, dtype: torch.dtype, activation: str | None, residual: bool
) -> None:
    assert_matches_formula(make_maps((2, 3, 13, 11), memory_format, implementation, residual, dtype=dtype), activation, memory_format)
    far = make_maps((2, 3, 13, 11), memory_format, implementation, False)
    assert far["x"] is not None
    assert_matches_formula(far | {"x": (9 + far["x"]).to(dtype)}, None, memory_format)


@pytest.mark.parametrize("activation", [None, "relu"])
def test_scattered_maps_and_expanded_gradients_are_right(implementation: str, activation: Any) -> None:
    whole = make_numbers(5, 9, 8, 4, implementation=implementation).requires_grad_()
    scale = make_numbers(2, 5, implementation=implementation, seed=1)
    residual = make_numbers(2, 5, 1, 1, implementation=implementation, seed=2).expand(2, 5, 4, 9)
    y = adain(whole.permute(3, 0, 2, 1)[:2, :, ::2], scale, None, residual=residual, activation=activation)
    exact = whole.detach().double().cpu().requires_grad_()
    expected = compute_by_hand(exact.permute(3, 0, 2, 1)[:2, :, ::2], scale.double().cpu(), None, 1e-5, residual.double().cpu(), activation)
    assert_near(y, expected)
    grads = (make_numbers(*shape, implementation=implementation, seed=3) for shape in ((1, 5, 1, 9), (2, 4, 9, 5)))
    for grad in (next(grads).expand(y.shape), next(grads).permute(0, 3, 1, 2)):
        (dx,) = torch.autograd.grad(y, whole, grad, retain_graph=True)
        (dx_expected,) = torch.autograd.grad(expected, exact, grad.double().cpu(), retain_graph=True)
        assert_near(dx, dx_expected)


@pytest.mark.parametrize("memory_format", LAYOUTS)
def test_a_map_of_one_value_becomes_the_shift(implementation: str, memory_format: torch.memory_format) -> None:
    scale, shift = make_numbers(2, 3, implementation=implementation), make_numbers(2, 3, implementation=implementation, seed=1)
    pixel = torch.full((2, 3, 1, 1), 7.3, device=scale.device)
    assert torch.equal(adain(pixel, scale, shift), shift[..., None, None])
    flat = torch.full((2, 3, 4, 5), 7.3, device=scale.device).contiguous(memory_format=memory_format)
    # Dividing by the root of eps multiplies the rounding error of the mean by three hundred.
    torch.testing.assert_close(adain(flat, scale, shift), shift[..., None, None].expand(flat.shape), rtol=0, atol=1e-3)


@pytest.mark.parametrize("activation", [None, "relu", "lrelu"])
@pytest.mark.parametrize("memory_format", LAYOUTS)
def test_nan_spreads_over_its_own_map_only(implementation: str, memory_format: torch.memory_format, activation: Any) -> None:
    x = make_numbers(2, 3, 5, 4, implementation=implementation).contiguous(memory_format=memory_format)
    x[1, 1, 2, 3] = float("nan")
    is_nan = adain(x, None, None, activation=activation).isnan()
    assert is_nan[1, 1].all()
    assert is_nan.sum() == 20


def test_an_empty_batch_stays_empty(implementation: str) -> None:
    x = make_numbers(0, 3, 4, 4, implementation=implementation).requires_grad_()
    scale = make_numbers(3, implementation=implementation).requires_grad_()
    y = adain(x, scale, None, activation="relu")
    assert y.shape == x.shape
    assert torch.autograd.grad(y.sum(), scale)[0].tolist() == [0, 0, 0]


@needs_golden
@pytest.mark.parametrize("memory_format", LAYOUTS)
def test_results_equal_munit_s_original_code(implementation: str, memory_format: torch.memory_format) -> None:
    for case in load_cases("ops_munit_norms", "adain"):
        inputs = case.inputs
        x = (2 * inputs["x"]).to(get_device(implementation)).contiguous(memory_format=memory_format).requires_grad_()
        factors = (1 + 0.5 * inputs["w"]).to(x.device).requires_grad_(), inputs["b"].to(x.device).requires_grad_()
        y = adain(x, *(each.view(x.shape[:2]) for each in factors), eps=case.args["eps"])
        case.assert_near("y", y)
        dx, dw, db = torch.autograd.grad(y, (x, *factors), inputs["gy"].to(x.device))
        case.assert_near("dx", dx)
        case.assert_near("dw", dw)
        case.assert_near("db", db)


@needs_triton
@pytest.mark.parametrize("residual", [False, True])
def test_triton_saves_the_result_for_the_activation_s_gradient_only_with_a_residual(
    monkeypatch: pytest.MonkeyPatch, residual: bool
) -> None:
    monkeypatch.setenv("I2IKIT_OPS", "triton")
    tensors = make_maps((1, 2, 4, 4), torch.contiguous_format, "triton", residual)
    assert tensors["x"] is not None
    saved: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda each: (saved.append(each), each)[1], lambda each: each):
        adain(**(tensors | {"x": tensors["x"].requires_grad_()}), activation="relu")
    assert sum(each.shape == (1, 2, 4, 4) for each in saved) == 1 + residual


@pytest.mark.skipif(not ON_GPU, reason="requires a GPU with 20 GB")
def test_triton_offsets_exceed_32_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2IKIT_OPS", "triton")
    for memory_format, shape in ((torch.contiguous_format, (1, 2**15 + 2, 256, 256)), (torch.channels_last, (2**7 + 2, 256, 256, 256))):
        x = torch.zeros(shape, dtype=torch.bfloat16, device="cuda").contiguous(memory_format=memory_format)
        x[-1, -1] = make_numbers(256, 256, implementation="triton", dtype=torch.bfloat16)
        y = adain(x, None, None)
        assert_near(y[-1:, -1:], compute_by_hand(x[-1:, -1:].double().cpu(), None, None), torch.bfloat16)
        assert not y[:-1].any()


@pytest.mark.skipif(INTERPRETED or ON_GPU, reason="the kernels run in this process")
@pytest.mark.slow
def test_the_kernels_pass_in_the_interpreter() -> None:
    run_in_interpreter(__file__)
