"""Checks of losses on a small translation with every view. Each check tests one rule and is named after it."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from i2ikit.core.random_streams import Share
from i2ikit.testing.component_under_test import ComponentUnderTest
from i2ikit.testing.fault import Fault, Skipped
from i2ikit.testing.side_effects import check_unchanged
from i2ikit.testing.tiny_nets import TinyBatch, make_tiny_nets


def is_documented(component: ComponentUnderTest) -> None:
    """The loss has its own docstring."""
    text = component.factory.__doc__ or ""
    if not text.strip() or text == nn.Module.__doc__:
        raise Fault(f"{getattr(component.factory, '__name__', 'The loss')} has no docstring. Write one sentence about what it measures.")


def is_printable(component: ComponentUnderTest) -> None:
    """``repr()`` contains no tensor values and no memory addresses."""
    loss = component.make()
    if not isinstance(loss, nn.Module):
        raise Skipped("it is a function")
    shown = repr(loss)
    for trace in ("tensor(", " object at 0x"):
        if trace in shown:
            raise Fault(f'repr() contains "{trace}...". Print options and sizes instead, with def extra_repr(self).')


def returns_a_scalar(component: ComponentUnderTest) -> None:
    """It returns one finite floating-point number for a translation."""
    value = component.make()(_make_tiny_batch(component).make_translation())
    if not isinstance(value, Tensor) or value.ndim or not value.is_floating_point():
        found = f"{value.dtype} {list(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise Fault(f"A loss must return a scalar tensor; found {found}. Take the mean over images.")
    if not bool(torch.isfinite(value)):
        raise Fault(f"It is {value.item()} on random images. Check roots, logarithms and divisions at 0.")


def runs_on_meta_device(component: ComponentUnderTest) -> None:
    """It runs on the meta device, which has no values."""
    tiny = _make_tiny_batch(component)
    loss = component.make()
    try:
        loss = copy.deepcopy(loss).to("meta") if isinstance(loss, nn.Module) else loss
        value = loss(TinyBatch(copy.deepcopy(tiny.nets).to("meta"), tiny.labels, "meta").make_translation())
    except Exception as error:
        raise Fault(
            f"It fails on the meta device: {type(error).__name__}: {error}. "
            "Create tensors on the device of the images, and do not read tensor values."
        ) from error
    if value.ndim:
        raise Fault(f"On the meta device the result is {list(value.shape)}; it must be a scalar.")


def has_finite_gradients(component: ComponentUnderTest) -> None:
    """Its gradient reaches a network and its own weights, and is finite."""
    tiny, loss = _make_tiny_batch(component), component.make()
    own = dict(loss.named_parameters()) if isinstance(loss, nn.Module) else {}
    weights = {**dict(tiny.nets.named_parameters()), **{f"loss.{name}": each for name, each in own.items() if each.requires_grad}}
    value = loss(tiny.make_translation())
    if not value.requires_grad:
        raise Fault("The loss has no gradient. Remove detach() and no_grad().")
    gradients = dict(zip(weights, torch.autograd.grad(value, list(weights.values()), allow_unused=True), strict=True))
    if all(gradient is None for name, gradient in gradients.items() if not name.startswith("loss.")):
        raise Fault("Its gradient reaches no network. Use a view, such as translation.fake or translation.discriminate(...).")
    if unused := [name for name, each in gradients.items() if name.startswith("loss.") and each is None]:
        raise Fault(f"Its weight {unused[0]} gets no gradient. Use it, or freeze it.")
    if bad := [name for name, each in gradients.items() if each is not None and not bool(torch.isfinite(each).all())]:
        raise Fault(f"The gradient of {bad[0]} is not finite. Check roots, logarithms and divisions at 0.")


def is_a_mean_over_images(component: ComponentUnderTest) -> None:
    """The loss of a batch is the mean of the losses of its two halves, as gradient accumulation and several processes require."""
    if component.declared.mixes_batch:
        raise Skipped("it declares mixes_batch")
    tiny, loss = _make_tiny_batch(component), component.make()
    if isinstance(loss, nn.Module) and any(True for _ in loss.buffers()):
        raise Skipped("it stores state between batches")
    whole = loss(tiny.make_translation()).item()
    parts = sum(loss(tiny.make_translation(Share(index, 2))).item() for index in range(2)) / 2
    if abs(whole - parts) > 1e-4 * max(1.0, abs(whole)):
        raise Fault(
            f"The loss of the batch is {whole:.6g}, the mean of its halves {parts:.6g}. Take means over images, draw from named streams "
            "(translation.uniform, translation.normal), and divide by counts of translation.streams.whole_batch; or declare mixes_batch."
        )


def is_deterministic(component: ComponentUnderTest) -> None:
    """The same random draws give the same loss, whatever the state of torch's global random stream."""
    tiny = _make_tiny_batch(component)
    values = []
    for seed in (1, 2):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            values.append(component.make(7)(tiny.make_translation()).item())
    if values[0] != values[1]:
        raise Fault(
            f"Two runs return {values[0]:.6g} and {values[1]:.6g}. Draw from named streams: translation.uniform, translation.normal."
        )


def saves_and_loads(component: ComponentUnderTest) -> None:
    """``state_dict`` is complete: another instance that loads it gives the same loss."""
    loss, other = component.make(0), component.make(1)
    if not isinstance(loss, nn.Module) or not isinstance(other, nn.Module):
        raise Skipped("it is a function")
    other.load_state_dict({name: value.clone() for name, value in loss.state_dict().items()}, strict=True)
    values = [each.eval()(_make_tiny_batch(component).make_translation()).item() for each in (loss, other)]
    if values[0] != values[1]:
        raise Fault(
            f"The saved loss returns {values[0]:.6g}, the loaded one {values[1]:.6g}. "
            "Store every tensor that affects the result as a parameter or a buffer."
        )


def runs_in_bfloat16(component: ComponentUnderTest) -> None:
    """Under autocast to bfloat16, it is finite and float32: a mean in half precision loses the differences between losses."""
    with torch.autocast("cpu", torch.bfloat16):
        value = component.make()(_make_tiny_batch(component).make_translation())
    if not bool(torch.isfinite(value)):
        raise Fault(f"Under autocast it is {value.item()}. Compute it in float32.")
    if value.dtype in (torch.bfloat16, torch.float16):
        raise Fault(
            f"Under autocast it is computed in {value.dtype}. Convert images and scores to float32 before the mean: tensor.float()."
        )


def compiles_full_graph(component: ComponentUnderTest) -> None:
    """Does not apply: only networks are compiled, not losses."""
    raise Skipped("losses are not compiled")


def has_no_side_effects(component: ComponentUnderTest) -> None:
    """Building and computing it changes no global setting, no random stream and no tensor of the plan."""
    with check_unchanged("Building it"):
        loss: Any = component.make()
    tiny = _make_tiny_batch(component)
    given = {**tiny.images, "label": tiny.labels, "style": tiny.style}
    before = {name: each.clone() for name, each in given.items()}
    with check_unchanged("Computing it"):
        loss(tiny.make_translation())
    if changed := [name for name, each in given.items() if not torch.equal(each, before[name])]:
        raise Fault(f'It changes "{changed[0]}" in place. Work on copies: other loss terms use the same tensors.')


CHECKS = (
    is_documented,
    is_printable,
    returns_a_scalar,
    runs_on_meta_device,
    has_finite_gradients,
    is_a_mean_over_images,
    is_deterministic,
    saves_and_loads,
    runs_in_bfloat16,
    compiles_full_graph,
    has_no_side_effects,
)


def _make_tiny_batch(component: ComponentUnderTest) -> TinyBatch:
    labels = component.make_labels(4)
    assert labels is not None
    return TinyBatch(make_tiny_nets(component.image, component.domain), labels)
