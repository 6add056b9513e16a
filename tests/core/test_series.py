"""Components in series, generators that publish what they take, and discriminators of codes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from core.test_toy_psp import PSP
from core.test_toy_stylegan2 import STYLEGAN2
from core.toys.assembly import ADAM, make_batch, make_recipe, make_registry
from torch import Tensor, nn
from toy_plugins import make_plugin

from i2ikit import Code, CodeSpec, Component, DiscriminatorOutput, ImageSpec, Model, Player, Slot, StyleSpec, Term, Translation, build
from i2ikit.errors import BuildError


class Scale(nn.Module):
    """Scales the style, and adds noise of two kinds."""

    def __init__(self, code: CodeSpec, factor: float = 2.0) -> None:
        super().__init__()
        self.output_spec, self.factor = code, factor

    def noise_shapes(self, code: Code, label: Tensor | None = None) -> dict[str, tuple[int, ...]]:
        """Return two shapes."""
        assert code.style is not None
        return {"fine": tuple(code.style.shape), "coarse": (len(code.style), *[1] * (code.style.ndim - 1))}

    def forward(self, code: Code, label: Tensor | None = None, *, noise: dict[str, Tensor]) -> Code:
        """Scale."""
        assert code.style is not None
        return code._replace(style=self.factor * code.style + noise["fine"] + noise["coarse"])


class Layers(nn.Module):
    """A generator that knows how many styles it takes."""

    def __init__(self, image: ImageSpec, width: int = 2) -> None:
        super().__init__()
        self.input_spec = CodeSpec(style=StyleSpec(width, 3))
        self.to_image = nn.Linear(3 * width, image.channels * image.height * image.width)
        self.image = image

    def forward(self, code: Code) -> Tensor:
        """Generate."""
        assert code.style is not None
        return torch.tanh(self.to_image(code.style.flatten(1))).unflatten(1, (self.image.channels, self.image.height, self.image.width))


class AskingEncoder(nn.Module):
    """Encodes an image as the styles that the generator takes."""

    def __init__(self, image: ImageSpec, generator: CodeSpec) -> None:
        super().__init__()
        assert generator.style is not None
        self.output_spec = CodeSpec(style=generator.style)
        self.net = nn.Linear(image.channels, generator.style.vectors * generator.style.width)
        self.shape = generator.style.shape

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        """Encode."""
        return Code(style=self.net(image.mean((2, 3))).unflatten(1, self.shape))


class CodeDiscriminator(nn.Module):
    """Scores styles."""

    def __init__(self, code: CodeSpec) -> None:
        super().__init__()
        assert code.style is not None
        self.net = nn.Linear(code.style.width * max(1, code.style.vectors), 1)

    def forward(self, code: Code) -> DiscriminatorOutput:
        """Score."""
        assert code.style is not None
        return DiscriminatorOutput((self.net(code.style.flatten(1)),))


PARTS = {"scale": "conditioner", "layers": "generator", "asking_encoder": "encoder", "code_discriminator": "discriminator"}


def assemble(recipe: Any, **overrides: Any) -> Model:
    registry = make_registry()
    classes = {name: "".join(word.capitalize() for word in name.split("_")) for name in PARTS}
    parts = [Component(name, role, f"core.test_series:{classes[name]}", "A part.") for name, role in PARTS.items()]  # type: ignore[arg-type]
    registry.register(make_plugin(parts), "parts")
    return build(recipe, registry=registry, size=8, **overrides).double()


def prior_code(t: Translation) -> Code:
    style = t.code.style
    assert style is not None
    return Code(style=t.streams.normal("prior", tuple(style.shape)))


def code_of_source(t: Translation) -> Code:
    return t.code


def make_scores(t: Translation) -> tuple[Tensor, Tensor]:
    return t.discriminate(code_of_source).scores[0], t.discriminate(prior_code).scores[0]


def code_discriminator_loss(t: Translation) -> Tensor:
    fake, real = make_scores(t)
    return nn.functional.softplus(fake).mean() + nn.functional.softplus(-real).mean()


def code_generator_loss(t: Translation) -> Tensor:
    return nn.functional.softplus(-t.discriminate(code_of_source).scores[0]).mean()


AUTOENCODER = make_recipe(
    "adversarial_autoencoder",
    {"encoder": Slot("asking_encoder"), "generator": Slot("layers"), "discriminator": Slot("code_discriminator")},
    "images",
    (
        Player("discriminator", ("discriminator",), {"code": Term(code_discriminator_loss)}, optimizer=ADAM),
        Player("translator", ("encoder", "generator"), {"l2": Term("toy_l2"), "code": Term(code_generator_loss)}, optimizer=ADAM),
    ),
)


def test_conditioners_in_series_are_built_and_called_one_after_another() -> None:
    model = assemble(STYLEGAN2, conditioner=Slot((("toy_style_of_noise", {"vectors": 2}), ("scale", {"factor": 3.0}))))
    z = torch.randn(4, 3).double()
    noises = {"fine": torch.ones(4, 2, 2), "coarse": torch.full((4, 1, 1), 2.0)}
    draws = {"style": z, **{f"fake/conditioner/1/{name}": each for name, each in noises.items()}}
    from core.test_views import make_translations

    [t] = make_translations(model, draws)
    mapping, _ = model.conditioner
    expected = 3 * mapping(Code(style=z)).style + 3
    torch.testing.assert_close(t.conditioned.style, expected)
    model.step(make_batch(model))


def test_encoders_in_series_are_refused() -> None:
    with pytest.raises(BuildError, match=r"toy_style_of_image \+ toy_style_of_image cannot stand in series: only conditioners"):
        assemble(PSP, encoder=Slot(("toy_style_of_image", "toy_style_of_image")))


def test_an_encoder_asks_the_generator_for_its_styles() -> None:
    model = assemble(AUTOENCODER)
    assert list(model.recipe.slots) == ["encoder", "generator", "discriminator"]
    assert model.encoder.output_spec == CodeSpec(style=StyleSpec(2, 3))
    assert model.generator.image.height == 8


def test_an_encoder_that_asks_a_generator_that_publishes_nothing_is_refused() -> None:
    with pytest.raises(BuildError, match=r'Slot "generator": .*"code" \(CodeSpec of the code'):
        assemble(AUTOENCODER, generator="toy_synthesis")


def test_a_generator_that_takes_another_style_than_the_encoder_gives_is_refused() -> None:
    with pytest.raises(
        BuildError, match=r'"layers" takes style \[3, 2\] and no maps, but "toy_style_of_image" gives style \[2, 2\] and no maps'
    ):
        assemble(PSP, generator="layers", slots={"generator": {"frozen": True}})


def test_a_discriminator_of_codes_trains_the_encoder() -> None:
    model = assemble(AUTOENCODER)
    before = {name: weight.clone() for name, weight in model.nets.named_parameters()}
    logs = model.step(make_batch(model))
    assert {"discriminator/code", "translator/code"} <= set(logs)
    assert all(not torch.equal(before[name], weight) for name, weight in model.nets.named_parameters())


def test_the_code_is_detached_for_its_discriminator() -> None:
    from core.test_views import make_translations

    model = assemble(AUTOENCODER)
    [t] = make_translations(model)
    t.updating = frozenset({"discriminator"})
    fake, _ = make_scores(t)
    assert torch.autograd.grad(fake.sum(), list(model.encoder.parameters()), allow_unused=True) == (None, None)
