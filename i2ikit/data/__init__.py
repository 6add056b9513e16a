"""Data sets, transforms and batches; reading and writing of image files."""

from i2ikit.data.arrangements import ARRANGEMENTS, Arrangement, can_serve, get_arrangement
from i2ikit.data.check import check
from i2ikit.data.check_report import CheckReport
from i2ikit.data.dataset import Dataset, FileDataset, Item
from i2ikit.data.joint import JointDataset, join
from i2ikit.data.loader import Batch, Loader
from i2ikit.data.open import open_data
from i2ikit.data.transforms import Transform
from i2ikit.pixels import read_image, write_image

__all__ = [
    "ARRANGEMENTS", "Arrangement", "Batch", "CheckReport", "Dataset", "FileDataset", "Item", "JointDataset", "Loader", "Transform",
    "can_serve", "check", "get_arrangement", "join", "open_data", "read_image", "write_image",
]  # fmt: skip
