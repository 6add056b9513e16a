"""A component under test: how it is built, and inputs for it."""

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
from i2ikit.core.contract import FACTORY_ARGUMENTS, get_noise_shapes, read, scores_codes
from i2ikit.core.domain import DomainSpec
from i2ikit.core.registry import Registry
from i2ikit.core.specs import CodeSpec, ImageSpec, MapSpec, StyleSpec
from i2ikit.errors import OptionError, UnknownNameError
from i2ikit.testing.fault import Fault, format_error
from i2ikit.testing.tiny_nets import make_tiny_nets

SPECS = tuple(FACTORY_ARGUMENTS)
GIVEN = tuple(name for name in SPECS if name != "net")  # the specs that a caller may give

# Specs that are tried if the caller gives none. The first combination that the factory accepts is used.
IMAGES = (ImageSpec(3, 32, 48), ImageSpec(3, 64, 64), ImageSpec(3, 128, 128), ImageSpec(3, 256, 256))
DOMAINS = (
    DomainSpec.parse({"looks": {"hair": ("black", "blond", "brown"), "male": bool}, "mood": {"face": ("happy", "sad")}}),
    DomainSpec(),
)


def list_usual_codes(image: ImageSpec, domain: DomainSpec) -> tuple[CodeSpec, ...]:
    """Return specs of usual codes: the image, feature maps, feature maps with a style, and a style alone."""
    whole = CodeSpec((MapSpec(image.channels),))
    content = CodeSpec((MapSpec(16, 4),))
    pyramid = CodeSpec((MapSpec(8, 4), MapSpec(16, 8), MapSpec(16, 16)))
    return (
        whole.with_channels_added(domain.width),
        whole,
        content,
        content.with_style(StyleSpec(8)),
        whole.with_style(StyleSpec(8)),
        pyramid,
        CodeSpec(style=StyleSpec(64)),
        CodeSpec(style=StyleSpec(64, 8)),
    )


@frozen
class ComponentUnderTest:
    """A component with its options and the specs that it is built for.

    Attributes:
        declared: Its declaration in the registry.
        factory: The class or function that builds it.
        options: Options of the factory.
        image, source, domain, code, generator: Specs that it is built for. ``code`` is the input of a conditioner or a generator, and
            ``generator`` the code that the generator takes.
    """

    declared: Component
    factory: Callable[..., Any]
    options: Mapping[str, Any]
    image: ImageSpec
    source: ImageSpec
    domain: DomainSpec
    code: CodeSpec
    generator: CodeSpec

    @property
    def role(self) -> str:
        """The role of the component, such as "encoder"."""
        return self.declared.role

    @property
    def specs(self) -> dict[str, Any]:
        """The specs that a factory can request as arguments."""
        return {name: getattr(self, name) for name in GIVEN}

    def make(self, seed: int = 0) -> Any:
        """Build a new instance. The global random stream of torch is not changed."""
        return _make(self.factory, self.role, self.options, self.specs, seed)

    def make_network(self, seed: int = 0, *, training: bool = False) -> nn.Module:
        """Build a new network.

        Raises:
            OptionError: The factory does not return an nn.Module.
        """
        made = self.make(seed)
        if not isinstance(made, nn.Module):
            raise OptionError(f'The factory of "{self.declared.name}" returns a {type(made).__name__}. A {self.role} must be an nn.Module.')
        return made.train(training)

    def make_wrapper(self, net: nn.Module, seed: int = 0) -> nn.Module:
        """Build a new wrapper around a network."""
        made: nn.Module = _make(self.factory, self.role, self.options, {**self.specs, "net": net}, seed)
        return made

    def make_inputs(self, rows: int = 4, seed: int = 1) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Make inputs for a network of this role: positional arguments and keyword arguments."""
        generator = torch.Generator().manual_seed(seed)
        label = self.make_labels(rows)
        if self.role == "encoder":
            return (make_images(self.image, rows, generator), label), {}
        if self.role == "conditioner":
            return (make_code(self.code, self.image, rows, generator), label), {}
        module = self.make_network()
        if self.role == "generator":
            taken = read(module, "input_spec")
            return (make_code(taken if isinstance(taken, CodeSpec) else self.code, self.image, rows, generator),), {}
        image = make_images(self.image, rows, generator)
        available = {
            "source": make_images(self.source, rows, generator),
            "label": label,
            "code": make_code(self.code, self.image, rows, generator),
        }
        names: tuple[str, ...] = read(module, "inputs")
        for name in names:
            if name not in available:
                raise UnknownNameError(f'input of discriminator "{self.declared.name}"', name, available)
        return (available["code"] if scores_codes(module) else image,), {name: available[name] for name in names}

    def make_labels(self, rows: int) -> Tensor | None:
        """Make labels [B, D], or None if there are no labels. Some label sets are unknown, the same ones in each pair of rows."""
        if not self.domain.width:
            return None
        return torch.tensor([_make_label(self.domain, row) for row in range(rows)])

    def run(self, module: Callable[..., Any], inputs: tuple[tuple[Any, ...], dict[str, Any]], seed: int = 2) -> Any:
        """Call a network with the noise that it asks for. This noise, and what it draws from the global stream, come from the seed."""
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return module(*inputs[0], **inputs[1], **make_noise(module, inputs[0]))


def prepare_component(registry: Registry, name: str, given: Mapping[str, Any]) -> ComponentUnderTest:
    """Look up a component and find specs that it can be built for.

    Args:
        registry: Registry that has the component.
        name: Its registered name.
        given: Options of its factory. ``image``, ``source``, ``domain``, ``code`` and ``generator`` replace the specs that are tried.

    Raises:
        UnknownNameError: There is no such component or option.
        Fault: The factory accepts none of the specs. The message has its different errors, each with the first spec that caused it.
    """
    declared = registry.component(name)
    factory = registry.resolve(name)
    known = list(get_factory_options(factory))
    options = {key: value for key, value in given.items() if key not in GIVEN}
    for key in options:
        if key not in known or key in SPECS:
            raise UnknownNameError(f'option of "{name}"', key, [each for each in known if each not in SPECS])
    errors: dict[str, str] = {}  # what was built when the factory raised an error for the first time, by the error
    for image, domain, code in _list_candidates(known, given):
        specs = {**make_specs(image, domain, code), **{name: given[name] for name in ("source", "generator") if name in given}}
        net = {"net": make_tiny_nets(image, domain).get_submodule("discriminator")} if declared.role == "wrapper" else {}
        try:
            _make(factory, declared.role, options, {**specs, **net}, 0)
        except Exception as error:  # noqa: BLE001 - a factory that reads a style which a code does not have raises any error
            errors.setdefault(format_error(error), f"{code} for {image}" if "code" in known else str(image))
            continue
        return ComponentUnderTest(declared, factory, options, **specs)
    raise Fault("; ".join(f"{error} ({specs})" for error, specs in errors.items()) if len(errors) > 1 else next(iter(errors)))


def make_specs(image: ImageSpec, domain: DomainSpec, code: CodeSpec) -> dict[str, Any]:
    """Return the specs that a factory can request. The generator takes one style for each of 4 layers, as wide as the style of ``code``."""
    style = code.style if code.style and code.style.vectors else StyleSpec(code.style.width if code.style else 8, 4)
    generator = CodeSpec(style=style)
    return {"image": image, "source": image, "domain": domain, "code": code, "generator": generator}


def make_noise(module: Any, inputs: tuple[Any, ...]) -> dict[str, Any]:
    """Return the argument ``noise`` of a call, empty if the module asks for none. It is drawn from torch's global stream."""
    shapes = get_noise_shapes(module, inputs)
    device = next((each.device for each in collect_tensors(inputs).values()), torch.device("cpu"))
    return {"noise": {name: torch.randn(shape, device=device) for name, shape in shapes.items()}} if shapes else {}


def _list_candidates(known: list[str], given: Mapping[str, Any]) -> Iterator[tuple[ImageSpec, DomainSpec, CodeSpec]]:
    images = (given["image"],) if "image" in given else IMAGES
    domains = (DomainSpec.parse(given["domain"]),) if "domain" in given else DOMAINS
    for image, domain in itertools.product(images, domains):
        codes = (given["code"],) if "code" in given else list_usual_codes(image, domain)
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


def make_images(image: ImageSpec, rows: int, generator: torch.Generator) -> Tensor:
    """Make random images [B, C, H, W] in [-1, 1]."""
    return torch.rand(rows, image.channels, image.height, image.width, generator=generator) * 2 - 1


def make_code(spec: CodeSpec, image: ImageSpec, rows: int, generator: torch.Generator) -> Code:
    """Make a random code with the shapes of a spec."""
    maps = tuple(torch.rand(rows, each.channels, *get_map_size(each, image), generator=generator) * 2 - 1 for each in spec.maps)
    style = torch.randn(rows, *spec.style.shape, generator=generator) if spec.style else None
    mean = style if style is not None else maps[-1] if maps else None
    posterior = Posterior(mean.clone(), torch.zeros_like(mean)) if spec.posterior and mean is not None else None
    return Code(maps, style, posterior)


def get_map_size(spec: MapSpec, image: ImageSpec) -> tuple[int, int]:
    """Return the height and width of a map: 4 x 4 if they do not depend on the image."""
    return (image.height // spec.stride, image.width // spec.stride) if spec.stride else (4, 4)


def _make_label(domain: DomainSpec, row: int) -> list[float]:
    values: dict[str, str] = {}
    for index, part in enumerate(domain.sets):
        if domain.masked and len(domain.sets) > 1 and (row // 2) % (len(domain.sets) + 1) == index + 1:
            continue
        values |= {each.name: each.choices[(row + offset) % len(each.choices)] for offset, each in enumerate(part.attributes)}
    return domain.encode(values)


def collect_tensors(value: Any, name: str = "") -> dict[str, Tensor]:
    """Return the tensors of a code, an output, a tuple or a mapping, by their path such as "maps.0"."""
    if isinstance(value, Tensor):
        return {name or "output": value}
    if isinstance(value, Mapping):
        parts = [(str(key), each) for key, each in value.items()]
    elif isinstance(value, tuple | list):
        names = getattr(value, "_fields", None) or [str(index) for index in range(len(value))]
        parts = list(zip(names, value, strict=True))
    else:
        return {}
    return {key: tensor for part, each in parts for key, tensor in collect_tensors(each, f"{name}.{part}" if name else part).items()}


def take_row(value: Any, row: int) -> Any:
    """Return one row of each tensor in a code, a tuple or a mapping."""
    if isinstance(value, Tensor):
        return value[row : row + 1]
    if isinstance(value, Mapping):
        return {key: take_row(each, row) for key, each in value.items()}
    if isinstance(value, tuple):
        parts = [take_row(each, row) for each in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value


def move_to(value: Any, device: str) -> Any:
    """Return the value with all tensors on another device."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, Mapping):
        return {key: move_to(each, device) for key, each in value.items()}
    if isinstance(value, tuple):
        parts = [move_to(each, device) for each in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value
