"""Models from the weights of original implementations. Which there are, and what files they take, the plugins say."""

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

    Its ``preprocessing`` says from now on, on disk too, what it was ``"imported"`` from and which slots have no imported weights and are
    ``"untrained"``.

    Args:
        name: The system, such as "stargan".
        registry: Where importers are looked up; the installed plugins by default.
        **parts: What the system's importer takes: files or in-memory state dicts by network, and how to read them. For StarGAN
            ``generator=``, ``discriminator=``, ``labels=`` and ``size=``.

    Raises:
        UnknownNameError: No plugin imports that system, or its importer takes no such part.
        OptionError: A part is missing.
        CheckpointError: A file is missing, damaged, unsafe, or of another architecture.

    Example:
        >>> from i2ikit_stargan.official import export_official
        >>> small = build("stargan", size=32, generator={"width": 8, "blocks": 1}, discriminator={"width": 8})
        >>> model = import_official("stargan", **export_official(small), labels=small.domain)
    """
    importer = (registry or default_registry()).importer(name)
    taken = get_factory_options(importer)
    for part in parts:
        if part not in taken:
            raise UnknownNameError(f'part of an official "{name}"', part, taken)
    for part, parameter in taken.items():
        if parameter.default is inspect.Parameter.empty and part not in parts:
            raise OptionError(f'Importing an official "{name}" needs {part}=; found {", ".join(parts) or "nothing"}.')
    model: Model = importer(**parts)
    model.preprocessing.setdefault("imported", name.rpartition(":")[2])
    model.preprocessing.setdefault("untrained", [])
    return model
