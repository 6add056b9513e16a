"""The domain of images that are sampled, encoded or decoded: a name, or a label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from i2ikit.core.batch_kinds import BatchKind
from i2ikit.core.plans import one_hot
from i2ikit.errors import LabelError, OptionError, UnknownNameError
from i2ikit.inference.target_label import convert_label

if TYPE_CHECKING:
    from i2ikit.core.model import Model


class Domain(NamedTuple):
    """What networks get to know about the domain of images.

    Shapes:
        label: [B, D], or None
        name: the name of the domain, or None
    """

    label: Tensor | None = None
    name: str | None = None

    def take(self, rows: slice) -> Domain:
        """Return the domain of some of the images."""
        return self._replace(label=None if self.label is None else self.label[rows])


def check_seed(seed: object) -> None:
    """Raise OptionError if a seed is no whole number."""
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise OptionError(f"seed={seed!r} is not supported. Give a whole number.")


def is_count(value: object) -> bool:
    """Tell whether a value is a whole number, 1 or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def resolve_domain(model: Model, domain: Any, rows: int, *, kind: BatchKind | None = None, is_optional: bool = False) -> Domain:
    """Return the domain that a user's ``domain=`` stands for.

    Args:
        model: The model.
        domain: Models with domains: the name of one. Models with labels: values by attribute, one such mapping for each image, a value of
            the only attribute, or a label [B, D] or [D].
        rows: The number of images, B.
        kind: The batch kind that decides whether there are domains or labels; by default the one by which the model translates.
        is_optional: Whether a label may be left out.

    Raises:
        UnknownNameError: The model has no such domain, attribute or value.
        OptionError: The domain is missing, or the model has none.
        LabelError: A label has another width, or a value is missing.
    """
    kind, like = kind or model.batch_kind, get_weight(model)
    if kind.domains or any(slot.per is not None for slot in model.nets.slots.values()):
        name = find_domain(model, domain, "domain")
        return Domain(one_hot(name, model.domain, rows, like), name)
    if not kind.has_labels(model.domain):
        if domain is not None:
            raise OptionError(f'"{model.recipe.name}" does not accept domain={domain!r}: it has no domains and no labels. Leave it out.')
        return Domain()
    first = model.domain.attributes[0]
    if domain is None:
        if is_optional:
            return Domain()
        values = ", ".join(f'"{each.name}": "{each.choices[-1]}"' for each in model.domain.attributes)
        raise OptionError(f'domain= is not given, and "{model.recipe.name}" has labels. Give values, such as domain={{{values}}}.')
    if isinstance(domain, str):
        if len(model.domain.attributes) > 1:
            raise OptionError(f'domain="{domain}" does not name its attribute. Write values by attribute: domain={{NAME: "{domain}"}}.')
        domain = {first.name: domain}
    if isinstance(domain, Mapping):
        domain = _encode(model, domain)
    elif isinstance(domain, Sequence) and domain and all(isinstance(row, Mapping) for row in domain):
        domain = [_encode(model, row) for row in domain]
    return Domain(convert_label(domain, "domain", model.domain, rows, like))


def _encode(model: Model, values: Mapping[str, Any]) -> list[float]:
    for name, value in values.items():
        if value is not None:
            model.domain.attribute(name).encode(value)
    for each in model.domain.attributes:
        if each.name not in values and not model.domain.masked:
            raise LabelError(f'domain= gives no value of "{each.name}". Available: {", ".join(each.choices)}.')
    return model.domain.encode(values)


def find_domain(model: Model, domain: Any, option: str) -> str:
    """Return the name of a domain, or raise OptionError or UnknownNameError."""
    names = model.domain.names
    if isinstance(domain, Mapping) and len(domain) == 1:
        [(attribute, domain)] = domain.items()
        model.domain.attribute(attribute)
    if domain is None:
        raise OptionError(
            f'{option}= is not given, and "{model.recipe.name}" has several domains. Give one. Available: {", ".join(names)}.'
        )
    if not isinstance(domain, str):
        raise OptionError(f"{option}={domain!r} is not the name of a domain. Available: {', '.join(names)}.")
    if domain not in names:
        raise UnknownNameError("domain of this model", domain, names)
    return domain


def get_weight(model: Model) -> Tensor:
    """Return a weight of the model; its dtype and device are those of the images that the networks take."""
    return next(model.nets.parameters())


@contextmanager
def eval_mode(model: Model) -> Iterator[None]:
    """Return a context in which the model is in eval mode and no gradients are recorded."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)
