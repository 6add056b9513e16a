"""Models with the weights of original implementations. Plugins define the importers and the files that they read."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from i2ikit.core.arguments import a_text, check_arguments
from i2ikit.core.build import build
from i2ikit.core.component import get_factory_options
from i2ikit.core.copy_weights import copy_weights
from i2ikit.core.overrides import OTHER_NAMES, RECIPE_FIELDS
from i2ikit.core.registry import Registry, default_registry
from i2ikit.errors import OptionError, UnknownNameError

if TYPE_CHECKING:
    from i2ikit.core.model import Model


@check_arguments(name=a_text)
def import_official(name: str, *, registry: Registry | None = None, **parts: Any) -> Model:
    """Return a model with the weights of an original implementation.

    The model's ``preprocessing`` then contains the key ``"imported"`` (the system) and the key ``"untrained"`` (the networks for which no
    weights were imported). Both are saved with the model.

    Args:
        name: The system, such as "stargan", or ``"plugin:name"`` if two plugins import the same system.
        registry: The registry of importers (default: that of the installed plugins).
        **parts: The arguments of the system's importer: a file or a state dict for each network, and options for reading them. For
            StarGAN: ``generator=``, ``discriminator=``, ``labels=`` and ``size=``. All other settings of the recipe are overrides as for
            :func:`i2ikit.build`, to train the model further: ``lr=``, ``steps=``, ``batch=``, ``terms=``, ``players=`` and so on.
            ``official=True`` is what every importer builds.

    Raises:
        UnknownNameError: No plugin imports that system, or neither its importer nor the recipe has such an argument.
        OptionError: A required argument is missing, or the recipe does not support an override.
        CheckpointError: A file is missing, damaged or unsafe, or it belongs to another architecture.

    Example:
        >>> from i2ikit_stargan.official import export_official
        >>> small = build("stargan", size=32, generator={"width": 8, "blocks": 1}, discriminator={"width": 8})
        >>> model = import_official("stargan", **export_official(small), labels=small.domain, lr=5e-5)
    """
    registry = registry or default_registry()
    importer = registry.importer(name)
    parameters = get_factory_options(importer)
    settings = {part: value for part, value in parts.items() if part not in parameters}
    parts = {part: value for part, value in parts.items() if part in parameters}
    for setting in settings:
        if setting not in (*RECIPE_FIELDS, *OTHER_NAMES):
            raise UnknownNameError(f'argument of the importer "{name}"', setting, [*parameters, *RECIPE_FIELDS, *OTHER_NAMES])
    for part, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and part not in parts:
            raise OptionError(f'Importer "{name}" requires {part}=; the given arguments are: {", ".join(parts) or "none"}. Add {part}=.')
    model: Model = importer(**parts)
    model.preprocessing.setdefault("imported", name.rpartition(":")[2])
    model.preprocessing.setdefault("untrained", [])
    return _override(model, settings, name, registry) if settings else model


def _override(model: Model, settings: dict[str, Any], name: str, registry: Registry) -> Model:
    """Return a model with the networks of an imported one and other settings of its recipe."""
    if settings.get("official", True) is not True:
        raise OptionError(
            f'official={settings["official"]!r} is not supported: importer "{name}" builds the networks of the original code. Leave it out.'
        )
    changed = build(model.recipe, registry=registry, **{key: value for key, value in settings.items() if key != "official"})
    copy_weights(
        dict(changed.nets.named_state()),
        dict(model.nets.named_state()),
        problem=f"The imported weights do not fit the settings {', '.join(f'{key}=' for key in settings)}",
        remedy="Override settings of the training only.",
    )
    changed.preprocessing, changed.steps_done = model.preprocessing, model.steps_done
    return changed
