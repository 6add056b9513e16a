"""Builds toys in double precision, and compares them with a step that is written by hand."""

from __future__ import annotations

import copy
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from i2ikit import Component, ImageSpec, Model, Optimizer, Recipe, Registry, Schedule, build, hookimpl
from i2ikit.core.batch_kinds import map_tensors

PARTS = {
    "encoder": ("Whole", "ContentAndStyle", "WholeWithStyle", "StyleOfImage"),
    "conditioner": ("StyleOfNoise",),
    "generator": ("Painter", "Synthesis"),
    "discriminator": ("Discriminator",),
}
LOSSES = "ls_discriminator ls_translator logistic_discriminator logistic_translator r1 PathLength cycle recon l1 l2 style style_size"
SPECIAL = {"plan": ("two_passes",), "loss": ("diversity", "patch_contrast")}
ADAM = Optimizer(lr=0.01, betas=(0.5, 0.9))


def to_snake_case(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name).lstrip("_")


def make_registry() -> Registry:
    """Return a registry with the toys and the bundled plugins."""
    declared = [("parts", role, name) for role, names in PARTS.items() for name in names]
    declared += [("parts", "loss", "PatchHead")]
    declared += [("losses", "loss", name) for name in LOSSES.split()]
    declared += [("special", role, name) for role, names in SPECIAL.items() for name in names]
    components = [Component(f"toy_{to_snake_case(name)}", role, f"core.toys.{module}:{name}", "A toy.") for module, role, name in declared]  # type: ignore[arg-type]

    @hookimpl
    def i2ikit_components() -> list[Component]:
        return components

    plugin = ModuleType("toys")
    plugin.i2ikit_components = i2ikit_components  # type: ignore[attr-defined]
    registry = Registry()
    registry.register(plugin)
    return registry


def make_recipe(name: str, slots: Any, plan: Any, players: Any, **more: Any) -> Recipe:
    """Return a recipe for 8 pixels with a constant learning rate."""
    return Recipe(name, slots, plan, players, image=ImageSpec(3, 8, 8), schedule=Schedule("constant"), **more)


def assemble(recipe: Recipe, *, seed: int = 0, **overrides: Any) -> Model:
    """Build a recipe in double precision, with the toys beside the bundled components."""
    return build(recipe, registry=make_registry(), seed=seed, **overrides).double()


def make_batch(model: Model, rows: int = 4, seed: int = 0) -> dict[str, Any]:
    """Return a random batch in double precision."""
    return map_tensors(model.example_batch(rows, seed=seed), Tensor.double)


def copy_nets(model: Model) -> Any:
    """Return a copy of the networks, to train them by hand."""
    return copy.deepcopy(model.nets)


def make_adam(*modules: nn.Module) -> torch.optim.Adam:
    """Return an optimizer with the settings of :data:`ADAM`."""
    return torch.optim.Adam([p for module in modules for p in module.parameters()], lr=ADAM.lr, betas=ADAM.betas)


def minimise(total: Tensor, *optimizers: torch.optim.Optimizer) -> None:
    """Make one update by hand: zero the gradients, run the backward pass, and step the given optimizers only."""
    for optimizer in optimizers:
        optimizer.zero_grad()
    total.backward()  # type: ignore[no-untyped-call]
    for optimizer in optimizers:
        optimizer.step()


def assert_equal(
    model: Model, expected: nn.Module, start: nn.Module, *, unchanged: tuple[str, ...] = (), smallest_change: float = 1e-6
) -> None:
    """Check that the parameters are equal, and that they have changed in every slot except those in ``unchanged``."""
    before, changed = dict(start.named_parameters()), set()
    for (name, own), other in zip(model.nets.named_parameters(), expected.parameters(), strict=True):
        assert (own - other).abs().max() <= 1e-10, name
        if (own - before[name]).abs().max() > smallest_change:
            changed.add(name.split(".")[0])
    assert changed == {name for name in model.nets.slots if model.nets.get_parameters([name]) and name not in unchanged}


class Calls:
    """Counts the calls of every slot, and the calls with gradients."""

    def __init__(self, model: Model) -> None:
        self.all: dict[str, int] = {}
        self.requires_grad: dict[str, int] = {}
        for slot in model.nets.slots:
            net = model.slot(slot)
            for each in net.children() if isinstance(net, nn.ModuleDict) else [net]:
                each.register_forward_hook(self._make_hook(slot))

    def _make_hook(self, slot: str) -> Any:
        def count(module: nn.Module, inputs: Any, output: Any) -> None:
            self.all[slot] = self.all.get(slot, 0) + 1
            self.requires_grad[slot] = self.requires_grad.get(slot, 0) + int(torch.is_grad_enabled())

        return count

    def pop_counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return the counts since the last call, all calls and those with gradients, and reset them."""
        counts = self.all, self.requires_grad
        self.all, self.requires_grad = {}, {}
        return counts
