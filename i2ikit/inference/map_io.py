"""Read label maps and instance maps as source images, and turn translations into images of the input's type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from i2ikit.core.specs import ImageSpec
from i2ikit.errors import DataError
from i2ikit.inference.image_io import InputImage


def open_map(image: Any, source: ImageSpec, max_pixels: int | None = None) -> InputImage:
    """Read a map of any type.

    Args:
        image: A path or a PIL image (grey or palette) of class indices or instance numbers, an ndarray [H, W] of whole numbers, or a
            tensor of planes [B, C, H, W] or [C, H, W].
        source: The maps that the model takes.
        max_pixels: The largest number of pixels that a file may declare; None is the default.

    Raises:
        DataError: The type is not supported, a class index is too large, or the tensor has other planes.
    """
    if isinstance(image, Tensor):
        return _read_planes(image, source)
    from i2ikit.pixels import to_tensor, write_image
    from i2ikit.pixels.files import read_bytes
    from i2ikit.pixels.maps import check_map, decode_map, make_planes
    from i2ikit.pixels.pictures import check_limit

    if isinstance(image, (str, Path)):
        numbers = decode_map(read_bytes(Path(image), "Image"), str(image), check_limit(max_pixels))
        planes = make_planes(to_tensor(numbers), source.content, source.channels, str(image))
        return InputImage(planes[None], lambda fake, path: write_image(fake[0], _require(path)), True)
    import numpy as np

    array = np.asarray(image)  # the indices of a palette image, not its colours
    array = array[..., None] if array.ndim == 2 else array
    if array.ndim != 3 or array.dtype.kind not in "buif" or not array.size:
        found = f"{type(image).__name__} {list(array.shape)} of {array.dtype}" if array.ndim else type(image).__name__
        raise DataError(f"A map must be a path, a PIL image, an ndarray [H, W] of whole numbers, or a tensor; found {found}.")
    numbers = check_map(array, "given")
    planes = make_planes(to_tensor(numbers), source.content, source.channels, "given")
    is_picture = type(image).__module__.startswith("PIL.")

    def restore(fake: Tensor, path: Path | None) -> Any:
        back = ((fake[0].permute(1, 2, 0).numpy() + 1) * 127.5).round().astype("uint8")
        if not is_picture:
            return back
        from PIL import Image

        return Image.fromarray(back[..., 0] if back.shape[2] == 1 else back)

    return InputImage(planes[None], restore, True)


def _read_planes(image: Tensor, source: ImageSpec) -> InputImage:
    if image.ndim not in (3, 4) or image.shape[-3] != source.channels:
        raise DataError(f"A tensor must hold {source}, as [B, C, H, W] or [C, H, W]; found {list(image.shape)}.")
    single, device = image.ndim == 3, image.device
    planes = (image[None] if single else image).to(torch.float32)
    if source.content == "label_map" and not bool(((planes == 0) | (planes == 1)).all()):
        raise DataError(f"The planes of a {source} must have the values 0 and 1. Make them of class indices: torch.nn.functional.one_hot.")

    def restore(fake: Tensor, path: Path | None) -> Tensor:
        return (fake[0] if single else fake).to(device)

    return InputImage(planes, restore, False)


def _require(path: Path | None) -> Path:
    assert path is not None
    return path
