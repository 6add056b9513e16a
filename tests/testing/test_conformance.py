"""The conformance checks pass the components of the library, and each check finds the fault that it is named after."""

from __future__ import annotations

from typing import Any

import broken_parts
import pytest
import torch
from toy_plugins import make_plugin, make_registry

from i2ikit import CodeSpec, Component, ImageSpec, MapSpec, Registry, default_registry
from i2ikit.errors import I2IKitError, UnknownNameError
from i2ikit.testing import ConformanceError, ConformanceResult, check_component

SMALL: dict[str, dict[str, Any]] = {
    "stargan_generator": {"width": 4, "blocks": 1},
    "stargan_discriminator": {"width": 4, "depth": 3},
    "simgan_refiner": {"width": 4},
    "cogan_generator": {"width": 4},
    "cogan_discriminator": {"width": 4},
    "bigan_discriminator": {"width": 4, "domain": ("photo", "painting")},
    "cyclegan_generator": {"width": 4, "blocks": 1},
    "multiscale_discriminator": {"width": 4, "depth": 2},
    "munit_content_encoder": {"width": 4, "blocks": 1},
    "munit_style_encoder": {"width": 4},
    "munit_encoder": {"width": 4, "blocks": 1},
    "munit_adain_decoder": {"blocks": 1, "hidden": 8},
    "unit_encoder": {"width": 4, "blocks": 1},
    "unit_decoder": {"blocks": 1},
    "pix2pix_unet": {"width": 4},
    "bicyclegan_generator": {"width": 4},
    "bicyclegan_style_encoder": {"width": 4},
    "feature_taps": {"layers": ("first", "second")},
}
NEED_FILES = (
    "feature_regularization_loss",
    "domain_invariant_perceptual_loss",
)  # need files with trained weights; the tests of their recipes check them
SHIPPED = [each.name for each in default_registry().components() if each.name not in NEED_FILES]


@pytest.fixture(scope="session", autouse=True)
def compiler() -> None:
    """Load the compiler once, because it takes seconds and belongs to no test."""
    torch.compile(torch.nn.Identity(), backend="eager")(torch.zeros(1))


def make_broken_registry(**parts: tuple[str, str]) -> Registry:
    components = [
        Component(name, role, f"broken_parts:{attribute}", "Broken.")  # type: ignore[arg-type]
        for name, (role, attribute) in parts.items()
    ]
    return make_registry(broken=make_plugin(components))


def find_failures(role: str, name: str, **options: Any) -> dict[str, str]:
    with pytest.raises(ConformanceError) as caught:
        check_component("part", registry=make_broken_registry(part=(role, name)), **options)
    return caught.value.failures


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_component_conforms(name: str) -> None:
    result = check_component(name, **SMALL.get(name, {}))
    role = default_registry().component(name).role
    assert len(result.passed) + len(result.skipped) == {"loss": 12, "plan": 7, "wrapper": 7}.get(role, 13)


@pytest.mark.parametrize("options", [{"output": "residual"}, {"output": "masked", "track": True}])
def test_the_generator_conforms_with_its_options(options: dict[str, Any]) -> None:
    assert "has_finite_gradients" in check_component("stargan_generator", width=4, blocks=0, **options).passed


def test_a_conditional_discriminator_is_given_the_label() -> None:
    assert "has_finite_gradients" in check_component("stargan_discriminator", width=4, depth=3, conditional=True).passed


@pytest.mark.parametrize(
    ("role", "name"), [("encoder", "Encoder"), ("loss", "good_loss"), ("plan", "good_plan"), ("plan", "unpaired_plan")]
)
def test_a_component_that_follows_every_rule_passes(role: str, name: str) -> None:
    assert check_component("part", registry=make_broken_registry(part=(role, name))).component == "part"


@pytest.mark.parametrize(
    ("name", "check", "words"),
    [
        ("CannotBeBuilt", "can_be_built", "ZeroDivisionError: width over nothing"),
        ("Undocumented", "is_documented", "has no docstring"),
        ("Unprintable", "is_printable", r"repr\(\) contains"),
        ("AcceptsNoLabel", "follows_its_protocol", r"cannot be called with \(image, label\)"),
        ("ReturnsATensor", "follows_its_protocol", "return a Code; this one returns a Tensor"),
        ("HasNoOutputSpec", "follows_its_protocol", "has no output_spec"),
        ("HasAnotherOutputSpec", "output_matches_spec", r"maps\.0 \[3, 5, 32, 48\], but the output has \[3, 4, 32, 48\]"),
        ("BranchesOnValues", "runs_on_meta_device", "fails on the meta device"),
        ("HasAnUnusedWeight", "has_finite_gradients", r"1 of 3 weights \(unused\) get no gradient"),
        ("HasAnInfiniteGradient", "has_finite_gradients", r"\(gain\) get a gradient that is not finite"),
        ("MixesImages", "images_are_independent", "Row 0 in a batch and alone"),
        ("DependsOnItsCalls", "is_deterministic", "Two runs"),
        ("HasUnsavedState", "saves_and_loads", "Saved and loaded"),
        ("FailsInBfloat16", "runs_in_bfloat16", "dtype"),
        ("BreaksTheGraph", "compiles_full_graph", "torch.compile cannot capture it as one graph"),
        ("ChangesTheDefaultDtype", "has_no_side_effects", "the default dtype from torch.float32 to torch.float64"),
        ("AddsNoiseInEvalMode", "has_no_side_effects", "draws from the global random stream of torch"),
        ("ChangesItsInput", "has_no_side_effects", "inputs before and after the call"),
    ],
)
def test_each_check_finds_a_broken_encoder(name: str, check: str, words: str) -> None:
    found = find_failures("encoder", name)
    assert check in found
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(found[check])


@pytest.mark.parametrize(
    ("role", "name", "words"),
    [
        ("generator", "ExceedsTheRange", r"images must be in \[-1, 1\]"),
        ("discriminator", "ScoresTheMask", r"domain logits are \[3, 8\]; they must be \[3, 6\]"),
    ],
)
def test_a_generator_out_of_range_and_a_discriminator_with_too_many_logits_are_found(role: str, name: str, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(find_failures(role, name)["output_matches_spec"])


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("undocumented_loss", "is_documented"),
        ("loss_per_image", "returns_a_scalar"),
        ("branching_loss", "runs_on_meta_device"),
        ("detached_loss", "has_finite_gradients"),
        ("infinite_gradient_loss", "has_finite_gradients"),
        ("summed_loss", "is_a_mean_over_images"),
        ("unnamed_random_loss", "is_deterministic"),
        ("unnamed_random_loss", "has_no_side_effects"),
        ("UnsavedStateLoss", "saves_and_loads"),
        ("half_precision_loss", "runs_in_bfloat16"),
        ("in_place_loss", "has_no_side_effects"),
    ],
)
def test_each_check_finds_a_broken_loss(name: str, check: str) -> None:
    assert check in find_failures("loss", name)


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("duplicate_name_plan", "returns_translations"),
        ("imageless_plan", "returns_translations"),
        ("unnamed_random_plan", "is_deterministic"),
        ("undeclared_plan", "declares_its_batch_kind"),
    ],
)
def test_each_check_finds_a_broken_plan(name: str, check: str) -> None:
    assert check in find_failures("plan", name)


def test_an_error_lists_all_failures_one_per_line() -> None:
    with pytest.raises(ConformanceError, match=r'^Component "part" fails \d+ checks:\n  - \w+: .*(\n  - \w+: [^\n]*)+$') as caught:
        check_component("part", registry=make_broken_registry(part=("encoder", "AddsNoiseInEvalMode")))
    assert len(str(caught.value).splitlines()) == len(caught.value.failures) + 1
    assert isinstance(caught.value, I2IKitError)


def test_global_settings_are_restored_after_a_broken_component() -> None:
    find_failures("encoder", "ChangesTheDefaultDtype")
    assert torch.get_default_dtype() is torch.float32


def test_mixes_batch_skips_only_the_check_of_independent_images() -> None:
    mixing = Component("part", "encoder", "broken_parts:MixesImages", "Broken.", mixes_batch=True)
    result = check_component("part", registry=make_registry(broken=make_plugin([mixing])))
    assert result.skipped == {"images_are_independent": "it declares mixes_batch"}


def test_the_result_prints_one_line_for_each_check() -> None:
    result = ConformanceResult("part", ("is_documented",), {"compiles_full_graph": "it draws random numbers"})
    assert str(result).splitlines() == [
        "part: 1 check passed, 1 skipped",
        "  passed   is_documented",
        "  skipped  compiles_full_graph: it draws random numbers",
    ]


def test_the_specs_can_be_given() -> None:
    code = CodeSpec((MapSpec(6, 1),))
    with pytest.raises(ConformanceError) as caught:
        check_component("stargan_generator", image=ImageSpec(3, 30, 30), code=code, width=4, blocks=1)
    assert "multiples of 4" in caught.value.failures["can_be_built"]


def test_an_unknown_component_or_option_is_named() -> None:
    with pytest.raises(UnknownNameError, match='Did you mean "stargan_discriminator"'):
        check_component("stargan_discriminatr")
    with pytest.raises(UnknownNameError, match='No option of "stargan_discriminator" is called "widht"'):
        check_component("stargan_discriminator", widht=3)


def test_each_check_has_a_docstring() -> None:
    from i2ikit.testing.conformance import CHECKS

    assert [check.__name__ for checks in CHECKS.values() for check in checks if not check.__doc__] == []
    assert broken_parts.Encoder.__doc__
