"""Building toys in double precision, and comparing them with a step written by hand."""

from __future__ import annotations

import copy
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from i2ikit import Component, Model, Optimizer, Recipe, Registry, Schedule, build, hookimpl

PARTS = {
    "encoder": ("Whole", "ContentAndStyle", "WholeWithStyle", "StyleOfImage"),
    "conditioner": ("Planes", "StyleOfNoise"),
    "generator": ("Painter", "Synthesis"),
    "discriminator": ("Discriminator",),
}
LOSSES = (
    "wgan_discriminator wgan_translator penalty domain_real domain_fake ls_discriminator ls_translator logistic_discriminator logistic_translator r1 "
    "PathLength cycle recon identity l1 l2 style content style_size"
)
SPECIAL = {"plan": ("two_styles", "two_passes"), "loss": ("kl", "latent", "diversity", "patch_contrast")}
ADAM = Optimizer(lr=0.01, betas=(0.5, 0.9))


def snake(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name).lstrip("_")


def registry() -> Registry:
    """Return a registry that knows the toys alone."""
    declared = [("parts", role, name) for role, names in PARTS.items() for name in names]
    declared += [("parts", "loss", "PatchHead")]
    declared += [("losses", "loss", name) for name in LOSSES.split()]
    declared += [("special", role, name) for role, names in SPECIAL.items() for name in names]
    components = [Component(f"toy_{snake(name)}", role, f"core.toys.{module}:{name}", "A toy.") for module, role, name in declared]  # type: ignore[arg-type]

    @hookimpl
    def i2ikit_components() -> list[Component]:
        return components

    plugin = ModuleType("toys")
    plugin.i2ikit_components = i2ikit_components  # type: ignore[attr-defined]
    found = Registry(discover=False)
    found.register(plugin)
    return found


def recipe(name: str, slots: Any, plan: Any, players: Any, **more: Any) -> Recipe:
    """Return a recipe without a schedule."""
    return Recipe(name, slots, plan, players, schedule=Schedule("constant"), **more)


def assemble(made: Recipe, *, size: int = 8, seed: int = 0, **changes: Any) -> Model:
    """Build a toy in double precision."""
    return build(made, registry=registry(), seed=seed, size=size, **changes).double()


def batch_of(model: Model, rows: int = 4, seed: int = 0) -> dict[str, Any]:
    """Return a random batch in double precision."""
    return {name: tensor.double() for name, tensor in model.example_batch(rows, seed=seed).items()}


def by_hand(model: Model) -> Any:
    """Return a copy of the networks to train by hand."""
    return copy.deepcopy(model.nets)


def adam(*modules: nn.Module) -> torch.optim.Adam:
    """Return the optimizer of :data:`ADAM`."""
    return torch.optim.Adam([p for module in modules for p in module.parameters()], lr=ADAM.lr, betas=ADAM.betas)


def minimise(total: Tensor, *optimizers: torch.optim.Optimizer) -> None:
    """One update of a paper: zero, backward, step; what else the loss reaches is left without a step."""
    for optimizer in optimizers:
        optimizer.zero_grad()
    total.backward()  # type: ignore[no-untyped-call]
    for optimizer in optimizers:
        optimizer.step()


def assert_equal(model: Model, wanted: nn.Module, start: nn.Module, *, still: tuple[str, ...] = (), least: float = 1e-6) -> None:
    """Demand equal parameters, and that every slot has moved but those in ``still``."""
    before, moved = dict(start.named_parameters()), set()
    for (name, own), other in zip(model.nets.named_parameters(), wanted.parameters(), strict=True):
        assert (own - other).abs().max() <= 1e-10, name
        if (own - before[name]).abs().max() > least:
            moved.add(name.split(".")[0])
    assert moved == {name for name in model.nets.slots if model.nets.parameters_of([name]) and name not in still}


class Calls:
    """Counts the calls of every slot, and those that ran with gradients."""

    def __init__(self, model: Model) -> None:
        self.all: dict[str, int] = {}
        self.requires_grad: dict[str, int] = {}
        for slot in model.nets.slots:
            net = model.slot(slot)
            for each in net.children() if isinstance(net, nn.ModuleDict) else [net]:
                each.register_forward_hook(self._counter(slot))

    def _counter(self, slot: str) -> Any:
        def count(module: nn.Module, inputs: Any, output: Any) -> None:
            self.all[slot] = self.all.get(slot, 0) + 1
            self.requires_grad[slot] = self.requires_grad.get(slot, 0) + int(torch.is_grad_enabled())

        return count

    def take(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return the counts since the last question."""
        taken = self.all, self.requires_grad
        self.all, self.requires_grad = {}, {}
        return taken
