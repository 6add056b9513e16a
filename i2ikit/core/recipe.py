"""Recipes: frozen data from which a model is built. This module does not import torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from attrs import evolve, field, frozen
from attrs.validators import optional

from i2ikit.core.domain import DomainSpec
from i2ikit.core.specs import CONTENTS, Content, ImageSpec
from i2ikit.core.validators import adam_betas, boolean, factors_by_slot, name_sequence, number, one_of, whole_number
from i2ikit.errors import OptionError

SLOT_ROLES: tuple[str, ...] = ("encoder", "conditioner", "generator", "discriminator", "loss")
PYTHON = "python:"  # prefix in files for the name of a Python function, which cannot be saved

SLOT_SETTINGS = ("role", "per", "shared", "frozen")
"""What a slot has besides its component and the options of it."""


@frozen(init=False)
class Slot:
    """A place for a component in a recipe.

    Attributes:
        component: The registered name of the component.
        role: The protocol of the component; None if the slot's own name is a role.
        per: None for one network; "domain" for one per domain; "pair" for one per ordered pair of domains.
        shared: Names of submodules that all networks of a ``per`` slot share (CoGAN, UNIT).
        frozen: Whether the slot is never trained: eval mode, no gradients.
        options: Options of the component by name.
    """

    component: str
    role: str | None
    per: Literal["domain", "pair"] | None = field(validator=optional(one_of("domain", "pair")))
    shared: tuple[str, ...]
    frozen: bool
    options: Mapping[str, Any]

    def __init__(
        self,
        component: str,
        *,
        role: str | None = None,
        per: Literal["domain", "pair"] | None = None,
        shared: tuple[str, ...] | str = (),
        frozen: bool = False,
        **options: Any,
    ) -> None:
        self.__attrs_init__(component, role, per, _to_names(shared), frozen, dict(options))

    def with_options(self, **options: Any) -> Slot:
        """Return the slot with some options changed."""
        return evolve_slot(self, options={**self.options, **options})


def evolve_slot(slot: Slot, **changes: Any) -> Slot:
    """Return a slot with some attributes changed (``attrs.evolve`` needs the generated constructor)."""
    kept = {name: getattr(slot, name) for name in SLOT_SETTINGS}
    options = changes.pop("options", slot.options)
    component = changes.pop("component", slot.component)
    return Slot(component, **{**kept, **changes}, **options)


@frozen(init=False)
class Term:
    """One weighted loss of a player.

    Attributes:
        loss: The registered name of a loss, or a function of one Translation that returns a scalar tensor.
        weight: The factor of the loss in the player's total loss.
        every: The term is computed at every n-th step of its player (lazy regularisation).
        updates: The slots that receive the gradient of this term; None means all slots that the player trains.
        translations: The translations for which the term is computed; None means all. They are given by name, or as "forward" (from a
            domain to one that is declared after it) or "backward" (the opposite direction).
        turn: Terms with the same interval and the same turn share a backward pass and an optimizer step. A player with several turns makes
            one optimizer step in each, in the order of their first terms (StarGAN v2 trains its generator in two turns).
        options: Options of the loss by name.
    """

    loss: str | Callable[..., Any]
    weight: float = field(validator=number())
    every: int = field(validator=whole_number(1))
    updates: tuple[str, ...] | None
    translations: tuple[str, ...] | None
    turn: str
    options: Mapping[str, Any]

    def __init__(
        self,
        loss: str | Callable[..., Any],
        weight: float = 1.0,
        *,
        every: int = 1,
        updates: tuple[str, ...] | str | None = None,
        translations: tuple[str, ...] | str | None = None,
        turn: str = "",
        **options: Any,
    ) -> None:
        slots = None if updates is None else _to_names(updates)
        names = None if translations is None else _to_names(translations)
        self.__attrs_init__(loss, weight, every, slots, names, turn, dict(options))

    def with_overrides(self, **changes: Any) -> Term:
        """Return the term with some attributes or options changed."""
        kept = {each: getattr(self, each) for each in ("loss", "weight", "every", "updates", "translations", "turn")}
        own = {key: changes.pop(key) for key in list(changes) if key in kept}
        return Term(**{**kept, **own}, **{**self.options, **changes})


def _to_names(names: Iterable[str] | str) -> tuple[str, ...]:
    """Return names as a tuple; a single one may be given as text."""
    return (names,) if isinstance(names, str) else tuple(names)


def _to_tuple(betas: Any) -> tuple[float, float]:
    return tuple(betas) if isinstance(betas, Iterable) and not isinstance(betas, str) else (betas,)


def _to_domain(labels: object) -> DomainSpec:
    return DomainSpec.parse(labels)


@frozen
class Optimizer:
    """The optimizer of a player.

    Attributes:
        name: "adam", "adamw" or "sgd".
        lr: Learning rate before the schedule.
        betas: Decay rates of Adam's moments. For "sgd", the first one is the momentum.
        eps: Adam's epsilon.
        weight_decay: Weight decay.
        lr_multipliers: Factors of the learning rate by slot.
        clip: Largest total norm of the player's gradient; 0 means no limit.
    """

    name: Literal["adam", "adamw", "sgd"] = field(default="adam", validator=one_of("adam", "adamw", "sgd"))
    lr: float = field(default=1e-4, validator=number(minimum=0))
    betas: tuple[float, float] = field(default=(0.5, 0.999), converter=_to_tuple, validator=adam_betas)
    eps: float = field(default=1e-8, validator=number(above=0))
    weight_decay: float = field(default=0.0, validator=number(minimum=0))
    lr_multipliers: Mapping[str, float] = field(factory=dict, validator=factors_by_slot)
    clip: float = field(default=0.0, validator=number(minimum=0))


@frozen
class Schedule:
    """The factor of all learning rates over a training.

    Attributes:
        kind: "constant" (1), "linear" (1 at first, then linear decay to zero) or "step" (multiplied by ``gamma`` every ``every`` steps).
        start: The share of all steps after which the linear decay starts.
        every: The number of steps between two changes of the rate. In the linear decay, each change is the decay of one step; every=n with
            n > 1 therefore decays n times slower, as in StarGAN's code (n = 1000).
        gamma: The factor by which each change of the kind "step" multiplies the rate.
    """

    kind: Literal["constant", "linear", "step"] = field(default="linear", validator=one_of("constant", "linear", "step"))
    start: float = field(default=0.5, validator=number(minimum=0, maximum=1))
    every: int = field(default=1, validator=whole_number(1))
    gamma: float = field(default=0.5, validator=number(above=0, maximum=1))

    def factor(self, done: int, steps: int) -> float:
        """Return the factor for the step that follows ``done`` finished steps of ``steps``."""
        if self.kind == "step":
            return float(self.gamma ** (done // self.every))
        begin = int(steps * self.start)
        if self.kind == "constant" or done <= begin or steps <= begin:
            return 1.0
        changes = done // self.every - begin // self.every
        return max(0.0, 1.0 - changes / (steps - begin))

    def describe(self, steps: int) -> str:
        """Return the schedule of a training of ``steps`` as a phrase."""
        if self.kind == "linear":
            return f"learning rate decays linearly to zero from step {int(steps * self.start):,} to {steps:,}"
        change = f"learning rate times {self.gamma:g} every {self.every:,} steps" if self.kind == "step" else "constant learning rate"
        return f"{change}, {steps:,} steps"


@frozen
class Player:
    """Trains some slots with a weighted sum of terms.

    Attributes:
        name: "translator" or "discriminator"; a suffix may follow if there are several.
        trains: The slots whose parameters this player trains.
        terms: Its terms by name.
        every: The player trains at every n-th step.
        optimizer: The optimizer of its parameters.
        pool: The number of past fakes in its image pool, which it sees instead of new fakes half of the time; 0 means no pool.
    """

    name: str
    trains: tuple[str, ...] = field(validator=name_sequence)
    terms: Mapping[str, Term]
    every: int = field(default=1, validator=whole_number(1))
    optimizer: Optimizer = field(factory=Optimizer)
    pool: int = field(default=0, validator=whole_number(0))


@frozen
class Recipe:
    """Everything that ``build`` needs.

    Attributes:
        name: The registered name of the recipe.
        slots: The slots by name.
        plan: How translations are made from a batch: a name such as "labelled", or a function; or a tuple, one for each data set.
        players: The players, in the order in which they train.
        plan_options: Options of the plan by name. With several plans, a tuple of such mappings, or one mapping for all plans.
        image: Size and channels of the generated images.
        source_channels: Channels of the source images, for paired batches; 0 means the channels of ``image``.
        source_content: What the source images are; see :class:`ImageSpec`.
        labels: The label sets.
        batch: The batch size, over all processes.
        steps: The number of steps of a whole training; the schedule depends on it.
        schedule: The factor of the learning rates.
        flip: Whether training images are mirrored with probability 0.5.
        jitter: The share by which training images are enlarged before a random crop of the original size; 0 means no crop.
        ema: Decay of the exponential moving average of the translator's weights; 0 means no average.
        retranslate: Whether each player computes the translations again, as some original implementations do, instead of sharing the fakes.
        redraw: Whether each player that computes the translations again also uses new random numbers, as in the code of MUNIT and UNIT.
        official: Overrides, as ``build`` accepts them, that reproduce the original code where it differs from its paper.
        paper: Title, authors and year.
        description: What the recipe is, in one sentence.
    """

    name: str
    slots: Mapping[str, Slot]
    plan: str | Callable[..., Any] | tuple[str | Callable[..., Any], ...]
    players: tuple[Player, ...]
    plan_options: Mapping[str, Any] | tuple[Mapping[str, Any], ...] = field(factory=dict)
    image: ImageSpec = field(factory=ImageSpec)
    source_channels: int = field(default=0, validator=whole_number(0))
    source_content: Content = field(default="picture", validator=one_of(*CONTENTS))
    labels: DomainSpec = field(factory=DomainSpec, converter=_to_domain)
    batch: int = field(default=16, validator=whole_number(1))
    steps: int = field(default=200_000, validator=whole_number(1))
    schedule: Schedule = field(factory=Schedule)
    flip: bool = field(default=True, validator=boolean)
    jitter: float = field(default=0.0, validator=number(minimum=0, maximum=1))
    ema: float = field(default=0.0, validator=number(minimum=0, below=1))
    retranslate: bool = field(default=False, validator=boolean)
    redraw: bool = field(default=False, validator=boolean)
    official: Mapping[str, Any] = field(factory=dict)
    paper: str = ""
    description: str = ""

    @property
    def source(self) -> ImageSpec:
        """Size and channels of the source images."""
        return evolve(self.image, channels=self.source_channels or self.image.channels, content=self.source_content)

    @property
    def plans(self) -> tuple[str | Callable[..., Any], ...]:
        """The plans: one for all data sets, or one for each."""
        return self.plan if isinstance(self.plan, (tuple, list)) else (self.plan,)

    @property
    def options_by_plan(self) -> tuple[Mapping[str, Any], ...]:
        """The options of each plan."""
        count, options = len(self.plans), self.plan_options
        several = options if isinstance(options, (tuple, list)) else (options,) * count
        if len(several) != count:
            raise OptionError(f"plan_options has {len(several)} mappings for {count} plans. Give one for each plan, or one for all.")
        return several

    def with_plan_options(self, **options: Any) -> Recipe:
        """Return the recipe with some options of all its plans changed."""
        changed = tuple({**each, **options} for each in self.options_by_plan)
        return evolve(self, plan_options=changed if isinstance(self.plan_options, (tuple, list)) else changed[0])

    @property
    def plan_name(self) -> str:
        """The name of the plan in messages, or the names of several."""
        return " + ".join(each if isinstance(each, str) else str(getattr(each, "__name__", type(each).__name__)) for each in self.plans)

    def role(self, slot: str) -> str:
        """Return the role of a slot."""
        role = self.slots[slot].role or slot
        if role not in SLOT_ROLES:
            raise OptionError(
                f'Slot "{slot}" has no role. Set one, for example Slot(..., role="encoder"). Available: {", ".join(SLOT_ROLES)}.'
            )
        return role

    def player(self, name: str) -> Player:
        """Return the player with that name."""
        return next(player for player in self.players if player.name == name)

    def with_player(self, new: Player) -> Recipe:
        """Return the recipe, in which the given player replaces the one with the same name."""
        return evolve(self, players=tuple(new if player.name == new.name else player for player in self.players))
