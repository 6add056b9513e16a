"""Inversion: find the code from which the generator reproduces given images best, by optimisation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import torch
from attrs import frozen
from torch import Tensor

from i2ikit.core import contract
from i2ikit.core.code import Code, ConditionedCode
from i2ikit.core.specs import ImageSpec
from i2ikit.errors import OptionError, UnknownNameError, format_count
from i2ikit.inference.codes import check_shapes, condition, count_rows, encode, make_decoding, move_code, read_images
from i2ikit.inference.domains import Domain, check_seed, eval_mode, is_count, resolve_domain
from i2ikit.inference.sample import SampleRequest, find_sampling_plan, make_sampled_translation
from i2ikit.inference.truncation import find_average_style, find_style_shape

if TYPE_CHECKING:
    from i2ikit.core.model import Model

ImageLoss = Callable[[Tensor, Tensor], Tensor]
PRIOR_DRAWS = 1000
"""The number of styles that are drawn to find the mean and the range of the prior."""


def mse(image: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared error of each image [B]."""
    return (image - target).square().flatten(1).mean(1)


def mae(image: Tensor, target: Tensor) -> Tensor:
    """Return the mean absolute error of each image [B]."""
    return (image - target).abs().flatten(1).mean(1)


LOSSES: dict[str, ImageLoss] = {"mse": mse, "mae": mae}
"""The losses of an inversion by name."""


def invert(
    model: Model,
    image: Any,
    *,
    of: Literal["style", "noise"] = "style",
    steps: int = 500,
    losses: Sequence[str | ImageLoss] = ("mse",),
    start: Literal["mean", "random", "encoder"] | Code = "mean",
    lr: float = 0.05,
    seed: int = 0,
    domain: Any = None,
    size: str | None = None,
    background: str | None = None,
) -> Code:
    """Find the code from which a generator reproduces given images best. Adam minimises the sum of the losses.

    The result is that of the best step, for each image. The weights stay as they are. If the generator cannot generate an image, the result
    is the code of a similar one. With ``model.decode(code, domain=...)`` in another domain, this is translation by inversion (CycleGAN,
    section 5.1.1, on CoGAN).

    Args:
        model: A model that generates images from a style alone.
        image: Images of any type that ``translate`` takes, of the size of the model.
        of: "style" searches for the style that the generator takes, after the conditioner: W or W+ of StyleGAN. "noise" searches for the
            noise that enters the conditioner, or the generator of a model without conditioner; it stays in the range of the prior.
        steps: The number of steps.
        losses: Names ("mse", "mae"), or functions of the generated and the given images [B, C, H, W] in [-1, 1] that return one value for
            each image [B]. Perceptual distances, such as :func:`i2ikit.evaluation.load_lpips` returns, are such functions.
        start: "mean" is the mean of the prior, or the average style; "random" draws from the prior; "encoder" is the code that the model's
            encoder returns; or a code.
        lr: The learning rate of Adam.
        seed: The seed of all random draws.
        domain: The domain of the images: its name, or a label, as in :func:`i2ikit.inference.sample.sample`.
        size: "trained" crops and resizes the images as in training.
        background: The colour put behind transparent pixels; by default the one of the training.

    Returns:
        A :class:`ConditionedCode` for "style", and for "noise" a :class:`Code` with the noise as its style, which ``sample(style=)`` takes,
        too. ``model.decode`` takes both.

    Raises:
        OptionError: The model does not generate from a style alone, the images have another size, or an option is out of range.
        UnknownNameError: There is no such domain or loss.
        DataError: The image cannot be read.
    """
    if of not in ("style", "noise"):
        raise OptionError(f"of={of!r} is not supported. Available: style, noise.")
    if not is_count(steps):
        raise OptionError(f"steps={steps!r} is out of range: it must be a whole number, 1 or more.")
    check_seed(seed)
    if isinstance(lr, bool) or not isinstance(lr, (int, float)) or not lr > 0:
        raise OptionError(f"lr={lr!r} is out of range: it must be above 0.")
    functions = _find_losses(losses)
    if not model.can_sample and (of == "noise" or start in ("mean", "random")) and find_average_style(model) is None:
        spec = contract.read(model.nets.get_submodule("encoder"), "output_spec") if model.can_encode else None
        hint = 'Start from the encoder: of="style", start="encoder".' if spec and spec.style and not spec.maps else "Use model.translate."
        raise OptionError(f'"{model.recipe.name}" does not generate images from noise; there is no prior to start from. {hint}')
    pixels = read_images(model, image, model.image, size, background)
    expected = (model.image.channels, model.image.height, model.image.width)
    if tuple(pixels.shape[1:]) != expected:
        raise OptionError(
            f"Images to invert must be [B, {', '.join(map(str, expected))}], the size of the model; found {list(pixels.shape)}. "
            f'Give size="trained" to crop and resize them.'
        )
    kind = model.get_batch_kind(find_sampling_plan(model)) if model.can_sample else None
    search = Search(model, pixels, resolve_domain(model, domain, len(pixels), kind=kind), of == "noise", functions, steps, lr, seed)
    with eval_mode(model):
        style, bounds = search.find_start(start)
        return search.run(style, bounds)


@frozen(eq=False)
class Search:
    """A search for the codes of images.

    Attributes:
        model: The model.
        images: The images [B, C, H, W] to reproduce.
        domain: Their domain.
        is_noise: Whether the noise is searched for, before the conditioner.
        losses: The losses.
        steps: The number of steps.
        lr: The learning rate.
        seed: The seed.
    """

    model: Model
    images: Tensor
    domain: Domain
    is_noise: bool
    losses: Sequence[ImageLoss]
    steps: int
    lr: float
    seed: int

    def find_start(self, start: Any) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        """Return the style [B, S] or [B, V, S] to start from, and the lowest and the highest value that it may have, if there are any."""
        average = None if self.is_noise or start != "mean" else find_average_style(self.model, self.domain.name)
        needs_prior = self.is_noise or (start == "mean" and average is None)
        prior = self._draw_prior() if needs_prior else None  # [K, B, S] or [K, B, V, S]
        bounds = (prior.amin(), prior.amax()) if self.is_noise and prior is not None else None
        if isinstance(start, Code):
            style = self._take_style(start, "The code of start=")
        elif start == "encoder":
            domain = self.domain.label if self.domain.name is None else self.domain.name
            style = self._take_style(encode(self.model, self.images, domain=domain, seed=self.seed), "The code of the encoder")
        elif start == "random":
            style = self._draw(range(len(self.images)), self.domain)
        elif start != "mean":
            raise OptionError(f"start={start!r} is not supported. Available: mean, random, encoder, or a Code.")
        elif prior is None:
            assert average is not None
            style = average.expand(len(self.images), *find_style_shape(self.model))
        else:
            style = prior.mean(0) if self.domain.label is not None else prior.mean((0, 1)).expand(prior.shape[1:])
        return style.detach().clone(), bounds

    def run(self, style: Tensor, bounds: tuple[Tensor, Tensor] | None) -> Code:
        """Return the best code."""
        images, best = self.images, style.clone()
        lowest = torch.full((len(images),), torch.inf, device=images.device, dtype=images.dtype)
        style.requires_grad_()
        optimizer = torch.optim.Adam([style], lr=self.lr)
        translation = make_decoding(self.model, len(images), self.seed)
        for _ in range(self.steps):
            with torch.enable_grad():
                code = condition(translation, self._make_code(style), self.domain)
                fake = translation.generate(code, self.domain.name, self.domain.name)
                error = sum((_average(loss, fake, images) for loss in self.losses), torch.zeros_like(lowest))
                (style.grad,) = torch.autograd.grad(error.sum(), style)  # no gradient for the weights
            is_better = error.detach() < lowest
            lowest = torch.where(is_better, error.detach(), lowest)
            best = torch.where(is_better.view(-1, *(1 for _ in style.shape[1:])), style.detach(), best)
            optimizer.step()
            if bounds is not None:
                style.data.clamp_(*bounds)
        return self._make_code(best)

    def _make_code(self, style: Tensor) -> Code:
        return Code(style=style) if self.is_noise else ConditionedCode(style=style)

    def _draw(self, rows: Sequence[int], domain: Domain) -> Tensor:
        """Return noise from the prior, conditioned if the search is not for noise."""
        image = ImageSpec(self.model.image.channels, 1, 1)  # the images of the batch have no influence
        request = SampleRequest(len(rows), domain, seed=self.seed)
        translation = make_sampled_translation(self.model, request, rows, ("invert", self.seed), image=image)
        style = translation.style if self.is_noise else translation.conditioned.style
        if style is None:
            raise OptionError(
                f'The conditioner of "{self.model.recipe.name}" returns no style to search for. Search for the noise: of="noise".'
            )
        return style

    def _draw_prior(self) -> Tensor:
        count = max(PRIOR_DRAWS // len(self.images), 64)
        label = self.domain.label
        domain = self.domain._replace(label=None if label is None else label.repeat(count, 1))
        drawn = self._draw(range(count * len(self.images)), domain)
        return drawn.view(count, len(self.images), *drawn.shape[1:])

    def _take_style(self, code: Code, title: str) -> Tensor:
        """Return the style of a code to start from, conditioned if the search is not for noise."""
        rows = count_rows(code)
        if code.maps or code.style is None:
            found = "maps" if code.maps else "no style"
            raise OptionError(f"{title} has {found}; an inversion starts from a style alone, Code(style=...).")
        if rows not in (1, len(self.images)):
            raise OptionError(
                f"{title} has {rows} rows for {format_count(len(self.images), 'image')}. Give one row, or one for each image."
            )
        check_shapes(self.model, code, title)
        expanded = move_code(code._replace(style=code.style.expand(len(self.images), *code.style.shape[1:])), self.images)
        if not self.is_noise:
            expanded = condition(make_decoding(self.model, len(self.images), self.seed), expanded, self.domain)
        elif isinstance(code, ConditionedCode):
            raise OptionError(f'{title} is conditioned already; a search for noise starts from noise. Search for the style: of="style".')
        assert expanded.style is not None
        return expanded.style


def _find_losses(losses: Any) -> list[ImageLoss]:
    if isinstance(losses, str) or not isinstance(losses, Sequence) or not losses:
        raise OptionError(f'losses={losses!r} is not supported. Give a tuple of names and functions, such as losses=("mse",).')
    functions = []
    for each in losses:
        if isinstance(each, str) and each not in LOSSES:
            raise UnknownNameError("loss of an inversion", each, LOSSES)
        if not isinstance(each, str) and not callable(each):
            raise OptionError(f"losses= contains {each!r}. Give names and functions of the generated and the given images.")
        functions.append(LOSSES[each] if isinstance(each, str) else each)
    return functions


def _average(loss: ImageLoss, fake: Tensor, images: Tensor) -> Tensor:
    """Return a loss as one value for each image [B]; a scalar counts for each of them."""
    value = loss(fake, images)
    if value.ndim and len(value) != len(images):
        raise OptionError(f"A loss of an inversion must return one value for each of {len(images)} images; found {list(value.shape)}.")
    return value.flatten(1).mean(1) if value.ndim > 1 else value.expand(len(images))
