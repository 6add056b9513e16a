"""A tiny data set with target images, and models that need no training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from i2ikit.core.domain import DomainSpec
from i2ikit.core.specs import ImageSpec
from i2ikit.data import Item
from i2ikit.data.dataset import SPLITS
from i2ikit.errors import UnknownNameError

TONES = {"red": (1.0, -1.0, -1.0), "green": (-1.0, 1.0, -1.0), "blue": (-1.0, -1.0, 1.0)}


class Squares:
    """A coloured square on grey, at the left or at the right; the side of every third subject is unknown."""

    batch_kind, bits, notes, name = "labelled", 8, (), "squares"

    def __init__(self, subjects: int = 12, size: int = 16, splits: tuple[str, ...] = SPLITS, has_target: bool = True) -> None:
        self.size, self.has_target = size, has_target
        self.domain = DomainSpec.parse({"colour": {"tone": tuple(TONES)}, "place": {"side": ("left", "right")}})
        self.image = self.source = ImageSpec(3, size, size)
        items = []
        for subject in range(subjects):
            split = "test" if subject % 4 == 3 and "test" in splits else "train"
            for tone in TONES:
                side = ("left", "right")[subject % 2] if subject % 3 else None
                items.append(Item(f"{subject}-{tone}", split, {"tone": tone, "side": side}, str(subject)))
        self.items = tuple(items)
        self.splits = tuple(each for each in SPLITS if any(item.split == each for item in self.items))
        self.read_count = 0

    def split(self, name: str) -> Squares:
        if name not in self.splits:
            raise UnknownNameError("split", name, self.splits)
        part = Squares.__new__(Squares)
        part.__dict__ = {**self.__dict__, "items": tuple(item for item in self.items if item.split == name), "splits": (name,)}
        return part

    def draw(self, subject: str, tone: str | None) -> Tensor:
        image = torch.full((3, self.size, self.size), float(int(subject) % 5) / 10)
        half = self.size // 2
        left = half if int(subject) % 2 else 0
        image[:, half // 2 : half // 2 + 1 + int(subject) % half, left : left + half] = torch.tensor(TONES[str(tone)])[:, None, None]
        return image

    def read(self, item: Item) -> Tensor:
        self.read_count += 1
        return self.draw(str(item.subject), item.row["tone"])

    def read_target(self, item: Item) -> Tensor | None:
        return None

    def encode_label(self, item: Item) -> list[float]:
        return self.domain.encode(item.row)

    def find_target(self, item: Item, change: Mapping[str, object]) -> Tensor | None:
        return self.draw(str(item.subject), str(change["tone"])) if set(change) == {"tone"} and self.has_target else None

    def fingerprint(self) -> str:
        return f"squares {len(self.items)} {self.size}"


class Stub:
    """The part of a model that an evaluation uses."""

    def __init__(self, data: Squares, paint: Callable[[Tensor, str], Tensor]) -> None:
        self.domain, self.image, self.paint, self.steps_done, self.seed = data.domain, data.image, paint, 7, 3
        self.calls: list[Any] = []

    def translate(self, image: Tensor, to: Any = None, *, label: Tensor | None = None) -> Tensor:
        self.calls.append((len(image), to, label))
        ((name, value),) = to.items()
        return torch.stack([self.paint(each, value) for each in image]) if name == "tone" else image.clone()


def repaint(image: Tensor, tone: str) -> Tensor:
    """The correct translation: the square is where two channels are -1."""
    square = (image == -1.0).sum(0) == 2
    return torch.where(square, torch.tensor(TONES[tone])[:, None, None], image)


@pytest.fixture
def squares() -> Squares:
    return Squares()


@pytest.fixture
def make_squares() -> type[Squares]:
    return Squares


@pytest.fixture
def oracle(squares: Squares) -> Stub:
    return Stub(squares, repaint)


@pytest.fixture
def copying(squares: Squares) -> Stub:
    return Stub(squares, lambda image, _: image.clone())


@pytest.fixture
def make_stub() -> Callable[[Squares, Callable[[Tensor, str], Tensor]], Stub]:
    return Stub
