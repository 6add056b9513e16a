"""Makes the optimizers of players, and sets what changes during a training: learning rates and weights of terms.

Lazy regularisation (StyleGAN2, appendix B). A term with ``every=n`` adds one optimizer step to n steps of its player. With
``Optimizer(lazy=True)``, and only then, this is corrected, and only here: the weight of the term is multiplied by n, and with
``c = n / (n + 1)`` the learning rate becomes ``c * lr`` and the betas become ``betas ** c``. If a player has lazy turns of several
intervals, ``c = 1 / (1 + 1/n + 1/m + ...)``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from i2ikit.core.player import Player
from i2ikit.core.recipe import Recipe
from i2ikit.core.slot import Term

if TYPE_CHECKING:
    from i2ikit.core.nets import Nets

LOOKAHEAD_STEPS, LOOKAHEAD_RATE = 6, 0.5  # as in the code of Ranger


def make_optimizer(nets: Nets, player: Player) -> torch.optim.Optimizer:
    """Make a player's optimizer, with one parameter group for each slot.

    All states exist from the start: torch makes them at the first step, but a step that is skipped as not finite would leave them
    undefined.
    """
    groups: list[dict[str, Any]] = []
    seen: set[int] = set()
    for slot in player.trains:
        parameters = [p for p in nets.get_parameters([slot]) if id(p) not in seen]
        seen.update(map(id, parameters))
        if parameters:
            groups.append({"params": parameters, "slot": slot})
    settings = player.optimizer
    correction = _get_correction(player)
    first, second = (beta**correction for beta in settings.betas)
    shared: dict[str, Any] = {"lr": settings.lr, "weight_decay": settings.weight_decay}
    if settings.name == "sgd":
        optimizer: torch.optim.Optimizer = torch.optim.SGD(groups, momentum=first, fused=True, **shared)
        return _with_state(optimizer, ("momentum_buffer",) if first else ())
    if settings.name in ("adam", "adamw"):
        kind = torch.optim.AdamW if settings.name == "adamw" else torch.optim.Adam
        return kind(groups, betas=(first, second), eps=settings.eps, fused=True, **shared)
    # The counters of these optimizers are on the device where torch supports it, so that a step does not wait for the device.
    on_device = {"capturable": any(parameter.is_cuda for group in groups for parameter in group["params"])}
    if settings.name == "rmsprop":
        optimizer = torch.optim.RMSprop(groups, alpha=second, momentum=first, eps=settings.eps, **shared, **on_device)
        return _with_state(optimizer, ("square_avg", *(("momentum_buffer",) if first else ())), counted=True)
    radam = Ranger if settings.name == "ranger" else torch.optim.RAdam
    optimizer = _with_state(
        radam(groups, betas=(first, second), eps=settings.eps, **shared, **on_device), ("exp_avg", "exp_avg_sq"), counted=True
    )
    if isinstance(optimizer, Ranger):
        optimizer.start_average()
    return optimizer


class Ranger(torch.optim.RAdam):
    """RAdam with Lookahead (Zhang et al., 2019): every 6 steps, slow weights go half of the way to the fast ones, which continue there."""

    def start_average(self) -> None:
        """Take the present weights as the slow weights."""
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter]["slow"] = parameter.detach().clone()

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Run a step of RAdam, and update the slow weights if they are due; the decision stays on the device."""
        loss: float | None = super().step(closure)
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                due = (state["step"] % LOOKAHEAD_STEPS == 0).to(parameter.device)
                state["slow"].lerp_(parameter, (due * LOOKAHEAD_RATE).to(parameter.dtype))
                parameter.copy_(torch.where(due, state["slow"], parameter))
        return loss


def _with_state(optimizer: torch.optim.Optimizer, names: tuple[str, ...], counted: bool = False) -> torch.optim.Optimizer:
    """Return the optimizer with states of zeros, and a counter of steps."""
    for group in optimizer.param_groups:
        for parameter in group["params"] if names else ():
            state: dict[str, Tensor] = {name: torch.zeros_like(parameter) for name in names}
            device = parameter.device if group.get("capturable") else None
            optimizer.state[parameter] = {**({"step": torch.zeros((), device=device)} if counted else {}), **state}
    return optimizer


def _get_correction(player: Player) -> float:
    """Return the factor c of the learning rate, which is also the exponent of the betas."""
    if not player.optimizer.lazy:
        return 1.0
    turns = {(term.every, term.turn) for term in player.terms.values() if term.every > 1}
    return 1.0 / (1.0 + sum(1.0 / every for every, _ in turns))


def get_learning_rate(recipe: Recipe, player: Player, done: int, slot: str = "") -> float:
    """Return the learning rate of a slot in the step that follows ``done`` finished steps."""
    settings = player.optimizer
    rate = settings.lr * settings.lr_multipliers.get(slot, 1.0) * recipe.schedule.factor(done, recipe.steps)
    return rate * _get_correction(player)


def set_learning_rates(recipe: Recipe, player: Player, optimizer: torch.optim.Optimizer, done: int) -> None:
    """Set the learning rates of the step that follows ``done`` finished steps."""
    for group in optimizer.param_groups:
        group["lr"] = get_learning_rate(recipe, player, done, group["slot"])


def get_weight(recipe: Recipe, player: Player, term: Term, done: int) -> float:
    """Return the weight of a term in the step that follows ``done`` finished steps."""
    weight = term.get_weight(done, recipe.steps)
    return weight * term.every if player.optimizer.lazy else weight
