"""pSp: trains an encoder for the styles of a frozen generator, with pairs and no discriminator."""

from __future__ import annotations

import torch
from core.toys.assembly import ADAM, Calls, assemble, assert_equal, copy_nets, make_adam, make_batch, make_recipe, minimise

from i2ikit import Code, Player, Slot, Term

PSP = make_recipe(
    "toy_psp",
    {"encoder": Slot("toy_style_of_image", {"vectors": 2}), "generator": Slot("toy_synthesis", frozen=True)},
    "paired",
    (Player("translator", ("encoder",), {"l2": Term("toy_l2"), "size": Term("toy_style_size", 0.005)}, optimizer=ADAM),),
)


def test_two_steps_equal_the_step_by_hand() -> None:
    model = assemble(PSP)
    nets, start = copy_nets(model), copy_nets(model)
    optimizer = make_adam(nets.encoder)
    for index in range(2):
        batch = make_batch(model, 3, seed=index)
        model.step(batch)
        style = nets.encoder(batch["image"]).style
        fake = nets.generator(Code(style=style))
        minimise((fake - batch["target"]).square().mean() + 0.005 * style.square().sum((1, 2)).mean(), optimizer)
    assert_equal(model, nets, start, unchanged=("generator",))


def test_a_frozen_slot_stays_in_eval_mode_without_gradient() -> None:
    model = assemble(PSP)
    model.train()
    model.step(make_batch(model))
    generator = model.slot("generator")
    assert not generator.training
    assert all(p.grad is None and not p.requires_grad for p in generator.parameters())
    assert model.slot("encoder").training


def test_a_step_calls_each_network_once() -> None:
    model = assemble(PSP)
    calls = Calls(model)
    model.step(make_batch(model))
    assert calls.pop_counts() == ({"encoder": 1, "generator": 1}, {"encoder": 1, "generator": 1})


def test_saved_weights_include_the_frozen_generator() -> None:
    model = assemble(PSP)
    assert any(name.startswith("generator.") for name, _ in model.nets.named_state())
    assert torch.equal(dict(model.nets.named_state())["generator.start"], model.slot("generator").get_parameter("start"))
