"""Slots and terms: components and losses with their options and settings. This module does not import torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike, fspath
from typing import Any, Literal, Never

from attrs import field, frozen
from attrs.validators import optional

from i2ikit.core.short_repr import short_repr, shorten
from i2ikit.core.training import Schedule
from i2ikit.core.validators import boolean, number, one_of, text, whole_number
from i2ikit.errors import OptionError, suggest

Entry = tuple[str, Mapping[str, Any]]
"""A component's name and its options."""

SLOT_SETTINGS = ("role", "input", "per", "shared", "frozen", "weights", "wrappers")
"""What a slot has besides its component and the options of it."""

STAGE = "stage:"
"""Begin of the place of weights that an earlier stage of the run has trained."""

TERM_SETTINGS = ("weight", "every", "updates", "translations", "turn")
"""What a term has besides its loss and the options of it."""


@frozen(init=False)
class Slot:
    """A place for a component in a recipe.

    Attributes:
        component: The registered name of the component. For several components in series, each of which takes what the one before it
            returns: a tuple of (name, options); in the constructor, an entry may also be a name alone.
        options: Options of the component by name; empty for components in series, which have their own.
        role: The protocol of the component; None if the slot's own name is a role.
        input: What enters an extra slot, for which its component is built: "source" or "target" (images), "style" (the styles that the plan
            samples), or another slot, whose code enters. By default encoders take target images, and all others the code of the main slots.
        per: None for one network; "domain" for one per domain; "pair" for one per ordered pair of domains.
        shared: Names of submodules that all networks of a ``per`` slot share (CoGAN, UNIT).
        frozen: Whether the slot is never trained: eval mode, no gradients.
        weights: Where the weights come from before training: the folder of a run or of a saved model, ``"RUN:slot"`` for another slot of
            it, or ``"RUN:slot/domain"`` for one of its networks; ``stage:NAME`` in place of ``RUN`` for a stage that the same run trains
            before; empty for random weights.
        wrappers: Components of the role "wrapper" around each network of the slot, the innermost first, as (name, options); in the
            constructor, an entry may also be a name alone.
    """

    component: str | tuple[Entry, ...]
    options: Mapping[str, Any]
    role: str | None = field(validator=optional(text))
    input: str = field(validator=text)
    per: Literal["domain", "pair"] | None = field(validator=optional(one_of("domain", "pair")))
    shared: tuple[str, ...]
    frozen: bool = field(validator=boolean)
    weights: str
    wrappers: tuple[Entry, ...]

    __repr__ = short_repr

    def __init__(
        self,
        component: str | Sequence[str | Entry],
        options: Mapping[str, Any] | None = None,
        *,
        role: str | None = None,
        input: str = "",  # noqa: A002  the word of docs and messages
        per: Literal["domain", "pair"] | None = None,
        shared: Iterable[str] | str = (),
        frozen: bool = False,
        weights: str | PathLike[str] = "",
        wrappers: Iterable[str | Entry] | str = (),
        **unknown: Never,
    ) -> None:
        if unknown:
            _refuse_keywords("Slot", component, unknown, SLOT_SETTINGS)
        parts = component if isinstance(component, str) else _to_entries(component, "component")
        if not isinstance(parts, str) and options:
            raise OptionError(
                f"The slot has components in series ({_join(parts)}), but also options {dict(options)!r}. Give the options of each "
                f'component in its entry: Slot((("{parts[0][0]}", {{...}}), ...)).'
            )
        self.__attrs_init__(
            parts,
            to_options(options, "slot"),
            role,
            input,
            per,
            to_names(shared, '"shared" of a slot'),
            frozen,
            _to_path(weights),
            _to_entries((wrappers,) if isinstance(wrappers, str) else wrappers, "wrappers"),
        )

    @property
    def parts(self) -> tuple[Entry, ...]:
        """The components of the slot with their options: one, or several in series."""
        return ((self.component, self.options),) if isinstance(self.component, str) else self.component

    @property
    def title(self) -> str:
        """The names of the components in messages, such as ``"a + b"``."""
        return _join(self.parts)


@frozen(init=False)
class Term:
    """One weighted loss of a player.

    Attributes:
        loss: The registered name of a loss, or a function of one Translation that returns a scalar tensor.
        weight: The factor of the loss in the player's total loss. A :class:`Schedule` changes it during the training: StarGAN v2's weight
            of the diversity loss, which decays to zero, is ``Schedule("linear", start=0, value=1)``.
        options: Options of the loss by name.
        every: The term is computed at every n-th step of its player (lazy regularisation).
        updates: The slots that receive the gradient of this term; None means all slots that the player trains.
        translations: The translations for which the term is computed; None means all. They are given by name, or as "forward" (from a
            domain to one that is declared after it) or "backward" (the opposite direction).
        turn: Terms with the same interval and the same turn share a backward pass and an optimizer step. A player with several turns makes
            one optimizer step in each, in the order of their first terms (StarGAN v2 trains its generator in two turns).
    """

    loss: str | Callable[..., Any] = field()
    weight: float | Schedule = field()
    options: Mapping[str, Any]
    every: int = field(validator=whole_number(1))
    updates: tuple[str, ...] | None
    translations: tuple[str, ...] | None
    turn: str = field(validator=text)

    __repr__ = short_repr

    @loss.validator
    def _check_loss(self, attribute: Any, value: Any) -> None:
        if not isinstance(value, str) and not callable(value):
            raise OptionError(f'"loss" of a term is {shorten(value)}; it must be the name of a loss, or a function of one translation.')

    @weight.validator
    def _check_weight(self, attribute: Any, value: Any) -> None:
        if not isinstance(value, Schedule):
            number()(self, attribute, value)

    def __init__(
        self,
        loss: str | Callable[..., Any],
        weight: float | Schedule = 1.0,
        options: Mapping[str, Any] | None = None,
        *,
        every: int = 1,
        updates: Iterable[str] | str | None = None,
        translations: Iterable[str] | str | None = None,
        turn: str = "",
        **unknown: Never,
    ) -> None:
        if unknown:
            _refuse_keywords("Term", loss, unknown, TERM_SETTINGS)
        slots = None if updates is None else to_names(updates, '"updates" of a term')
        names = None if translations is None else to_names(translations, '"translations" of a term')
        self.__attrs_init__(loss, weight, to_options(options, "term"), every, slots, names, turn)

    @property
    def title(self) -> str:
        """The name of the loss in messages."""
        return self.loss if isinstance(self.loss, str) else str(getattr(self.loss, "__name__", type(self.loss).__name__))

    @property
    def weight_text(self) -> str:
        """The weight in texts; the first one and the kind of its schedule, if it changes."""
        return f"{self.weight.value:g} ({self.weight.kind})" if isinstance(self.weight, Schedule) else f"{self.weight:g}"

    def get_weight(self, done: int, steps: int) -> float:
        """Return the weight in the step that follows ``done`` finished steps of ``steps``."""
        return self.weight.factor(done, steps) if isinstance(self.weight, Schedule) else self.weight


def to_names(names: Any, title: str) -> tuple[str, ...]:
    """Return names as a tuple; a single one may be given as text.

    Raises:
        OptionError: They are no names; the message calls them ``title``.
    """
    found = (names,) if isinstance(names, str) else tuple(names) if isinstance(names, Iterable) else (names,)
    if not all(isinstance(each, str) for each in found):
        raise OptionError(f"{title} is {shorten(names)}; it must be a name, or several names in a tuple.")
    return found


def _to_path(weights: Any) -> str:
    if not isinstance(weights, (str, PathLike)):
        raise OptionError(
            f'"weights" of a slot is {shorten(weights)}; it must be the folder of a run or of a model, or a text such as '
            f'"runs/gan:generator".'
        )
    return str(fspath(weights))


def to_options(options: Any, owner: str) -> dict[str, Any]:
    """Return options as a dict, or raise OptionError if they are no mapping from names."""
    if options is not None and not (isinstance(options, Mapping) and all(isinstance(name, str) for name in options)):
        raise OptionError(
            f'"options" of a {owner} is {shorten(options)}; it must be a mapping from names to values, such as {{"width": 8}}.'
        )
    return dict(options or {})


def _to_entries(entries: Any, name: str) -> tuple[Entry, ...]:
    """Return components as (name, options); each is given as a name, or as a pair of name and options."""
    listed = list(entries) if isinstance(entries, Iterable) and not isinstance(entries, (str, Mapping)) else [entries]
    found: list[Entry] = []
    for entry in listed:
        pair = (entry, {}) if isinstance(entry, str) else tuple(entry) if isinstance(entry, Sequence) else ()
        if len(pair) != 2 or not isinstance(pair[0], str) or not isinstance(pair[1], Mapping):
            raise OptionError(
                f'"{name}" of a slot contains {shorten(entry)}; each entry must be the name of a component, or a pair of a name and its '
                f'options, such as ("diff_augment", {{"policy": "colour"}}).'
            )
        found.append((pair[0], dict(pair[1])))
    if not found and name == "component":
        raise OptionError('"component" of a slot is empty; it must be the name of a component, or several names.')
    return tuple(found)


def _join(entries: Iterable[Entry]) -> str:
    return " + ".join(name for name, _ in entries)


def _refuse_keywords(kind: str, first: Any, unknown: Mapping[str, Any], settings: Sequence[str]) -> None:
    """Raise OptionError for keywords that are no settings: most are options, which have an argument of their own."""
    name = f'"{first}"' if isinstance(first, str) else "..."
    options = "{" + ", ".join(f'"{key}": {shorten(value)}' for key, value in unknown.items()) + "}"
    asked = ", ".join(f"{key}={shorten(value)}" for key, value in unknown.items())
    where, argument = ("the second argument", options) if kind == "Slot" else ("options=", f"options={options}")
    near = suggest(next(iter(unknown)), settings)
    hint = near if near.startswith("Did") else f"Settings of a {kind.lower()}: {', '.join(settings)}."
    raise OptionError(f"{kind}({name}, {asked}): options go into {where}: {kind}({name}, {argument}). {hint}")
