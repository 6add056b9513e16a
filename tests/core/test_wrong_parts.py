"""Components, wrappers and plans of plugins that break a rule are refused in one line that names the slot or the plan."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from attrs import evolve
from torch import nn
from toy_plugins import make_plugin

from i2ikit import Code, CodeSpec, Component, DiscriminatorOutput, MapSpec, Player, Recipe, Slot, StyleSpec, Term, Translation, batch_kind
from i2ikit import build as build_model
from i2ikit.core.registry import Registry
from i2ikit.errors import BuildError


class Encoder(nn.Module):
    """A convolution."""

    def __init__(self, image: Any) -> None:
        super().__init__()
        self.output_spec = CodeSpec((MapSpec(4, 1),))
        self.conv = nn.Conv2d(image.channels, 4, 3, padding=1)

    def forward(self, image: Any, label: Any = None) -> Any:
        """Return the code."""
        return Code((self.conv(image),))


class Generator(nn.Module):
    """A convolution."""

    def __init__(self, image: Any, code: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, image.channels, 3, padding=1)

    def forward(self, code: Any) -> Any:
        """Return the images."""
        return self.conv(code.maps[-1]).tanh()


class Discriminator(nn.Module):
    """A convolution."""

    def __init__(self, image: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(image.channels, 1, 3, padding=1)

    def forward(self, image: Any) -> Any:
        """Return the scores."""
        return DiscriminatorOutput((self.conv(image),))


class Wrapper(nn.Module):
    """Changes nothing."""

    def forward(self, net: Any, call: Any, *inputs: Any, **named: Any) -> Any:
        """Call the network."""
        return net(*inputs, **named)


class Asking(Encoder):
    """Asks what the generator takes."""

    def __init__(self, image: Any, generator: Any) -> None:
        super().__init__(image)
        self.output_spec = generator


class Raising(Encoder):
    """Cannot be made."""

    def __init__(self, image: Any) -> None:
        raise RuntimeError("no\nand more")


class KeepsNet(Wrapper):
    """Keeps the network as an attribute."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net


class HasWeight(Wrapper):
    """Has a weight of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.ones(()))


class RaisingWrapper(Wrapper):
    """Cannot be made."""

    def __init__(self) -> None:
        raise KeyError("no")


def make_nothing() -> None:
    """Return no module."""


def make_function() -> Any:
    """Return a function instead of a module."""
    return lambda net, call, *inputs: net(*inputs)


TRANSLATOR = ("encoder", "generator")
RECIPE = Recipe(
    "parts",
    {"encoder": Slot("encoder"), "generator": Slot("generator"), "discriminator": Slot("discriminator")},
    "paired",
    (
        Player("translator", TRANSLATOR, {"gan": Term("lsgan_generator_loss"), "l1": Term("l1_loss")}),
        Player("discriminator", ("discriminator",), {"gan": Term("lsgan_discriminator_loss")}),
    ),
)
BASES: dict[str, type[nn.Module]] = {"encoder": Encoder, "generator": Generator, "discriminator": Discriminator, "wrapper": Wrapper}


def build(role: str = "", part: Any = None, **overrides: Any) -> Any:
    """Build the recipe, in which ``part`` has a role."""
    registry = Registry()
    components = [Component(name, name, f"{__name__}:{base.__name__}", "A part.") for name, base in BASES.items()]  # type: ignore[arg-type]
    if part is not None:
        sys.modules[__name__].__dict__["Part"] = part
        components.append(Component("part", role, f"{__name__}:Part", "A part."))  # type: ignore[arg-type]
        overrides |= {"slots": {"discriminator": {"wrappers": "part"}}} if role == "wrapper" else {role: "part"}
    registry.register(make_plugin(components), "parts")
    return build_model(RECIPE, registry=registry, size=16, **overrides)


def with_member(role: str, name: str, value: Any) -> type[nn.Module]:
    """Return a correct part with another member."""
    if name == "output_spec":
        return type("Odd", (BASES[role],), {"output_spec": property(lambda self: value, lambda self, _: None)})
    return type("Odd", (BASES[role],), {name: value})


def returning(value: Any) -> Callable[..., Any]:
    return lambda self, *inputs, **named: value(self, *inputs) if callable(value) else value


MEMBERS = [
    ("encoder", "output_spec", 3, r'Slot "encoder": "part" has output_spec=3; expected CodeSpec'),
    ("encoder", "output_spec", None, r'Slot "encoder": "part" has no output_spec'),
    ("encoder", "noise_shapes", returning((1, 2)), r"noise_shapes of Odd returns \(1, 2\); it must return shapes by name"),
    ("encoder", "noise_shapes", returning({"a": 3}), r"noise_shapes of Odd returns \{'a': 3\}"),
    ("encoder", "noise_shapes", returning({"a": ("x",)}), r"noise_shapes of Odd returns \{'a': \('x',\)\}"),
    ("encoder", "noise_shapes", {"a": (1,)}, r'"part" has noise_shapes=\{\'a\': \(1,\)\}; expected method'),
    ("encoder", "stochastic", "yes", r'"part" has stochastic=\'yes\'; expected bool'),
    ("encoder", "size_multiple", 0, r'"part" has size_multiple=0; expected int'),
    ("generator", "input_spec", 3, r'Slot "generator": "part" has input_spec=3; expected CodeSpec'),
    (
        "generator",
        "input_spec",
        CodeSpec(style=StyleSpec(8)),
        r'"part" takes style \[8\] and no maps, but "encoder" gives maps \[4 channels',
    ),
    ("discriminator", "inputs", ["x"], r'Slot "discriminator": "part" has inputs=\[\'x\'\]; expected tuple'),
    ("discriminator", "inputs", (["x"],), r'"part" has inputs=\(\[\'x\'\],\); expected tuple'),
    ("encoder", "forward", returning(None), r'Slot "encoder" returns None; a network of the role encoder .* a Code\.'),
    ("encoder", "forward", returning(lambda self, image, label=None: self.conv(image)), r'Slot "encoder" returns a Tensor; .* a Code\.'),
    ("generator", "forward", returning(None), r'Slot "generator" returns None; .* images \[B, C, H, W\]'),
    ("generator", "forward", returning(lambda self, code: code), r'Slot "generator" returns a Code; .* images \[B, C, H, W\]'),
    ("discriminator", "forward", returning(None), r'Slot "discriminator" returns None; .* a DiscriminatorOutput'),
    (
        "discriminator",
        "forward",
        returning(lambda self, image: DiscriminatorOutput(self.conv(image))),
        r"returns a DiscriminatorOutput whose scores are a tensor; .* a tuple of scores",
    ),
    ("wrapper", "forward", returning(None), r'Slot "discriminator" returns None; .* and its wrappers'),
    ("wrapper", "forward", returning(lambda *_: 1 / 0), r"failed in term .*: ZeroDivisionError: division by zero, in test_wrong_parts"),
]


@pytest.mark.parametrize(
    ("role", "name", "value", "message"), MEMBERS, ids=[f"{role}-{name}-{i}" for i, (role, name, *_) in enumerate(MEMBERS)]
)
def test_a_component_with_a_wrong_member_is_refused(role: str, name: str, value: Any, message: str) -> None:
    with pytest.raises(BuildError, match=message) as error:
        build(role, with_member(role, name, value))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("role", "part", "message"),
    [
        ("encoder", Raising, r'Slot "encoder": "part" cannot be made \(RuntimeError: no, in test_wrong_parts\.py, line \d+\)\.'),
        ("encoder", Asking, r'Slot "generator": .* is made first, because slot "encoder" asks what it takes'),
        ("wrapper", RaisingWrapper, r'Slot "discriminator": "part" cannot be made \(KeyError'),
        ("wrapper", make_nothing, r'the factory of "part" returns a NoneType; it must return an nn\.Module'),
        ("wrapper", make_function, r'the factory of "part" returns a function; it must return an nn\.Module'),
        ("wrapper", KeepsNet, r'"part" has weights \("net\.conv\.weight"\), but no player trains those of a wrapper'),
        ("wrapper", HasWeight, r'"part" has weights \("strength"\)'),
    ],
)
def test_a_component_that_cannot_be_made_or_used_is_refused(role: str, part: Any, message: str) -> None:
    with pytest.raises(BuildError, match=message) as error:
        build(role, part)
    assert "\n" not in str(error.value)


def translate(nets: Any, batch: Any, streams: Any, requires_grad: bool) -> Translation:
    image, target = batch["image"], batch["target"]
    return Translation(nets, streams, real=image, target=target, reference=target, requires_grad=requires_grad)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda *_: None, r"returns None; it must return a list of translations"),
        (lambda *_: [], r"returns an empty list; it must"),
        (lambda *_: [3], r"returns a list with a int"),
        (translate, r"returns a Translation; it must return a list"),
        (lambda *inputs: (each for each in [translate(*inputs)]), r"returns a generator; it must return a list"),
        (lambda *inputs: [translate(*inputs), translate(*inputs)], r"several translations with the same name: translation, translation"),
        (lambda *_: 1 / 0, r"ZeroDivisionError: division by zero, in test_wrong_parts"),
    ],
)
def test_a_plan_that_returns_no_translations_is_refused(make: Callable[..., Any], message: str) -> None:
    def odd(nets: Any, batch: Any, streams: Any, requires_grad: bool) -> Any:
        return make(nets, batch, streams, requires_grad)

    with pytest.raises(BuildError, match=message):
        build(plan=batch_kind("paired")(odd))


def raise_assertion(translation: Any) -> Any:
    raise AssertionError("no")


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda t: None, r'loss of term "translator/x" must be one number; found None'),
        (lambda t: 1.0, r'loss of term "translator/x" must be one number; found 1\.0'),
        (lambda t: t.fake.mean((1, 2, 3)), r"found a tensor of shape \[2\]"),
        (raise_assertion, r'failed in term "translator/x": AssertionError: no, in test_wrong_parts'),
    ],
)
def test_a_loss_that_returns_no_number_is_refused(loss: Any, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        build(terms={"translator/x": loss})


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"terms": {"translator/l1": {"updates": "plain"}}, "players": {"translator": {"trains": (*TRANSLATOR, "plain")}}},
            r"only slots without weights \(plain\)",
        ),
        ({"slots": {"encoder": {"frozen": True}, "generator": {"frozen": True}}}, r'Player "translator" trains only frozen slots'),
        (
            {"players": {"refiner": Player("refiner", ("plain",), {"l1": Term("l1_loss")})}},
            r'Player "refiner" has terms, but trains no weights',
        ),
        (
            {"players": {"translator": {"lr_multipliers": {"generater": 2.0}}}},
            r'"translator" has a factor in lr_multipliers= for a slot that does not exist.* Did you mean "generator"',
        ),
    ],
)
def test_a_player_or_term_that_trains_nothing_is_refused(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(BuildError, match=message):
        build(**overrides, plain=Slot("identity_encoder", role="encoder"))


@pytest.mark.parametrize("name", ["style", "plan", "calls", "freeze", "training", "forward", "a.b", "a/b", "my slot", "%wrappers", ""])
def test_a_slot_with_a_name_that_is_taken_is_refused(name: str) -> None:
    with pytest.raises(BuildError, match=rf'A slot cannot be called "{name}"'):
        build_model(evolve(RECIPE, slots={**RECIPE.slots, name: Slot("identity_encoder", role="encoder")}))


def test_every_attribute_of_the_networks_is_no_name_of_a_slot() -> None:
    nets = build().nets
    public = {name for name in vars(nets) if not name.startswith("_")}
    assert public <= set(type(nets).ATTRIBUTES)


def test_a_problem_that_is_found_in_two_places_is_reported_once() -> None:
    with pytest.raises(BuildError) as error:
        build(slots={"generator": {"input": "nope"}})
    assert len(error.value.problems) == 1


def test_a_folder_without_a_model_is_no_unknown_component(tmp_path: Any) -> None:
    with pytest.raises(BuildError, match="contains no model") as error:
        build(generator=str(tmp_path))
    assert len(error.value.problems) == 1
