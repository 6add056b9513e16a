"""Recipes: frozen data from which a model is built. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from attrs import evolve, field, frozen

from i2ikit.core.domain import DomainSpec
from i2ikit.core.specs import ImageSpec
from i2ikit.core.validators import decays, factors, flag, names, one_of, real, whole
from i2ikit.errors import OptionError

SLOT_ROLES: tuple[str, ...] = ("encoder", "conditioner", "generator", "discriminator", "loss")
PYTHON = "python:"  # stands in files before the name of a function that a file cannot hold


@frozen(init=False)
class Slot:
    """A place in the assembly, filled with a component.

    Attributes:
        component: A registered name.
        role: Which protocol it keeps; the slot's own name where that is a role.
        per: One net (None), one per domain or one per ordered pair of domains.
        shared: Names of parts that the nets of a ``per`` slot have in common (CoGAN, UNIT).
        frozen: Never trained: eval mode, no gradient.
        options: Named options of the component.
    """

    component: str
    role: str | None
    per: Literal["domain", "pair"] | None
    shared: tuple[str, ...]
    frozen: bool
    options: Mapping[str, Any]

    def __init__(
        self,
        component: str,
        *,
        role: str | None = None,
        per: Literal["domain", "pair"] | None = None,
        shared: tuple[str, ...] = (),
        frozen: bool = False,
        **options: Any,
    ) -> None:
        self.__attrs_init__(component, role, per, tuple(shared), frozen, dict(options))

    def with_options(self, **options: Any) -> Slot:
        """Return the slot with some options changed."""
        return evolve_slot(self, options={**self.options, **options})


def evolve_slot(slot: Slot, **changes: Any) -> Slot:
    """Return a slot with some attributes changed (``attrs.evolve`` needs the generated constructor)."""
    kept = {"role": slot.role, "per": slot.per, "shared": slot.shared, "frozen": slot.frozen}
    options = changes.pop("options", slot.options)
    component = changes.pop("component", slot.component)
    return Slot(component, **{**kept, **changes}, **options)


@frozen(init=False)
class Term:
    """One weighted loss of a player.

    Attributes:
        loss: A registered name, or any function of one Translation that gives a scalar tensor.
        weight: Its factor in the player's total.
        every: It is played on every n-th step of its player (lazy regularisation).
        updates: The slots that receive its gradient; all that the player trains where None.
        translations: The translations it is played on, by name, or "forward" and "backward": from a domain to one that is declared after it, and
            the other way around. All where None.
        turn: Terms of one interval and one turn share a backward pass and an optimizer step; a player with several turns steps once in
            each, in the order of their first terms (StarGAN v2 trains one generator on two passes).
        options: Named options of the loss.
    """

    loss: str | Callable[..., Any]
    weight: float = field(validator=real())
    every: int = field(validator=whole(1))
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
        updates: tuple[str, ...] | None = None,
        translations: tuple[str, ...] | str | None = None,
        turn: str = "",
        **options: Any,
    ) -> None:
        names = (translations,) if isinstance(translations, str) else translations
        self.__attrs_init__(loss, weight, every, updates, names, turn, dict(options))

    def with_overrides(self, **changes: Any) -> Term:
        """Return the term with some attributes or options changed."""
        kept = {each: getattr(self, each) for each in ("loss", "weight", "every", "updates", "translations", "turn")}
        own = {key: changes.pop(key) for key in list(changes) if key in kept}
        return Term(**{**kept, **own}, **{**self.options, **changes})


def _tuple(betas: Any) -> tuple[float, float]:
    return tuple(betas) if isinstance(betas, Iterable) and not isinstance(betas, str) else (betas,)


def _domain(labels: object) -> DomainSpec:
    return DomainSpec.parse(labels)


@frozen
class Optimizer:
    """How a player's parameters move.

    Attributes:
        name: "adam", "adamw" or "sgd".
        lr: Learning rate before the schedule.
        lr_multipliers: A factor on the learning rate by slot name.
        clip: Largest total norm of the player's gradient; 0 means no limit.
    """

    name: Literal["adam", "adamw", "sgd"] = field(default="adam", validator=one_of("adam", "adamw", "sgd"))
    lr: float = field(default=1e-4, validator=real(least=0))
    betas: tuple[float, float] = field(default=(0.5, 0.999), converter=_tuple, validator=decays)
    eps: float = field(default=1e-8, validator=real(above=0))
    weight_decay: float = field(default=0.0, validator=real(least=0))
    lr_multipliers: Mapping[str, float] = field(factory=dict, validator=factors)
    clip: float = field(default=0.0, validator=real(least=0))


@frozen
class Schedule:
    """The factor on every learning rate: 1 until ``start`` of the steps, then linearly to zero; or smaller from step to step.

    Attributes:
        kind: "constant", "linear" or "step".
        start: The share of all steps after which the linear decay begins.
        every: The steps between two changes. One change of the linear decay is worth one step of decay, so that a value above 1 gives
            the slow decay of StarGAN's original code (its rate falls by one step's share, but only every 1000 steps).
        gamma: What each change of the kind "step" multiplies the rate by.
    """

    kind: Literal["constant", "linear", "step"] = field(default="linear", validator=one_of("constant", "linear", "step"))
    start: float = field(default=0.5, validator=real(least=0, most=1))
    every: int = field(default=1, validator=whole(1))
    gamma: float = field(default=0.5, validator=real(above=0, most=1))

    def factor(self, done: int, steps: int) -> float:
        """Return the factor for the step that follows ``done`` finished steps of ``steps``."""
        if self.kind == "step":
            return float(self.gamma ** (done // self.every))
        begin = int(steps * self.start)
        if self.kind == "constant" or done <= begin or steps <= begin:
            return 1.0
        changes = done // self.every - begin // self.every
        return max(0.0, 1.0 - changes / (steps - begin))


@frozen
class Player:
    """Who is trained: some slots, by weighted terms.

    Attributes:
        name: "translator" or "discriminator", with a suffix where there are several.
        trains: The slots whose parameters this player owns.
        terms: Its losses by name.
        every: It plays every n-th step.
        optimizer: How its parameters move.
        pool: How many past fakes are shown to this player instead of fresh ones, half of the time; 0 means none.
    """

    name: str
    trains: tuple[str, ...] = field(validator=names)
    terms: Mapping[str, Term]
    every: int = field(default=1, validator=whole(1))
    optimizer: Optimizer = field(factory=Optimizer)
    pool: int = field(default=0, validator=whole(0))


@frozen
class Recipe:
    """Everything that ``build`` needs.

    Attributes:
        name: The recipe's registered name.
        slots: The assembly.
        plan: How a batch becomes translations: "labelled", "paired", "unpaired", "sampled", a registered name, or any such function.
        players: In playing order.
        plan_options: Named options of the plan.
        image: Size and channels of the images that are drawn.
        source_channels: Channels of the images that are translated, for paired data; 0 where they are those of ``image``.
        labels: The label sets.
        batch: Images in a batch, over all processes.
        steps: The length of a whole training, which the schedule refers to.
        schedule: The factor on the learning rates.
        flip: Whether training images are mirrored half of the time.
        jitter: By what share training images are made larger before a window of their size is cut at random.
        ema: Decay of the averaged translator; 0 means none.
        retranslate: Whether each player makes the translations anew, as some originals do, in place of sharing the fakes.
        redraw: Whether each player that makes them anew also draws anew, as MUNIT's and UNIT's originals do.
        official: Changes, as ``build`` takes them, that reproduce the original code where it departs from its paper.
        paper: Title, authors and year.
        description: What the recipe is, in one sentence.
    """

    name: str
    slots: Mapping[str, Slot]
    plan: str | Callable[..., Any]
    players: tuple[Player, ...]
    plan_options: Mapping[str, Any] = field(factory=dict)
    image: ImageSpec = field(factory=ImageSpec)
    source_channels: int = field(default=0, validator=whole(0))
    labels: DomainSpec = field(factory=DomainSpec, converter=_domain)
    batch: int = field(default=16, validator=whole(1))
    steps: int = field(default=200_000, validator=whole(1))
    schedule: Schedule = field(factory=Schedule)
    flip: bool = field(default=True, validator=flag)
    jitter: float = field(default=0.0, validator=real(least=0, most=1))
    ema: float = field(default=0.0, validator=real(least=0, below=1))
    retranslate: bool = field(default=False, validator=flag)
    redraw: bool = field(default=False, validator=flag)
    official: Mapping[str, Any] = field(factory=dict)
    paper: str = ""
    description: str = ""

    @property
    def source(self) -> ImageSpec:
        """Size and channels of the images that are translated."""
        return evolve(self.image, channels=self.source_channels or self.image.channels)

    @property
    def plan_name(self) -> str:
        """What the plan is called in messages."""
        return self.plan if isinstance(self.plan, str) else str(getattr(self.plan, "__name__", type(self.plan).__name__))

    def role(self, slot: str) -> str:
        """Return the role of a slot."""
        role = self.slots[slot].role or slot
        if role not in SLOT_ROLES:
            raise OptionError(f'Slot "{slot}" has no role. Give it one: Slot(..., role="encoder"), or one of {", ".join(SLOT_ROLES)}.')
        return role

    def player(self, name: str) -> Player:
        """Return the player of that name."""
        return next(player for player in self.players if player.name == name)

    def with_player(self, changed: Player) -> Recipe:
        """Return the recipe with the player of the same name replaced."""
        return evolve(self, players=tuple(changed if player.name == changed.name else player for player in self.players))
