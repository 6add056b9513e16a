"""Models with the weights of original implementations. Plugins define the importers and the files that they read."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from i2ikit.core.component import get_factory_options
from i2ikit.core.registry import Registry, default_registry
from i2ikit.errors import OptionError, UnknownNameError

if TYPE_CHECKING:
    from i2ikit.core.model import Model


def import_official(name: str, *, registry: Registry | None = None, **parts: Any) -> Model:
    """Return a model with the weights of an original implementation.

    The model's ``preprocessing`` then contains the key ``"imported"`` (the system) and the key ``"untrained"`` (the networks for which no
    weights were imported). Both are saved with the model.

    Args:
        name: The system, such as "stargan", or ``"plugin:name"`` if two plugins import the same system.
        registry: The registry of importers (default: that of the installed plugins).
        **parts: The arguments of the system's importer: a file or a state dict for each network, and options for reading them. For
            StarGAN: ``generator=``, ``discriminator=``, ``labels=`` and ``size=``.

    Raises:
        UnknownNameError: No plugin imports that system, or its importer does not accept such an argument.
        OptionError: A required argument is missing.
        CheckpointError: A file is missing, damaged or unsafe, or it belongs to another architecture.

    Example:
        >>> from i2ikit_stargan.official import export_official
        >>> small = build("stargan", size=32, generator={"width": 8, "blocks": 1}, discriminator={"width": 8})
        >>> model = import_official("stargan", **export_official(small), labels=small.domain)
    """
    importer = (registry or default_registry()).importer(name)
    parameters = get_factory_options(importer)
    for part in parts:
        if part not in parameters:
            raise UnknownNameError(f'argument of the importer "{name}"', part, parameters)
    for part, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and part not in parts:
            raise OptionError(f'Importer "{name}" requires {part}=; the given arguments are: {", ".join(parts) or "none"}. Add {part}=.')
    model: Model = importer(**parts)
    model.preprocessing.setdefault("imported", name.rpartition(":")[2])
    model.preprocessing.setdefault("untrained", [])
    return model
