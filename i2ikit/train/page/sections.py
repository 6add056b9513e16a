"""The sections of the page, from top to bottom."""

from __future__ import annotations

from html import escape
from pathlib import Path

from i2ikit.train.page.charts import draw_chart
from i2ikit.train.page.configuration import render_configuration
from i2ikit.train.page.descriptions import describe_curve, describe_losses, describe_training, format_weight, get_title
from i2ikit.train.page.numbers import describe_few_images, describe_measured_step, get_highlights, render_numbers
from i2ikit.train.page.pictures import Example, Pictures
from i2ikit.train.page.run_summary import Curve, RunSummary, make_curve
from i2ikit.train.sample_files import TRAINING_IMAGE

_STYLE = Path(__file__).with_name("style.css")


def render_page(summary: RunSummary, pictures: Pictures) -> str:
    """Return the page as HTML."""
    title = escape(get_title(summary))
    body = "".join(
        [
            _render_header(summary),
            _render_examples(summary, pictures),
            _render_images_over_time(pictures),
            render_numbers(summary),
            _render_charts(summary),
            render_configuration(summary),
        ]
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f"<title>{title}</title><style>{_STYLE.read_text(encoding='utf-8')}</style></head><body><main>{body}</main></body></html>\n"
    )


def _render_header(summary: RunSummary) -> str:
    text = " ".join(escape(sentence) for sentence in describe_training(summary))
    numbers = "".join(f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>" for value, name in get_highlights(summary))
    highlights = f'<div class="highlights">{numbers}</div>' if numbers else ""
    notes = [describe_few_images(summary), describe_measured_step(summary) if numbers else ""]
    highlights += "".join(f'<p class="quiet">{escape(note)}</p>' for note in notes if note)
    return f"<header><h1>{escape(get_title(summary))}</h1><p>{text}</p>{highlights}</header>"


def _render_examples(summary: RunSummary, pictures: Pictures) -> str:
    if not pictures.examples:
        is_off = summary.config.get("train", {}).get("sample_every") == 0
        reason = "There are no sample grids: they are switched off in this training." if is_off else "There are no sample grids yet."
        return f'<section><h2>Pictures</h2><p class="quiet">{reason}</p></section>'
    has_target = any(example.target for example in pictures.examples)
    if not pictures.has_inputs:
        title = f"Samples at step {pictures.steps[-1]:,}"
        return (
            "<section><h2>Samples</h2><p>These images are generated from noise, at every step from the same noise.</p>"
            f'<div class="wide"><img class="grid" src="{pictures.grid}" alt="{title}"></div></section>'
        )
    cards = "".join(_render_card(example) for example in pictures.examples)
    return (
        f"<section><h2>Input, output{', target' if has_target else ''}</h2>"
        f"<p>{_describe_inputs(pictures)} The heading of each example is what was requested; the output, in a frame, is the "
        f"translation.{' The target is the true translation.' if has_target else ''}</p>"
        f'<div class="cards{" three" if has_target else ""}">{cards}</div>{_render_grid(pictures)}</section>'
    )


def _describe_inputs(pictures: Pictures) -> str:
    marked = [example.is_training for example in pictures.examples]
    if not any(marked):
        return "These images were not used for training."
    if all(marked):
        return "These images were used for training: none were held out."
    return "Images that are marked as training images were used for training, because no others of their kind were held out."


def _get_title(example: Example) -> str:
    return f"{example.title} ({TRAINING_IMAGE})" if example.is_training else example.title


def _render_card(example: Example) -> str:
    figures = _render_figure("source", "input", example.source) + _render_figure("output", "output", example.outputs[-1])
    figures += _render_figure("target", "target", example.target) if example.target else ""
    return f'<article class="card"><h3>{escape(_get_title(example))}</h3><div class="row">{figures}</div></article>'


def _render_figure(css_class: str, name: str, picture: str) -> str:
    return f'<figure class="{css_class}"><img src="{picture}" alt="{name}"><figcaption>{name}</figcaption></figure>'


def _render_grid(pictures: Pictures) -> str:
    title = f"All samples and all target values at step {pictures.steps[-1]:,}"
    return f'<details><summary>{title}</summary><div class="wide"><img class="grid" src="{pictures.grid}" alt="{title}"></div></details>'


def _render_images_over_time(pictures: Pictures) -> str:
    if len(pictures.steps) < 2:
        return ""
    has_target = any(example.target for example in pictures.examples)
    last = pictures.steps[-1]
    heads = [*(["input"] if pictures.has_inputs else []), *(f"{step:,}" for step in pictures.steps), *(["target"] if has_target else [])]
    rows = []
    for example in pictures.examples:
        cells = [_render_cell("source", "input", example.source)] if pictures.has_inputs else []
        cells += [
            _render_cell("output" if step == last else "", f"step {step}", picture)
            for step, picture in zip(pictures.steps, example.outputs, strict=True)
        ]
        cells += [_render_cell("target", "target", example.target)] if has_target else []
        rows.append(f'<tr><th scope="row">{escape(_get_title(example))}</th>{"".join(cells)}</tr>')
    head = "".join(f"<th>{each}</th>" for each in heads)
    return (
        "<section><h2>The same images over time</h2><p>The numbers are the training steps of the images.</p>"
        f'<div class="wide" tabindex="0"><table class="time"><tr><th></th>{head}</tr>{"".join(rows)}</table></div></section>'
    )


def _render_cell(css_class: str, name: str, picture: str) -> str:
    if not picture:
        return "<td></td>"
    attributes = f'class="{css_class}" data-part="{name}"' if css_class else f'data-part="{name}"'
    return f'<td {attributes}><img src="{picture}" alt="{name}"></td>'


def _render_charts(summary: RunSummary) -> str:
    descriptions = describe_losses(summary.recipe)
    losses, others = [], []
    for key, curve in summary.curves.items():
        loss = descriptions.get(key)
        if loss is None:
            others.append(_render_panel(key, draw_chart(curve, name=key, css_class="other"), describe_curve(key)))
            continue
        details = loss.loss if loss.weight == 1 else f"{loss.loss}, weight {format_weight(loss.weight)}"
        chart = draw_chart(curve, loss.equilibrium, name=key, css_class=loss.css_class)
        losses.append(_render_panel(key, chart, loss.description, details))
    for key, curve in _make_evaluation_curves(summary).items():
        chart = draw_chart(curve, name=key, css_class="measured")
        others.append(_render_panel(f"{key}, evaluated", chart, describe_curve(key)))
    if not losses and not others:
        return ""
    other_curves = f'<h3 class="sub">Other curves</h3><div class="charts">{"".join(others)}</div>' if others else ""
    skipped = f"Only every {summary.every}th record of the log is shown. " if summary.every > 1 else ""
    return (
        f"<section><h2>Losses</h2><p>{skipped}Unweighted losses by step. "
        "The line is the mean over neighbouring steps, the band their minimum and "
        "maximum. A dashed line and the number next to it mark the equilibrium: the value at which neither player can improve. Where a few "
        "values are far from the others, the axis is logarithmic. Adversarial "
        "losses show whether the training is in balance. They do not measure image quality; the numbers above do. "
        f'</p><div class="charts">{"".join(losses)}</div>{other_curves}</section>'
    )


def _render_panel(key: str, chart: str, description: str, details: str = "") -> str:
    name = f'{escape(key)} <span class="quiet">{escape(details)}</span>' if details else escape(key)
    return f'<figure class="panel"><h3>{name}</h3>{chart}<figcaption>{escape(description)}</figcaption></figure>'


def _make_evaluation_curves(summary: RunSummary) -> dict[str, Curve]:
    points: dict[str, list[tuple[int, float]]] = {}
    for record in summary.evaluations:
        for key, value in record.items():
            if key not in ("step", "seconds") and isinstance(value, (int, float)) and not isinstance(value, bool):
                points.setdefault(key, []).append((record["step"], float(value)))
    return {key: make_curve(each) for key, each in points.items() if len(each) > 1}
