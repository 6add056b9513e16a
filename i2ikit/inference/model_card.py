"""The model card: a README.md with a header that the Hugging Face Hub reads, and a text for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from i2ikit.errors import format_count
from i2ikit.inference.sample import find_sampling_plan

if TYPE_CHECKING:
    from i2ikit.core.model import Model

KEEP_NOTE = "<!-- Written by save_pretrained, which replaces this file. Delete this line to keep your own version. -->"


def write_model_card(model: Model, name: str, numbers: Sequence[Mapping[str, Any]], licence: str = "") -> str:
    """Return the model card of a model as Markdown.

    Args:
        model: The model.
        name: The name under which it is published.
        numbers: The numbers of an evaluation of this model, as in ``numbers.json``; may be empty.
        licence: The licence of the weights; empty if it is not decided.
    """
    recipe, trained_on = model.recipe, [str(each) for each in model.preprocessing.get("data", ())]
    sections = [
        _write_header(model, licence),
        f"# {name}\n\n{recipe.description or recipe.name}",
        _write_usage(model, name),
        "## Images\n\n" + "\n".join(_list_image_facts(model)),
        "## Training\n\n" + "\n".join(_list_training_facts(model, trained_on)),
        "## Evaluation\n\n" + _write_numbers(numbers),
        f"## Licence\n\n{licence or 'Not stated.'}",
        KEEP_NOTE,
    ]
    return "\n\n".join(sections) + "\n"


def _write_header(model: Model, licence: str) -> str:
    task = "image-to-image" if "encoder" in model.recipe.slots else "unconditional-image-generation"
    tags = ["i2ikit", "gan", "pytorch", model.recipe.name]
    lines = [
        "library_name: i2ikit",
        f"pipeline_tag: {task}",
        f"license: {licence or 'unknown'}",
        "tags:",
        *(f'  - "{tag}"' for tag in tags),
    ]
    return "\n".join(["---", *lines, "---"])


def _write_usage(model: Model, name: str) -> str:
    lines = ["from i2ikit import Model", "", f'model = Model.from_pretrained("{name}")  # a folder, or "user/{name}"']
    if "encoder" in model.recipe.slots:
        request = _format_request(model)
        lines.append(f'fake = model("photo.png"{request}, out="fake.png")  # or a tensor, a PIL image, an array')
    if model.can_sample:
        lines.append(f"images = model.sample(4{_format_domain(model)})  # [4, {model.image.channels}, H, W] in [-1, 1]")
    return "## Use\n\n```python\n" + "\n".join(lines) + "\n```"


def _format_request(model: Model) -> str:
    """Return the argument ``to`` of an example call."""
    if model.routes:
        return f', to="{model.routes[0][1]}"'
    if model.domain.attributes:
        attribute = model.domain.attributes[0]
        return f', to={{"{attribute.name}": "{attribute.choices[-1]}"}}'
    return ""


def _format_domain(model: Model) -> str:
    """Return the argument ``domain`` of an example call of ``sample``."""
    kind = model.get_batch_kind(find_sampling_plan(model))
    if kind.domains:
        return f', domain="{model.domain.names[-1]}"'
    if kind.has_labels(model.domain):
        return f", domain={ {each.name: each.choices[-1] for each in model.domain.attributes} }".replace("'", '"')
    return ""


def _list_image_facts(model: Model) -> list[str]:
    source, image = model.source, model.image
    facts = [f"- Trained on images of {image.height} x {image.width} pixels (height x width)."]
    if model.can_translate:
        taken = f"- The input is a tensor [B, {source.channels}, H, W] with values in [-1, 1], or an image of another type"
        facts.append(f"{taken}, which is converted.")
        facts.append(f"- The output is of the same type, with {format_count(image.channels, 'channel')}; tensors have values in [-1, 1].")
    else:
        facts.append(f"- Images are generated from noise: tensors [B, {image.channels}, H, W] with values in [-1, 1].")
    if model.routes:
        facts.append(f"- Domains: {', '.join(model.domain.names)}.")
    else:
        facts += [f"- Attribute {each.name}: {', '.join(each.choices)}." for each in model.domain.attributes]
    return facts


def _list_training_facts(model: Model, trained_on: Sequence[str]) -> list[str]:
    recipe = model.recipe
    facts = [f"- Recipe: {recipe.name}", f"- Paper: {recipe.paper or 'none'}"]
    facts.append(f"- Data: {', '.join(trained_on) or 'not recorded'}")
    imported = model.preprocessing.get("imported")
    facts.append(f"- Weights: imported from an original {imported}" if imported else f"- Steps: {model.steps_done:,} of {recipe.steps:,}")
    return facts


def _write_numbers(numbers: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of the numbers over everything, or of all numbers if there are none of that kind."""
    scores = [each for each in numbers if not str(each["name"]).startswith("parameters")]
    if not scores:
        return "Not measured."
    shown = [each for each in scores if "/" not in str(each["name"])] or scores
    rows = [f"| {each['name']} | {float(each['value']):.4g} | {each.get('unit') or ''} | {_describe(each)} |" for each in shown]
    protocol = shown[0].get("protocol", {})
    measured = (
        f'Measured on {protocol["inputs"]:,} images of the split "{protocol["split"]}". ' if {"inputs", "split"} <= {*protocol} else ""
    )
    head = ["| number | value | unit | definition |", "|---|---|---|---|"]
    return "\n".join([f"{measured}`numbers.json` has all numbers with their protocols.", "", *head, *rows])


def _describe(number: Mapping[str, Any]) -> str:
    definition = str(number.get("protocol", {}).get("definition", ""))
    return definition.replace("|", "\\|")
