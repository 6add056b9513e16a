"""Recipes: frozen data from which a model is built. This module does not import torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve, field, frozen

from i2ikit.core.domain import DomainSpec
from i2ikit.core.player import Player
from i2ikit.core.short_repr import short_repr, shorten
from i2ikit.core.slot import Slot
from i2ikit.core.specs import CONTENTS, Content, ImageSpec
from i2ikit.core.training import Ema, Schedule
from i2ikit.core.validators import boolean, number, one_of, text, whole_number
from i2ikit.errors import OptionError, UnknownNameError

SLOT_ROLES: tuple[str, ...] = ("encoder", "conditioner", "generator", "discriminator", "loss")
PYTHON = "python:"  # prefix in files for the name of a Python function, which cannot be saved


def _to_domain(labels: object) -> DomainSpec:
    return DomainSpec.parse(labels)


def _check_ema(recipe: Any, attribute: Any, value: Any) -> None:
    if not isinstance(value, Ema):
        number(minimum=0, below=1)(recipe, attribute, value)


def _check_plan(recipe: Any, attribute: Any, plan: Any) -> None:
    several = plan if isinstance(plan, (tuple, list)) else (plan,)
    if not several or not all(isinstance(each, str) or callable(each) for each in several):
        raise OptionError(
            f'"plan" of the recipe is {shorten(plan)}; it must be the name of a plan, a function, or several of these in a tuple.'
        )


def _check_plan_options(recipe: Any, attribute: Any, options: Any) -> None:
    if not all(isinstance(each, Mapping) for each in (options if isinstance(options, (tuple, list)) else (options,))):
        raise OptionError(
            f'"plan_options" of the recipe is {shorten(options)}; it must be a mapping of options, or one for each plan in a tuple.'
        )


def _check_players(recipe: Any, attribute: Any, players: Any) -> None:
    names = [player.name for player in players]
    for name in names:
        if names.count(name) > 1:
            raise OptionError(f'Several players of recipe "{recipe.name}" are called "{name}". Give each player another name.')


def _check_stages(recipe: Any, attribute: Any, stages: Any) -> None:
    if not isinstance(stages, Mapping):
        raise OptionError(f'"stages" of recipe "{recipe.name}" is {shorten(stages)}; it must be a mapping from names to recipes.')
    for name, stage in stages.items():
        if not isinstance(name, str) or not re.fullmatch(r"[\w-]+", name):
            raise OptionError(f'"{name}" is no name of a stage. Use letters, digits, "_" and "-", such as "gan".')
        if not isinstance(stage, Recipe):
            raise OptionError(f'Stage "{name}" of recipe "{recipe.name}" is {shorten(stage)}; it must be a recipe.')
        if stage.stages:
            raise OptionError(f'Stage "{name}" has stages of its own: {", ".join(stage.stages)}. List all of them in "{recipe.name}".')
        if name == recipe.name:
            raise OptionError(f'Stage "{name}" has the name of the recipe itself, which is the last stage. Choose another name.')


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
        ema: Decay of the exponential moving average of the translator's weights, or an :class:`Ema` with its half-life in images; 0 means
            no average.
        retranslate: Whether each player computes the translations again, as some original implementations do, instead of sharing the fakes.
        redraw: Whether each player that computes the translations again also uses new random numbers, as in the code of MUNIT and UNIT.
        stages: Recipes by name that a run trains before this one, in this order. Slots of later stages take their weights, see
            :class:`Slot`.
        official: Overrides, as ``build`` accepts them, that reproduce the original code where it differs from its paper.
        paper: Title, authors and year.
        description: What the recipe is, in one sentence.
    """

    name: str = field(validator=text)
    slots: Mapping[str, Slot]
    plan: str | Callable[..., Any] | tuple[str | Callable[..., Any], ...] = field(validator=_check_plan)
    players: tuple[Player, ...] = field(validator=_check_players)
    plan_options: Mapping[str, Any] | tuple[Mapping[str, Any], ...] = field(factory=dict, validator=_check_plan_options)
    image: ImageSpec = field(factory=ImageSpec)
    source_channels: int = field(default=0, validator=whole_number(0))
    source_content: Content = field(default="picture", validator=one_of(*CONTENTS))
    labels: DomainSpec = field(factory=DomainSpec, converter=_to_domain)
    batch: int = field(default=16, validator=whole_number(1))
    steps: int = field(default=200_000, validator=whole_number(1))
    schedule: Schedule = field(factory=Schedule)
    flip: bool = field(default=True, validator=boolean)
    jitter: float = field(default=0.0, validator=number(minimum=0, maximum=1))
    ema: float | Ema = field(default=0.0, validator=_check_ema)
    retranslate: bool = field(default=False, validator=boolean)
    redraw: bool = field(default=False, validator=boolean)
    stages: Mapping[str, Recipe] = field(factory=dict, validator=_check_stages)
    official: Mapping[str, Any] = field(factory=dict)
    paper: str = field(default="", validator=text)
    description: str = field(default="", validator=text)

    __repr__ = short_repr

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
    def plan_names(self) -> tuple[str, ...]:
        """The name of each plan."""
        return tuple(each if isinstance(each, str) else str(getattr(each, "__name__", type(each).__name__)) for each in self.plans)

    @property
    def plan_name(self) -> str:
        """The name of the plan in messages, or the names of several."""
        return " + ".join(self.plan_names)

    def role(self, slot: str) -> str:
        """Return the role of a slot."""
        role = self.slots[slot].role or slot
        if role not in SLOT_ROLES:
            found = f"the unknown role {self.slots[slot].role!r}" if self.slots[slot].role else "no role"
            raise OptionError(
                f'Slot "{slot}" has {found}. Set one, for example Slot(..., role="encoder"). Available: {", ".join(SLOT_ROLES)}.'
            )
        return role

    def player(self, name: str) -> Player:
        """Return the player with that name.

        Raises:
            UnknownNameError: There is no such player.
        """
        players = {player.name: player for player in self.players}
        if name not in players:
            raise UnknownNameError("player", name, players)
        return players[name]

    def with_overrides(self, **overrides: Any) -> Recipe:
        """Return the recipe with overrides. ``build``, ``--set`` and recipe files change recipes by the same overrides.

        Args:
            **overrides: New values by name:

                - a slot's name: a component name, a mapping of options of its component, a :class:`Slot`, or None to remove the slot. A
                  component that is replaced keeps ``per`` and ``role`` of the slot. A folder with weights is taken as ``weights``;
                - ``slots={"generator": {...}}``: settings of a slot, and its ``component`` and ``options``;
                - ``terms={"player/term": VALUE}``: a weight, a loss (its name or a function; a new term has the weight 1), a mapping of
                  settings and options, a :class:`Term`, or None to remove the term;
                - ``players={"discriminator": VALUE}``: a mapping of settings of the player and of its optimizer, a :class:`Player`, which
                  is replaced or added, or None to remove the player. In a mapping, ``before`` names the player before which it plays, and
                  ``trains`` adds a new player;
                - ``size`` (pixels, or a pair of height and width), ``channels``, ``source_channels``, ``image``;
                - ``labels`` (or ``domains``), as :meth:`DomainSpec.parse` accepts them;
                - ``plan``, ``plan_options`` (a mapping of the options to change; with a new plan, of all options);
                - ``style``: the plan's option of that name; ``style_dim``: the width of the style, wherever the recipe sets it;
                - ``lr``: the learning rate of every player;
                - ``schedule`` and ``ema``, also as a mapping of the settings to change;
                - ``stages={"gan": VALUE}``: a stage of the run before this recipe: a recipe, a mapping of overrides of the stage, or
                  None to remove it. The size (in proportion), channels and labels of the stages follow those of the recipe;
                  all other overrides change only the recipe itself, the last stage;
                - ``official=True``: first apply the overrides that reproduce the original code; a mapping defines these overrides;
                - ``steps``, ``batch``, ``flip``, ``jitter``, ``retranslate``, ``redraw``, ``name``, ``description``, ``paper``.

        Raises:
            UnknownNameError: The recipe has nothing with that name.
            OptionError: A value is not allowed.
        """
        from i2ikit.core.overrides import apply_overrides

        return apply_overrides(self, overrides)
