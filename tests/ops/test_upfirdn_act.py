"""upfirdn_act: its values and gradients for every implementation, torch.library, bad input."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from ops.interpreted import IMPLEMENTATIONS, INTERPRETED, ON_GPU, get_device, run_in_interpreter
from torch import Tensor
from torch.nn import functional as F

from i2ikit import ops
from i2ikit.ops.upfirdn_act.register import upfirdn_act_op

WITHIN_TORCH = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
LAYOUTS = [torch.contiguous_format, torch.channels_last]
ENDS: list[dict[str, Any]] = [
    {},
    {"bias": True, "activation": "linear"},
    {"scale": True, "noise": True, "bias": True, "activation": "lrelu"},
    {"scale": True, "noise": "shared", "bias": True, "activation": "relu", "clamp": 0.4, "act_gain": 0.7},
    {"scale": True, "style": True, "activation": "lrelu", "alpha": 0.1},
    {"noise": True, "style": True, "skip": True, "activation": "swish", "clamp": 0.9},
    {"skip": True, "activation": "linear"},
]
RESAMPLINGS: list[tuple[Any, ...]] = [
    (None, 1, 1, (0, 0, 0, 0)),
    ((4, 4), 1, 1, (2, 1, 2, 1)),
    ((4, 4), 2, 1, (2, 1, 2, 1)),
    ((4, 3), 1, 2, (1, 1, 1, 2)),
    ((12,), 2, 1, (6, 5, 6, 5)),
]


@pytest.fixture(params=IMPLEMENTATIONS)
def implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("I2IKIT_OPS", request.param)
    return str(request.param)


def make_numbers(*shape: int, implementation: str = "cpu", dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape)), dtype=torch.float64)
    return values.to(get_device(implementation), dtype).requires_grad_()


def make_tensors(end: dict[str, Any], shape: tuple[int, ...], size: tuple[int, ...], **kind: Any) -> dict[str, Any]:
    batch, channels = shape[:2]
    shapes = {"scale": (batch, channels), "bias": (channels,), "style": (batch, channels), "skip": (batch, channels, *size)}
    shapes["noise"] = (1 if end.get("noise") == "shared" else batch, 1, *size)
    tensors = {name: make_numbers(*shapes[name], seed=index, **kind) for index, name in enumerate(shapes) if end.get(name)}
    return {**end, **tensors}


def compute_by_hand(x: Tensor, fir: Tensor | None, up: int, down: int, padding: Any, end: dict[str, Any]) -> Tensor:
    """Compute each part with torch's own operators, with all zeros between the pixels."""
    spread = torch.zeros(*x.shape[:2], x.shape[2] * up, x.shape[3] * up, dtype=x.dtype)
    spread[:, :, ::up, ::up] = x
    padded = F.pad(spread, padding)
    if fir is not None:
        whole = torch.outer(fir, fir) if fir.ndim == 1 else fir
        padded = F.conv2d(padded, whole.flip((0, 1)).expand(x.shape[1], 1, *whole.shape), groups=x.shape[1])
    z = padded[:, :, ::down, ::down] * 1.5
    if "scale" in end:
        z = z * end["scale"][:, :, None, None]
    if "noise" in end:
        z = z + end["noise"]
    if "bias" in end:
        z = z + end["bias"][:, None, None]
    activation = end.get("activation", "lrelu")
    root = 2.0**0.5
    y, gain = {
        "linear": (z, 1.0),
        "relu": (z.relu(), root),
        "lrelu": (F.leaky_relu(z, end.get("alpha", 0.2)), root),
        "swish": (z * z.sigmoid(), root),
    }[activation]
    y = y * end.get("act_gain", gain)
    if "clamp" in end:
        y = y.clamp(-end["clamp"], end["clamp"])
    if "style" in end:
        y = y * end["style"][:, :, None, None]
    return y + end["skip"] if "skip" in end else y


def to_float64(value: Any) -> Any:
    return value.detach().double().cpu().requires_grad_(value.requires_grad) if isinstance(value, Tensor) else value


def get_result_size(shape: tuple[int, ...], taps: Any, up: int, down: int, padding: Any) -> tuple[int, int]:
    kh, kw = (1, 1) if taps is None else (taps[0], taps[-1])
    return (shape[2] * up + padding[2] + padding[3] - kh) // down + 1, (shape[3] * up + padding[0] + padding[1] - kw) // down + 1


@pytest.mark.parametrize("memory_format", LAYOUTS)
@pytest.mark.parametrize(("taps", "up", "down", "padding"), RESAMPLINGS)
@pytest.mark.parametrize("end", ENDS)
def test_values_and_gradients_equal_those_of_the_parts(
    implementation: str, end: dict[str, Any], taps: Any, up: int, down: int, padding: Any, memory_format: torch.memory_format
) -> None:
    shape = (2, 3, 7, 5)
    x = make_numbers(*shape, implementation=implementation).detach().contiguous(memory_format=memory_format).requires_grad_()
    fir = None if taps is None else make_numbers(*taps, implementation=implementation, seed=9).detach()
    inputs = make_tensors(end, shape, get_result_size(shape, taps, up, down, padding), implementation=implementation)
    y = ops.upfirdn_act(x, fir, up, down, padding, gain=1.5, **inputs)
    exact = {name: to_float64(value) for name, value in {"x": x, **inputs}.items()}
    reference = compute_by_hand(exact["x"], to_float64(fir), up, down, padding, exact)
    assert y.is_contiguous(memory_format=memory_format)
    assert_near(y, reference)
    grad = make_numbers(*y.shape, implementation=implementation, seed=3).detach()
    names = [name for name, value in {"x": x, **inputs}.items() if isinstance(value, Tensor)]
    found = torch.autograd.grad(y, [{"x": x, **inputs}[name] for name in names], grad)
    reference_grads = torch.autograd.grad(reference, [exact[name] for name in names], to_float64(grad))
    for name, one, other in zip(names, found, reference_grads, strict=True):
        assert_near(one, other, name)


def assert_near(found: Tensor, reference: Tensor, name: str = "", tolerance: float = 5e-6) -> None:
    scale = max(1.0, reference.abs().max().item())
    torch.testing.assert_close(
        found.detach().double().cpu(), reference.detach(), rtol=0, atol=tolerance * scale, msg=lambda text: f"{name}: {text}"
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("memory_format", LAYOUTS)
def test_half_precision_accepts_parameters_in_float32(implementation: str, memory_format: torch.memory_format, dtype: torch.dtype) -> None:
    shape = (2, 3, 9, 7)
    x = make_numbers(*shape, implementation=implementation, dtype=dtype).detach().contiguous(memory_format=memory_format)
    inputs = make_tensors({"scale": True, "noise": True, "bias": True, "clamp": 2.0}, shape, (9, 7), implementation=implementation)
    y = ops.upfirdn_act(x, ops.fir_filter([1, 2, 1]).to(x.device), padding=1, gain=1.5, **inputs)
    assert y.dtype is dtype
    reference = compute_by_hand(
        to_float64(x), ops.fir_filter([1, 2, 1]).double(), 1, 1, (1, 1, 1, 1), {name: to_float64(value) for name, value in inputs.items()}
    )
    assert_near(y, reference, tolerance=4e-2 if dtype is torch.bfloat16 else 5e-3)


@pytest.mark.parametrize("memory_format", LAYOUTS)
def test_every_pixel_is_written(implementation: str, memory_format: torch.memory_format, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = torch.empty
    monkeypatch.setattr(torch, "empty", lambda *inputs, **options: empty(*inputs, **options).fill_(torch.nan))
    x = make_numbers(2, 5, 11, 13, implementation=implementation).detach().contiguous(memory_format=memory_format)
    assert ops.upfirdn_act(x, ops.fir_filter([1, 3, 3, 1]).to(x.device), 2, 1, (2, 1, 2, 1)).isfinite().all()


@pytest.mark.parametrize("end", [ENDS[2], ENDS[3], ENDS[5], ENDS[6]])
def test_first_and_second_gradients_are_right(end: dict[str, Any]) -> None:
    x, fir = make_numbers(2, 2, 4, 3, dtype=torch.float64), make_numbers(3, 2, dtype=torch.float64, seed=1).detach()
    inputs = make_tensors(end, (2, 2), (7, 6), dtype=torch.float64)
    names = [name for name, value in inputs.items() if isinstance(value, Tensor)]

    def run(maps: Tensor, *values: Tensor) -> Tensor:
        return ops.upfirdn_act(maps, fir, 2, 1, (1, 0, 1, 0), **{**inputs, **dict(zip(names, values, strict=True))}).square()

    tensors = (x, *(inputs[name] for name in names))
    assert torch.autograd.gradcheck(run, tensors)
    assert torch.autograd.gradgradcheck(run, tensors)


@WITHIN_TORCH
@pytest.mark.parametrize("memory_format", LAYOUTS)
@pytest.mark.parametrize("end", [ENDS[2], ENDS[5], ENDS[6]])
def test_opcheck_passes(end: dict[str, Any], memory_format: torch.memory_format) -> None:
    x = make_numbers(2, 3, 6, 5).detach().contiguous(memory_format=memory_format).requires_grad_()
    inputs = make_tensors(end, (2, 3), (6, 5))
    parts = [inputs.get(name) for name in ("scale", "bias", "noise", "style", "skip")]
    numeric = ((1, 1), (1, 1), (2, 1, 2, 1), False, 1.0, inputs["activation"], 0.2, 1.4, inputs.get("clamp"))
    torch.library.opcheck(upfirdn_act_op, (x, torch.ones(4, 4), *parts, *numeric))


X = torch.zeros(2, 3, 8, 8)
BAD: list[tuple[type[Exception], dict[str, Any], str]] = [
    (ValueError, {"scale": torch.ones(3)}, "upfirdn_act: scale has shape [3]; for x of shape [2, 3, 8, 8] it must be [2, 3]."),
    (ValueError, {"noise": torch.ones(2, 3, 8, 8)}, "it must be [2, 1, 8, 8] or [1, 1, 8, 8]."),
    (ValueError, {"skip": torch.ones(2, 3, 4, 4)}, "upfirdn_act: skip has shape [2, 3, 4, 4]"),
    (ValueError, {"skip": torch.ones(2, 3, 8, 8).half()}, "upfirdn_act: skip has dtype float16, but x has float32"),
    (ValueError, {"activation": "lerlu"}, 'upfirdn_act: No activation is called "lerlu". Did you mean "lrelu"'),
    (TypeError, {"bias": torch.ones(3, dtype=torch.int64)}, "upfirdn_act: bias has dtype int64"),
]


@pytest.mark.parametrize(("error", "arguments", "message"), BAD)
def test_bad_input_is_named_in_one_line(error: type[Exception], arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)) as caught:
        ops.upfirdn_act(X, None, **arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.skipif(INTERPRETED or ON_GPU, reason="the kernels run in this process")
def test_the_kernels_pass_in_the_interpreter() -> None:
    run_in_interpreter(__file__)
