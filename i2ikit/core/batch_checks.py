"""Checks of the tensors of a batch before a step: data types, channels, sizes and numbers of rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from i2ikit.core.batch_kinds import IMAGES, Batch, BatchKind
from i2ikit.core.contract import read
from i2ikit.core.nets import get_first
from i2ikit.errors import I2IKitError, PlanError, describe_exception, format_count
from i2ikit.out_of_memory import is_out_of_memory

if TYPE_CHECKING:
    from i2ikit.core.model import Model


def list_batches(batches: Any, accumulate: Any) -> list[Batch]:
    """Return the batches of a step as a list.

    Raises:
        PlanError: There is none, one is no mapping, or ``accumulate`` is no whole number of 1 or more.
    """
    if not isinstance(accumulate, int) or isinstance(accumulate, bool) or accumulate < 1:
        raise PlanError(f"accumulate={accumulate!r} is not supported. Give the number of micro-batches: a whole number, 1 or more.")
    if isinstance(batches, Mapping):
        return [batches]
    is_list = isinstance(batches, Sequence) and not isinstance(batches, str)
    wrong = [each for each in batches if not isinstance(each, Mapping)] if is_list else [batches]
    if wrong or not batches:
        found = type(wrong[0]).__name__ if wrong else "none"
        raise PlanError(f'A step requires a batch, such as {{"image": tensor}}, or a list of batches; found {found}.')
    return list(batches)


def check_tensors(model: Model, batch: Batch, index: int = 0) -> None:
    """Check the tensors of a batch.

    Args:
        model: The model.
        batch: The batch.
        index: The position of the batch within the step.

    Raises:
        PlanError: Images are no floats, or have another data type than the weights, other channels, or a size that a network does not
            take; or there are no rows, or the entries differ in their number.
    """
    named = _list_images(batch)
    _check_storage(batch, model)
    weight = next(iter(model.nets.parameters()), None)
    for place, image in named.items():
        if not image.is_floating_point():
            raise PlanError(
                f"batch{place} has dtype {image.dtype}, but images must be floats in [-1, 1]. Convert uint8: images / 127.5 - 1."
            )
        if weight is not None and image.dtype != weight.dtype and not _is_cast(image):
            raise PlanError(
                f"batch{place} has dtype {image.dtype}, but the weights have {weight.dtype}. Convert it: images.to({weight.dtype})."
            )
    for entry in ("label", "reference_label"):
        label = batch.get(entry)
        if isinstance(label, Tensor) and label.is_complex():
            raise PlanError(
                f'batch["{entry}"] has dtype {label.dtype}; expected real numbers. Encode each row with model.domain.encode(row).'
            )
    kind = model.get_batch_kind(index)
    _check_channels(model, batch, kind)
    _check_fixed_sizes(model, named)
    if kind.domains:  # whose numbers of rows may differ
        for place, image in named.items():
            _check_rows({place: image})
    else:
        _check_rows({f'["{entry}"]': batch[entry] for entry in kind.entries if isinstance(batch.get(entry), Tensor)})


def _list_images(batch: Batch) -> dict[str, Tensor]:
    """Return the tensors of images of a batch by their places, such as ``["image"]``."""
    return {place: value for place, value in _list_tensors(batch).items() if value.ndim == 4}


def _list_tensors(batch: Batch) -> dict[str, Tensor]:
    images = batch.get(IMAGES)
    named = {f'["{key}"]': value for key, value in batch.items()}
    named |= {f'["{IMAGES}"]["{key}"]': value for key, value in images.items()} if isinstance(images, Mapping) else {}
    return {place: value for place, value in named.items() if isinstance(value, Tensor)}


def _check_storage(batch: Batch, model: Model) -> None:
    device = next((each.device for each in model.nets.parameters()), None)
    for place, value in _list_tensors(batch).items():
        if value.layout != torch.strided:
            raise PlanError(
                f"batch{place} is a tensor with the layout {value.layout}; expected a dense one. Convert it: tensor.to_dense()."
            )
        if device is not None and value.device != device:
            raise PlanError(
                f"batch{place} is on the device {value.device}, but the weights are on {device}. Move it: tensor.to(model.device)."
            )


def _is_cast(image: Tensor) -> bool:
    """Return whether autocast converts images of this data type."""
    kind = image.device.type
    return image.dtype != torch.float64 and torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)


def _check_channels(model: Model, batch: Batch, kind: BatchKind) -> None:
    images = batch.get(IMAGES) if kind.domains else None
    named = {f'["{IMAGES}"]["{key}"]': (value, model.image) for key, value in images.items()} if isinstance(images, Mapping) else {}
    if not kind.domains:
        source = model.source if kind.source else model.image
        named = {f'["{key}"]': (batch.get(key), source if key == "image" else model.image) for key in kind.entries}
    for place, (value, spec) in named.items():
        if not isinstance(value, Tensor) or "label" in place:
            continue
        if value.ndim != 4:
            raise PlanError(f"batch{place} has the shape {list(value.shape)}; expected images [B, {spec.channels}, H, W].")
        if value.shape[1] != spec.channels:
            raise PlanError(f"batch{place} has {format_count(value.shape[1], 'channel')}; the model takes {spec.channels}.")


def _check_fixed_sizes(model: Model, named: Mapping[str, Tensor]) -> None:
    size = (model.image.height, model.image.width)
    others = {place: tuple(image.shape[-2:]) for place, image in named.items() if tuple(image.shape[-2:]) != size}
    if not others:
        return
    fixed = [name for name in model.nets.slots if read(get_first(model.nets.get_submodule(name)), "fixed_size")]
    if fixed:
        place, found = next(iter(others.items()))
        role = model.nets.roles[fixed[0]]
        raise PlanError(
            f'batch{place} has images of {_format(found)}, but the {role} "{fixed[0]}" takes only those of {_format(size)}, for which the '
            "model was built. Resize the images, or build the model with another size=."
        )


def _check_rows(entries: Mapping[str, Tensor]) -> None:
    counts = {entry: len(tensor) if tensor.ndim else 0 for entry, tensor in entries.items()}
    if 0 in counts.values():
        raise PlanError(
            f"batch{next(entry for entry, count in counts.items() if not count)} has no rows. Use a batch of one image or more."
        )
    if len(set(counts.values())) > 1:
        found = ", ".join(f"batch{entry} has {format_count(count, 'row')}" for entry, count in counts.items())
        raise PlanError(f"The entries of a batch must have the same number of rows; found: {found}.")


@contextmanager
def explain_sizes(model: Model, batch: Batch) -> Iterator[None]:
    """Return a context in which errors of torch become a PlanError if the images have another size than those of the model.

    Which sizes a network takes is known for sure only when it is called.
    """
    try:
        yield
    except I2IKitError:
        raise
    except (RuntimeError, ValueError) as error:
        size = (model.image.height, model.image.width)
        others = {place: tuple(image.shape[-2:]) for place, image in _list_images(batch).items() if tuple(image.shape[-2:]) != size}
        if not others or is_out_of_memory(error):
            raise
        place, found = next(iter(others.items()))
        raise PlanError(
            f"batch{place} has images of {_format(found)}, which the networks do not take; the model was built for {_format(size)}. "
            f"Resize the images, or build the model with another size=. ({describe_exception(error)})"
        ) from error


def _format(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size))
