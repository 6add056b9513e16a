"""The conformance checks use the specs that components publish and ask for."""

from __future__ import annotations

import pytest
from toy_plugins import make_plugin, make_registry

from i2ikit import CodeSpec, Component, ImageSpec, Registry, StyleSpec
from i2ikit.errors import UnknownNameError
from i2ikit.testing import ConformanceError, check_component


def make_parts() -> Registry:
    roles = {
        "NoisyGenerator": "generator",
        "StyleEncoder": "encoder",
        "StyleDiscriminator": "discriminator",
        "ReadsANameThatIsMissing": "discriminator",
    }
    components = [Component(name.lower(), role, f"published_specs:{name}", "A part.") for name, role in roles.items()]  # type: ignore[arg-type]
    return make_registry(parts=make_plugin(components))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("noisygenerator", id="a generator gets the code of its input_spec, and the noise that it requires"),
        pytest.param("styleencoder", id="an encoder gets the code that the generator takes"),
        pytest.param("stylediscriminator", id="a discriminator of codes gets a code, with a style if it reads one"),
    ],
)
def test_a_component_with_published_specs_conforms(name: str) -> None:
    assert "has_finite_gradients" in check_component(name, registry=make_parts()).passed


def test_the_source_and_the_code_of_the_generator_can_be_given() -> None:
    given = {"source": ImageSpec(1, 32, 32), "generator": CodeSpec(style=StyleSpec(6))}
    with pytest.raises(ConformanceError, match=r"mat1 and mat2 shapes cannot be multiplied \(\d+x3 and 1x6\)"):
        check_component("styleencoder", registry=make_parts(), **given)


def test_the_network_that_is_wrapped_cannot_be_given() -> None:
    with pytest.raises(UnknownNameError, match='No option of "feature_taps" is called "net"'):
        check_component("feature_taps", layers=("first",), net=3)


def test_a_factory_that_fails_for_every_code_is_reported_with_each_different_error() -> None:
    with pytest.raises(ConformanceError) as caught:
        check_component("readsanamethatismissing", registry=make_parts())
    found = caught.value.failures["can_be_built"]
    assert "'NoneType' object has no attribute 'shape' (maps" in found
    assert "'StyleSpec' object has no attribute 'size' (maps [16 channels, stride 4] and style [8] for image [3, 32, 48])" in found
