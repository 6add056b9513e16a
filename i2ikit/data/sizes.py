"""Whether the two images of each pair are equally large."""

from __future__ import annotations

import io

from PIL import Image, UnidentifiedImageError

from i2ikit.data.dataset import Dataset, FileDataset
from i2ikit.data.images import Images
from i2ikit.errors import DataError, format_count


def check_sizes(data: Dataset) -> None:
    """Refuse pairs of files whose two images are not equally large: resized apart, their pixels would not lie on each other.

    Images that are cut to one window as they are read are equally large.

    Raises:
        DataError: There are such pairs; the first three are named.
    """
    if not isinstance(data, FileDataset) or data.batch_kind != "paired" or data.images.reading.glued or data.images.reading.crop:
        return
    odd = []
    for item in data.items:
        sizes = [_size(data.images, file) for file in (item.file, str(item.partner))]
        if None not in sizes and sizes[0] != sizes[1]:
            odd.append(f"{item.file} {_by(sizes[0])} and {_by(sizes[1])}")
    if odd:
        shown = "; ".join(odd[:3]) + (f"; and {len(odd) - 3} more" if len(odd) > 3 else "")
        raise DataError(
            f"{format_count(len(odd), 'pair')} of {len(data.items):,} have images of unlike sizes: {shown}. Resize one to the other."
        )


def _size(images: Images, file: str) -> tuple[int, int] | None:
    """Return height and width as the file's head says; None where it does not, which is left to the reader."""
    try:
        with Image.open(io.BytesIO(images.source.read(file))) as opened:
            turned = opened.getexif().get(0x0112, 1) >= 5  # photographs that lie on their side
            return opened.size if turned else (opened.height, opened.width)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, DataError):
        return None


def _by(size: tuple[int, int] | None) -> str:
    return "" if size is None else f"{size[0]}x{size[1]}"
