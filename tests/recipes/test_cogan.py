"""CoGAN equals its paper's game written by hand: one noise, two generators and two discriminators that share their deep layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from core.toys.assembly import Calls, assert_equal, batch_of, by_hand, minimise
from torch import Tensor
from torch.nn import functional as F

from i2ikit import Code, CodeSpec, ImageSpec, Model, RandomStreams, StyleSpec, build, load
from i2ikit.errors import BuildError, OptionError, PlanError, UnknownNameError
from i2ikit.testing import check_component
from i2ikit_cogan.inversion import draw, invert, translate

SMALL: dict[str, Any] = {"generator": {"width": 4}, "discriminator": {"width": 4}, "style": 8}


def cogan(**changes: Any) -> Model:
    return build("cogan", **{"size": 16, "labels": ("a", "b"), **SMALL, **changes}).double()


class Paper:
    """The sum of two games on one noise; shared weights are one parameter each, and get the gradients of both."""

    def __init__(self, model: Model) -> None:
        self.nets = by_hand(model)
        adam = {"lr": 2e-4, "betas": (0.5, 0.999)}
        self.generators: Any = self.nets.generator
        self.discriminators: Any = self.nets.discriminator
        self.draw = torch.optim.Adam(self.generators.parameters(), **adam)
        self.discriminator_optimizer = torch.optim.Adam(self.discriminators.parameters(), **adam)

    def round(self, batch: dict[str, Tensor], noise: Tensor) -> None:
        fakes = {name: self.generators[name](Code(style=noise * 2 - 1)) for name in "ab"}
        score = {name: lambda image, name=name: self.discriminators[name](image).scores[0] for name in "ab"}
        games = [F.softplus(score[n](fakes[n].detach())).mean() + F.softplus(-score[n](batch[n])).mean() for n in "ab"]
        minimise(games[0] + games[1], self.discriminator_optimizer)
        minimise(torch.stack([F.softplus(-score[name](fakes[name])).mean() for name in "ab"]).sum(), self.draw)


def test_two_steps_equal_the_paper() -> None:
    model = cogan()
    paper, start = Paper(model), by_hand(model)
    for index in range(2):
        batch, noise = batch_of(model, 4, seed=index), torch.rand(4, 8, generator=torch.Generator().manual_seed(index)).double()
        model.step(batch, draws={"style": noise})
        paper.round(batch, noise)
    assert_equal(model, paper.nets, start)


def test_a_step_draws_once_a_domain_and_scores_fakes_twice() -> None:
    model = cogan()
    calls = Calls(model)
    model.step(batch_of(model, 4))
    assert calls.take()[0] == {"generator": 2, "discriminator": 6}


def test_first_layers_of_generators_and_last_layers_of_discriminators_are_one_and_are_kept_once() -> None:
    model = cogan()
    generators: Any = model.slot("generator")
    discriminators: Any = model.slot("discriminator")
    assert generators["a"].trunk is generators["b"].trunk
    assert discriminators["a"].trunk is discriminators["b"].trunk
    assert generators["a"].head is not generators["b"].head
    names = [name for name, _ in model.nets.named_state()]
    assert any(name.startswith("generator.a.trunk") for name in names)
    assert not any(name.startswith(("generator.b.trunk", "discriminator.b.trunk")) for name in names)


def test_the_domains_are_drawn_from_one_noise_that_is_uniform() -> None:
    model = cogan()
    batch = model.example_batch(64)
    one, other = model.plan(model.nets, batch, RandomStreams((0,)), True)
    assert (one.name, other.name) == ("a", "b")
    assert torch.equal(one.style, other.style)
    assert -1 <= float(one.style.min()) < -0.9
    assert 0.9 < float(one.style.max()) <= 1


def test_the_paper_s_generator_has_its_sizes() -> None:
    model = build("cogan", rehearsal=False)
    generators: Any = model.slot("generator")
    shapes = [tuple(module.weight.shape) for module in generators["dark"].modules() if isinstance(module, torch.nn.ConvTranspose2d)]
    assert shapes[0] == (100, 1024, 4, 4)
    assert [shape[1] for shape in shapes] == [1024, 512, 256, 128, 64, 32]


def test_an_image_is_inverted_and_drawn_in_the_other_domain() -> None:
    model = cogan().float()
    for index in range(2):
        model.step(model.example_batch(4, seed=index))
    noise = torch.rand(2, 8, generator=torch.Generator().manual_seed(3)) * 2 - 1
    image = draw(model, noise, "a")
    before = [parameter.clone() for parameter in model.parameters()]
    model.zero_grad()
    found = invert(model, image, "a", steps=300, seed=1)
    assert (draw(model, found, "a") - image).square().mean() < 0.05 * (draw(model, -noise, "a") - image).square().mean()
    assert torch.equal(translate(model, image, "a", "b", steps=3), draw(model, invert(model, image, "a", steps=3), "b"))
    assert all(torch.equal(one, two) for one, two in zip(before, model.parameters(), strict=True))
    assert all(parameter.grad is None for parameter in model.parameters())
    assert model.training


def test_it_says_that_it_translates_nothing_by_itself() -> None:
    model = cogan().float()
    assert model.routes == ()
    with pytest.raises((PlanError, OptionError), match=r"no slot .encoder., so that no image can be|draws images from noise"):
        model.translate(torch.rand(1, 3, 16, 16), to="b", source="a")


def test_what_cannot_be_inverted_is_named() -> None:
    model = cogan().float()
    with pytest.raises(OptionError, match=r"are \[B, 3, 16, 16\], the model's own size; found \[1, 3, 8, 8\]"):
        invert(model, torch.zeros(1, 3, 8, 8), "a")
    with pytest.raises(UnknownNameError, match='No domain of this model is called "c"'):
        invert(model, torch.zeros(1, 3, 16, 16), "c")
    with pytest.raises(OptionError, match="1 step or more; 0 were asked for"):
        invert(model, torch.zeros(1, 3, 16, 16), "a", steps=0)
    other = build("stargan", size=16, labels={"male": bool}, generator={"width": 4}, discriminator={"width": 4})
    with pytest.raises(OptionError, match='"stargan" draws from no noise'):
        invert(other, torch.zeros(1, 3, 16, 16), "a")


def test_it_resumes_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    model, other = cogan(), cogan()
    for index in range(2):
        model.step(batch_of(model, 4, seed=index))
    other.restore_training_state(*model.training_state())
    for each in (model, other):
        each.step(batch_of(each, 4, seed=3))
    assert all(torch.equal(one, two) for one, two in zip(model.parameters(), other.parameters(), strict=True))
    saved = load(model.float().save(tmp_path / "model"))
    generators: Any = saved.slot("generator")
    assert generators["a"].trunk is generators["b"].trunk
    noise = torch.rand(2, 8)
    assert torch.equal(draw(saved, noise, "b"), draw(model, noise, "b"))


def test_what_cannot_be_is_named() -> None:
    with pytest.raises(BuildError, match=r"needs sides that can be halved down to some 4 to 8 pixels; found image \[3, 15, 16\]"):
        cogan(size=(15, 16))
    with pytest.raises(BuildError, match="own=3: needed are 1, 1 and 0 or more, own at most 2 here"):
        cogan(generator={"width": 4, "unshared": 3})
    with pytest.raises(BuildError, match="draws from one style vector, the noise, but is given no maps and no style"):
        cogan(style=0)
    with pytest.raises(PlanError, match=r'needs batch\["b"\], images of that domain; this batch has: a'):
        cogan().step({"a": torch.zeros(2, 3, 16, 16).double()})


def test_three_domains_share_one_trunk() -> None:
    model = cogan(labels=("a", "b", "c"))
    model.step(batch_of(model, 4))
    generators: Any = model.slot("generator")
    assert generators["a"].trunk is generators["c"].trunk


@pytest.mark.parametrize("name", ["cogan_generator", "cogan_discriminator", "cogan_plan"])
def test_its_parts_conform(name: str) -> None:
    options: dict[str, Any] = {"width": 4, "image": ImageSpec(3, 16, 16)} if name != "cogan_plan" else {}
    options |= {"code": CodeSpec(style=StyleSpec(8))} if name == "cogan_generator" else {}
    assert check_component(name, **options).passed
