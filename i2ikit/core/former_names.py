"""Names in files that version 0.1 wrote, and what they are called today.

Everything that is read from a file passes through here, so that the rest of the library knows one set of names only. Files of today pass
unchanged. The keys of random streams keep their first names for ever: they are hashed, and a new key would be another random number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")

COMPONENTS: Mapping[str, str] = {
    "bigan_critic": "bigan_discriminator",
    "cogan_critic": "cogan_discriminator",
    "multiscale_critic": "multiscale_discriminator",
    "patch_critic": "patch_discriminator",
    "stargan_critic": "stargan_discriminator",
    **{f"{game}_critic_loss": f"{game}_discriminator_loss" for game in ("bigan", "hinge", "logistic", "lsgan", "wgan")},
    **{f"{game}_translator_loss": f"{game}_generator_loss" for game in ("bigan", "hinge", "logistic", "lsgan", "wgan")},
}
OPTIONS: Mapping[str, Mapping[str, str]] = {
    **{
        f"{game}_{player}_loss": {"of": "view"}
        for game in ("hinge", "logistic", "lsgan", "wgan")
        for player in ("discriminator", "generator")
    },
    "bicyclegan_generator": {"where": "style_placement"},
    "bicyclegan_style_encoder": {"kind": "architecture"},
    "cogan_discriminator": {"widest": "max_width", "own": "unshared"},
    "cogan_generator": {"widest": "max_width", "own": "unshared"},
    "latent_kl_loss": {"of": "view"},
    "munit_content_encoder": {"steps": "downsamples"},
    "munit_encoder": {"steps": "downsamples"},
    "self_regularization_loss": {"of": "transform"},
    "stargan_discriminator": {"widest": "max_width"},
    "unit_decoder": {"first": "latent_blocks"},
    "unit_encoder": {"steps": "downsamples", "last": "latent_blocks"},
}
"""Options by the present name of their component."""
LOSS_OPTIONS: Mapping[str, str] = {"critic": "discriminator"}
PLAN_OPTIONS: Mapping[str, str] = {"ways": "directions"}
RECIPE: Mapping[str, str] = {"rounds": "steps", "says": "description"}
TERM: Mapping[str, str] = {"on": "translations"}
OPTIMIZER: Mapping[str, str] = {"scale": "lr_multipliers"}
DATA_OPTIONS: Mapping[str, str] = {"kind": "batch_kind"}
NUMBERS: Mapping[str, str] = {"diversity_truth": "diversity_target", "l1": "mae", "l1_copy": "mae_copy"}
"""Numbers of an evaluation. What is measured for one attribute is written ``name/attribute``."""
WORDS: Mapping[str, str] = {"critic": "discriminator", "an example": "a reference image", "rounds": "steps", "truth": "target image"}
"""Words in texts that are shown: descriptions of recipes, and reasons for numbers that are missing."""
DEFINITIONS: tuple[tuple[str, str], ...] = (
    (
        "mean over images of each image's PSNR against its truth, at most 100 dB",
        "mean over images of each image's PSNR against its target, at most 100 dB",
    ),
    (
        "mean over images of the PSNR of the unchanged input against the truth, at most 100 dB",
        "mean over images of the PSNR of the unchanged input against the target, at most 100 dB",
    ),
    (
        "as psnr_copy, of the input under a Gaussian of a sixteenth of its shorter side",
        "as psnr_copy, for the input blurred by a Gaussian with sigma 1/16 of its shorter side",
    ),
    (
        "mean over images of SSIM against the truth, Gaussian window 11x11, sigma 1.5, K1 0.01, K2 0.03",
        "mean over images of SSIM against the target, Gaussian window 11x11, sigma 1.5, K1 0.01, K2 0.03",
    ),
    (
        "mean absolute difference to the truth",
        "mean absolute difference to the target",
    ),
    (
        "mean absolute difference of the unchanged input to the truth",
        "mean absolute difference of the unchanged input to the target",
    ),
    (
        "share of translations in which the reference classifier recognises the value asked for",
        "share of translations in which the evaluation classifier recognises the requested value",
    ),
    (
        "share of attributes not asked for in which the reference classifier recognises the input's known value",
        "share of the other attributes for which the evaluation classifier recognises the input's known value",
    ),
    (
        "share of translations whose nearest true image in L2, among those of all values, is the one asked for",
        "share of translations that are nearer (L2) to their target than to the true image of any other value",
    ),
    (
        "mean gradient magnitude of all translations over that of their truths; 1 is as sharp as these",
        "mean gradient magnitude of all translations divided by that of their targets; 1: as sharp as the targets",
    ),
    (
        "as diversity, between the true images of the same targets, over the inputs that have all of these",
        "as diversity, between the targets of one input, over the inputs that have all their targets",
    ),
    (
        "Frechet distance of the features of all translations to a target from those of the real images of it, float64",
        "Frechet distance between the features of all translations to a value and those of its real images, float64",
    ),
    (
        "E KL(p(y|x) || p(y)) over all translations to a target, not exponentiated",
        "E KL(p(y|x) || p(y)) over all translations to a value, not exponentiated",
    ),
    (
        "share of real held-out images in which the reference classifier recognises the known value",
        "share of real held-out images in which the evaluation classifier recognises the known value",
    ),
    (
        "parameters, trainable or not; shared ones once",
        "number of parameters, trainable or not; shared parameters count once",
    ),
)
"""Definitions of numbers, which are compared before two numbers are."""
STEP_PREFIXES = ("step", "round")
"""Of checkpoints and sample grids: ``step-00000500``, and ``round-00000500`` as version 0.1 wrote them."""
VIEW_KEYS: Mapping[str, str] = {
    "discriminator_output": "verdict",
    "mean_of_target": "mean_of_truth",
    "posterior_of_target": "posterior_of_truth",
    "style_of_target": "style_of_truth",
}
IMAGE_KEYS: Mapping[str, str] = {"reference": "exemplar", "target": "truth"}
"""Views and images by their present name, and the name that stands in the keys of random streams."""

_PLAYER = re.compile(r"^critic(?![a-z])")
_STEP = re.compile(r"(^|[./])rounds$")


def player(name: str) -> str:
    """Return the present name of a player, or of a term ``player/term``."""
    return _PLAYER.sub("discriminator", name)


def component(name: str) -> str:
    """Return the present name of a component, which may be written ``plugin:component``."""
    plugin, colon, short = name.rpartition(":")
    return f"{plugin}{colon}{COMPONENTS.get(short, short)}"


def number(name: str) -> str:
    """Return the present name of a measured number, such as ``l1`` or ``l1/hair``."""
    first, slash, rest = name.partition("/")
    return f"{NUMBERS.get(first, first)}{slash}{rest}"


def sentence(text: str) -> str:
    """Return a description or a reason with present words."""
    for former, present in WORDS.items():
        text = re.sub(rf"\b{former}\b", present, text)
    return text


def recipe(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON data of a recipe with present names."""
    if not RECIPE.keys() & data.keys():  # a recipe of today, whose plugins may use any name
        return dict(data)
    found = _renamed(data, RECIPE)
    if "says" in data:
        found["description"] = sentence(str(data["says"]))
    if "plan_options" in found:
        found["plan_options"] = _renamed(found["plan_options"], PLAN_OPTIONS)
    found["slots"] = {name: _slot(slot) for name, slot in found.get("slots", {}).items()}
    found["players"] = [_player(each) for each in found.get("players", ())]
    return found


def config(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``config.json`` of a saved model with present names."""
    found = _renamed(data, {"round": "step"})
    return {**found, "recipe": recipe(found["recipe"])} if isinstance(found.get("recipe"), Mapping) else found


def run(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``run.json`` with present names."""
    found = dict(data)
    if isinstance(found.get("recipe"), Mapping):
        found["recipe"] = recipe(found["recipe"])
    if isinstance(found.get("data"), Mapping):
        found["data"] = _data(found["data"])
    elif isinstance(found.get("data"), list):
        found["data"] = [_data(each) for each in found["data"]]
    is_command = str(data.get("command", "")).startswith("i2ikit ")  # in Python, users name the numbers that they measure
    if is_command and isinstance(found.get("train"), Mapping) and found["train"].get("best"):
        best = str(found["train"]["best"])
        sign = "-" if best.startswith("-") else ""
        found["train"] = {**found["train"], "best": f"{sign}{number(best.removeprefix('-'))}"}
    if isinstance(found.get("changes"), list):
        found["changes"] = [_change(each) for each in found["changes"]]
    return found


def state(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``state.json`` of a checkpoint with present names."""
    found = _renamed(data, {"round": "step"})
    if isinstance(found.get("window"), Mapping):
        found["window"] = {player(key): values for key, values in found["window"].items()}
    if isinstance(found.get("best"), Mapping):
        found["best"] = _renamed(found["best"], {"round": "step"})
    return found


def tensors(found: Mapping[str, T]) -> dict[str, T]:
    """Return tensors of a model or a checkpoint under present names."""
    return {re.sub(r"^(losses|pools|optimizers)\.critic(?![a-z])", r"\1.discriminator", name): tensor for name, tensor in found.items()}


def log(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return one line of ``log.jsonl`` with present names."""
    if "round" not in line:  # a line of today, whose numbers a user may have named
        return dict(line)
    found = _renamed(line, {"round": "step"})
    if found.get("event") == "evaluated":  # with PSNR, the numbers are those of the command line; else those of a user's function
        return {number(key): value for key, value in found.items()} if "psnr" in found else found
    return {player(key): value for key, value in found.items()}


def layout(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``samples/layout.json`` with present names."""
    found = _renamed(data, {"rounds": "steps", "truth": "target"})
    if isinstance(found.get("places"), Mapping):
        found["places"] = _renamed(found["places"], {"truth": "target", "ours": "outputs"})
    return found


def numbers(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``numbers.json`` of an evaluation with present names."""
    found = dict(data)
    if isinstance(found.get("model"), Mapping):
        found["model"] = _renamed(found["model"], {"round": "step"})
    if isinstance(found.get("numbers"), list):
        found["numbers"] = [_number(each) for each in found["numbers"]]
    if isinstance(found.get("left_out"), Mapping):
        found["left_out"] = {number(key): sentence(value) for key, value in found["left_out"].items()}
    if isinstance(found.get("pairs"), list):
        found["pairs"] = [{number(key): value for key, value in pair.items()} for pair in found["pairs"]]
    return found


def player_key(name: str) -> str:
    """Return how a player is written in the keys of random streams."""
    return re.sub(r"^discriminator", "critic", name)


def stream_key(name: str) -> str:
    """Return how a stream is written in its key; a network's own stream begins with a view, such as ``fake/generator``."""
    found = re.match(r"(\w+)(?:\(([^)]*)\))?/", name)
    if found is None or found[1] not in VIEW_KEYS:
        return name
    arguments = f"({', '.join(IMAGE_KEYS.get(each, each) for each in found[2].split(', '))})" if found[2] is not None else ""
    return f"{VIEW_KEYS[found[1]]}{arguments}/{name[found.end() :]}"


def _renamed(data: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return data under other names, in the same order; a present name that is there already wins."""
    return {names.get(key, key): value for key, value in data.items() if names.get(key, key) == key or names[key] not in data}


def _options(data: Mapping[str, Any], component_name: str) -> dict[str, Any]:
    """Return the options of a slot or a term, by their present names."""
    return _renamed(data.get("options", {}), OPTIONS.get(component_name.rpartition(":")[2], {}))


def _slot(data: Mapping[str, Any]) -> dict[str, Any]:
    name = component(str(data["component"]))
    return {**data, "component": name, "options": _options(data, name)}


def _player(data: Mapping[str, Any]) -> dict[str, Any]:
    terms = {}
    for name, term in data["terms"].items():
        found = _renamed(term, TERM)
        found["loss"] = component(str(found["loss"])) if not str(found["loss"]).startswith("python:") else found["loss"]
        terms[name] = {**found, "options": _renamed(_options(found, found["loss"]), LOSS_OPTIONS)}
    return {**data, "name": player(str(data["name"])), "optimizer": _renamed(data["optimizer"], OPTIMIZER), "terms": terms}


def _data(data: Mapping[str, Any]) -> dict[str, Any]:
    return {**data, "options": _renamed(data["options"], DATA_OPTIONS)} if isinstance(data.get("options"), Mapping) else dict(data)


def _change(data: Mapping[str, Any]) -> dict[str, Any]:
    found = _renamed(data, {"round": "step"})
    return {**found, "changed": {_path(key): pair for key, pair in found.get("changed", {}).items()}}


def _path(key: str) -> str:
    """Return the present path of a setting, such as ``recipe.players.critic.optimizer.lr``."""
    return _STEP.sub(r"\1steps", re.sub(r"(?<=\.players\.)critic(?![a-z])", "discriminator", key))


def _number(data: Mapping[str, Any]) -> dict[str, Any]:
    found = {**data, "name": number(str(data["name"]))}
    if isinstance(found.get("protocol"), Mapping):
        found["protocol"] = _renamed(found["protocol"], {"round": "step"})
        if isinstance(text := found["protocol"].get("definition"), str):
            found["protocol"]["definition"] = dict(DEFINITIONS).get(text, re.sub(r" to the truth$", " to the target", text))
    return found
