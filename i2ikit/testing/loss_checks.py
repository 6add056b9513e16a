"""What losses have to keep, tried on a small translation with every view. Each check is one promise and is named after it."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from i2ikit.core.random_streams import Share
from i2ikit.testing.fault import Fault, Skipped
from i2ikit.testing.subject import Subject
from i2ikit.testing.surroundings import unchanged
from i2ikit.testing.tiny import Tiny, tiny_nets


def is_documented(subject: Subject) -> None:
    """It has a docstring of its own."""
    text = subject.factory.__doc__ or ""
    if not text.strip() or text == nn.Module.__doc__:
        raise Fault(f"{getattr(subject.factory, '__name__', 'It')} has no docstring. Say in one sentence what it wants.")


def is_printable(subject: Subject) -> None:
    """It prints as a few lines without values or addresses."""
    loss = subject.make()
    if not isinstance(loss, nn.Module):
        raise Skipped("it is a function")
    shown = repr(loss)
    for trace in ("tensor(", " object at 0x"):
        if trace in shown:
            raise Fault(f'repr() shows "{trace}...". Show options and sizes: def extra_repr(self).')


def gives_a_scalar(subject: Subject) -> None:
    """It gives one finite floating-point number a translation."""
    value = subject.make()(_tiny(subject).translation())
    if not isinstance(value, Tensor) or value.ndim or not value.is_floating_point():
        found = f"{value.dtype} {list(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise Fault(f"A loss is a scalar tensor; found {found}. Take the mean over images.")
    if not bool(torch.isfinite(value)):
        raise Fault(f"It is {value.item()} on random images. Look for roots, logarithms and divisions at 0.")


def runs_on_shapes_alone(subject: Subject) -> None:
    """It can be rehearsed on the meta device, which has no values."""
    tiny = _tiny(subject)
    loss = subject.make()
    try:
        loss = copy.deepcopy(loss).to("meta") if isinstance(loss, nn.Module) else loss
        value = loss(Tiny(copy.deepcopy(tiny.nets).to("meta"), tiny.labels, "meta").translation())
    except Exception as error:
        raise Fault(
            f"It cannot be rehearsed: {type(error).__name__}: {error}. Make tensors on the device of the images, and do not look at values."
        ) from error
    if value.ndim:
        raise Fault(f"A rehearsal gives {list(value.shape)}, a real run a scalar.")


def has_finite_gradients(subject: Subject) -> None:
    """Its gradient reaches some network, and is finite there and in its own weights."""
    tiny, loss = _tiny(subject), subject.make()
    own = dict(loss.named_parameters()) if isinstance(loss, nn.Module) else {}
    weights = {**dict(tiny.nets.named_parameters()), **{f"loss.{name}": each for name, each in own.items() if each.requires_grad}}
    value = loss(tiny.translation())
    if not value.requires_grad:
        raise Fault("No gradient comes out of it. Leave out detach() and no_grad().")
    gradients = dict(zip(weights, torch.autograd.grad(value, list(weights.values()), allow_unused=True), strict=True))
    if all(gradient is None for name, gradient in gradients.items() if not name.startswith("loss.")):
        raise Fault("Its gradient reaches no network. Read a view: translation.fake, translation.discriminate(...).")
    if idle := [name for name, each in gradients.items() if name.startswith("loss.") and each is None]:
        raise Fault(f"Its own weight {idle[0]} gets no gradient. Use it, or freeze it.")
    if bad := [name for name, each in gradients.items() if each is not None and not bool(torch.isfinite(each).all())]:
        raise Fault(f"The gradient in {bad[0]} is not finite. Look for roots, logarithms and divisions at 0.")


def is_a_mean_over_images(subject: Subject) -> None:
    """The mean over two halves of a batch is the loss of the whole, as gradient accumulation and several processes need."""
    if subject.declared.mixes_batch:
        raise Skipped("it declares mixes_batch")
    tiny, loss = _tiny(subject), subject.make()
    if isinstance(loss, nn.Module) and any(True for _ in loss.buffers()):
        raise Skipped("it keeps state from batch to batch")
    whole = loss(tiny.translation()).item()
    parts = sum(loss(tiny.translation(Share(index, 2))).item() for index in range(2)) / 2
    if abs(whole - parts) > 1e-4 * max(1.0, abs(whole)):
        raise Fault(
            f"The whole batch costs {whole:.6g}, its two halves {parts:.6g} on average. Take means over images, draw from named streams "
            "(translation.uniform, translation.normal), and divide by counts of translation.streams.whole; or declare mixes_batch."
        )


def repeats_itself(subject: Subject) -> None:
    """The same draws give the same loss, also where torch's own stream stands elsewhere."""
    tiny = _tiny(subject)
    values = []
    for seed in (1, 2):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            values.append(subject.make(7)(tiny.translation()).item())
    if values[0] != values[1]:
        raise Fault(f"Two runs give {values[0]:.6g} and {values[1]:.6g}. Draw from named streams: translation.uniform, translation.normal.")


def survives_saving(subject: Subject) -> None:
    """What is saved is all of it: loaded into another one, it gives the same loss."""
    loss, other = subject.make(0), subject.make(1)
    if not isinstance(loss, nn.Module) or not isinstance(other, nn.Module):
        raise Skipped("it is a function")
    other.load_state_dict({name: value.clone() for name, value in loss.state_dict().items()}, strict=True)
    values = [each.eval()(_tiny(subject).translation()).item() for each in (loss, other)]
    if values[0] != values[1]:
        raise Fault(f"Saved it gives {values[0]:.6g}, loaded {values[1]:.6g}. Keep every tensor that matters as a parameter or a buffer.")


def runs_in_bfloat16(subject: Subject) -> None:
    """Under autocast to bfloat16 it is finite, and a float32 number: means of half-precision numbers lose what losses differ by."""
    with torch.autocast("cpu", torch.bfloat16):
        value = subject.make()(_tiny(subject).translation())
    if not bool(torch.isfinite(value)):
        raise Fault(f"Under autocast it is {value.item()}. Do its arithmetic in float32.")
    if value.dtype in (torch.bfloat16, torch.float16):
        raise Fault(f"Under autocast it is summed in {value.dtype}. Turn images and scores to float32 before you average: tensor.float().")


def compiles_whole(subject: Subject) -> None:
    """Does not apply: components are compiled, the step with its losses is not."""
    raise Skipped("components are compiled, losses are not")


def touches_nothing_else(subject: Subject) -> None:
    """Making and computing it changes no global setting, no random stream, and nothing that the plan gave."""
    with unchanged("Making it"):
        loss: Any = subject.make()
    tiny = _tiny(subject)
    given = {**tiny.images, "label": tiny.labels, "style": tiny.style}
    before = {name: each.clone() for name, each in given.items()}
    with unchanged("Computing it"):
        loss(tiny.translation())
    if changed := [name for name, each in given.items() if not torch.equal(each, before[name])]:
        raise Fault(f'It changes "{changed[0]}" in place. Work on copies: other terms read the same tensors.')


CHECKS = (
    is_documented,
    is_printable,
    gives_a_scalar,
    runs_on_shapes_alone,
    has_finite_gradients,
    is_a_mean_over_images,
    repeats_itself,
    survives_saving,
    runs_in_bfloat16,
    compiles_whole,
    touches_nothing_else,
)


def _tiny(subject: Subject) -> Tiny:
    labels = subject.labels(4)
    assert labels is not None
    return Tiny(tiny_nets(subject.image, subject.domain), labels)
