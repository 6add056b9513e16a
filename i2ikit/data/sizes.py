"""A check that the two images of each pair have the same size."""

from __future__ import annotations

from i2ikit.data.arrangements import get_arrangement
from i2ikit.data.dataset import Dataset, FileDataset
from i2ikit.data.images import Images
from i2ikit.errors import DataError, format_count
from i2ikit.pixels import read_size


def check_sizes(data: Dataset) -> None:
    """Check that the two images of each pair have the same size.

    If source and target were resized by different factors, their pixels would not correspond. Nothing is checked if every image is
    cropped to the same size when it is read.

    Raises:
        DataError: The sizes of some pairs differ. The message names the first three.
    """
    if not isinstance(data, FileDataset) or not get_arrangement(data).has_targets or data.images.reading.glued:
        return
    if data.images.reading.crop and not data.images.reading.random_crop:
        return
    different = []
    for item in data.items:
        sizes = [_read_size(data.images, file) for file in (item.file, str(item.target_file))]
        if None not in sizes and sizes[0] != sizes[1]:
            different.append(f"{item.file} {_format_size(sizes[0])} and {_format_size(sizes[1])}")
    if different:
        shown = "; ".join(different[:3]) + (f"; and {len(different) - 3} more" if len(different) > 3 else "")
        raise DataError(
            f"Source and target differ in size in {len(different):,} of {format_count(len(data.items), 'pair')}: {shown}. Resize one of "
            "the two images."
        )


def _read_size(images: Images, file: str) -> tuple[int, int] | None:
    """Return height and width from the header of a file, or None if the header cannot be read."""
    try:
        return read_size(images.source.read(file), file, images.reading.max_pixels)
    except DataError:
        return None


def _format_size(size: tuple[int, int] | None) -> str:
    return "" if size is None else f"{size[0]}x{size[1]}"
