"""upfirdn_act: its values and gradients on every route, and what torch's machinery makes of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from ops.interpreted import INTERPRETED, ON_GPU, ROUTES, device_of, run_again
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


@pytest.fixture(params=ROUTES)
def route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("I2IKIT_OPS", request.param)
    return str(request.param)


def numbers(*shape: int, route: str = "cpu", dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape)), dtype=torch.float64)
    return values.to(device_of(route), dtype).requires_grad_()


def tensors(end: dict[str, Any], shape: tuple[int, ...], size: tuple[int, ...], **kind: Any) -> dict[str, Any]:
    batch, channels = shape[:2]
    shapes = {"scale": (batch, channels), "bias": (channels,), "style": (batch, channels), "skip": (batch, channels, *size)}
    shapes["noise"] = (1 if end.get("noise") == "shared" else batch, 1, *size)
    made = {name: numbers(*shapes[name], seed=index, **kind) for index, name in enumerate(shapes) if end.get(name)}
    return {**end, **made}


def by_hand(x: Tensor, fir: Tensor | None, up: int, down: int, padding: Any, end: dict[str, Any]) -> Tensor:
    """Write each step as torch has it, with zeros between the pixels and none left out."""
    stuffed = torch.zeros(*x.shape[:2], x.shape[2] * up, x.shape[3] * up, dtype=x.dtype)
    stuffed[:, :, ::up, ::up] = x
    padded = F.pad(stuffed, padding)
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


def exactly(value: Any) -> Any:
    return value.detach().double().cpu().requires_grad_(value.requires_grad) if isinstance(value, Tensor) else value


def grown(shape: tuple[int, ...], taps: Any, up: int, down: int, padding: Any) -> tuple[int, int]:
    kh, kw = (1, 1) if taps is None else (taps[0], taps[-1])
    return (shape[2] * up + padding[2] + padding[3] - kh) // down + 1, (shape[3] * up + padding[0] + padding[1] - kw) // down + 1


@pytest.mark.parametrize("order", LAYOUTS)
@pytest.mark.parametrize(("taps", "up", "down", "padding"), RESAMPLINGS)
@pytest.mark.parametrize("end", ENDS)
def test_values_and_gradients_are_those_of_the_steps(
    route: str, end: dict[str, Any], taps: Any, up: int, down: int, padding: Any, order: torch.memory_format
) -> None:
    shape = (2, 3, 7, 5)
    x = numbers(*shape, route=route).detach().contiguous(memory_format=order).requires_grad_()
    fir = None if taps is None else numbers(*taps, route=route, seed=9).detach()
    given = tensors(end, shape, grown(shape, taps, up, down, padding), route=route)
    y = ops.upfirdn_act(x, fir, up, down, padding, gain=1.5, **given)
    exact = {name: exactly(value) for name, value in {"x": x, **given}.items()}
    wanted = by_hand(exact["x"], exactly(fir), up, down, padding, exact)
    assert y.is_contiguous(memory_format=order)
    near(y, wanted)
    grad = numbers(*y.shape, route=route, seed=3).detach()
    names = [name for name, value in {"x": x, **given}.items() if isinstance(value, Tensor)]
    found = torch.autograd.grad(y, [{"x": x, **given}[name] for name in names], grad)
    expected = torch.autograd.grad(wanted, [exact[name] for name in names], exactly(grad))
    for name, one, other in zip(names, found, expected, strict=True):
        near(one, other, name)


def near(found: Tensor, wanted: Tensor, name: str = "", tolerance: float = 5e-6) -> None:
    scale = max(1.0, wanted.abs().max().item())
    torch.testing.assert_close(
        found.detach().double().cpu(), wanted.detach(), rtol=0, atol=tolerance * scale, msg=lambda text: f"{name}: {text}"
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("order", LAYOUTS)
def test_half_precision_takes_parameters_in_float32(route: str, order: torch.memory_format, dtype: torch.dtype) -> None:
    shape = (2, 3, 9, 7)
    x = numbers(*shape, route=route, dtype=dtype).detach().contiguous(memory_format=order)
    given = tensors({"scale": True, "noise": True, "bias": True, "clamp": 2.0}, shape, (9, 7), route=route)
    y = ops.upfirdn_act(x, ops.fir_filter([1, 2, 1]).to(x.device), padding=1, gain=1.5, **given)
    assert y.dtype is dtype
    wanted = by_hand(
        exactly(x), ops.fir_filter([1, 2, 1]).double(), 1, 1, (1, 1, 1, 1), {name: exactly(value) for name, value in given.items()}
    )
    near(y, wanted, tolerance=4e-2 if dtype is torch.bfloat16 else 5e-3)


@pytest.mark.parametrize("order", LAYOUTS)
def test_every_pixel_is_written(route: str, order: torch.memory_format, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = torch.empty
    monkeypatch.setattr(torch, "empty", lambda *given, **options: empty(*given, **options).fill_(torch.nan))
    x = numbers(2, 5, 11, 13, route=route).detach().contiguous(memory_format=order)
    assert ops.upfirdn_act(x, ops.fir_filter([1, 3, 3, 1]).to(x.device), 2, 1, (2, 1, 2, 1)).isfinite().all()


@pytest.mark.parametrize("end", [ENDS[2], ENDS[3], ENDS[5], ENDS[6]])
def test_first_and_second_gradients_are_right(end: dict[str, Any]) -> None:
    x, fir = numbers(2, 2, 4, 3, dtype=torch.float64), numbers(3, 2, dtype=torch.float64, seed=1).detach()
    given = tensors(end, (2, 2), (7, 6), dtype=torch.float64)
    names = [name for name, value in given.items() if isinstance(value, Tensor)]

    def run(maps: Tensor, *values: Tensor) -> Tensor:
        return ops.upfirdn_act(maps, fir, 2, 1, (1, 0, 1, 0), **{**given, **dict(zip(names, values, strict=True))}).square()

    inputs = (x, *(given[name] for name in names))
    assert torch.autograd.gradcheck(run, inputs)
    assert torch.autograd.gradgradcheck(run, inputs)


@WITHIN_TORCH
@pytest.mark.parametrize("order", LAYOUTS)
@pytest.mark.parametrize("end", [ENDS[2], ENDS[5], ENDS[6]])
def test_torch_library_finds_nothing_wrong_with_it(end: dict[str, Any], order: torch.memory_format) -> None:
    x = numbers(2, 3, 6, 5).detach().contiguous(memory_format=order).requires_grad_()
    given = tensors(end, (2, 3), (6, 5))
    parts = [given.get(name) for name in ("scale", "bias", "noise", "style", "skip")]
    numeric = ((1, 1), (1, 1), (2, 1, 2, 1), False, 1.0, given["activation"], 0.2, 1.4, given.get("clamp"))
    torch.library.opcheck(upfirdn_act_op, (x, torch.ones(4, 4), *parts, *numeric))


X = torch.zeros(2, 3, 8, 8)
BAD: list[tuple[type[Exception], dict[str, Any], str]] = [
    (ValueError, {"scale": torch.ones(3)}, "upfirdn_act: scale has shape [3]; for x of shape [2, 3, 8, 8] it has to be [2, 3]."),
    (ValueError, {"noise": torch.ones(2, 3, 8, 8)}, "it has to be [2, 1, 8, 8] or [1, 1, 8, 8]."),
    (ValueError, {"skip": torch.ones(2, 3, 4, 4)}, "upfirdn_act: skip has shape [2, 3, 4, 4]"),
    (ValueError, {"skip": torch.ones(2, 3, 8, 8).half()}, "upfirdn_act: skip is of float16 and x of float32"),
    (ValueError, {"activation": "lerlu"}, 'upfirdn_act: activation is "lerlu". Did you mean "lrelu"'),
    (TypeError, {"bias": torch.ones(3, dtype=torch.int64)}, "upfirdn_act: bias holds int64"),
]


@pytest.mark.parametrize(("kind", "given", "message"), BAD)
def test_bad_input_is_named_in_one_line(kind: type[Exception], given: dict[str, Any], message: str) -> None:
    with pytest.raises(kind, match=re.escape(message)) as caught:
        ops.upfirdn_act(X, None, **given)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.skipif(INTERPRETED or ON_GPU, reason="the kernels run in this process")
def test_the_kernels_pass_in_the_interpreter() -> None:
    run_again(__file__)
