"""Translation by inversion for generators that take noise: find the noise of an image, and generate from it in another domain."""

from __future__ import annotations

import torch
from torch import Tensor

from i2ikit import Code, Model
from i2ikit.errors import OptionError, UnknownNameError


def invert(model: Model, image: Tensor, domain: str, *, steps: int = 500, lr: float = 0.05, seed: int = 0) -> Tensor:
    """Find the noise from which a domain's generator reproduces given images best (CycleGAN, section 5.1.1, on CoGAN).

    Adam minimises the mean squared error of the pixels over the noise, from a random start. For each image the noise of its best step is
    returned. If the generator cannot generate an image, the result is the noise of a similar one.

    Args:
        model: A CoGAN, or another model that generates from a style alone, with one generator per domain.
        image: Images [B, C, H, W] in [-1, 1], of the size that the model was built for.
        domain: The domain of the images.
        steps: Number of steps of Adam.
        lr: Learning rate of Adam. The noise lies in [-1, 1].
        seed: Random seed of the start.

    Returns:
        The noise [B, S].

    Raises:
        OptionError: The images have another size, the model does not generate from noise, or ``steps`` is below 1.
        UnknownNameError: The domain is unknown.
    """
    expected = (model.image.channels, model.image.height, model.image.width)
    if image.ndim != 4 or tuple(image.shape[1:]) != expected:
        raise OptionError(
            f"Images to invert must be [B, {', '.join(map(str, expected))}], the size of the model; found {list(image.shape)}."
        )
    if steps < 1:
        raise OptionError(f"steps must be 1 or more; found {steps}.")
    weight = next(model.nets.parameters())
    image = image.to(weight)
    generator = torch.Generator(weight.device).manual_seed(seed)
    start = torch.rand((len(image), *_get_style_shape(model)), generator=generator, device=weight.device, dtype=weight.dtype) * 2 - 1
    noise, best = start.requires_grad_(), start.detach().clone()
    lowest = torch.full((len(image),), torch.inf, device=weight.device, dtype=weight.dtype)
    optimizer = torch.optim.Adam([noise], lr=lr)
    was_training = model.training
    model.eval()
    try:
        for _ in range(steps):
            with torch.enable_grad():
                error = (_generate(model, noise, domain) - image).square().mean((1, 2, 3))
                (noise.grad,) = torch.autograd.grad(error.sum(), noise)  # no gradient for the weights
            is_better = error.detach() < lowest
            lowest = torch.where(is_better, error.detach(), lowest)
            best = torch.where(is_better[:, None], noise.detach(), best)
            optimizer.step()
            with torch.no_grad():
                noise.clamp_(-1, 1)
    finally:
        model.train(was_training)
    return best


def generate(model: Model, noise: Tensor, domain: str) -> Tensor:
    """Generate images [B, C, H, W] in [-1, 1] of a domain from noise [B, S]. The same noise in two domains gives a pair of images.

    Raises:
        UnknownNameError: The domain is unknown.
    """
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            return _generate(model, noise.to(next(model.nets.parameters())), domain)
    finally:
        model.train(was_training)


def translate(model: Model, image: Tensor, source: str, to: str, *, steps: int = 500, lr: float = 0.05, seed: int = 0) -> Tensor:
    """Translate images [B, C, H, W] in [-1, 1]: invert them in domain ``source``, then generate in domain ``to``; see :func:`invert`."""
    return generate(model, invert(model, image, source, steps=steps, lr=lr, seed=seed), to)


def _get_style_shape(model: Model) -> tuple[int, ...]:
    if model.nets.style is None:
        raise OptionError(f'"{model.recipe.name}" does not generate images from noise; inversion is not possible. Use model.translate.')
    return model.nets.style.shape


def _generate(model: Model, noise: Tensor, domain: str) -> Tensor:
    if domain not in model.domain.names:
        raise UnknownNameError("domain of this model", domain, model.domain.names)
    image: Tensor = model.nets.net("generator", domain)(Code(style=noise))
    return image
