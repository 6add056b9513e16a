"""Recipes that ``build`` refuses, and its error messages."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from attrs import evolve
from core.small_systems import BICYCLEGAN, CYCLEGAN, MUNIT, STARGAN
from core.test_toy_cut import CUT
from core.test_toy_psp import PSP
from core.test_toy_stargan2 import STARGAN2
from core.test_toy_stylegan2 import STYLEGAN2
from core.toys.assembly import assemble, make_batch, make_registry
from torch import Tensor, nn

from i2ikit import Attribute, CodeSpec, Component, DomainSpec, LabelSet, Player, Recipe, Slot, Term, Translation, build, hookimpl
from i2ikit.errors import BuildError, LabelError, OptionError, UnknownNameError
from i2ikit_bicyclegan.plan import two_styles

TOYS = (PSP, STYLEGAN2, CUT, STARGAN2)
ALL = (STARGAN, CYCLEGAN, MUNIT, BICYCLEGAN, *TOYS)


def list_problems(recipe: Recipe, **overrides: Any) -> tuple[str, ...]:
    with pytest.raises(BuildError) as caught:
        assemble(recipe, **overrides)
    return caught.value.problems


@pytest.mark.parametrize("recipe", ALL, ids=lambda recipe: recipe.name)
def test_every_system_trains_on_its_example_batch_and_every_weight_has_a_gradient(recipe: Recipe) -> None:
    model = assemble(recipe)
    # only the style layer of the encoder in toy_cut is not used by any term
    assert not [name for name in model.unreached_weights if not name.startswith("encoder.style.")]
    assert all(torch.isfinite(value) for value in model.step(make_batch(model)).values())


@pytest.mark.parametrize("recipe", TOYS, ids=lambda recipe: recipe.name)
def test_equal_seeds_give_equal_weights_and_do_not_change_the_global_random_state(recipe: Recipe) -> None:
    state = torch.random.get_rng_state()
    one, two, other = assemble(recipe), assemble(recipe), assemble(recipe, seed=1)
    assert torch.equal(torch.random.get_rng_state(), state)
    pairs = zip(one.nets.parameters(), two.nets.parameters(), other.nets.parameters(), strict=True)
    same = [(torch.equal(own, again), torch.equal(own, third)) for own, again, third in pairs]
    assert all(equal for equal, _ in same)
    assert not all(equal for _, equal in same)


def test_a_label_without_influence_on_the_image_is_refused() -> None:
    [problem] = list_problems(STARGAN, conditioner=None)
    assert problem.startswith("The target label has no influence on the fake in encoder=identity_encoder, generator=stargan_generator, ")
    assert "Add a conditioner" in problem


@pytest.mark.parametrize("recipe", [MUNIT, BICYCLEGAN, STARGAN2], ids=lambda recipe: recipe.name)
def test_a_style_without_influence_on_the_image_is_refused(recipe: Recipe) -> None:
    found = list_problems(recipe, generator=Slot("toy_painter", {"styled": False}))
    assert any(problem.startswith("The target style has no influence on the fake in encoder=") for problem in found)


def test_several_wrong_names_are_reported_together() -> None:
    found = list_problems(
        STARGAN,
        generator="stargan_generater",
        plan_options={"stile": 3},
        terms={"discriminator/domain": {"loss": "domain_reel_loss"}, "translator/cycle": {"updates": ("generatr",)}},
    )
    assert 'Did you mean "stargan_generator"' in found[0]
    assert 'Did you mean "style"?' in found[1]
    assert 'No loss is called "domain_reel_loss". Did you mean "domain_real_loss"' in found[2]
    assert found[3].startswith('Term "translator/cycle" updates "generatr", which player "translator" does not train.')
    assert len(found) == 4


def test_several_wrong_options_are_reported_together() -> None:
    found = list_problems(STARGAN, generator={"widht": 3}, discriminator={"dept": 2})
    assert found == (
        'Slot "generator": No option of "stargan_generator" is called "widht". Did you mean "width"?',
        'Slot "discriminator": No option of "stargan_discriminator" is called "dept". Did you mean "depth"?',
    )


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"generatr": {"width": 3}}, 'No setting of recipe "stargan" is called "generatr". Did you mean "generator"'),
        ({"terms": {"translator/cycl": 1.0}}, 'No term is called "translator/cycl". Did you mean "translator/cycle"'),
        ({"players": {"discriminatr": {"every": 2}}}, 'No player is called "discriminatr". Did you mean "discriminator"'),
        ({"players": {"discriminator": {"evry": 2}}}, 'No setting of a player is called "evry". Did you mean "every"'),
    ],
)
def test_a_misspelled_override_is_corrected(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        assemble(STARGAN, **overrides)


def test_a_misspelled_plan_is_corrected_from_core_and_registered_plans() -> None:
    [problem] = list_problems(STARGAN, plan="labeled")
    assert problem.startswith('No plan is called "labeled". Did you mean "labelled"')
    [problem] = list_problems(STARGAN, plan="toy_two_passe")
    assert problem.startswith('No plan is called "toy_two_passe". Did you mean "toy_two_passes"')


def test_a_plan_may_be_a_function_with_a_batch_kind() -> None:
    model = assemble(BICYCLEGAN, plan=two_styles)
    assert model.batch_kind.name == "paired"
    model.step(make_batch(model))

    def unmarked(nets: Any, batch: Any, streams: Any, requires_grad: bool) -> list[Translation]:
        return []

    [problem] = list_problems(PSP, plan=unmarked)
    assert problem.startswith('Plan "unmarked" has no batch kind.')
    assert '@batch_kind("labelled")' in problem


def test_an_unknown_translation_is_refused_at_build_time() -> None:
    [problem] = list_problems(BICYCLEGAN, terms={"translator/l1": {"translations": ("encodd",)}})
    assert problem == 'No translation is called "encodd". Did you mean "encoded"?'


def test_a_slot_that_no_player_trains_is_refused() -> None:
    [problem] = list_problems(evolve(STARGAN, players=STARGAN.players[:1]))
    assert problem.startswith('Slot "generator" has weights, but no player trains it.')
    assert "frozen=True" in problem


def test_a_frozen_slot_leaves_the_player_that_would_train_it() -> None:
    model = assemble(PSP, players={"translator": {"trains": ("encoder", "generator")}})
    assert [player.trains for player in model.recipe.players] == [("encoder",)]


def test_a_player_that_trains_only_frozen_slots_is_refused() -> None:
    [problem] = list_problems(PSP, players={"translator": {"trains": ("generator",)}}, encoder={}, slots={"encoder": {"frozen": True}})
    assert problem.startswith('Player "translator" trains only frozen slots ("generator"). Remove it: players={"translator": None}.')


def test_a_player_that_trains_a_slot_that_does_not_exist_is_refused() -> None:
    [problem] = list_problems(PSP, players={"translator": {"trains": ("encodr",)}})
    assert problem == 'Player "translator" trains a slot that does not exist. No slot is called "encodr". Did you mean "encoder"?'


def test_a_prior_style_without_a_style_to_replace_is_refused() -> None:
    [problem] = list_problems(BICYCLEGAN, style="prior")
    assert problem.startswith('Slot "encoder": style="prior" replaces the encoder\'s style, but there is none.')


def test_an_extra_slot_without_a_role_is_refused() -> None:
    [problem] = list_problems(STARGAN, head=Slot("toy_patch_head"))
    assert problem.startswith('Slot "head" has no role.')
    assert 'Slot(..., role="encoder")' in problem


def test_a_term_that_requires_what_the_plan_does_not_set_is_refused() -> None:
    [problem] = list_problems(STARGAN, terms={"translator/l1": Term("toy_l1")})
    assert problem.startswith('Term "translator/l1" requires target images, but plan "labelled" sets none for translation "translation".')


def crash(t: Translation) -> Tensor:
    return t.fake @ torch.zeros(3, 3, device=t.fake.device)


def test_a_loss_that_fails_in_the_rehearsal_is_named() -> None:
    [problem] = list_problems(STARGAN, terms={"translator/crash": Term(crash)})
    assert problem.startswith('The rehearsal of one step failed in term "translator/crash": RuntimeError')


def test_the_rehearsal_does_not_change_weights_buffers_and_gradients() -> None:
    model, unrehearsed = assemble(STYLEGAN2), assemble(STYLEGAN2, rehearsal=False)
    for own, other in zip(model.state_dict().values(), unrehearsed.state_dict().values(), strict=True):
        assert torch.equal(own, other)
    assert all(p.grad is None for p in model.parameters())


def test_an_unpaired_recipe_without_domains_is_refused_with_an_example() -> None:
    found = list_problems(CYCLEGAN, labels={})
    [problem] = [each for each in found if each.startswith('Slot "generator"')]
    assert "one network per pair, which requires two or more domains" in problem
    assert 'labels=("photo", "monet")' in problem


def test_a_player_has_any_name_that_fits_into_the_keys_of_files() -> None:
    model = assemble(PSP, players={"painter": Player("painter", ("encoder",), {"l1": Term("toy_l1")})})
    assert "painter/l1" in model.step(make_batch(model))
    with pytest.raises(OptionError, match=r'"name" of a player is .a/b.; it must be a text without "/" and "\."'):
        Player("a/b", (), {})


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"lr": -1.0}, '"lr" of an optimizer is -1.0; it must be a number of 0 or more.'),
        ({"lr": "fast"}, "\"lr\" of an optimizer is 'fast'; it must be a number of 0 or more."),
        ({"lr": float("nan")}, '"lr" of an optimizer is nan'),
        ({"ema": 1.5}, '"ema" of the recipe is 1.5; it must be a number of 0 or more and below 1.'),
        ({"batch": 2.5}, '"batch" of the recipe is 2.5; it must be a whole number of 1 or more.'),
        ({"steps": 0}, '"steps" of the recipe is 0'),
        ({"flip": "perhaps"}, "\"flip\" of the recipe is 'perhaps'; it must be True or False."),
        ({"size": "abc"}, "\"size\" is 'abc'; it must be a number of pixels, or a pair of height and width."),
        ({"size": (0, 8)}, '"height" of the image is 0'),
        ({"schedule": "cosine"}, '"kind" of the schedule is "cosine". Available: constant, linear, step.'),
        ({"schedule": {"start": 2}}, '"start" of the schedule is 2; it must be a number of 0 or more and at most 1.'),
        ({"terms": {"translator/cycle": (1, 2)}}, '"weight" of a term is (1, 2); it must be a number'),
        ({"terms": {"translator/cycle": {"every": 0}}}, '"every" of a term is 0'),
        ({"terms": 3}, '"terms" is 3; it must be a mapping'),
        ({"players": {"discriminator": {"every": 0}}}, '"every" of player "discriminator" is 0'),
        ({"players": {"discriminator": {"pool": -1}}}, '"pool" of player "discriminator" is -1'),
        ({"players": {"discriminator": {"trains": "discriminator"}}}, "it must be a sequence of names"),
        ({"players": {"discriminator": {"optimizer": {"name": "sgdd"}}}}, '"name" of an optimizer is "sgdd". Did you mean "sgd"?'),
        ({"players": {"discriminator": {"optimizer": {"betas": 3}}}}, '"betas" of an optimizer is (3,); it must be two numbers'),
        ({"players": {"discriminator": {"optimizer": {"lr_multipliers": 3}}}}, "it must be a mapping from slots to factors of 0 or more"),
    ],
    ids=str,
)
def test_a_value_that_is_not_allowed_is_refused_by_name(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        assemble(STARGAN, **overrides)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": "abc"}, "\"stargan_generator.width\" is 'abc'; it must be a whole number."),
        ({"width": 2.5}, '"stargan_generator.width" is 2.5; it must be a whole number.'),
        ({"width": 0}, "width must be 1 or more"),
        ({"output": "tahn"}, '"stargan_generator.output" is "tahn". Did you mean "tanh"?'),
        ({"output": 3}, '"stargan_generator.output" is 3; it must be one of tanh, residual, masked.'),
        ({"track": 3}, '"stargan_generator.track" is 3; it must be True or False.'),
    ],
    ids=str,
)
def test_an_option_of_another_type_than_its_annotation_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BuildError) as caught:
        build("stargan", size=32, generator=options)
    assert message in caught.value.problems[0]


def test_a_recipe_without_a_generator_is_refused() -> None:
    assert list_problems(STARGAN, generator=None)[0].startswith('It has no slot "generator"')


def fragile(code: CodeSpec, *, width: int = 8) -> nn.Module:
    raise ValueError(f"{width} is odd")


def empty(code: CodeSpec, *, width: int = 8) -> nn.Module:
    return nn.Conv2d(3, width, 1)


@hookimpl
def i2ikit_components() -> list[Component]:
    return [Component(f"{name}_generator", "generator", f"core.test_build:{name}", "It fails.") for name in ("fragile", "empty")]


@pytest.mark.parametrize(
    ("component", "message"),
    [
        ("fragile_generator", '"fragile_generator" cannot be made with width=0 (ValueError: 0 is odd). Change these options.'),
        ("empty_generator", '"empty_generator" has empty weights with width=0. Use larger values.'),
    ],
)
def test_the_error_of_a_component_names_its_options(component: str, message: str) -> None:
    toys = make_registry()
    toys.register(sys.modules[__name__])
    with pytest.raises(BuildError) as caught:
        build(STARGAN, registry=toys, size=8, generator=Slot(component, {"width": 0}))
    assert caught.value.problems == (f'Slot "generator": {message}',)


def test_an_example_batch_without_rows_is_refused() -> None:
    with pytest.raises(OptionError, match=r"^A batch must have 1 or more rows; found rows=0\.$"):
        assemble(STARGAN).example_batch(0)


def test_domains_may_have_names_that_are_not_valid_for_submodules_of_torch() -> None:
    model = assemble(CYCLEGAN, labels=("St. Bernard", "keys"))
    model.step(make_batch(model))
    assert model.float().translate(torch.zeros(1, 3, 8, 8), to="keys").shape == (1, 3, 8, 8)
    assert {name.split(".")[1] for name in model.nets.state_dict() if name.startswith("discriminator")} == {"St%2E Bernard", "%keys"}


def test_label_sets_with_the_same_name_are_refused() -> None:
    part = LabelSet("set", (Attribute("hat"),))
    with pytest.raises(LabelError, match=r'^Label set "set" is declared twice\.'):
        DomainSpec((part, LabelSet("set", (Attribute("beard"),))))


def test_values_without_order_are_refused() -> None:
    with pytest.raises(LabelError, match=r"""^The values of "hair" are a set, which has no order\. Write a tuple: \('black', 'red'\)\.$"""):
        DomainSpec.parse({"hair": {"red", "black"}})
