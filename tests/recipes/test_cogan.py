"""CoGAN equals its paper written by hand: one noise, two generators and two discriminators that share layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from core.toys.assembly import Calls, assert_equal, copy_nets, make_batch, minimise
from torch import Tensor
from torch.nn import functional as F

from i2ikit import Code, CodeSpec, ImageSpec, Model, RandomStreams, StyleSpec, build, load
from i2ikit.errors import BuildError, OptionError, PlanError
from i2ikit.testing import check_component

SMALL: dict[str, Any] = {"generator": {"width": 4}, "discriminator": {"width": 4}, "style": 8}


def build_cogan(**overrides: Any) -> Model:
    return build("cogan", **{"size": 16, "labels": ("a", "b"), **SMALL, **overrides}).double()


class Paper:
    """The sum of two GAN losses on the same noise; shared weights are one parameter each and get both gradients."""

    def __init__(self, model: Model) -> None:
        self.nets = copy_nets(model)
        adam = {"lr": 2e-4, "betas": (0.5, 0.999)}
        self.generators: Any = self.nets.generator
        self.discriminators: Any = self.nets.discriminator
        self.draw = torch.optim.Adam(self.generators.parameters(), **adam)
        self.discriminator_optimizer = torch.optim.Adam(self.discriminators.parameters(), **adam)

    def step(self, batch: dict[str, Tensor], noise: Tensor) -> None:
        fakes = {name: self.generators[name](Code(style=noise * 2 - 1)) for name in "ab"}
        score = {name: lambda image, name=name: self.discriminators[name](image).scores[0] for name in "ab"}
        games = [F.softplus(score[n](fakes[n].detach())).mean() + F.softplus(-score[n](batch[n])).mean() for n in "ab"]
        minimise(games[0] + games[1], self.discriminator_optimizer)
        minimise(torch.stack([F.softplus(-score[name](fakes[name])).mean() for name in "ab"]).sum(), self.draw)


def test_two_steps_equal_the_paper() -> None:
    model = build_cogan()
    paper, start = Paper(model), copy_nets(model)
    for index in range(2):
        batch, noise = make_batch(model, 4, seed=index), torch.rand(4, 8, generator=torch.Generator().manual_seed(index)).double()
        model.step(batch, draws={"style": noise})
        paper.step(batch["images"], noise)
    assert_equal(model, paper.nets, start)


def test_a_step_generates_once_per_domain_and_scores_fakes_twice() -> None:
    model = build_cogan()
    calls = Calls(model)
    model.step(make_batch(model, 4))
    assert calls.pop_counts()[0] == {"generator": 2, "discriminator": 6}


def test_first_layers_of_generators_and_last_layers_of_discriminators_are_shared_and_saved_once() -> None:
    model = build_cogan()
    generators: Any = model.slot("generator")
    discriminators: Any = model.slot("discriminator")
    assert generators["a"].trunk is generators["b"].trunk
    assert discriminators["a"].trunk is discriminators["b"].trunk
    assert generators["a"].head is not generators["b"].head
    names = [name for name, _ in model.nets.named_state()]
    assert any(name.startswith("generator.a.trunk") for name in names)
    assert not any(name.startswith(("generator.b.trunk", "discriminator.b.trunk")) for name in names)


def test_all_domains_are_generated_from_the_same_uniform_noise() -> None:
    model = build_cogan()
    batch = model.example_batch(64)
    one, other = model.plan(model.nets, batch, RandomStreams((0,)), True)
    assert (one.name, other.name) == ("a", "b")
    assert torch.equal(one.style, other.style)
    assert -1 <= float(one.style.min()) < -0.9
    assert 0.9 < float(one.style.max()) <= 1


def test_the_generator_has_the_sizes_of_the_paper() -> None:
    model = build("cogan", rehearsal=False)
    generators: Any = model.slot("generator")
    shapes = [tuple(module.weight.shape) for module in generators["dark"].modules() if isinstance(module, torch.nn.ConvTranspose2d)]
    assert shapes[0] == (100, 1024, 4, 4)
    assert [shape[1] for shape in shapes] == [1024, 512, 256, 128, 64, 32]


def test_an_image_is_translated_by_inversion() -> None:
    model = build_cogan().float()
    for index in range(2):
        model.step(model.example_batch(4, seed=index))
    noise = torch.rand(2, 8, generator=torch.Generator().manual_seed(3)) * 2 - 1
    image = model.sample(2, style=noise, domain="a")
    found = model.invert(image, of="noise", domain="a", steps=3, start=Code(style=noise))
    assert torch.equal(model.decode(found, domain="b"), model.sample(2, style=noise, domain="b"))


def test_translate_is_refused() -> None:
    model = build_cogan().float()
    assert model.routes == ()
    with pytest.raises(OptionError, match=r"generates images from noise.*model\.sample"):
        model.translate(torch.rand(1, 3, 16, 16), to="b", source="a")


def test_a_resumed_training_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    model, other = build_cogan(), build_cogan()
    for index in range(2):
        model.step(make_batch(model, 4, seed=index))
    other.restore_training_state(*model.training_state())
    for each in (model, other):
        each.step(make_batch(each, 4, seed=3))
    assert all(torch.equal(one, two) for one, two in zip(model.parameters(), other.parameters(), strict=True))
    saved = load(model.float().save(tmp_path / "model"))
    generators: Any = saved.slot("generator")
    assert generators["a"].trunk is generators["b"].trunk
    noise = torch.rand(2, 8)
    assert torch.equal(saved.sample(2, style=noise, domain="b"), model.sample(2, style=noise, domain="b"))


def test_unsupported_sizes_options_and_batches_are_named() -> None:
    with pytest.raises(BuildError, match=r"requires sides that can be halved until 4 to 8 pixels remain; found image \[3, 15, 16\]"):
        build_cogan(size=(15, 16))
    with pytest.raises(BuildError, match=r"unshared=3: .* unshared between 0 and 2"):
        build_cogan(generator={"width": 4, "unshared": 3})
    with pytest.raises(BuildError, match="requires one style vector, the noise; found no style and no maps"):
        build_cogan(style=0)
    with pytest.raises(PlanError, match=r'requires batch\["images"\]\["b"\], the images of that domain; found: a\.'):
        build_cogan().step({"images": {"a": torch.zeros(2, 3, 16, 16).double()}})


def test_three_domains_share_one_trunk() -> None:
    model = build_cogan(labels=("a", "b", "c"))
    model.step(make_batch(model, 4))
    generators: Any = model.slot("generator")
    assert generators["a"].trunk is generators["c"].trunk


@pytest.mark.parametrize("name", ["cogan_generator", "cogan_discriminator", "cogan_plan"])
def test_its_components_conform(name: str) -> None:
    options: dict[str, Any] = {"width": 4, "image": ImageSpec(3, 16, 16)} if name != "cogan_plan" else {}
    options |= {"code": CodeSpec(style=StyleSpec(8))} if name == "cogan_generator" else {}
    assert check_component(name, **options).passed
