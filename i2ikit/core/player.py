"""Players: who is trained, by which terms. This module does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from i2ikit.core import former_names
from i2ikit.core.short_repr import short_repr, shorten
from i2ikit.core.slot import Term
from i2ikit.core.training import Optimizer
from i2ikit.core.validators import name_sequence, whole_number
from i2ikit.errors import OptionError


def _check_name(player: Any, attribute: Any, name: Any) -> None:
    """Refuse names that keys of files cannot contain, and names that files of version 0.1 use for other players."""
    if not isinstance(name, str) or not name or set(name) & set("/."):
        raise OptionError(f'"name" of a player is {shorten(name)}; it must be a text without "/" and ".", such as "refiner".')
    if former_names.player(name) != name:
        raise OptionError(f'"{name}" is the former name of the player "{former_names.player(name)}". Choose another name.')


def _check_terms(player: Any, attribute: Any, terms: Any) -> None:
    if not isinstance(terms, Mapping) or not all(isinstance(name, str) and isinstance(term, Term) for name, term in terms.items()):
        raise OptionError(
            f'"terms" of player "{player.name}" is {shorten(terms)}; it must be a mapping from names to terms: {{"l1": Term("l1_loss")}}.'
        )


@frozen
class Player:
    """Trains some slots with a weighted sum of terms.

    Attributes:
        name: Its name in logs, usually "translator" or "discriminator".
        trains: The slots whose parameters this player trains.
        terms: Its terms by name.
        every: The player trains at every n-th step.
        optimizer: The optimizer of its parameters.
        pool: The number of past fakes in its image pool, which it sees instead of new fakes half of the time; 0 means no pool.
    """

    name: str = field(validator=_check_name)
    trains: tuple[str, ...] = field(validator=name_sequence)
    terms: Mapping[str, Term] = field(validator=_check_terms)
    every: int = field(default=1, validator=whole_number(1))
    optimizer: Optimizer = field(factory=Optimizer)
    pool: int = field(default=0, validator=whole_number(0))

    __repr__ = short_repr
