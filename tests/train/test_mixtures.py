"""Recipes with one plan for each data set: pairs and unpaired images, labelled images and images without labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_training import CallAtStep, assert_same_state, read_losses

from i2ikit import Model, Nets, RandomStreams, Term, Translation, batch_kind, build, fit, load, open_data
from i2ikit.core.recipe_json import dump, restore
from i2ikit.errors import BuildError, DataError, I2IKitError, OptionError, PlanError
from i2ikit.evaluation import evaluate_run
from i2ikit.pixels import write_image
from i2ikit.train import resume
from i2ikit.train.progress import Silent

SMALL: dict[str, Any] = {"size": 16, "generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 2}, "batch": 2}
PAIRED_TERM = {"translator/l1": Term("l1_loss", 10.0, translations=("paired",))}


def build_pairs_and_domains(**overrides: Any) -> Model:
    """Build CycleGAN that learns from pairs, too."""
    settings = {"plan": ("paired", "unpaired"), "plan_options": ({"domains": True}, {}), "terms": PAIRED_TERM, "labels": ("day", "night")}
    return build("cyclegan", **{**SMALL, **settings, **overrides})


def test_pairs_of_two_domains_without_names_of_domains_are_refused() -> None:
    with pytest.raises(I2IKitError, match='Plan "paired" with domains=True requires two domains'):
        build("pix2pix", size=32, plan_options={"domains": True}, labels=None)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write pairs, and unpaired images of the same two domains."""
    root = tmp_path_factory.mktemp("mixture")
    generator = torch.Generator().manual_seed(0)
    for name in ("pairs", "domains"):
        for split in ("train", "test"):
            for number in range(4):
                image = torch.rand(3, 16, 16, generator=generator) * 2 - 1
                for domain in ("day", "night"):
                    path = root / name / split / domain / f"{number}{domain if name == 'domains' else ''}.png"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    write_image(image if domain == "day" else -image, path)
    return {name: root / name for name in ("pairs", "domains")}


def open_both(folders: dict[str, Path]) -> list[Any]:
    return [open_data(folders["pairs"], batch_kind="paired"), open_data(folders["domains"], batch_kind="unpaired")]


class PulledPlugError(BaseException):
    """An exception that the library does not catch."""


def crash() -> None:
    raise PulledPlugError


def train_and_resume(tmp_path: Path, make: Callable[[], Model], data: Callable[[], Any], **resuming: Any) -> Path:
    """Train two steps in one go, and with a crash in between; check that the results are equal, and return the first run."""
    options: dict[str, Any] = {"steps": 2, "log_every": 1, "progress": Silent(), "checkpoint_every": 1}
    fit(make(), data(), tmp_path / "whole", **options)
    with pytest.raises(PulledPlugError):
        fit(make(), data(), tmp_path / "parts", loggers=[CallAtStep(1, crash)], **options)
    resume(tmp_path / "parts", progress=Silent(), **resuming)
    assert_same_state(tmp_path / "whole", tmp_path / "parts")
    return tmp_path / "whole"


def test_pairs_and_unpaired_images_train_one_model_which_resumes_bit_by_bit(folders: dict[str, Path], tmp_path: Path) -> None:
    run = train_and_resume(tmp_path, build_pairs_and_domains, lambda: open_both(folders))
    assert {"translator/l1", "translator/cycle"} <= read_losses(run)[0].keys()
    assert (run / "samples/step-00000002.png").is_file()
    model = load(run)
    assert [str(model.get_batch_kind(index)) for index in range(2)] == ["paired", "unpaired"]
    assert (str(model.batch_kind), model.routes) == ("unpaired", (("day", "night"), ("night", "day")))
    assert model.translate(torch.zeros(1, 3, 16, 16), to="night", source="day").shape == (1, 3, 16, 16)
    report = evaluate_run(run, classifier=None)
    assert report.number("psnr/domain").protocol["count"] == 8  # the pairs, in both directions
    assert report.left_out["psnr"] == 'domains: "domains" has no target images.'


def test_a_term_for_one_plan_is_computed_for_its_batch_only() -> None:
    seen: list[str] = []

    def record(t: Translation) -> torch.Tensor:
        seen.append(t.plan_name)
        return (t.fake - t.target).abs().mean()

    model = build_pairs_and_domains(terms={"translator/l1": Term(record, translations=("paired",))}, rehearsal=False)
    assert "translator/l1" in model.step(model.example_batch(2))
    assert seen == ["paired"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("paired", "unpaired"), ["translation", "day_to_night", "night_to_day"]),
        (("paired", "night_to_day"), ["translation", "night_to_day"]),
        (("unpaired", "forward"), ["translation", "day_to_night", "night_to_day"]),
    ],
)
def test_a_term_may_name_translations_of_several_plans(names: tuple[str, ...], expected: list[str]) -> None:
    seen: list[str] = []

    def record(t: Translation) -> torch.Tensor:
        seen.append(t.name)
        return t.fake.mean()

    model = build_pairs_and_domains(terms={"translator/l1": Term(record, translations=names)})
    seen.clear()
    model.step(model.example_batch(2))
    assert seen == expected


@pytest.mark.parametrize("names", [("pared",), ("paired", "pared")])
def test_a_term_for_an_unknown_plan_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(BuildError, match=r'No translation is called "pared"\. Did you mean'):
        build_pairs_and_domains(terms={"translator/l1": Term("l1_loss", translations=names)})


@batch_kind("images")
def unlabelled(nets: Nets, batch: Any, streams: RandomStreams, requires_grad: bool) -> list[Translation]:
    """Translate images whose labels are unknown to a fixed label."""
    image = batch["image"]
    label = torch.zeros(len(image), nets.domain.width, device=image.device, dtype=image.dtype)
    return [Translation(nets, streams, real=image, source_label=label, target_label=label, reference=image, requires_grad=requires_grad)]


def build_half_labelled() -> Model:
    """Build StarGAN that uses images without labels for its adversarial and cycle losses."""
    only = {"translations": ("labelled",)}
    terms: dict[str, Any] = {"translator/domain": only, "discriminator/domain": only}
    labels = open_data("faces:count=24,size=16", labels="hair,glasses").domain
    return build("stargan-fast", **SMALL, labels=labels, plan=("labelled", unlabelled), terms=terms)


def test_labelled_images_and_images_without_labels_train_one_model_which_resumes_bit_by_bit(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    data = [open_data("faces:count=24,size=16", labels="hair,glasses"), open_data(folders["domains"], batch_kind="images")]
    run = train_and_resume(tmp_path, build_half_labelled, lambda: data, model=build_half_labelled())
    model = build_half_labelled()
    assert (str(model.batch_kind), model.can_translate, model.routes) == ("labelled", True, ())
    assert (run / "samples/step-00000002.png").is_file()


def test_a_step_needs_one_batch_for_each_plan() -> None:
    model = build_pairs_and_domains()
    with pytest.raises(PlanError, match=r"has 2 plans, but the number of batches is 1\. .* in this order: paired, unpaired\."):
        model.step(model.example_batch(2)[0])


def test_a_training_needs_one_data_set_for_each_plan(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has 2 plans, .*; found 1 data set\. .* in this order: paired, unpaired\."):
        fit(build_pairs_and_domains(), open_both(folders)[:1], tmp_path / "run", steps=1, progress=Silent())
    with pytest.raises(DataError, match='requires paired data; "domains" is unpaired'):
        fit(build_pairs_and_domains(), open_both(folders)[::-1], tmp_path / "run", steps=1, progress=Silent())


def test_several_plans_and_their_options_are_restored_from_json() -> None:
    recipe = build_pairs_and_domains().recipe
    again = restore(dump(recipe))
    assert (
        (again.plan, again.plan_options)
        == (recipe.plan, recipe.plan_options)
        == (("paired", "unpaired"), ({"domains": True}, {"directions": "both"}))
    )
    assert (again.plans, again.options_by_plan) == (recipe.plans, recipe.options_by_plan)


def test_the_options_of_another_number_of_plans_are_refused() -> None:
    with pytest.raises(OptionError, match="plan_options has 3 mappings for 2 plans"):
        build_pairs_and_domains(plan_options=({}, {}, {}))
