"""A component under test: how it is made, what it is given and what it gives."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from attrs import frozen
from torch import Tensor, nn

from i2ikit.core.code import Code, Posterior
from i2ikit.core.component import Component, get_factory_options
from i2ikit.core.domain import DomainSpec
from i2ikit.core.registry import Registry
from i2ikit.core.specs import CodeSpec, ImageSpec, MapSpec, StyleSpec
from i2ikit.errors import I2IKitError, OptionError, UnknownNameError

SPECS = ("image", "source", "domain", "code")

# What a component is built for where the caller does not say: the first of each that its factory takes.
IMAGES = (ImageSpec(3, 32, 48), ImageSpec(3, 64, 64), ImageSpec(3, 128, 128), ImageSpec(3, 256, 256))
DOMAINS = (
    DomainSpec.parse({"looks": {"hair": ("black", "blond", "brown"), "male": bool}, "mood": {"face": ("happy", "sad")}}),
    DomainSpec(),
)


def usual_codes(image: ImageSpec, domain: DomainSpec) -> tuple[CodeSpec, ...]:
    """Return codes as the encoders of the field give them: the image, features, features with a style, styles."""
    whole = CodeSpec((MapSpec(image.channels),))
    content = CodeSpec((MapSpec(16, 4),))
    pyramid = CodeSpec((MapSpec(8, 4), MapSpec(16, 8), MapSpec(16, 16)))
    return (
        whole.widened(domain.width),
        whole,
        content,
        content.styled(StyleSpec(8)),
        whole.styled(StyleSpec(8)),
        pyramid,
        CodeSpec(style=StyleSpec(64)),
        CodeSpec(style=StyleSpec(64, 8)),
    )


@frozen
class Subject:
    """One component, its options and what it is built for.

    Attributes:
        declared: Its declaration.
        factory: What makes it.
        options: Named options of the factory.
        image, domain, code: What it is built for; ``code`` is that of a conditioner or a generator.
    """

    declared: Component
    factory: Callable[..., Any]
    options: Mapping[str, Any]
    image: ImageSpec
    domain: DomainSpec
    code: CodeSpec

    @property
    def role(self) -> str:
        """The protocol that it keeps."""
        return self.declared.role

    @property
    def specs(self) -> dict[str, Any]:
        """What its factory may ask for."""
        return {"image": self.image, "source": self.image, "domain": self.domain, "code": self.code}

    def make(self, seed: int = 0) -> Any:
        """Return a fresh one; the global random stream stays where it is."""
        return _make(self.factory, self.role, self.options, self.specs, seed)

    def module(self, seed: int = 0, *, training: bool = False) -> nn.Module:
        """Return a fresh network.

        Raises:
            OptionError: Its factory makes something else.
        """
        made = self.make(seed)
        if not isinstance(made, nn.Module):
            raise OptionError(f'The factory of "{self.declared.name}" makes a {type(made).__name__}; a {self.role} is an nn.Module.')
        return made.train(training)

    def inputs(self, rows: int = 4, seed: int = 1) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return what a network of its role is called with, by position and by name."""
        generator = torch.Generator().manual_seed(seed)
        label = self.labels(rows)
        if self.role == "encoder":
            return (pixels(self.image, rows, generator), label), {}
        if self.role == "conditioner":
            return (code_of(self.code, self.image, rows, generator), label), {}
        if self.role == "generator":
            return (code_of(self.code, self.image, rows, generator),), {}
        image = pixels(self.image, rows, generator)
        offers = {
            "source": pixels(self.image, rows, generator),
            "label": label,
            "code": code_of(self.code, self.image, rows, generator),
        }
        reads: tuple[str, ...] = tuple(getattr(self.module(), "inputs", ()))
        for name in reads:
            if name not in offers:
                raise UnknownNameError(f'thing that a discriminator like "{self.declared.name}" reads', name, offers)
        return (image,), {name: offers[name] for name in reads}

    def labels(self, rows: int) -> Tensor | None:
        """Return labels [B, D] of which some sets are unknown, in pairs of rows; None where there are no labels."""
        if not self.domain.width:
            return None
        return torch.tensor([_row(self.domain, row) for row in range(rows)])

    def run(self, module: Callable[..., Any], inputs: tuple[tuple[Any, ...], dict[str, Any]], seed: int = 2) -> Any:
        """Call a network; what it draws by itself comes from a seed of its own."""
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return module(*inputs[0], **inputs[1])


def subject_of(registry: Registry, name: str, given: Mapping[str, Any]) -> Subject:
    """Look a component up and find what it can be built for.

    Args:
        registry: Where it is looked up.
        name: Its registered name.
        given: Options of its factory; ``image``, ``domain`` and ``code`` among them replace what the kit tries.

    Raises:
        UnknownNameError: There is no such component or option.
        OptionError, SpecError, LabelError: The factory takes nothing of what it is offered; this is its last word.
    """
    declared = registry.component(name)
    factory = registry.resolve(name)
    known = list(get_factory_options(factory))
    options = {key: value for key, value in given.items() if key not in SPECS}
    for key in options:
        if key not in known:
            raise UnknownNameError(f'option of "{name}"', key, [each for each in known if each not in SPECS])
    first: I2IKitError | None = None
    for image, domain, code in _candidates(known, given):
        try:
            _make(factory, declared.role, options, {"image": image, "source": image, "domain": domain, "code": code}, 0)
        except I2IKitError as error:
            first = first or error
            continue
        return Subject(declared, factory, options, image, domain, code)
    assert first is not None
    raise first


def _candidates(known: list[str], given: Mapping[str, Any]) -> Iterator[tuple[ImageSpec, DomainSpec, CodeSpec]]:
    images = (given["image"],) if "image" in given else IMAGES
    domains = (DomainSpec.parse(given["domain"]),) if "domain" in given else DOMAINS
    for image, domain in itertools.product(images, domains):
        codes = (given["code"],) if "code" in given else usual_codes(image, domain)
        for code in codes if "code" in known else codes[:1]:
            yield image, domain, code


def _make(factory: Callable[..., Any], role: str, options: Mapping[str, Any], specs: Mapping[str, Any], seed: int) -> Any:
    known = get_factory_options(factory)
    arguments = {**{name: specs[name] for name in SPECS if name in known}, **options}
    if role in {"loss", "plan"} and not inspect.isclass(factory):
        return functools.partial(factory, **options) if options else factory
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return factory(**arguments)


def pixels(image: ImageSpec, rows: int, generator: torch.Generator) -> Tensor:
    """Return random images [B, C, H, W] in [-1, 1]."""
    return torch.rand(rows, image.channels, image.height, image.width, generator=generator) * 2 - 1


def code_of(spec: CodeSpec, image: ImageSpec, rows: int, generator: torch.Generator) -> Code:
    """Return a random code of a spec."""
    maps = tuple(torch.rand(rows, each.channels, *side(each, image), generator=generator) * 2 - 1 for each in spec.maps)
    style = torch.randn(rows, *spec.style.shape, generator=generator) if spec.style else None
    of = style if style is not None else maps[-1] if maps else None
    posterior = Posterior(of.clone(), torch.zeros_like(of)) if spec.posterior and of is not None else None
    return Code(maps, style, posterior)


def side(spec: MapSpec, image: ImageSpec) -> tuple[int, int]:
    """Return height and width of a map; 4 x 4 where they do not depend on the image."""
    return (image.height // spec.stride, image.width // spec.stride) if spec.stride else (4, 4)


def _row(domain: DomainSpec, row: int) -> list[float]:
    values: dict[str, str] = {}
    for index, part in enumerate(domain.sets):
        if domain.masked and len(domain.sets) > 1 and (row // 2) % (len(domain.sets) + 1) == index + 1:
            continue
        values |= {each.name: each.choices[(row + place) % len(each.choices)] for place, each in enumerate(part.attributes)}
    return domain.encode(values)


def tensors(value: Any, name: str = "") -> dict[str, Tensor]:
    """Return the tensors of a code, an output, a tuple or a mapping by their place in it."""
    if isinstance(value, Tensor):
        return {name or "output": value}
    if isinstance(value, Mapping):
        parts = [(str(key), each) for key, each in value.items()]
    elif isinstance(value, tuple | list):
        names = getattr(value, "_fields", None) or [str(index) for index in range(len(value))]
        parts = list(zip(names, value, strict=True))
    else:
        return {}
    return {key: tensor for part, each in parts for key, tensor in tensors(each, f"{name}.{part}" if name else part).items()}


def row_of(value: Any, row: int) -> Any:
    """Return one row of every tensor in a code, a tuple or a mapping."""
    if isinstance(value, Tensor):
        return value[row : row + 1]
    if isinstance(value, Mapping):
        return {key: row_of(each, row) for key, each in value.items()}
    if isinstance(value, tuple):
        parts = [row_of(each, row) for each in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value


def onto(value: Any, device: str) -> Any:
    """Return the value with every tensor moved to a device."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, Mapping):
        return {key: onto(each, device) for key, each in value.items()}
    if isinstance(value, tuple):
        parts = [onto(each, device) for each in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value
