"""Images of any type as a model takes them: read as the images of its training were read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from i2ikit.core.specs import ImageSpec
from i2ikit.inference.image_io import InputImage, open_image
from i2ikit.inference.map_io import open_map

if TYPE_CHECKING:
    from i2ikit.core.model import Model


def read_image(model: Model, image: Any, background: str | None = None, *, spec: ImageSpec | None = None) -> InputImage:
    """Read an image of any type.

    Args:
        model: The model.
        image: A tensor, a PIL image, an array or a path.
        background: The colour put behind transparent pixels; by default the one of the training.
        spec: What the image is: ``model.source`` (default), or ``model.image`` for an image such as the model generates.

    Raises:
        DataError: The image cannot be read, or it has another number of channels.
    """
    spec = spec or model.source
    if not spec.is_picture:
        return open_map(image, spec)
    prepared = model.preprocessing
    convert = any(prepared.get(name) is not None for name in ("channels", "source_channels"))
    return open_image(image, spec.channels, background or prepared.get("background"), convert=convert)
