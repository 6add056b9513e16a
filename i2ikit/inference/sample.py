"""Generate images from noise alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from attrs import frozen
from torch import Tensor

from i2ikit.core import contract
from i2ikit.core.batch_kinds import map_tensors
from i2ikit.core.plans import get_batch_kind
from i2ikit.core.random_streams import RandomStreams
from i2ikit.core.specs import ImageSpec
from i2ikit.core.translation import Translation, view
from i2ikit.errors import OptionError, format_count
from i2ikit.inference.domains import Domain, check_seed, eval_mode, get_weight, is_count, resolve_domain
from i2ikit.inference.pixel_checks import check_numbers
from i2ikit.inference.random_weights import warn_if_untrained
from i2ikit.inference.truncation import check_truncation, truncate

if TYPE_CHECKING:
    from i2ikit.core.model import Model

BATCH = 16
"""The number of images in one call of the networks."""


def sample(
    model: Model,
    n: int,
    *,
    domain: Any = None,
    style: Tensor | None = None,
    seed: int = 0,
    truncation: float | None = None,
    batch: int = BATCH,
) -> Tensor:
    """Generate images from noise. An image depends only on the seed and its number: image 3 of 4 is image 3 of 100.

    Args:
        model: A model with ``can_sample``.
        n: The number of images.
        domain: Models with domains: the name of one. Models with labels: values by attribute, one such mapping for each image, a value of
            the only attribute, or a label [n, D] or [D].
        style: The noise itself, [n, S] or [S]; by default it is drawn as in training, by the plan. The same noise in two domains of CoGAN
            gives a pair of images.
        seed: The seed of all random draws.
        truncation: Moves the conditioned styles towards their average: 0.7 keeps 70 % of the distance. It requires a conditioner with
            ``average_style``.
        batch: The number of images that are generated together. It changes no image, apart from rounding.

    Returns:
        The images [n, C, H, W] in [-1, 1], on the device of the model.

    Raises:
        UnknownNameError: The model has no such domain, attribute or value.
        OptionError: The model cannot sample, or an option is out of range or not supported.
        LabelError: A label has another width, or a value is missing.
    """
    check_seed(seed)
    request = make_sample_request(model, n, domain=domain, style=style, seed=seed, truncation=truncation)
    if not is_count(batch):
        raise OptionError(f"batch={batch!r} is out of range: it must be a whole number, 1 or more.")
    warn_if_untrained(model)
    return torch.cat(list(generate_samples(model, request, batch=batch)))


@frozen
class SampleRequest:
    """Requested samples.

    Attributes:
        count: The number of images, n.
        domain: Their domain.
        style: Their styles [n, S] or [n, V, S]; None draws them.
        seed: The seed of all random draws.
        truncation: The truncation of the styles, or None.
    """

    count: int
    domain: Domain
    style: Tensor | None = None
    seed: int = 0
    truncation: float | None = None


def make_sample_request(
    model: Model, n: int, *, domain: Any = None, style: Tensor | None = None, seed: int = 0, truncation: float | None = None
) -> SampleRequest:
    """Check the options of :func:`sample` and return them as a request."""
    kind = model.get_batch_kind(find_sampling_plan(model))
    if not is_count(n):
        raise OptionError(f"n={n!r} is out of range: the number of images must be a whole number, 1 or more.")
    found = resolve_domain(model, domain, n, kind=kind)
    check_truncation(model, truncation, found.name)
    return SampleRequest(n, found, None if style is None else expand_style(model, style, n), seed, truncation)


def generate_samples(model: Model, request: SampleRequest, *, batch: int = BATCH) -> Iterator[Tensor]:
    """Yield the requested images in order, each time at most ``batch`` of them [B, C, H, W] in [-1, 1]."""
    if any(contract.draws(model.nets.get_submodule(slot), training=False, through_torch=True) for slot in model.nets.translator_slots):
        batch = 1  # torch's global random numbers cannot be drawn for each image separately
    for start in range(0, request.count, batch):
        rows = range(start, min(start + batch, request.count))
        with eval_mode(model):
            translation = make_sampled_translation(model, request, rows, ("sample", request.seed))
            images: Tensor = translation[truncated_fake, model, request.truncation]
        yield images.clamp(-1, 1)


@view
def truncated_fake(translation: Translation, model: Model, truncation: float | None) -> Tensor:
    """The generated images [B, C, H, W], from truncated styles."""
    code = truncate(model, translation.conditioned, truncation, translation.target_name)
    return translation.generate(code, translation.source_name, translation.target_name)


truncated_fake.stream_name = "fake"  # its networks draw what they draw for the view "fake"


def make_sampled_translation(
    model: Model, request: SampleRequest, rows: Sequence[int], path: tuple[object, ...], *, image: ImageSpec | None = None
) -> Translation:
    """Return a translation without source image whose style is drawn by the plan, as in training.

    Args:
        model: The model.
        request: The request.
        rows: The numbers of the images.
        path: The first parts of the keys of the random streams.
        image: Size and channels of the real images of the batch, which have no influence; by default those of the model.
    """
    index, like = find_sampling_plan(model), get_weight(model)
    plan = model.plans[index]
    kind = get_batch_kind(plan)
    place = slice(rows[0], rows[-1] + 1)
    domain = request.domain.take(place)
    image = image or model.image
    batch = map_tensors(kind.make_example(image, image, model.domain, len(rows), 0, like.device), lambda tensor: tensor.to(like.dtype))
    if kind.has_labels(model.domain):
        batch |= {entry: domain.label for entry in ("label", "reference_label") if entry in batch}
    streams = RandomStreams(path, device=like.device, dtype=like.dtype, rows=tuple(rows))
    translations = plan(model.nets, batch, streams, False, **model.recipe.options_by_plan[index])
    translation = next((each for each in translations if domain.name in (None, each.target_name)), None)
    if translation is None:
        raise OptionError(f'Plan "{model.recipe.plan_names[index]}" generates no images of "{domain.name}". Give another domain=.')
    if kind.has_labels(model.domain):
        translation.target_label = domain.label
    if request.style is not None:
        translation.replace_style(request.style[place])
    translation.drop_second_style()
    return translation


def find_sampling_plan(model: Model) -> int:
    """Return the index of the plan by which a model generates images from noise.

    Raises:
        OptionError: The model has none.
    """
    for index, plan in enumerate(model.plans):
        if not get_batch_kind(plan).source:
            return index
    raise OptionError(f'"{model.recipe.name}" does not generate images from noise: it translates images. Use model.translate.')


def expand_style(model: Model, style: Any, rows: int, option: str = "style") -> Tensor:
    """Return the given noise as [rows, S] or [rows, V, S], or raise OptionError."""
    if model.nets.style is None:
        raise OptionError(f'"{model.recipe.name}" does not accept {option}=: its plan draws no style. Leave {option}= out.')
    shape = model.nets.style.shape
    if not isinstance(style, Tensor):
        raise OptionError(f"{option}= must be a tensor {list(shape)} or {[rows, *shape]}; found {type(style).__name__}.")
    whole = style[None] if style.ndim == len(shape) else style
    if tuple(whole.shape[1:]) != shape or len(whole) not in (1, rows):
        raise OptionError(
            f"{option}= has the shape {list(style.shape)}; expected {list(shape)}, or {[rows, *shape]} for {format_count(rows, 'image')}."
        )
    return check_numbers(whole, option).expand(rows, *shape).to(get_weight(model))
