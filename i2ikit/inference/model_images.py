"""Images of any type as a model takes them: read as the images of its training were read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from i2ikit.core.specs import ImageSpec
from i2ikit.inference.image_io import InputImage, Preparation, open_image
from i2ikit.inference.map_io import open_map

if TYPE_CHECKING:
    from i2ikit.core.model import Model


def prepare(model: Model, background: str | None = None, values: Any = None, max_pixels: int | None = None) -> Preparation:
    """Return how images are read: as those of the training, or as the arguments say instead.

    Args:
        model: The model.
        background: The colour behind transparent pixels.
        values: The range of the values, as :func:`i2ikit.pixels.value_range.parse_range` takes it.
        max_pixels: The largest number of pixels of a file.

    Raises:
        OptionError: ``values`` is not a range, or ``max_pixels`` not a number.
    """
    from i2ikit.pixels.pictures import check_limit
    from i2ikit.pixels.value_range import parse_range

    trained = model.preprocessing
    return Preparation(
        background=background or trained.get("background"),
        convert=any(trained.get(name) is not None for name in ("channels", "source_channels")),
        values=parse_range(trained.get("range") if values is None else values),
        max_pixels=check_limit(trained.get("max_pixels") if max_pixels is None else max_pixels),
    )


def read_image(
    model: Model, image: Any, background: str | None = None, *, spec: ImageSpec | None = None, preparation: Preparation | None = None
) -> InputImage:
    """Read an image of any type.

    Args:
        model: The model.
        image: A tensor, a PIL image, an array or a path.
        background: The colour put behind transparent pixels; by default the one of the training.
        spec: What the image is: ``model.source`` (default), or ``model.image`` for an image such as the model generates.
        preparation: How files are read; by default as in the training, with ``background``.

    Raises:
        DataError: The image cannot be read, or it has another number of channels.
    """
    spec, preparation = spec or model.source, preparation or prepare(model, background)
    if not spec.is_picture:
        return open_map(image, spec, preparation.max_pixels)
    return open_image(image, spec.channels, preparation)
