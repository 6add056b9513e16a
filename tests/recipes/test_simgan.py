"""SimGAN and feature loss + GAN equal their papers written by hand; they translate in one direction, resume and are saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from core.toys.assembly import Calls, assert_equal, copy_nets, make_batch, minimise
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from i2ikit import Code, Model, Term, build, load
from i2ikit.errors import BuildError, OptionError, SpecError
from i2ikit.testing import check_component

SMALL: dict[str, Any] = {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 2}}


@pytest.fixture(scope="module")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of random VGG-16 weights up to relu2_1, with torchvision's names."""
    path = tmp_path_factory.mktemp("vgg") / "vgg16.safetensors"
    sizes = {0: (64, 3), 2: (64, 64), 5: (128, 64)}
    generator = torch.Generator().manual_seed(0)
    weights = {f"features.{place}.weight": torch.randn(*size, 3, 3, generator=generator) * 0.05 for place, size in sizes.items()}
    save_file(weights | {f"features.{place}.bias": torch.zeros(size[0]) for place, size in sizes.items()}, path)
    return str(path)


def build_simgan(**overrides: Any) -> Model:
    return build("simgan", **{"size": (16, 20), **SMALL, **overrides}).double()


def build_feature_loss(vgg: str, **overrides: Any) -> Model:
    terms = {"translator/feature": {"weights": vgg, "layer": "relu2_1"}}
    return build("feature-loss-gan", **{"size": 16, "terms": terms, **SMALL, **overrides}).double()


class Paper:
    """Algorithm 1 with two refiner steps per discriminator step, and an image pool written by hand."""

    def __init__(self, model: Model, pool: int, rate: float = 2e-4) -> None:
        self.nets, self.size, self.past = copy_nets(model), pool, list[Tensor]()
        self.discriminator = self.nets.discriminator
        self.optimizers = [
            torch.optim.Adam(net.parameters(), lr=rate, betas=(0.5, 0.999)) for net in (self.nets.generator, self.discriminator)
        ]

    def refine(self, image: Tensor) -> Tensor:
        fake: Tensor = self.nets.generator(Code((image,)))
        return fake

    def score(self, image: Tensor) -> Tensor:
        score: Tensor = self.discriminator(image).scores[0]
        return score

    def exchange(self, fake: Tensor, draws: dict[str, Tensor]) -> Tensor:
        rows = []
        for image, coin, where in zip(fake, draws["pool/chance"], draws["pool/place"], strict=True):
            rows.append(image)
            if len(self.past) < self.size:
                self.past.append(image)
            elif coin > 0.5:
                place = int(where * self.size)
                rows[-1], self.past[place] = self.past[place], image
        return torch.stack(rows)


def make_pool_draws(rows: int, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {f"pool/{what}": torch.rand(rows, generator=generator).double() for what in ("chance", "place")}


def test_four_steps_equal_algorithm_1() -> None:
    model = build_simgan(players={"discriminator": {"pool": 2}})
    paper, start = Paper(model, 2), copy_nets(model)
    for index in range(4):
        batch, draws = make_batch(model, 3, seed=index), make_pool_draws(3, index)
        model.step(batch, draws=draws)
        fake = paper.refine(batch["images"]["synthetic"])
        total = F.softplus(-paper.score(fake)).mean() + 10 * (fake - batch["images"]["synthetic"]).abs().mean()
        minimise(total, paper.optimizers[0])
        if index % 2:
            pooled = paper.exchange(fake.detach(), draws)
            minimise(F.softplus(paper.score(pooled)).mean() + F.softplus(-paper.score(batch["images"]["real"])).mean(), paper.optimizers[1])
    assert_equal(model, paper.nets, start, smallest_change=1e-8)
    assert torch.allclose(model.get_buffer("pools.discriminator__synthetic_to_real.images"), torch.stack(paper.past), atol=1e-10, rtol=0)


def test_two_steps_of_feature_loss_equal_the_paper(vgg: str) -> None:
    model = build_feature_loss(vgg)
    paper, start = Paper(model, 50), copy_nets(model)
    features: Any = model.get_submodule("loss_modules.translator__feature.features")
    for index in range(2):
        batch = make_batch(model, 1, seed=index)
        model.step(batch)
        fake = paper.refine(batch["images"]["labels"])
        gap = (features(fake)[0] - features(batch["images"]["labels"])[0]).abs().mean()
        minimise((paper.score(fake) - 1).square().mean() + 10 * gap, paper.optimizers[0])
        total = paper.score(fake.detach()).square().mean() + (paper.score(batch["images"]["photo"]) - 1).square().mean()
        minimise(0.5 * total, paper.optimizers[1])
    assert_equal(model, paper.nets, start)


def test_a_step_refines_once_and_the_discriminator_is_trained_every_second_step() -> None:
    model = build_simgan()
    calls = Calls(model)
    model.step(make_batch(model, 2))
    assert calls.pop_counts()[0] == {"encoder": 1, "generator": 1, "discriminator": 1}
    model.step(make_batch(model, 2))
    assert calls.pop_counts()[0] == {"encoder": 1, "generator": 1, "discriminator": 3}


def test_it_translates_in_one_direction_and_preserves_the_size() -> None:
    model = build_simgan().float()
    assert model.routes == (("synthetic", "real"),)
    image = torch.rand(2, 1, 7, 33)
    assert model.translate(image, to="real").shape == image.shape


def test_the_refiner_has_the_sizes_of_the_paper() -> None:
    model = build("simgan", rehearsal=False)
    shapes = [tuple(weight.shape) for name, weight in model.slot("generator").named_parameters() if name.endswith("weight")]
    assert shapes == [(64, 1, 3, 3), *[(64, 64, 3, 3)] * 8, (1, 64, 1, 1)]
    assert (model.image.height, model.image.width, model.image.channels) == (35, 55, 1)


def test_the_refiner_consists_of_residual_blocks_between_two_convolutions() -> None:
    model = build_simgan().float()
    weights = dict(model.slot("generator").named_parameters())

    def convolve(name: str, maps: Tensor, padding: int = 1) -> Tensor:
        return F.conv2d(maps, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=padding)

    image = torch.rand(1, 1, 9, 7)
    maps = convolve("first", image).relu()
    maps = (maps + convolve("blocks.0.second", convolve("blocks.0.first", maps).relu())).relu()
    assert torch.allclose(model.translate(image, to="real"), convolve("draw", maps, 0).tanh(), atol=1e-6)


def test_the_refiner_has_a_small_receptive_field() -> None:
    model = build_simgan().float()
    image = torch.zeros(1, 1, 16, 20)
    spot = image.clone()
    spot[..., 2, 3] = 1
    change = (model.translate(spot, to="real") - model.translate(image, to="real")).abs()[0, 0]
    assert change[:6, :7].max() > 0
    assert change[6:].max() == change[:, 7:].max() == 0


@pytest.mark.parametrize("transform", ["image", "derivatives", "colour"])
def test_each_transform_of_self_regularization_equals_the_paper(transform: str) -> None:
    model = build_simgan(terms={"translator/self": {"transform": transform}}).float()
    batch = model.example_batch(2)
    fake, real = model.translate(batch["images"]["synthetic"], to="real"), batch["images"]["synthetic"]
    expected = {
        "image": (fake - real).abs().mean(),
        "derivatives": (fake.diff(dim=2) - real.diff(dim=2)).abs().mean() + (fake.diff(dim=3) - real.diff(dim=3)).abs().mean(),
        "colour": (fake.mean((2, 3)) - real.mean((2, 3))).abs().mean(),
    }
    assert torch.allclose(model.step(batch)["translator/self"], expected[transform])


def test_a_resumed_training_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    model, other = build_simgan(), build_simgan()
    for index in range(3):
        model.step(make_batch(model, 2, seed=index))
    other.restore_training_state(*model.training_state())
    for each in (model, other):
        each.step(make_batch(each, 2, seed=3))
    assert all(torch.equal(one, two) for one, two in zip(model.parameters(), other.parameters(), strict=True))
    saved = load(model.float().save(tmp_path / "model"))
    image = torch.rand(1, 1, 16, 20)
    assert torch.equal(saved.translate(image, to="real"), model.translate(image, to="real"))


def test_a_saved_model_contains_its_trained_features(vgg: str, tmp_path: Path) -> None:
    copy = tmp_path / "moved.safetensors"
    copy.write_bytes(Path(vgg).read_bytes())
    model = build_feature_loss(str(copy)).float()
    model.step(model.example_batch(1))
    folder = model.save(tmp_path / "model")
    copy.unlink()
    saved = load(folder)
    batch = model.example_batch(1, seed=5)
    assert saved.step(batch)["translator/feature"] == model.step(batch)["translator/feature"]


def test_simgan_on_the_networks_of_cyclegan_is_one_override() -> None:
    model = build("feature-loss-gan", size=16, terms={"translator/feature": Term("self_regularization_loss", 10.0)}, **SMALL)
    assert "translator/feature" in model.step(model.example_batch(1))


def test_feature_loss_without_weights_names_the_remedy() -> None:
    with pytest.raises(
        BuildError, match=r'requires a file with trained VGG-16 weights; found none. Pass it: build\(..., terms=\{"translator/feature"'
    ):
        build("feature-loss-gan")
    with pytest.raises(BuildError, match=r'"nowhere.pth" is missing'):
        build("feature-loss-gan", size=16, terms={"translator/feature": {"weights": "nowhere.pth"}}, **SMALL)


def test_unsupported_options_are_named(vgg: str) -> None:
    with pytest.raises(BuildError, match=r'self_regularization_loss.transform" is "picture". Available: colour, derivatives, image'):
        build_simgan(terms={"translator/self": {"transform": "picture"}})
    with pytest.raises(BuildError, match=r"width=0, blocks=1, kernel=3: width must be 1 or more"):
        build_simgan(generator={"width": 0, "blocks": 1})
    with pytest.raises(BuildError, match="requires images of 1 or 3 channels; found 4"):
        build_feature_loss(vgg, channels=4)
    with pytest.raises((BuildError, SpecError, OptionError), match="requires a code whose last map has stride 1"):
        build_simgan(encoder=None, style=4)


@pytest.mark.parametrize("name", ["simgan_refiner", "self_regularization_loss", "feature_regularization_loss"])
def test_its_components_conform(name: str, vgg: str) -> None:
    options: dict[str, Any] = {"simgan_refiner": {"width": 4}, "feature_regularization_loss": {"weights": vgg, "layer": "relu1_2"}}
    assert check_component(name, **options.get(name, {})).passed


def test_refiners_for_both_directions_are_one_override() -> None:
    slots = {"generator": {"per": "pair"}, "discriminator": {"per": "domain"}}
    model = build_simgan(slots=slots, plan_options={"directions": "both"})
    assert model.routes == (("synthetic", "real"), ("real", "synthetic"))
    model.step(make_batch(model, 2))
