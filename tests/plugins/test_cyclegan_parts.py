"""CycleGAN's generator and recipes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from i2ikit import Code, CodeSpec, DomainSpec, ImageSpec, MapSpec, Model, StyleSpec, build, default_registry, load
from i2ikit.errors import BuildError, OptionError, SpecError
from i2ikit.nn.resample import Upsample, make_blur_pool
from i2ikit.testing import check_component
from i2ikit_cyclegan.generator import CycleGANGenerator

CODE = CodeSpec((MapSpec(3, 1),))
IMAGE = ImageSpec(3, 16, 24)
SMALL: dict[str, Any] = {"size": 16, "generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 2}}
VARIANTS = [name for name in default_registry().recipes() if name.startswith("cyclegan") or name in {"discogan", "dualgan"}]


def build_small(recipe: str = "cyclegan", **overrides: Any) -> Model:
    options = {name: value for name, value in SMALL.items() if recipe != "cyclegan-cycle-alone" or name != "discriminator"}
    return build(recipe, **{**options, **overrides})


@pytest.mark.parametrize(
    "options", [{"down": "blurred", "up": "bilinear"}, {"up": "nearest", "blocks": 0}, {"dropout": 0.5}, {"noise": 2}], ids=str
)
def test_the_generator_conforms_with_its_options(options: dict[str, Any]) -> None:
    assert "has_finite_gradients" in check_component("cyclegan_generator", **{"width": 4, "blocks": 1, **options}).passed


def test_the_antialiased_discriminator_conforms() -> None:
    assert "has_finite_gradients" in check_component("patch_discriminator", width=4, depth=2, antialiased=True).passed


@pytest.mark.parametrize("options", [{}, {"down": "blurred", "up": "bilinear"}, {"up": "nearest"}], ids=str)
@pytest.mark.parametrize("size", [(5, 5), (6, 9), (7, 13), (33, 18)])
def test_any_size_of_five_pixels_or_more_is_supported_and_preserved(size: tuple[int, int], options: dict[str, Any]) -> None:
    image = torch.rand(2, 3, *size) * 2 - 1
    generator = CycleGANGenerator(CODE, ImageSpec(3, *size), width=4, blocks=1, **options)
    fake = generator(Code((image,)))
    assert fake.shape == image.shape
    assert fake.abs().max() <= 1
    model = build_small(size=size, generator={"width": 4, "blocks": 1, **options}, discriminator={"width": 4, "depth": 0})
    assert model.translate(image, to="zebra").shape == image.shape


@pytest.mark.parametrize(("size", "blocks"), [((128, 128), 6), ((256, 256), 9), ((256, 512), 9), ((128, 256), 6), ((286, 286), 9)])
def test_the_default_number_of_blocks_is_that_of_the_paper(size: tuple[int, int], blocks: int) -> None:
    assert len(CycleGANGenerator(CODE, ImageSpec(3, *size), width=1).middle) == blocks


def test_the_networks_have_the_papers_number_of_parameters() -> None:
    model = build("cyclegan", rehearsal=False)
    counts = {name: sum(p.numel() for p in model.slot(name).parameters()) // 2 for name in ("generator", "discriminator")}
    assert counts == {"generator": 11_378_179, "discriminator": 2_764_737}


def test_initial_weights_are_distributed_as_in_the_paper() -> None:
    generator = CycleGANGenerator(CODE, IMAGE, width=32, blocks=2)
    for name, weight in generator.named_parameters():
        if name.endswith("bias"):
            assert not weight.any(), name
        else:
            assert weight.mean().abs() < 2e-3, name
            assert abs(weight.std() - 0.02) < 2e-3, name


def test_the_channels_of_a_conditioner_influence_the_output() -> None:
    generator = CycleGANGenerator(CODE.with_channels_added(2), IMAGE, width=4, blocks=1)
    maps = torch.rand(1, 5, 16, 24)
    changed = maps.clone()
    changed[:, 3:] = 0
    assert not torch.equal(generator(Code((maps,))), generator(Code((changed,))))


def test_blur_pooling_removes_stripes_of_one_pixel() -> None:
    stripes = torch.tensor([1.0, -1.0]).repeat(8).expand(1, 1, 16, 16)
    assert make_blur_pool()(stripes)[..., 1:].abs().max() < 1e-6
    assert torch.equal(make_blur_pool()(torch.ones(1, 2, 7, 9)), torch.ones(1, 2, 4, 5))


def test_bilinear_upsampling_equals_the_binomial_filter_inside_the_image() -> None:
    maps = torch.rand(1, 2, 6, 8)
    expected = F.interpolate(maps, scale_factor=2, mode="bilinear")
    torch.testing.assert_close(Upsample()(maps)[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2])


@pytest.mark.parametrize("options", [{"noise": 3}, {"dropout": 0.5}], ids=str)
def test_noise_and_dropout_vary_translations_at_inference_and_repeat_with_the_seed(options: dict[str, Any]) -> None:
    model = build_small(generator={"width": 4, "blocks": 1, **options})
    with torch.no_grad():
        for weight in model.nets.parameters():
            weight.mul_(10)
    image = model.example_batch(1)["images"]["horse"]
    one, same, other = (model.translate(image, to="zebra", seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert (one - other).abs().max() > 1e-3


def test_training_with_noise_is_reproducible_and_keeps_the_global_random_state() -> None:
    logs = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        model = build_small("cyclegan-noise", seed=3)
        before = torch.get_rng_state()
        logs.append(model.step(model.example_batch(2)))
        assert torch.equal(before, torch.get_rng_state())
    assert logs[0] == logs[1]


def test_the_generator_refuses_unsupported_codes_sizes_and_options() -> None:
    with pytest.raises(SpecError, match="sides of 5 pixels or more; found 4 x 16"):
        CycleGANGenerator(CODE, ImageSpec(3, 4, 16))
    with pytest.raises(SpecError, match=r'requires a code whose last map has stride 1; found .* Use "identity_encoder"'):
        CycleGANGenerator(CodeSpec((MapSpec(64, 4),)), IMAGE)
    with pytest.raises(SpecError, match=r"found style \[\d+\] and no maps"):
        CycleGANGenerator(CodeSpec(style=StyleSpec(8)), IMAGE)
    with pytest.raises(OptionError, match=r'up="bilinaer"\. Did you mean "bilinear"'):
        CycleGANGenerator(CODE, IMAGE, up="bilinaer")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r'down="max"\. Available: blurred, strided'):
        CycleGANGenerator(CODE, IMAGE, down="max")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"width=4, blocks=6, dropout=1.0, noise=0: .* dropout below 1"):
        CycleGANGenerator(CODE, IMAGE, width=4, dropout=1.0)


def test_labels_that_are_not_domains_are_refused() -> None:
    with pytest.raises(BuildError, match=r"one network per pair, .* one categorical attribute, .* found the attributes: male, young"):
        build_small(labels={"male": bool, "young": bool})


def test_domains_are_the_labels_of_the_model() -> None:
    model = build_small(domains=("photo", "monet"))
    assert model.domain == DomainSpec.parse(("photo", "monet"))
    assert {"photo", "monet"} == set(model.example_batch()["images"])


@pytest.mark.parametrize("recipe", VARIANTS)
def test_every_recipe_is_saved_and_loaded_with_its_terms(recipe: str, tmp_path: Any) -> None:
    model = build_small(recipe)
    model.step(model.example_batch(2))
    again = load(model.save(tmp_path / "saved"))
    assert again.recipe == model.recipe or again.recipe.players == model.recipe.players
    image = model.example_batch(1)["images"][model.domain.names[0]]
    fakes = [each.translate(image, to=model.domain.names[1]) for each in (model, again)]
    assert torch.equal(*fakes)


def test_the_settings_are_those_of_the_paper() -> None:
    recipe = default_registry().recipe("cyclegan")
    translator, discriminator = recipe.players
    assert (translator.name, discriminator.name) == ("translator", "discriminator")
    assert (translator.optimizer.lr, translator.optimizer.betas, translator.optimizer.eps) == (2e-4, (0.5, 0.999), 1e-8)
    assert discriminator.optimizer == translator.optimizer
    assert {name: term.weight for name, term in translator.terms.items()} == {"adversarial": 1.0, "cycle": 10.0}
    assert (discriminator.terms["adversarial"].weight, discriminator.pool) == (0.5, 50)
    assert (recipe.batch, recipe.image.height, recipe.schedule.kind, recipe.schedule.start) == (1, 256, "linear", 0.5)
    identity = default_registry().recipe("cyclegan-identity").player("translator").terms["identity"]
    assert identity.weight == 0.5 * translator.terms["cycle"].weight
