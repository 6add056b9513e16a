"""Translating a given image with networks that draw from noise: the noise that draws it best, drawn in another domain."""

from __future__ import annotations

import torch
from torch import Tensor

from i2ikit import Code, Model
from i2ikit.errors import OptionError, UnknownNameError


def invert(model: Model, image: Tensor, domain: str, *, steps: int = 500, lr: float = 0.05, seed: int = 0) -> Tensor:
    """Find the noise from which a domain's generator draws given images best (CycleGAN, section 5.1.1, on CoGAN).

    Adam on the noise, from a random start, against the mean squared difference of the pixels; of all steps the best is returned, image by
    image. What the generator cannot draw is not found: the result is a similar image, not this one.

    Args:
        model: A CoGAN, or any model that draws from a style alone with a generator a domain.
        image: Images [B, C, H, W] in [-1, 1], of the size the model was built for.
        domain: Which generator draws them.
        steps: How long is searched.
        lr: Of the search; the noise lies in [-1, 1].
        seed: Of the start.

    Returns:
        The noise [B, S].

    Raises:
        OptionError: The images are of another size, the model draws from no noise, or there is no step.
        UnknownNameError: There is no such domain.
    """
    wanted = (model.image.channels, model.image.height, model.image.width)
    if image.ndim != 4 or tuple(image.shape[1:]) != wanted:
        raise OptionError(f"Images to invert are [B, {', '.join(map(str, wanted))}], the model's own size; found {list(image.shape)}.")
    if steps < 1:
        raise OptionError(f"Inverting takes 1 step or more; {steps} were asked for.")
    weight = next(model.nets.parameters())
    image = image.to(weight)
    generator = torch.Generator(weight.device).manual_seed(seed)
    start = torch.rand((len(image), *_style(model)), generator=generator, device=weight.device, dtype=weight.dtype) * 2 - 1
    noise, best = start.requires_grad_(), start.detach().clone()
    lowest = torch.full((len(image),), torch.inf, device=weight.device, dtype=weight.dtype)
    optimizer = torch.optim.Adam([noise], lr=lr)
    was_training = model.training
    model.eval()
    try:
        for _ in range(steps):
            with torch.enable_grad():
                gap = (_drawn(model, noise, domain) - image).square().mean((1, 2, 3))
                (noise.grad,) = torch.autograd.grad(gap.sum(), noise)  # the weights get none
            closer = gap.detach() < lowest
            lowest = torch.where(closer, gap.detach(), lowest)
            best = torch.where(closer[:, None], noise.detach(), best)
            optimizer.step()
            with torch.no_grad():
                noise.clamp_(-1, 1)
    finally:
        model.train(was_training)
    return best


def draw(model: Model, noise: Tensor, domain: str) -> Tensor:
    """Draw images [B, C, H, W] of a domain from noise [B, S]; the same noise in two domains gives a pair.

    Raises:
        UnknownNameError: There is no such domain.
    """
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            return _drawn(model, noise.to(next(model.nets.parameters())), domain)
    finally:
        model.train(was_training)


def translate(model: Model, image: Tensor, source: str, to: str, *, steps: int = 500, lr: float = 0.05, seed: int = 0) -> Tensor:
    """Translate images [B, C, H, W]: the noise that draws them in ``source``, drawn in ``to``. Options as :func:`invert`."""
    return draw(model, invert(model, image, source, steps=steps, lr=lr, seed=seed), to)


def _style(model: Model) -> tuple[int, ...]:
    if model.nets.style is None:
        raise OptionError(f'"{model.recipe.name}" draws from no noise, so that none can be found. Translate with model.translate.')
    return model.nets.style.shape


def _drawn(model: Model, noise: Tensor, domain: str) -> Tensor:
    if domain not in model.domain.names:
        raise UnknownNameError("domain of this model", domain, model.domain.names)
    image: Tensor = model.nets.net("generator", domain)(Code(style=noise))
    return image
