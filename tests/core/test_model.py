"""Models: saving and loading, shared parts, and the text of ``explain``."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from attrs import evolve
from core.small_systems import BICYCLEGAN, CYCLEGAN, MUNIT, STARGAN
from core.test_build import TOYS
from core.toys.assembly import assemble, assert_equal, copy_nets, make_batch, make_registry
from safetensors.torch import load_file
from torch import nn

from i2ikit import Code, DiscriminatorOutput, Model, Recipe, Slot, build, load
from i2ikit.core.batch_kinds import map_tensors
from i2ikit.core.code import ConditionedCode, Posterior
from i2ikit.errors import PlanError
from i2ikit_bicyclegan.plan import two_styles

SHARED: dict[str, Any] = {"encoder": Slot("toy_content_and_style", per="domain", shared=("content",))}


def build_in_single_precision(recipe: Recipe, **overrides: Any) -> Model:
    """Build a recipe in single precision, as models are loaded."""
    return build(recipe, registry=make_registry(), **overrides)


@pytest.mark.parametrize("recipe", TOYS, ids=lambda recipe: recipe.name)
def test_a_loaded_model_has_the_same_weights_and_trains_like_the_saved_one(recipe: Recipe, tmp_path: Path) -> None:
    model = build_in_single_precision(recipe)
    model.step(model.example_batch(4))
    model.save(tmp_path / "model")
    again = load(tmp_path / "model", registry=make_registry())
    assert again.steps_done == 1
    assert again.recipe == model.recipe
    for (name, own), other in zip(model.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(own, other), name
    again.restore_training_state(*copy.deepcopy(model.training_state()))
    for each in (model, again):
        each.step(each.example_batch(4, seed=1))
    for (name, own), other in zip(model.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(own, other), name


def test_a_shared_part_is_one_module_that_is_optimised_once_and_saved_once(tmp_path: Path) -> None:
    model = build_in_single_precision(MUNIT, **SHARED)
    encoders = model.slot("encoder")
    assert encoders.get_submodule("a.content") is encoders.get_submodule("b.content")
    model.step(model.example_batch(4))
    weight = encoders.get_parameter("a.content.weight")
    optimised = [p for group in model.optimizer(model.recipe.player("translator")).param_groups for p in group["params"]]
    assert sum(p is weight for p in optimised) == 1
    model.save(tmp_path / "model")
    names = [name for name in load_file(tmp_path / "model" / "weights.safetensors") if "content.weight" in name]
    assert names == ["nets.encoder.a.content.weight"]
    again = load(tmp_path / "model", registry=make_registry()).slot("encoder")
    assert again.get_submodule("a.content") is again.get_submodule("b.content")
    assert torch.equal(again.get_parameter("b.content.weight"), weight)


def test_a_shared_part_receives_the_gradient_of_every_domain() -> None:
    model = assemble(MUNIT, **SHARED)
    nets, start = copy_nets(model), copy_nets(model)
    assert nets.encoder["a"].content is nets.encoder["b"].content
    model.step(make_batch(model))
    assert_equal(model, model.nets, start)


def test_an_unknown_part_to_share_is_refused() -> None:
    with pytest.raises(Exception, match=r'No part to share is called "contnt"\. Did you mean "content"'):
        assemble(MUNIT, encoder=Slot("toy_content_and_style", per="domain", shared=("contnt",)))


def test_a_model_whose_plan_is_a_function_is_loaded_without_it_and_names_it_in_training(tmp_path: Path) -> None:
    build_in_single_precision(BICYCLEGAN, plan=two_styles).save(tmp_path / "model")
    again = load(tmp_path / "model", registry=make_registry())
    with pytest.raises(PlanError, match='the function "two_styles", was not saved'):
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
    model.step(map_tensors(model.example_batch(2), torch.Tensor.double))


def test_the_explanation_contains_slots_shapes_terms_views_and_players() -> None:
    text = assemble(STARGAN).explain()
    for line in (
        "conditioner    stargan_conditioner",
        "maps [9 channels, stride 1] and no style",
        "translator/cycle = cycle_loss",
        "encoder, conditioner, generator",
        "hair=black, hair=blond, hair=brown, glad, mask:hair, mask:mood",
        "random: this model has not been trained",
    ):
        assert line in text
    [row] = [line for line in text.splitlines() if line.startswith("discriminator/adversarial")]
    assert "discriminate(reference), discriminate(fake)" in row
    [row] = [line for line in text.splitlines() if line.startswith("translator/cycle")]
    assert "2 steps  cycle " in row
    assert "pool of 50 past fakes" in assemble(CYCLEGAN).explain()


def test_the_explanation_of_a_loaded_model_has_the_views_and_the_steps_of_its_training(tmp_path: Path) -> None:
    model = build("pix2pix", size=32, source_channels=5, source_content="label_map", generator={"width": 4}, discriminator={"width": 4})
    model.steps_done = 3
    built, loaded = model.explain(), load(model.save(tmp_path / "model")).explain()
    assert loaded == built
    assert "images   [3, 32, 32] in [-1, 1]\nsources  [5, 32, 32], label map\n" in loaded
    assert "weights        trained for 3 steps" in loaded


def test_a_weight_without_gradient_is_named_in_the_explanation() -> None:
    model = assemble(evolve(STARGAN, name="headless"), terms={"discriminator/domain": None, "translator/domain": None})
    assert model.unreached_weights == ["discriminator.domain.weight"]
    assert "no gradient reaches discriminator.domain.weight" in model.explain()


def test_the_text_of_a_code_has_shapes() -> None:
    code = Code((torch.ones(2, 4, 8, 8), torch.ones(2, 8, 4, 4)), torch.ones(2, 3), Posterior(torch.ones(2, 3), torch.ones(2, 3)))
    assert repr(code) == "Code(maps [2, 4, 8, 8], [2, 8, 4, 4], style [2, 3], posterior [2, 3])"
    assert str(ConditionedCode(style=None)) == "ConditionedCode(maps none, style none)"


def test_the_text_of_a_discriminator_output_has_shapes_and_mean_scores() -> None:
    scores = (torch.ones(2, 1, 4, 4) * 0.5, torch.zeros(2, 1))
    output = DiscriminatorOutput(scores, torch.zeros(2, 5), ((torch.zeros(2, 8, 4, 4),) * 3, ()))
    assert str(output) == "DiscriminatorOutput(scores [2, 1, 4, 4] mean 0.5, [2, 1] mean 0, domain_logits [2, 5], features 3, 0)"
    assert repr(DiscriminatorOutput((torch.ones(1, 1, device="meta"),))) == "DiscriminatorOutput(scores [1, 1], domain_logits none)"
