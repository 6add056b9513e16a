"""The commands and the configuration on the page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from i2ikit.train.page.descriptions import format_weight, list_commands
from i2ikit.train.page.run_summary import RunSummary

# Entries of a recipe with rows of their own, or with a place at the top of the page or on the page of another stage.
_SHOWN_ELSEWHERE = ("name", "description", "paper", "slots", "players", "stages")


def render_configuration(summary: RunSummary) -> str:
    """Return the sections of the commands and of the configuration as HTML."""
    commands = "".join(f"<dt>{escape(text)}</dt><dd><code>{escape(command)}</code></dd>" for text, command in list_commands(summary))
    recipe, config = summary.recipe, summary.config
    paper = f'<p class="quiet">{escape(recipe["paper"])}</p>' if recipe.get("paper") else ""
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in list_settings(summary))
    return (
        f'<section><h2>Commands</h2><dl class="commands">{commands}</dl></section>'
        f'<section><h2>Configuration</h2>{paper}<div class="wide"><table class="plain">{rows}</table></div>'
        f"<details><summary>run.json</summary><pre>{escape(json.dumps(config, indent=2))}</pre></details></section>"
    )


def list_settings(summary: RunSummary) -> list[tuple[str, str]]:
    """Return all settings of a run, each as a name and a text: slots, players, terms, data, and every other entry of the recipe."""
    recipe, config = summary.recipe, summary.config
    rows = [(name, _format_slot(slot)) for name, slot in recipe["slots"].items()]
    rows += [(player["name"], _format_player(player)) for player in recipe["players"]]
    rows += [(f"{player['name']}/{name}", _format_term(term)) for player in recipe["players"] for name, term in player["terms"].items()]
    rows += [("data", _format_data(each)) for each in summary.data]
    others = [key for key in recipe if key not in _SHOWN_ELSEWHERE]
    rows += [(name, _format_settings(recipe[name] if isinstance(recipe[name], Mapping) else {"": recipe[name]})) for name in others]
    rows += [("seed", str(config["seed"]))] if "seed" in config else []
    rows += [(name, _format_settings(config[name])) for name in ("preprocessing", "train", "versions") if config.get(name)]
    return [(name, text) for name, text in rows if text]


def _format_player(player: Mapping[str, Any]) -> str:
    every = "every step" if player["every"] == 1 else f"every {player['every']} steps"
    others = _format_settings(_list_others(player, "name", "trains", "terms", "every", "optimizer"))
    return "; ".join(filter(None, [f"trains {', '.join(player['trains'])} {every}", _format_settings(player["optimizer"]), others]))


def _format_term(term: Mapping[str, Any]) -> str:
    loss = f"{format_weight(term['weight'])} × {_format_settings({'': term['loss'], **term['options']})}"
    every = ["every"] if term.get("every") == 1 else []
    return "; ".join(filter(None, [loss, _format_settings(_list_others(term, "loss", "weight", "options", *every))]))


def _format_data(data: Mapping[str, Any]) -> str:
    options = {key: value for key, value in data.get("options", {}).items() if value not in (None, [], {})}
    return _format_settings({"": data.get("path", "?"), **options, "fingerprint": str(data.get("fingerprint", ""))[:12]})


def _format_settings(data: Mapping[str, Any]) -> str:
    texts = (
        f"{key} {_format_value(value)}" if key else _format_value(value) for key, value in data.items() if value not in (None, "", [], {})
    )
    return ", ".join(texts)


def _format_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"({_format_settings(value)})"
    if isinstance(value, (list, tuple)):
        return " ".join(map(_format_value, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _format_slot(slot: Mapping[str, Any]) -> str:
    component = slot["component"]
    parts = [(component, slot["options"])] if isinstance(component, str) else component
    settings = {"one per": slot.get("per"), **_list_others(slot, "component", "options", "per", "wrappers")}
    wrappers = [_format_settings({"in": name, **options}) for name, options in slot.get("wrappers", ())]
    components = " + ".join(_format_settings({"": name, **options}) for name, options in parts)
    return "; ".join(filter(None, [components, _format_settings(settings), *wrappers]))


def _list_others(entry: Mapping[str, Any], *shown: str) -> dict[str, Any]:
    """Return the entries that are not shown otherwise; what is off or 0 is left out."""
    return {key: value for key, value in entry.items() if key not in shown and value not in (False, 0)}
