"""Models: saved and loaded, with shared parts, and told in words."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from attrs import evolve
from core.test_build import ALL
from core.test_toy_bicyclegan import BICYCLEGAN
from core.test_toy_cyclegan import CYCLEGAN
from core.test_toy_munit import MUNIT
from core.test_toy_stargan import STARGAN
from core.toys.assembly import assemble, assert_equal, batch_of, by_hand, registry
from core.toys.special import two_styles
from safetensors.torch import load_file
from torch import nn

from i2ikit import DiscriminatorOutput, Model, Recipe, Slot, build, load
from i2ikit.errors import PlanError

SHARED: dict[str, Any] = {"encoder": Slot("toy_content_and_style", per="domain", shared=("content",))}


def single(recipe: Recipe, **changes: Any) -> Model:
    """Build in single precision, as files are read."""
    return build(recipe, registry=registry(), size=8, **changes)


@pytest.mark.parametrize("recipe", ALL, ids=lambda recipe: recipe.name)
def test_a_loaded_model_has_the_weights_and_goes_on_as_the_saved_one(recipe: Recipe, tmp_path: Path) -> None:
    model = single(recipe)
    model.step(model.example_batch(4))
    model.save(tmp_path / "model")
    again = load(tmp_path / "model", registry=registry())
    assert again.steps_done == 1
    assert again.recipe == model.recipe
    for (name, own), other in zip(model.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(own, other), name
    again.restore_training_state(*copy.deepcopy(model.training_state()))
    for each in (model, again):
        each.step(each.example_batch(4, seed=1))
    for (name, own), other in zip(model.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(own, other), name


def test_a_shared_part_is_one_module_is_optimised_once_and_saved_once(tmp_path: Path) -> None:
    model = single(MUNIT, **SHARED)
    encoders = model.slot("encoder")
    assert encoders.get_submodule("a.content") is encoders.get_submodule("b.content")
    model.step(model.example_batch(4))
    weight = encoders.get_parameter("a.content.weight")
    held = [p for group in model.optimizer(model.recipe.player("translator")).param_groups for p in group["params"]]
    assert sum(p is weight for p in held) == 1
    model.save(tmp_path / "model")
    names = [name for name in load_file(tmp_path / "model" / "weights.safetensors") if "content.weight" in name]
    assert names == ["nets.encoder.a.content.weight"]
    again = load(tmp_path / "model", registry=registry()).slot("encoder")
    assert again.get_submodule("a.content") is again.get_submodule("b.content")
    assert torch.equal(again.get_parameter("b.content.weight"), weight)


def test_a_shared_part_gets_the_gradient_of_every_domain() -> None:
    model = assemble(MUNIT, **SHARED)
    nets, start = by_hand(model), by_hand(model)
    assert nets.encoder["a"].content is nets.encoder["b"].content
    model.step(batch_of(model))
    assert_equal(model, model.nets, start)


def test_sharing_a_part_that_the_net_does_not_have_is_refused() -> None:
    with pytest.raises(Exception, match=r'No part to share is called "contnt"\. Did you mean "content"'):
        assemble(MUNIT, encoder=Slot("toy_content_and_style", per="domain", shared=("contnt",)))


def test_a_plan_given_as_a_function_is_named_by_the_file_and_missed_only_in_training(tmp_path: Path) -> None:
    single(BICYCLEGAN, plan=two_styles).save(tmp_path / "model")
    again = load(tmp_path / "model", registry=registry())
    with pytest.raises(PlanError, match='was trained with the plan function "two_styles", which a file cannot hold'):
        again.step({"image": torch.zeros(2, 3, 8, 8), "target": torch.zeros(2, 3, 8, 8)})


def test_networks_of_losses_are_frozen_and_stay_in_eval_mode() -> None:
    class Frozen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Dropout())

        def forward(self, t: Any) -> Any:
            return self.net(t.fake).square().mean()

    from i2ikit import Term

    model = assemble(STARGAN, terms={"translator/features": Term(Frozen)})
    model.train()
    [frozen] = model.loss_modules.values()
    assert not any(p.requires_grad for p in frozen.parameters())
    assert not any(module.training for module in frozen.modules())
    model.step({name: tensor.double() for name, tensor in model.example_batch(2).items()})


def test_the_explanation_shows_slots_shapes_terms_views_and_owners() -> None:
    said = assemble(STARGAN).explain()
    for line in (
        "conditioner    toy_planes",
        "maps [9 channels, stride 1] and no style",
        "translator/cycle = toy_cycle",
        "encoder, conditioner, generator",
        "hair=black, hair=blond, hair=brown, glad, mask:hair, mask:mood",
        "random: this model has not been trained",
    ):
        assert line in said
    [row] = [line for line in said.splitlines() if line.startswith("discriminator/adversarial")]
    assert "discriminator_output(fake, discriminator), discriminator_output(reference, discriminator)" in row
    [row] = [line for line in said.splitlines() if line.startswith("translator/cycle")]
    assert "2 steps  cycle " in row
    assert "shown a pool of 50 past fakes" in assemble(CYCLEGAN).explain()


def test_an_untrained_weight_is_named_in_the_explanation() -> None:
    model = assemble(evolve(STARGAN, name="headless"), terms={"discriminator/domain": None, "translator/domain": None})
    assert model.idle == ["discriminator.head.weight", "discriminator.head.bias"]
    assert "untrained  no term reaches discriminator.head.weight, discriminator.head.bias" in model.explain()


def test_a_printed_output_is_a_line_of_shapes_and_mean_scores() -> None:
    scores = (torch.ones(2, 1, 4, 4) * 0.5, torch.zeros(2, 1))
    output = DiscriminatorOutput(scores, torch.zeros(2, 5), ((torch.zeros(2, 8, 4, 4),) * 3, ()))
    assert str(output) == "DiscriminatorOutput(scores [2, 1, 4, 4] mean 0.5, [2, 1] mean 0, domain_logits [2, 5], features 3, 0)"
    assert repr(DiscriminatorOutput((torch.ones(1, 1, device="meta"),))) == "DiscriminatorOutput(scores [1, 1], domain_logits none)"
