"""Images at the training size, mirrored and cropped at random, with a cache in memory."""

from __future__ import annotations

import threading
from typing import NamedTuple

from attrs import evolve
from torch import Tensor

from i2ikit.data.dataset import Dataset, Item
from i2ikit.data.images import CACHE_BYTES
from i2ikit.data.random_crop import open_whole
from i2ikit.data.transforms import Transform
from i2ikit.errors import DataError


class Augmentation(NamedTuple):
    """Random changes of one image.

    Attributes:
        mirrored: Whether left and right are swapped.
        position: Vertical and horizontal position of the random crop, between 0 and 1; unused without one.
    """

    mirrored: bool
    position: tuple[float, float]


class PreparedImages:
    """The images of a data set at the training size, cached in memory.

    Args:
        dataset: The images.
        transform: Brings all images to one size; None keeps them as they are.
    """

    def __init__(self, dataset: Dataset, transform: Transform | None) -> None:
        is_random = transform is not None and transform.random_window is not None
        self.dataset, self.transform = open_whole(dataset) if is_random else dataset, transform
        self._source_transform = transform if transform is None or dataset.source.is_picture else evolve(transform, nearest=True)
        self._cache: dict[tuple[str, bool, bool], Tensor] = {}
        self._cache_left = CACHE_BYTES
        self._lock = threading.Lock()

    def get(self, item: Item, augmentation: Augmentation, is_target: bool = False) -> Tensor:
        """Return an image [C H W], or the target image of a pair.

        Raises:
            DataError: The image is damaged, or does not fit the data set or the transform.
        """
        key = (item.file, augmentation.mirrored, is_target)
        image = self._cache.get(key)
        if image is None:
            image = self._prepare(item, augmentation.mirrored, is_target)
            with self._lock:
                if key not in self._cache and image.nbytes <= self._cache_left:
                    self._cache[key] = image
                    self._cache_left -= image.nbytes
        transform = self.transform if is_target else self._source_transform
        return image if transform is None or not transform.has_position else transform.crop_at(image, augmentation.position)

    def _prepare(self, item: Item, mirrored: bool, is_target: bool) -> Tensor:
        image = self.dataset.read_target(item) if is_target else self.dataset.read(item)
        if image is None:
            raise DataError(f'The data set is paired, but "{item.file}" has no target image.')
        transform = self.transform if is_target else self._source_transform
        try:
            return image if transform is None else transform.enlarge(image, mirrored=mirrored)
        except DataError as cause:
            raise DataError(f'"{item.file}": {cause}') from None
