"""Everything that the library reads from a component: the arguments of its factory and the members of its module.

``build``, the conformance checks and the generated page of components use these tables, so that there is no other list. What is known
before a component is imported (name, role, description, ``mixes_batch``) stands in its declaration, :class:`i2ikit.Component`. This
module does not import torch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from i2ikit.core.component import get_factory_options
from i2ikit.core.specs import CodeSpec
from i2ikit.errors import SpecError

if TYPE_CHECKING:
    from torch import nn

FACTORY_ARGUMENTS: dict[str, str] = {
    "image": "ImageSpec: size and channels of the images that the component takes or makes",
    "source": "ImageSpec of the source images",
    "domain": "DomainSpec: the label sets",
    "code": "CodeSpec of the code that enters a conditioner or a generator; for discriminators and losses, that of the encoder",
    "generator": "CodeSpec that the generator takes (its `input_spec`). The generator is then made first",
    "net": "for wrappers: the network that is wrapped",
}
"""The arguments of factories that ``build`` sets. They are not options."""


def list_options(role: str, factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the options of a component that a user sets: without the arguments that ``build``, a step or a plan's caller passes."""
    options = get_factory_options(factory)
    if role == "plan":
        return {name: option for name, option in options.items() if option.kind is option.KEYWORD_ONLY}
    passed = (*FACTORY_ARGUMENTS, "t", "translation")
    return {name: option for name, option in options.items() if not (option.default is option.empty and name in passed)}


def _is_inputs(value: object) -> bool:
    return isinstance(value, tuple) and all(each in ("source", "label", "code") for each in value)


def _is_positive(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


@frozen
class Member:
    """A member of a component's module that the library reads.

    Attributes:
        name: Its name.
        roles: The roles of the components that may have it.
        expected: Its type or signature, as text.
        default: What its absence means, as text; empty if it is required.
        description: What it says.
        is_valid: Whether a value is allowed.
        missing: What :func:`read` returns if it is absent.
    """

    name: str
    roles: tuple[str, ...]
    expected: str
    default: str
    description: str
    is_valid: Callable[[Any], bool]
    missing: Any = None


NETWORKS = ("encoder", "conditioner", "generator", "discriminator")
MEMBERS: tuple[Member, ...] = (
    Member(
        "output_spec",
        ("encoder", "conditioner"),
        "CodeSpec",
        "",
        "the shapes of the code that it returns; the next component is built for it",
        lambda value: isinstance(value, CodeSpec),
    ),
    Member(
        "input_spec",
        ("generator",),
        "CodeSpec",
        "the code that it is built from",
        "the shapes of the code that it takes, such as the number and width of its styles",
        lambda value: isinstance(value, CodeSpec),
    ),
    Member("size_multiple", NETWORKS, "int", "1", "both sides of an image must be multiples of it", _is_positive, 1),
    Member("min_size", NETWORKS, "int", "twice the stride", "the smallest side of an image", _is_positive),
    Member(
        "fixed_size",
        NETWORKS,
        "bool",
        "False",
        "whether it takes images of the size only that it was built for",
        lambda value: isinstance(value, bool),
        False,
    ),
    Member(
        "inputs",
        ("discriminator",),
        'tuple of "source", "label", "code"',
        "()",
        "the inputs of `forward` in addition to the image, by name",
        _is_inputs,
        (),
    ),
    Member(
        "noise_shapes",
        NETWORKS,
        "method(the inputs of forward) -> {name: shape}",
        "no noise",
        "the noises that a call requires; `forward` gets them as `noise={name: tensor}`, standard normal, each from its own random stream",
        callable,
    ),
    Member(
        "stochastic",
        NETWORKS,
        "bool",
        "False",
        "whether it uses torch's global random numbers, for example for dropout; in a call they come from a named random stream",
        lambda value: isinstance(value, bool),
        False,
    ),
    Member(
        "deterministic_at_inference",
        NETWORKS,
        "bool",
        "False",
        "whether it draws noise and random numbers in training only",
        lambda value: isinstance(value, bool),
        False,
    ),
    Member(
        "average_style",
        ("conditioner",),
        "Tensor [S] or [V, S]",
        "no truncation",
        "the mean of the styles that it returns; `sample(truncation=)` moves styles towards it",
        lambda value: hasattr(value, "shape"),
    ),
)


_MISSING = {member.name: member.missing for member in MEMBERS}


def read(module: object, name: str) -> Any:
    """Return a member of a component's module, or what its absence means."""
    value = getattr(module, name, None)
    return _MISSING[name] if value is None else value


def check_members(module: nn.Module, role: str, component: str) -> None:
    """Check that a module of a role has the members that it needs, each of an allowed type.

    Raises:
        SpecError: A member is missing or has another type.
    """
    for member in MEMBERS:
        if role not in member.roles:
            continue
        value = getattr(module, member.name, None)
        if value is None and not member.default:
            raise SpecError(f'"{component}" has no {member.name}. Set self.{member.name} = {member.expected}(...) in its constructor.')
        if value is not None and not member.is_valid(value):
            raise SpecError(f'"{component}" has {member.name}={value!r}; expected {member.expected}: {member.description}.')


def scores_codes(module: nn.Module) -> bool:
    """Return whether a discriminator scores codes instead of images, by the name or the annotation of its first input."""
    first = next(iter(inspect.signature(module.forward).parameters.values()), None)
    annotation = None if first is None else first.annotation
    return first is not None and (first.name == "code" or getattr(annotation, "__name__", annotation) == "Code")


def draws(net: nn.Module, *, training: bool, through_torch: bool = False) -> bool:
    """Return whether a network draws random numbers, in training or at inference. This is the only answer to that question.

    Args:
        net: The network.
        training: Whether the question is about training.
        through_torch: Whether only torch's global random numbers count, which cannot be drawn for each image separately.
    """
    return any(
        (read(module, "stochastic") or (read(module, "noise_shapes") is not None and not through_torch))
        and (training or not read(module, "deterministic_at_inference"))
        for module in net.modules()
    )


def get_noise_shapes(module: nn.Module, inputs: Iterable[Any]) -> dict[str, tuple[int, ...]]:
    """Return the noises that a call of a module requires, by name.

    Raises:
        SpecError: Its method returns something else.
    """
    method = read(module, "noise_shapes")
    shapes = None if method is None else method(*inputs)
    if shapes is None:
        return {}
    if not isinstance(shapes, Mapping) or not all(map(_is_shape, shapes.values())):
        raise SpecError(
            f'noise_shapes of {type(module).__name__} returns {shapes!r}; it must return shapes by name: {{"noise": (B, 1, H, W)}}.'
        )
    return {str(name): tuple(shape) for name, shape in shapes.items()}


def _is_shape(value: object) -> bool:
    return isinstance(value, Sequence) and len(value) > 0 and all(isinstance(side, int) for side in value)
