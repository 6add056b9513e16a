"""Overrides of players and of their terms. This module does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, fields

from i2ikit.core.player import Player
from i2ikit.core.short_repr import shorten
from i2ikit.core.slot import TERM_SETTINGS, Term, to_options
from i2ikit.core.training import Optimizer, Schedule
from i2ikit.core.validators import check_fields
from i2ikit.errors import OptionError, UnknownNameError

if TYPE_CHECKING:
    from i2ikit.core.recipe import Recipe

OPTIMIZER_SETTINGS = tuple(each.name for each in fields(Optimizer) if each.name != "name")
"""Settings of an optimizer, which may also stand among those of its player."""
PLAYER_SETTINGS = ("trains", "terms", "every", "optimizer", "pool", "before")


def override_players(recipe: Recipe, overrides: Mapping[str, Any]) -> Recipe:
    """Return a recipe with overrides of its players.

    Args:
        recipe: The recipe.
        overrides: For each player a :class:`Player`, which replaces the one of that name or is added at the end, None, or a mapping of
            settings of the player and its optimizer. In a mapping, ``before`` names the player before which this one plays; a mapping with
            ``trains`` adds a player that does not exist.

    Raises:
        UnknownNameError: There is no such player or setting.
        OptionError: A value is not allowed.
    """
    players = {player.name: player for player in recipe.players}
    for name, value in overrides.items():
        if name not in players and not isinstance(value, Player) and not (isinstance(value, Mapping) and "trains" in value):
            raise UnknownNameError(
                "player", name, players, note=f'To add it: players={{"{name}": Player("{name}", trains=..., terms=...)}}.'
            )
        if value is None:
            del players[name]
        elif isinstance(value, Player):
            if value.name != name:
                raise OptionError(f'players["{name}"] is a player with the name "{value.name}". Use the same name in both places.')
            players[name] = value
        elif isinstance(value, Mapping):
            players[name] = _override_player(players.get(name, Player(name, (), {})), value, recipe)
            if value.get("before") is not None:
                players = _move(players, name, value["before"])
        else:
            raise OptionError(
                f'Player "{name}" is set to {shorten(value)}; it must be a mapping of settings, a Player, or None to remove it.'
            )
    return evolve(recipe, players=tuple(players.values()))


def override_terms(recipe: Recipe, overrides: Mapping[str, Any]) -> Recipe:
    """Return a recipe with overrides of terms.

    Args:
        recipe: The recipe.
        overrides: For each ``"player/term"`` a weight (a number or a :class:`Schedule`), a loss (its name, or a function), a mapping of
            settings and options, a :class:`Term`, or None to remove the term. A loss, a Term, or a mapping with ``loss`` adds a term that
            does not exist.

    Raises:
        UnknownNameError: There is no such player or term.
        OptionError: A value is not allowed.
    """
    players = {player.name: player for player in recipe.players}
    for name, value in overrides.items():
        owner, _, term = str(name).partition("/")
        if owner not in players or not term:
            raise UnknownNameError("term", name, _list_terms(players.values()))
        players[owner] = evolve(players[owner], terms=_override_term(players[owner], term, value, recipe))
    return evolve(recipe, players=tuple(players.values()))


def _list_terms(players: Any) -> list[str]:
    return [f"{player.name}/{term}" for player in players for term in player.terms]


def _move(players: Mapping[str, Player], name: str, before: Any) -> dict[str, Player]:
    """Return the players with one of them directly before another one."""
    others = {key: player for key, player in players.items() if key != name}
    if not isinstance(before, str) or before not in others:
        raise UnknownNameError("player", str(before), others)
    return {key: players[key] for other in others for key in ([name, other] if other == before else [other])}


def _override_player(player: Player, overrides: Mapping[str, Any], recipe: Recipe) -> Player:
    known = (*PLAYER_SETTINGS, *OPTIMIZER_SETTINGS)
    for key in overrides:
        if key not in known:
            raise UnknownNameError("setting of a player", key, known)
    settings = {key: value for key, value in overrides.items() if key in PLAYER_SETTINGS and key not in ("before", "terms", "optimizer")}
    optimizer = _override_optimizer(player.optimizer, overrides.get("optimizer", {}))
    optimizer = evolve(optimizer, **{key: value for key, value in overrides.items() if key in OPTIMIZER_SETTINGS})
    terms = overrides.get("terms", {})
    if not isinstance(terms, Mapping):
        raise OptionError(f'"terms" of player "{player.name}" is {shorten(terms)}; it must be a mapping from names to terms.')
    for name, value in terms.items():
        player = evolve(player, terms=_override_term(player, name, value, recipe))
    return evolve(player, optimizer=optimizer, **settings)


def _override_optimizer(optimizer: Optimizer, value: Any) -> Optimizer:
    if isinstance(value, Optimizer):
        return value
    return evolve(optimizer, **({"name": value} if isinstance(value, str) else check_fields(value, Optimizer, "optimizer")))


def _override_term(player: Player, name: str, value: Any, recipe: Recipe) -> dict[str, Term]:
    """Return the terms of a player with an override of one of them."""
    terms = dict(player.terms)
    adds = isinstance(value, (Term, str)) or callable(value) or (isinstance(value, Mapping) and "loss" in value)
    if name not in terms and not adds:
        others = [each for each in recipe.players if each.name != player.name]
        raise UnknownNameError("term", f"{player.name}/{name}", _list_terms([player, *others]))
    if value is None:
        del terms[name]
    elif isinstance(value, Term):
        terms[name] = value
    elif callable(value):
        terms[name] = Term(value)  # of weight 1: weight and options of another loss would have no meaning
    elif isinstance(value, str):
        terms[name] = evolve(terms[name], loss=value) if name in terms else Term(value)
    elif isinstance(value, Mapping):
        terms[name] = _evolve_term(terms.get(name) or Term(value["loss"]), value)
    else:
        terms[name] = evolve(terms[name], weight=value)
    return terms


def _evolve_term(term: Term, overrides: Mapping[str, Any]) -> Term:
    """Return a term with other settings and options; what is no setting of a term is an option of its loss."""
    settings = {key: value for key, value in overrides.items() if key in ("loss", *TERM_SETTINGS)}
    options = {key: value for key, value in overrides.items() if key not in settings and key != "options"}
    if isinstance(settings.get("weight"), Mapping):
        changed = check_fields(settings["weight"], Schedule, "schedule")
        settings["weight"] = evolve(term.weight if isinstance(term.weight, Schedule) else Schedule(value=term.weight), **changed)
    given = to_options(overrides.get("options", {}), "term")
    return evolve(term, **settings, options={**term.options, **given, **options})
