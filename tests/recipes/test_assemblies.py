"""Systems that no bundled plugin has, as data of about ten lines: each trains, resumes bit for bit, is used, saved and loaded."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from recipes.assembly_parts import make_registry

from i2ikit import Code, Ema, Model, Optimizer, Player, Recipe, Schedule, Slot, Term, build, fit, load, open_data, resume

PATCHES = {"width": 4, "depth": 2}

LAZY = Optimizer(betas=(0.0, 0.99), lazy=True)

STYLEGAN2 = Recipe(
    "assembled_stylegan2",
    {
        "conditioner": Slot("mapping_to_w"),
        "generator": Slot("tiny_synthesis"),
        "discriminator": Slot("patch_discriminator", PATCHES, wrappers="adaptive_flip"),
    },
    "sampled",
    (
        Player(
            "discriminator", ("discriminator",),
            {"gan": Term("logistic_discriminator_loss"), "r1": Term("r1_loss", 160.0, every=16)}, optimizer=LAZY,
        ),
        Player(
            "translator", ("conditioner", "generator"),
            {"gan": Term("logistic_generator_loss"), "path": Term("path_length_loss", 8.0, every=4)}, optimizer=LAZY,
        ),
    ),
    plan_options={"style": 6, "mixing": 0.9},
    ema=Ema(half_life=50, ramp=0.05),
)  # fmt: skip

PSP = Recipe(
    "assembled_psp",
    {"encoder": Slot("pyramid_encoder"), "generator": Slot("tiny_synthesis", frozen=True)},
    "images",
    (Player("translator", ("encoder", "generator"), {"l2": Term("reconstruction_loss")}, optimizer=Optimizer("ranger")),),
)


def repeat(passes: dict[str, Any], losses: dict[str, str]) -> dict[str, Term]:
    """Return each loss for each pass, which is a turn of its own and updates some slots."""
    return {
        f"{name}_{each}": Term(loss, translations=each, turn=each, updates=updates)
        for each, updates in passes.items()
        for name, loss in losses.items()
    }


STARGAN2 = Recipe(
    "assembled_stargan2",
    {
        "encoder": Slot("identity_encoder"),
        "generator": Slot("styled_generator"),
        "discriminator": Slot("domain_discriminator"),
        "style_encoder": Slot("domain_style_encoder", role="encoder"),
        "mapping": Slot("domain_mapping", {"noise": 3}, role="conditioner", input="style"),
    },
    "two_passes",
    (
        Player(
            "discriminator", ("discriminator",),
            repeat({"latent": None, "by_reference": None}, {"gan": "logistic_discriminator_loss", "r1": "r1_loss"}),
        ),
        Player(
            "translator", ("generator", "style_encoder", "mapping"),
            repeat(
                {"latent": None, "by_reference": "generator"},
                {"gan": "logistic_generator_loss", "style": "style_of_fake_loss", "cycle": "cycle_loss"},
            )
            | {"diversity": Term("diversity_loss", Schedule("linear", start=0.0), translations="latent", turn="latent")},
        ),
    ),
    plan_options={"style": 4},
    labels=("long", "oval"),
)  # fmt: skip

LABELLED_ADAIN = Recipe(
    "labels_adain_pyramid",
    {
        "encoder": Slot("map_pyramid"),
        "conditioner": Slot("label_to_style"),
        "generator": Slot("munit_adain_decoder", {"blocks": 1, "hidden": 8}),
        "discriminator": Slot("stargan_discriminator", {"width": 4, "depth": 3}, wrappers="diff_augment"),
    },
    "labelled",
    (
        Player("discriminator", ("discriminator",), {"gan": Term("lsgan_discriminator_loss"), "domain": Term("domain_real_loss")}),
        Player(
            "translator", ("encoder", "conditioner", "generator"),
            {"gan": Term("lsgan_generator_loss"), "domain": Term("domain_fake_loss"), "cycle": Term("cycle_loss", 10.0)},
        ),
    ),
    labels=("long", "oval"),
)  # fmt: skip

RECIPES = (STYLEGAN2, PSP, STARGAN2, LABELLED_ADAIN)


@pytest.fixture(scope="module")
def gan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train the generator that pSp encodes into."""
    return train(build_small(STYLEGAN2), tmp_path_factory.mktemp("gan") / "run", steps=2)


def build_small(recipe: Recipe, gan: Path | None = None, **overrides: Any) -> Model:
    slots = {"slots": {"generator": {"weights": str(gan)}}} if recipe is PSP and gan else {}
    labels = {"labels": open_labelled().domain} if recipe.labels.width else {}
    return build(recipe, registry=make_registry(), size=16, batch=4, **labels, **slots, **overrides)


def open_labelled() -> Any:
    return open_data("faces:count=40,size=16", labels=["hair"])


def train(model: Model, run: Path, steps: int) -> Path:
    data = open_labelled() if model.domain.width else open_data("faces:count=40,size=16")
    fit(model, data, run, steps=steps, sample_every=0, checkpoint_every=2, keep=9, progress=None)
    return run


def get_state(model: Model) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.nets.state_dict().items()}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_it_trains_resumes_bit_for_bit_saves_and_loads(recipe: Recipe, gan: Path, tmp_path: Path) -> None:
    model = build_small(recipe, gan)
    start = get_state(model)
    whole = train(model, tmp_path / "whole", steps=4)
    changed = {name.split(".")[0] for name, tensor in get_state(model).items() if not torch.equal(tensor, start[name])}
    trained = {slot for player in model.recipe.players for slot in player.trains}
    assert trained - {"encoder"} <= changed
    interrupted = tmp_path / "interrupted"
    train(build_small(recipe, gan), interrupted, steps=4)
    shutil.rmtree(interrupted / "final")
    shutil.rmtree(interrupted / "checkpoints" / "step-00000004")
    resumed = resume(interrupted, registry=make_registry())
    final = load(whole, registry=make_registry())
    for name, tensor in get_state(resumed).items():
        assert torch.equal(tensor, final.nets.state_dict()[name]), name
    assert final.explain() == load(interrupted, registry=make_registry()).explain()


def test_stylegan2_follows_its_intervals_and_moves_the_probability_of_its_wrapper() -> None:
    model = build_small(STYLEGAN2)
    logs = [set(model.step(model.example_batch(4, seed=index))) for index in range(5)]
    assert [("discriminator/r1" in each, "translator/path" in each) for each in logs] == [
        (True, True),
        *[(False, False)] * 3,
        (False, True),
    ]
    [wrapper] = model.nets.get_wrappers("discriminator")
    assert 0 <= float(wrapper.probability) <= 1
    assert model.can_sample
    assert not model.can_translate


def test_stylegan2_samples_the_same_image_in_any_number_and_truncates_its_styles(gan: Path) -> None:
    model = load(gan, registry=make_registry())
    four, five = model.sample(4, seed=1), model.sample(5, seed=1, batch=2)
    torch.testing.assert_close(four[3], five[3])
    average = model.decode(Code(style=torch.randn(2, 6)), truncation=0.0)
    torch.testing.assert_close(average[0], average[1], rtol=0, atol=0.01)  # they differ by their noise only
    assert not torch.allclose(model.sample(4, seed=1, truncation=0.5), four)


def test_an_image_is_inverted_into_the_styles_of_stylegan2(gan: Path) -> None:
    model = load(gan, registry=make_registry())
    image = model.sample(1, seed=3)
    code = model.invert(image, steps=20, lr=0.1)
    start = model.decode(model.invert(image, steps=1, lr=0.1))
    assert (model.decode(code) - image).square().mean() < (start - image).square().mean()


def test_psp_encodes_into_the_frozen_generator_of_a_run(gan: Path) -> None:
    model = build_small(PSP, gan)
    assert model.recipe.slots["generator"].options == load(gan, registry=make_registry()).recipe.slots["generator"].options
    assert model.encoder.shape == (3, 4)
    assert model.can_translate
    image = torch.rand(1, 3, 16, 16) * 2 - 1
    code = model.encode(image)
    assert code.style is not None
    assert code.style.shape == (1, 3, 4)
    torch.testing.assert_close(model.decode(code), model.eval().translate(image), rtol=0, atol=0.01)


def test_psp_resumes_without_the_run_of_its_generator(gan: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(gan, tmp_path / "gan"))
    run = train(build_small(PSP, copy), tmp_path / "psp", steps=2)
    shutil.rmtree(copy)
    resumed = resume(run, registry=make_registry(), steps=3, allow=("recipe.steps",))
    assert resumed.steps_done == 3
    assert torch.equal(resumed.generator.start, load(gan, registry=make_registry()).generator.start)


def test_stylegan2_and_psp_are_stages_of_one_run_that_resumes_bit_for_bit(tmp_path: Path) -> None:
    first = STYLEGAN2.with_overrides(batch=4, steps=2)  # its size follows that of the last stage
    staged = PSP.with_overrides(slots={"generator": {"weights": "stage:gan"}}, steps=4, stages={"gan": first})
    data, options = open_data("faces:count=40,size=16"), {"sample_every": 0, "checkpoint_every": 2, "keep": 9, "registry": make_registry()}
    whole = fit(build_small(staged), data, tmp_path / "whole", **options)
    stylegan2 = load(tmp_path / "whole/stages/1-gan", registry=make_registry())
    assert torch.equal(whole.generator.start, stylegan2.generator.start)
    shutil.copytree(tmp_path / "whole", tmp_path / "interrupted")
    for removed in ("final", "stages/1-gan", "stages/2-assembled_psp/final", "stages/2-assembled_psp/checkpoints/step-00000004"):
        shutil.rmtree(tmp_path / "interrupted" / removed)
    resume(tmp_path / "interrupted", registry=make_registry())
    resumed = load(tmp_path / "interrupted", registry=make_registry())
    for name, tensor in get_state(whole).items():
        assert torch.equal(tensor, resumed.nets.state_dict()[name]), name


def test_the_weight_of_stargan2_s_diversity_decays_to_zero() -> None:
    term = STARGAN2.player("translator").terms["diversity"]
    assert [term.get_weight(done, 4) for done in range(5)] == [1.0, 0.75, 0.5, 0.25, 0.0]


def test_the_labelled_hybrid_translates_by_label() -> None:
    model = build_small(LABELLED_ADAIN)
    image = torch.rand(2, 3, 16, 16) * 2 - 1
    values = model.domain.attributes[0].choices
    one, other = (model(image, to=value) for value in values[:2])
    assert one.shape == image.shape
    assert not torch.allclose(one, other)


def test_stylegan2_samples_truncates_and_inverts() -> None:
    model = build_small(STYLEGAN2).train()
    model.step(model.example_batch(4))
    image = model.sample(2, seed=1)
    assert torch.allclose(image, model.sample(8, seed=1)[:2], atol=1e-5)
    average = model.sample(2, seed=1, truncation=0.0) - model.sample(2, seed=1, truncation=0.0, style=torch.zeros(6))
    assert float(average.abs().max()) < 1e-5
    code = model.invert(image, steps=20)
    assert code.style is not None
    assert code.style.shape == (2, 3, 4)
    start = model.invert(image, steps=1)
    assert (model.decode(code) - image).square().mean() < (model.decode(start) - image).square().mean()
