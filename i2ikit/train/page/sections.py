"""The parts of the page, from top to bottom."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from i2ikit.train.page.charts import chart
from i2ikit.train.page.numbers import highlights, numbers
from i2ikit.train.page.pictures import Example, Pictures
from i2ikit.train.page.record import Curve, Record, thinned
from i2ikit.train.page.words import commands, headline, meaning_of, meanings, summary

_STYLE = Path(__file__).with_name("style.css")


def document(record: Record, pictures: Pictures) -> str:
    """Return the whole page."""
    title = escape(headline(record))
    body = "".join(
        [_header(record), _first_row(record, pictures), _over_time(pictures), numbers(record), _charts(record), _configuration(record)]
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f"<title>{title}</title><style>{_STYLE.read_text(encoding='utf-8')}</style></head><body><main>{body}</main></body></html>\n"
    )


def _header(record: Record) -> str:
    said = " ".join(escape(sentence) for sentence in summary(record))
    figures = "".join(f"<div><b>{escape(value)}</b><span>{escape(words)}</span></div>" for value, words in highlights(record))
    beside = f'<div class="highlights">{figures}</div>' if figures else ""
    return f"<header><h1>{escape(headline(record))}</h1><p>{said}</p>{beside}</header>"


def _first_row(record: Record, pictures: Pictures) -> str:
    if not pictures.examples:
        none = record.config.get("train", {}).get("sample_every") == 0
        description = (
            "There are none: this training draws no samples." if none else "There are none yet: the first samples come with the training."
        )
        return f'<section><h2>Pictures</h2><p class="quiet">{description}</p></section>'
    true = any(example.target for example in pictures.examples)
    beside = " Beside each stands the true picture." if true else ""
    cards = "".join(_card(example) for example in pictures.examples)
    return (
        f"<section><h2>Input, ours{', target' if true else ''}</h2>"
        f"<p>Images that were never trained on; what was asked for stands above each. The framed picture is the translation.{beside}</p>"
        f'<div class="cards{" three" if true else ""}">{cards}</div>{_whole_grid(pictures)}</section>'
    )


def _card(example: Example) -> str:
    figures = _figure("source", "input", example.source) + _figure("ours", "ours", example.ours[-1])
    figures += _figure("target", "target", example.target) if example.target else ""
    return f'<article class="card"><h3>{escape(example.title)}</h3><div class="row">{figures}</div></article>'


def _figure(kind: str, description: str, picture: str) -> str:
    return f'<figure class="{kind}"><img src="{picture}" alt="{description}"><figcaption>{description}</figcaption></figure>'


def _whole_grid(pictures: Pictures) -> str:
    description = f"Every sample and every target at step {pictures.steps[-1]:,}"
    return f'<details><summary>{description}</summary><div class="wide"><img class="grid" src="{pictures.grid}" alt="{description}"></div></details>'


def _over_time(pictures: Pictures) -> str:
    if len(pictures.steps) < 2:
        return ""
    true = any(example.target for example in pictures.examples)
    last = pictures.steps[-1]
    heads = ["input", *(f"{number:,}" for number in pictures.steps), *(["target"] if true else [])]
    rows = []
    for example in pictures.examples:
        cells = [_cell("source", "input", example.source)]
        cells += [
            _cell("ours" if number == last else "", f"step {number}", each)
            for number, each in zip(pictures.steps, example.ours, strict=True)
        ]
        cells += [_cell("target", "target", example.target)] if true else []
        rows.append(f'<tr><th scope="row">{escape(example.title)}</th>{"".join(cells)}</tr>')
    head = "".join(f"<th>{each}</th>" for each in heads)
    return (
        "<section><h2>The same images over time</h2><p>Each column is the step of training after which the translation was made.</p>"
        f'<div class="wide"><table class="time"><tr><th></th>{head}</tr>{"".join(rows)}</table></div></section>'
    )


def _cell(kind: str, description: str, picture: str) -> str:
    shown = f'<img src="{picture}" alt="{description}">' if picture else ""
    return f'<td class="{kind}">{shown}</td>' if kind else f"<td>{shown}</td>"


def _charts(record: Record) -> str:
    told = meanings(record.recipe)
    losses, others = [], []
    for key, curve in record.curves.items():
        meaning = told.get(key)
        if meaning is None:
            others.append(_panel(key, chart(curve, name=key, kind="other"), meaning_of(key)))
            continue
        weight = f'<span class="quiet">{escape(meaning.loss)}{f", weight {meaning.weight:g}" if meaning.weight != 1 else ""}</span>'
        drawn = chart(curve, meaning.equilibrium, name=key, kind=key.partition("/")[0].partition("_")[0])
        losses.append(_panel(key, drawn, meaning.description, weight))
    for key, curve in _evaluated(record).items():
        others.append(_panel(f"{key}, evaluated", chart(curve, name=key, kind="measured"), meaning_of(key)))
    if not losses and not others:
        return ""
    beside = f'<h3 class="sub">Beside the losses</h3><div class="charts">{"".join(others)}</div>' if others else ""
    return (
        "<section><h2>Losses</h2><p>Unweighted, against the step. The line is the mean of neighbouring steps and the band their spread; "
        "a dashed line marks where the value stays if neither player can win. Losses of such a game say whether it is in balance, not how "
        f'good the pictures are: the numbers above do that.</p><div class="charts">{"".join(losses)}</div>{beside}</section>'
    )


def _panel(key: str, drawn: str, description: str, beside: str = "") -> str:
    return f'<figure class="panel"><h3>{escape(key)} {beside}</h3>{drawn}<figcaption>{escape(description)}</figcaption></figure>'


def _evaluated(record: Record) -> dict[str, Curve]:
    points: dict[str, list[tuple[int, float]]] = {}
    for line in record.evaluated:
        for key, value in line.items():
            if key not in ("step", "seconds") and isinstance(value, (int, float)) and not isinstance(value, bool):
                points.setdefault(key, []).append((line["step"], float(value)))
    return {key: thinned(each) for key, each in points.items() if len(each) > 1}


def _configuration(record: Record) -> str:
    typed = "".join(f"<dt>{escape(description)}</dt><dd><code>{escape(text)}</code></dd>" for description, text in commands(record))
    recipe = record.recipe
    slots = [(name, _words({"": slot["component"], **slot["options"]})) for name, slot in recipe["slots"].items()]
    terms = [
        (f"{player['name']}/{name}", f"{term['weight']:g} × {_words({'': term['loss'], **term['options']})}")
        for player in recipe["players"]
        for name, term in player["terms"].items()
    ]
    players = [(player["name"], _player(player)) for player in recipe["players"]]
    data = record.config.get("data", {})
    kept: list[tuple[str, str]] = [("data", _data(each)) for each in (data if isinstance(data, list) else [data])]
    kept += [("image", _words(recipe["image"])), ("schedule", _words(recipe["schedule"])), ("batch", str(recipe["batch"]))]
    kept += [(name, _words(record.config[name])) for name in ("train", "versions") if record.config.get(name)]
    raw, table = escape(json.dumps(record.config, indent=2)), _rows([*slots, *players, *terms, *kept])
    paper = f'<p class="quiet">{escape(recipe["paper"])}</p>' if recipe.get("paper") else ""
    return (
        f'<section><h2>Commands</h2><dl class="commands">{typed}</dl></section>'
        f'<section><h2>Configuration</h2>{paper}<div class="wide"><table class="plain">{table}</table></div>'
        f"<details><summary>run.json</summary><pre>{raw}</pre></details></section>"
    )


def _player(player: Mapping[str, Any]) -> str:
    every = "every step" if player["every"] == 1 else f"every {player['every']} steps"
    return f"trains {', '.join(player['trains'])} {every}; {_words(player['optimizer'])}"


def _data(data: Mapping[str, Any]) -> str:
    options = {key: value for key, value in data.get("options", {}).items() if value not in (None, [], {})}
    return _words({"": data.get("path", "?"), **options, "fingerprint": str(data.get("fingerprint", ""))[:12]})


def _words(data: Mapping[str, Any]) -> str:
    shown = (f"{key} {_value(value)}" if key else _value(value) for key, value in data.items() if value not in (None, "", [], {}))
    return ", ".join(shown)


def _value(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else f"{value:g}" if isinstance(value, float) else str(value)


def _rows(rows: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in rows)
