"""A built recipe: a plain ``nn.Module`` that can be stepped in anybody's loop, asked to translate, saved and loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from attrs import evolve
from torch import Tensor, nn

from i2ikit.core import step, storage
from i2ikit.core.code import DiscriminatorOutput
from i2ikit.core.domain import DomainSpec
from i2ikit.core.nets import Nets, module_key
from i2ikit.core.plans import Plan, find_routes, get_batch_kind
from i2ikit.core.pool import Pool
from i2ikit.core.recipe import Player, Recipe
from i2ikit.core.specs import ImageSpec
from i2ikit.core.translation import Translation
from i2ikit.errors import UnknownNameError

Losses = dict[str, Callable[[Translation], Tensor]]


class Model(nn.Module):
    """Networks, losses and the state of a training.

    Attributes:
        recipe: The recipe with every change resolved.
        nets: The networks by slot.
        losses: Each term's loss under "player/term"; losses that are modules are saved with the model.
        steps_done: Steps finished.
        seed: What all named draws are derived from.
        preprocessing: How image files were prepared for training, for :meth:`translate`.
        engine: Precision and processes; replaced by ``i2ikit.train``.
        views_read: The views that each term reads, found in the rehearsal.
        idle: Trainable weights that no term reaches, found in the rehearsal.
        lost: The terms, as "player__term", whose loss the file that the model was loaded from could not hold.
        finite: Whether all of the step was finite as far as it has been played, on the device.
        stream_names: The names of all random draws that ``step(..., draws=...)`` can replace, found in the rehearsal.
    """

    def __init__(self, recipe: Recipe, nets: Nets, losses: Losses, plan: Plan, *, seed: int = 0) -> None:
        super().__init__()
        self.recipe, self.nets, self.seed, self.steps_done = recipe, nets, seed, 0
        self.losses = losses
        modules = {module_key(key.replace("/", "__")): loss for key, loss in losses.items() if isinstance(loss, nn.Module)}
        self.loss_modules = nn.ModuleDict(modules)
        self.pools = nn.ModuleDict()
        self.plan = plan
        self.engine: step.Engine = step.SingleProcess()
        self.preprocessing: dict[str, Any] = {}
        self.views_read: dict[str, list[str]] = {}
        self.idle: list[str] = []
        self.stream_names: list[str] = []
        self.finite: Tensor | None = None
        self.lost: tuple[str, ...] = ()
        self._optimizers: dict[str, torch.optim.Optimizer] = {}
        self._reports: list[tuple[str, tuple[str, ...], Tensor, Tensor, object]] = []

    @property
    def image(self) -> ImageSpec:
        """Size and channels that the model was built for."""
        return self.nets.image

    @property
    def source(self) -> ImageSpec:
        """Size and channels of the images that are translated."""
        return self.recipe.source

    @property
    def domain(self) -> DomainSpec:
        """The label sets."""
        return self.nets.domain

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.nets.parameters()).device

    @property
    def batch_kind(self) -> str:
        """The kind of batch that a step takes: "labelled", "paired", "unpaired" or "sampled"."""
        return get_batch_kind(self.plan)

    @property
    def routes(self) -> tuple[tuple[str, str], ...]:
        """The pairs of domains between which images are translated, source first; none where the plan does not take unpaired batches."""
        return find_routes(self.plan, self.domain.names, self.recipe.plan_options)

    def train(self, mode: bool = True) -> Model:
        """Set the mode; frozen slots and the networks of losses stay in eval mode."""
        super().train(mode)
        self.loss_modules.eval()
        return self

    # -- training

    def step(
        self,
        batches: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        draws: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]] | None = None,
        accumulate: int = 1,
    ) -> step.Logs:
        """Play one training step; see :func:`i2ikit.core.step.step`."""
        return step.step(self, batches, draws, accumulate)

    def optimizer(self, player: Player) -> torch.optim.Optimizer:
        """Return a player's optimizer, made on first use so that the model can still be moved before."""
        if player.name not in self._optimizers:
            self._optimizers[player.name] = make_optimizer(self.nets, player)
        return self._optimizers[player.name]

    def set_rates(self, player: Player, optimizer: torch.optim.Optimizer) -> None:
        """Set the learning rates of the current step."""
        factor = self.recipe.schedule.factor(self.steps_done, self.recipe.steps)
        for group in optimizer.param_groups:
            group["lr"] = player.optimizer.lr * player.optimizer.lr_multipliers.get(group["slot"], 1.0) * factor

    def pools_of(self, player: Player, translation: Translation) -> dict[str, Pool]:
        """Return the pool of past fakes that a player sees of a translation; empty where it has none.

        It is as large as the images that are translated, and begins anew where these are of another size than before.
        """
        if not player.pool:
            return {}
        key = module_key(f"{player.name}__{translation.name}")
        real, pool = translation.real, dict(self.pools.items()).get(key)
        height, width = (self.image.height, self.image.width) if real is None else real.shape[-2:]
        if not isinstance(pool, Pool) or pool.images.shape[-2:] != (height, width):
            pool = Pool(player.pool, evolve(self.image, height=height, width=width)).to(next(self.nets.parameters()))
            self.pools[key] = pool
        return {"fake": pool}

    def remember_finite(self, player: str, names: tuple[str, ...], flags: Tensor, finite: Tensor, files: object) -> None:
        """Keep a turn's flags on the device; the host reads them one step late."""
        self._reports.append((player, names, flags, finite, files))

    def raise_if_not_finite(self) -> None:
        """Raise NonFiniteLossError where the last step had a NaN or an infinite loss."""
        reports, self._reports = self._reports, []
        step.finite_or_raise(reports, self.steps_done)

    def example_batch(self, rows: int = 2, seed: int = 0) -> dict[str, Any]:
        """Return random data of the right shapes for the recipe's plan, to try an assembly."""
        from i2ikit.core.rehearsal import example_batch

        return example_batch(self.batch_kind, self.image, self.domain, rows, seed, self.device, self.source)

    # -- use

    def translate(self, image: Any, to: Any = None, **options: Any) -> Any:
        """Translate an image; see :func:`i2ikit.inference.translate.translate`."""
        return _inference().translate(self, image, to, **options)

    def discriminate(self, image: Any, by: str = "discriminator") -> DiscriminatorOutput:
        """Return what a discriminator says of an image (tensor, PIL image, ndarray or path): scores per scale, domain logits."""
        output: DiscriminatorOutput = _inference().discriminate(self, image, by)
        return output

    def explain(self) -> str:
        """Return slots, shapes, terms and the views they read, who trains what, and what is untrained, as text."""
        from i2ikit.core.explain import explain

        return explain(self)

    def save(self, directory: str | Path) -> Path:
        """Write weights (safetensors) and configuration (JSON) into a folder, all or nothing."""
        return storage.save(self, directory)

    # -- state

    def training_state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return all tensors and JSON data that a bit-exact resume needs, the weights included."""
        return storage.training_state(self)

    def restore_training_state(self, tensors: Mapping[str, Tensor], data: Mapping[str, Any]) -> None:
        """Take up what :meth:`training_state` gave."""
        storage.restore_training_state(self, tensors, data)

    def slot(self, name: str) -> nn.Module:
        """Return the net of a slot, or the ModuleDict of its nets."""
        if name not in self.nets.slots:
            raise UnknownNameError("slot", name, self.nets.slots)
        return self.nets.get_submodule(name)


def _inference() -> Any:
    """Import what uses a model. It stands above the core, so the core names it only when it is called."""
    return import_module("i2ikit.inference.translate")


def make_optimizer(nets: Nets, player: Player) -> torch.optim.Optimizer:
    """Make a player's optimizer: one parameter group a slot, fused so that a non-finite step can be skipped on the device."""
    groups: list[dict[str, Any]] = []
    seen: set[int] = set()
    for slot in player.trains:
        parameters = [p for p in nets.parameters_of([slot]) if id(p) not in seen]
        seen.update(map(id, parameters))
        if parameters:
            groups.append({"params": parameters, "slot": slot})
    settings = player.optimizer
    if settings.name == "sgd":
        optimizer = torch.optim.SGD(groups, lr=settings.lr, momentum=settings.betas[0], weight_decay=settings.weight_decay, fused=True)
        if settings.betas[0]:
            # torch makes these at the first step, and leaves them unfilled where that step is skipped as not finite.
            optimizer.state.update({p: {"momentum_buffer": torch.zeros_like(p)} for group in groups for p in group["params"]})
        return optimizer
    kind = torch.optim.AdamW if settings.name == "adamw" else torch.optim.Adam
    return kind(groups, lr=settings.lr, betas=settings.betas, eps=settings.eps, weight_decay=settings.weight_decay, fused=True)
