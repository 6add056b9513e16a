"""A built recipe: an ``nn.Module`` that trains in any training loop, translates images, and can be saved and loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from attrs import evolve
from torch import Tensor, nn

from i2ikit.core import model_state, step, storage
from i2ikit.core.batch_kinds import BatchKind
from i2ikit.core.buffer_gate import BufferGate
from i2ikit.core.code import Code, DiscriminatorOutput
from i2ikit.core.domain import DomainSpec
from i2ikit.core.finite import raise_if_not_finite
from i2ikit.core.nets import Nets, module_key
from i2ikit.core.optimizers import make_optimizer
from i2ikit.core.plans import Plan, find_routes, get_batch_kind
from i2ikit.core.player import Player
from i2ikit.core.pool import Pool
from i2ikit.core.recipe import Recipe
from i2ikit.core.specs import ImageSpec
from i2ikit.core.translation import Translation
from i2ikit.errors import UnknownNameError, suggest

Losses = dict[str, Callable[[Translation], Tensor]]


class Model(nn.Module):
    """Networks, losses and the state of a training.

    Attributes:
        recipe: The recipe after all overrides.
        plans: The plans: one for all data sets, or one for each.
        nets: The networks by slot.
        losses: The loss of each term by "player/term". Losses that are modules are saved with the model.
        steps_done: The number of finished steps.
        seed: The seed of all random streams.
        loaded_from: The folder that the model was loaded from; None if it was built.
        preprocessing: How image files were prepared for training; :meth:`translate` prepares images in the same way.
        engine: Handles precision and processes; ``i2ikit.train`` sets its own engine.
        views_read: The views that each term reads, by "player/term"; recorded by the rehearsal.
        unreached_weights: The trainable weights that receive no gradient from any term; recorded by the rehearsal.
        missing_losses: The terms, as "player__term", whose loss was a Python function or module and is therefore not in the file from which
            the model was loaded.
        finite: Whether all losses and gradients of the current step are finite so far, a boolean tensor [] on the device.
        gate: The buffers as they were before the current turn; None between turns.
        stream_names: The names of all random draws; None before the rehearsal that records them. See :meth:`find_stream_names`.
    """

    def __init__(self, recipe: Recipe, nets: Nets, losses: Losses, plans: Sequence[Plan], *, seed: int = 0) -> None:
        super().__init__()
        self.recipe, self.nets, self.seed, self.steps_done = recipe, nets, seed, 0
        self.losses = losses
        modules = {module_key(key.replace("/", "__")): loss for key, loss in losses.items() if isinstance(loss, nn.Module)}
        self.loss_modules = nn.ModuleDict(modules)
        self.pools = nn.ModuleDict()
        self.plans = list(plans)
        self.engine: step.Engine = step.SingleProcess()
        self.loaded_from: Path | None = None
        self.preprocessing: dict[str, Any] = {}
        self.views_read: dict[str, list[str]] = {}
        self.unreached_weights: list[str] = []
        self.stream_names: list[str] | None = None
        self.finite: Tensor | None = None
        self.gate: BufferGate | None = None
        self.missing_losses: tuple[str, ...] = ()
        self._optimizers: dict[str, torch.optim.Optimizer] = {}
        self._reports: list[tuple[str, tuple[str, ...], Tensor, Tensor, object]] = []

    @property
    def image(self) -> ImageSpec:
        """Size and channels of the generated images."""
        return self.nets.image

    @property
    def source(self) -> ImageSpec:
        """Size and channels of the source images."""
        return self.recipe.source

    @property
    def domain(self) -> DomainSpec:
        """The label sets."""
        return self.nets.domain

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.nets.parameters()).device

    @property
    def plan(self) -> Plan:
        """The plan; the first one if there are several."""
        return self.plans[0]

    @plan.setter
    def plan(self, plan: Plan) -> None:
        self.plans[0] = plan

    def get_batch_kind(self, index: int = 0) -> BatchKind:
        """Return the kind of the batches of the data set ``index``."""
        return get_batch_kind(self.plans[index if len(self.plans) > 1 else 0])

    @property
    def batch_kind(self) -> BatchKind:
        """The kind of the batches for training. With several plans, the one by which the model translates.

        That is the first with routes between domains, else the first with labels, else the first with source images.
        """
        kinds = [get_batch_kind(plan) for plan in self.plans]
        routed = [kind for index, kind in enumerate(kinds) if self._find_routes(index)]
        others = [kind for kind in kinds if kind.source and not kind.domains]
        labelled = [kind for kind in others if kind.has_labels(self.domain)]
        return [*routed, *labelled, *others, *kinds][0]

    @property
    def routes(self) -> tuple[tuple[str, str], ...]:
        """The pairs (source, target) of domains that are translated; empty if the batches have no domains."""
        return next((routes for index in range(len(self.plans)) if (routes := self._find_routes(index))), ())

    def _find_routes(self, index: int) -> tuple[tuple[str, str], ...]:
        return find_routes(self.plans[index], self.domain.names, self.recipe.options_by_plan[index])

    @property
    def can_translate(self) -> bool:
        """Whether the model translates images: a plan starts from source images and, with domains, has a route between two of them."""
        return self.batch_kind.source and (not self.batch_kind.domains or bool(self.routes))

    @property
    def can_sample(self) -> bool:
        """Whether the model generates images from noise alone: a plan has no source images."""
        return any(not get_batch_kind(plan).source for plan in self.plans)

    @property
    def can_encode(self) -> bool:
        """Whether the model encodes images: it has a slot "encoder"."""
        return "encoder" in self.nets.slots

    def train(self, mode: bool = True) -> Model:
        """Set training or eval mode; frozen slots and the networks of losses stay in eval mode."""
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
        """Run one training step; see :func:`i2ikit.core.step.step`."""
        return step.step(self, batches, draws, accumulate)

    def optimizer(self, player: Player) -> torch.optim.Optimizer:
        """Return the optimizer of a player. It is made on first use, so that the model can be moved to a device before."""
        if player.name not in self._optimizers:
            self._optimizers[player.name] = make_optimizer(self.nets, player)
        return self._optimizers[player.name]

    def get_pools(self, player: Player, translation: Translation) -> dict[str, Pool]:
        """Return the pool of past fakes of a player and a translation as ``{"fake": pool}``; empty if the player has no pool.

        The pool has the size of the source images. If this size changes, the pool starts again without images.
        """
        if not player.pool:
            return {}
        key = module_key(f"{player.name}__{translation.name}")
        real, pool = translation.real, dict(self.pools.items()).get(key)
        height, width = (self.image.height, self.image.width) if real is None else real.shape[-2:]
        if not isinstance(pool, Pool) or pool.images.shape[-2:] != (height, width):
            pool = Pool(player.pool, evolve(self.image, height=height, width=width)).to(next(self.nets.parameters()))
            pool.record_changes()
            self.pools[key] = pool
        return {"fake": pool}

    def record_finite(self, player: str, names: tuple[str, ...], flags: Tensor, finite: Tensor, files: object) -> None:
        """Store the flags of a turn on the device; the host reads them one step later.

        Args:
            player: The player of the turn.
            names: Its terms.
            flags: Whether the loss of each term is finite, [number of terms].
            finite: Whether all losses and gradients are finite, [].
            files: The image files of the batch.
        """
        self._reports.append((player, names, flags, finite, files))

    def raise_if_not_finite(self) -> None:
        """Raise NonFiniteLossError if a loss or a gradient of the last step was NaN or infinite."""
        reports, self._reports = self._reports, []
        raise_if_not_finite(reports, self.steps_done)

    def example_batch(self, rows: int = 2, seed: int = 0) -> Any:
        """Return a batch of random data with the shapes that the recipe's plan requires, to try out a model; a list for several plans."""
        kinds = [get_batch_kind(plan) for plan in self.plans]
        batches = [kind.make_example(self.image, self.source, self.domain, rows, seed, self.device) for kind in kinds]
        return batches[0] if len(batches) == 1 else batches

    # -- inference

    def forward(self, image: Any, to: Any = None, **options: Any) -> Any:
        """Translate an image, as :meth:`translate` does: ``model(image, to="dog")``."""
        return self.translate(image, to, **options)

    def translate(self, image: Any, to: Any = None, **options: Any) -> Any:
        """Translate an image; see :func:`i2ikit.inference.translate.translate`."""
        return import_module("i2ikit.inference.translate").translate(self, image, to, **options)  # a layer above the core

    def sample(self, n: int, **options: Any) -> Tensor:
        """Generate n images [n, C, H, W] in [-1, 1] from noise; see :func:`i2ikit.inference.sample.sample`."""
        images: Tensor = import_module("i2ikit.inference.sample").sample(self, n, **options)
        return images

    def encode(self, image: Any, **options: Any) -> Code:
        """Return the code of an image; see :func:`i2ikit.inference.codes.encode`."""
        code: Code = import_module("i2ikit.inference.codes").encode(self, image, **options)
        return code

    def decode(self, code: Code, **options: Any) -> Tensor:
        """Return the images [B, C, H, W] in [-1, 1] of a code; see :func:`i2ikit.inference.codes.decode`."""
        images: Tensor = import_module("i2ikit.inference.codes").decode(self, code, **options)
        return images

    def invert(self, image: Any, **options: Any) -> Code:
        """Find the code of an image by optimisation; see :func:`i2ikit.inference.invert.invert`."""
        code: Code = import_module("i2ikit.inference.invert").invert(self, image, **options)
        return code

    def discriminate(self, image: Any, slot: str = "discriminator", **options: Any) -> DiscriminatorOutput:
        """Return scores and domain logits of an image of any type, or of a code; see :func:`i2ikit.inference.discriminate.discriminate`."""
        output: DiscriminatorOutput = import_module("i2ikit.inference.discriminate").discriminate(self, image, slot, **options)
        return output

    def find_stream_names(self) -> list[str] | None:
        """Return the names of all random draws that ``step(..., draws=...)`` can replace; None if the model cannot be rehearsed."""
        names: list[str] | None = import_module("i2ikit.core.rehearsal").find_stream_names(self)
        return names

    def explain(self) -> str:
        """Return a text with slots, shapes, terms, their views, what each player trains, and which weights are untrained."""
        from i2ikit.core.explain import explain

        return explain(self)

    def save(self, directory: str | Path) -> Path:
        """Write weights (safetensors) and configuration (JSON) into a folder. If this fails, the folder stays as it was."""
        return storage.save(self, directory)

    def save_pretrained(self, folder: str | Path, **options: Any) -> Path:
        """Save the model with a model card, to publish it; see :func:`i2ikit.inference.pretrained.save_pretrained`."""
        path: Path = import_module("i2ikit.inference.pretrained").save_pretrained(self, folder, **options)
        return path

    @classmethod
    def from_pretrained(cls, name: str | Path, **options: Any) -> Model:
        """Load a model from a folder or a repository; see :func:`i2ikit.inference.pretrained.from_pretrained`."""
        model: Model = import_module("i2ikit.inference.pretrained").from_pretrained(name, **options)
        return model

    # -- state

    def training_state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return all tensors (weights included) and the JSON data that are required to resume a training bit for bit."""
        return model_state.get_training_state(self)

    def restore_training_state(self, tensors: Mapping[str, Tensor], data: Mapping[str, Any]) -> None:
        """Restore the state that :meth:`training_state` returned."""
        model_state.restore_training_state(self, tensors, data)

    def slot(self, name: str) -> nn.Module:
        """Return the network of a slot, or a ModuleDict if it has one per domain or per pair."""
        if name not in self.nets.slots:
            raise UnknownNameError("slot", name, self.nets.slots)
        return self.nets.get_submodule(name)

    def __getattr__(self, name: str) -> Any:
        """Return the network of a slot: ``model.generator``. An attribute of the model itself with that name comes first."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            nets = self.__dict__.get("_modules", {}).get("nets")
            if not isinstance(nets, Nets) or name.startswith("__"):
                raise
        if name in nets.slots:
            return nets.get_submodule(name)
        known = [*nets.slots, *(each for each in dir(type(self)) if not each.startswith("_"))]
        raise AttributeError(
            f'No attribute or slot of this model is called "{name}". {suggest(name, known)} Its slots: {", ".join(nets.slots)}.'
        )

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.nets.slots]  # type: ignore[no-untyped-call]
