"""The conformance kit passes what the library brings, and finds what is broken, each check what it is named after."""

from __future__ import annotations

from typing import Any

import broken_parts
import pytest
import torch
from toy_plugins import plugin, registry_of

from i2ikit import CodeSpec, Component, ImageSpec, MapSpec, Registry, default_registry
from i2ikit.errors import I2IKitError, UnknownNameError
from i2ikit.testing import ConformanceError, Report, check_component

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
}
FROM_FILES = (
    "feature_regularization_loss",
    "domain_invariant_perceptual_loss",
)  # need files of trained weights, and are tried beside their recipes
SHIPPED = [each.name for each in default_registry().components() if each.name not in FROM_FILES]


@pytest.fixture(scope="session", autouse=True)
def compiler() -> None:
    """Load the compiler once: it takes seconds, which are nobody's test."""
    torch.compile(torch.nn.Identity(), backend="eager")(torch.zeros(1))


def registry(**parts: tuple[str, str]) -> Registry:
    return registry_of(broken=plugin([Component(name, role, f"broken_parts:{at}", "Broken.") for name, (role, at) in parts.items()]))  # type: ignore[arg-type]


def failures(role: str, at: str, **options: Any) -> dict[str, str]:
    with pytest.raises(ConformanceError) as caught:
        check_component("part", registry=registry(part=(role, at)), **options)
    return caught.value.failures


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_component_conforms(name: str) -> None:
    report = check_component(name, **SMALL.get(name, {}))
    assert len(report.passed) + len(report.skipped) == {"loss": 12, "plan": 7}.get(default_registry().component(name).role, 13)


@pytest.mark.parametrize("options", [{"output": "residual"}, {"output": "masked", "track": True}])
def test_the_generator_conforms_with_its_options(options: dict[str, Any]) -> None:
    assert "has_finite_gradients" in check_component("stargan_generator", width=4, blocks=0, **options).passed


def test_a_discriminator_that_reads_the_label_is_told_it() -> None:
    assert "has_finite_gradients" in check_component("stargan_discriminator", width=4, depth=3, conditional=True).passed


@pytest.mark.parametrize(("role", "at"), [("encoder", "Encoder"), ("loss", "good_loss"), ("plan", "good_plan"), ("plan", "unpaired_plan")])
def test_a_component_that_keeps_every_promise_passes(role: str, at: str) -> None:
    assert check_component("part", registry=registry(part=(role, at))).component == "part"


@pytest.mark.parametrize(
    ("at", "check", "words"),
    [
        ("CannotBeMade", "can_be_made", "ZeroDivisionError: width over nothing"),
        ("Undocumented", "is_documented", "has no docstring"),
        ("Unprintable", "is_printable", r"repr\(\) shows"),
        ("TakesNoLabel", "keeps_its_protocol", r"cannot be called with \(image, domain\)"),
        ("GivesATensor", "keeps_its_protocol", "gives a Code; this one gives a Tensor"),
        ("PublishesNothing", "keeps_its_protocol", "publishes no CodeSpec"),
        ("PublishesAnother", "outputs_match_the_published_spec", r"publishes maps.0 \[3, 5, 32, 48\], and gives \[3, 4, 32, 48\]"),
        ("LooksAtValues", "runs_on_shapes_alone", "cannot be rehearsed"),
        ("HasAnIdleWeight", "has_finite_gradients", r"1 of 3 weights \(idle\) get no gradient"),
        ("HasAnEndlessSlope", "has_finite_gradients", r"\(gain\) get a gradient that is not finite"),
        ("MixesImages", "keeps_images_apart", "Row 0 in a batch and alone"),
        ("CountsItsCalls", "repeats_itself", "Two runs"),
        ("ForgetsItsState", "survives_saving", "Saved and loaded"),
        ("RefusesHalves", "runs_in_bfloat16", "dtype"),
        ("BreaksTheGraph", "compiles_whole", "cannot be captured as one graph"),
        ("SetsTheDefault", "touches_nothing_else", "the default dtype from torch.float32 to torch.float64"),
        ("DrawsAtUse", "touches_nothing_else", "draws from the global random stream of torch"),
        ("WritesOnItsInput", "touches_nothing_else", "Its inputs before and after"),
    ],
)
def test_a_broken_encoder_is_found_by_the_check_of_that_name(at: str, check: str, words: str) -> None:
    found = failures("encoder", at)
    assert check in found
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(found[check])


@pytest.mark.parametrize(
    ("role", "at", "words"),
    [
        ("generator", "DrawsTooBright", r"images are in \[-1, 1\]"),
        ("discriminator", "CountsTheMask", r"Its domain logits are \[3, 8\]; needed are \[3, 6\]"),
    ],
)
def test_a_generator_out_of_range_and_a_discriminator_with_too_many_logits_are_found(role: str, at: str, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(failures(role, at)["outputs_match_the_published_spec"])


@pytest.mark.parametrize(
    ("at", "check"),
    [
        ("undocumented_loss", "is_documented"),
        ("loss_of_each", "gives_a_scalar"),
        ("looking_loss", "runs_on_shapes_alone"),
        ("detached_loss", "has_finite_gradients"),
        ("endless_loss", "has_finite_gradients"),
        ("summed_loss", "is_a_mean_over_images"),
        ("drawing_loss", "repeats_itself"),
        ("drawing_loss", "touches_nothing_else"),
        ("ForgetfulLoss", "survives_saving"),
        ("coarse_loss", "runs_in_bfloat16"),
        ("writing_loss", "touches_nothing_else"),
    ],
)
def test_a_broken_loss_is_found_by_the_check_of_that_name(at: str, check: str) -> None:
    assert check in failures("loss", at)


@pytest.mark.parametrize(
    ("at", "check"), [("twin_plan", "gives_translations"), ("drawing_plan", "repeats_itself"), ("unmarked_plan", "says_what_it_takes")]
)
def test_a_broken_plan_is_found_by_the_check_of_that_name(at: str, check: str) -> None:
    assert check in failures("plan", at)


def test_all_failures_come_in_one_error_with_a_line_each() -> None:
    with pytest.raises(ConformanceError, match=r'^Component "part" fails \d+ of the checks:\n  - \w+: .*(\n  - \w+: [^\n]*)+$') as caught:
        check_component("part", registry=registry(part=("encoder", "DrawsAtUse")))
    assert len(str(caught.value).splitlines()) == len(caught.value.failures) + 1
    assert isinstance(caught.value, I2IKitError)


def test_a_broken_component_leaves_no_trace_behind() -> None:
    failures("encoder", "SetsTheDefault")
    assert torch.get_default_dtype() is torch.float32


def test_mixes_batch_excuses_from_keeping_images_apart_alone() -> None:
    mixing = Component("part", "encoder", "broken_parts:MixesImages", "Broken.", mixes_batch=True)
    report = check_component("part", registry=registry_of(broken=plugin([mixing])))
    assert report.skipped == {"keeps_images_apart": "it declares mixes_batch"}


def test_the_report_prints_one_line_a_check() -> None:
    report = Report("part", ("is_documented",), {"compiles_whole": "it draws by itself"})
    assert str(report).splitlines() == [
        "part: 1 checks passed, 1 do not apply",
        "  passed   is_documented",
        "  skipped  compiles_whole: it draws by itself",
    ]


def test_what_it_is_built_for_can_be_given() -> None:
    code = CodeSpec((MapSpec(6, 1),))
    with pytest.raises(ConformanceError) as caught:
        check_component("stargan_generator", image=ImageSpec(3, 30, 30), code=code, width=4, blocks=1)
    assert "multiples of 4" in caught.value.failures["can_be_made"]


def test_an_unknown_component_or_option_is_named() -> None:
    with pytest.raises(UnknownNameError, match='Did you mean "stargan_discriminator"'):
        check_component("stargan_discriminatr")
    with pytest.raises(UnknownNameError, match='No option of "stargan_discriminator" is called "widht"'):
        check_component("stargan_discriminator", widht=3)


def test_each_check_says_what_it_promises() -> None:
    from i2ikit.testing.conformance import CHECKS

    assert [check.__name__ for checks in CHECKS.values() for check in checks if not check.__doc__] == []
    assert broken_parts.Encoder.__doc__
