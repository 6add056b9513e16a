"""The reference classifier: a small convolutional network that reads attributes off images, trained on the real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit.core.domain import Attribute

LARGEST = 64
"""Larger images are reduced to so many pixels a side before they are read."""


class Classifier(nn.Module):
    """Four convolutions, the first of stride 2 and 5x5, with batch norm, global average and maximum, and one linear head an attribute.

    Args:
        attributes: What is read; yes-or-no attributes have the choices no and yes.
        channels: Of the images.
        height: Of the images that are read; larger ones than :data:`LARGEST` are reduced.
        width: As the height.
    """

    def __init__(self, attributes: Sequence[Attribute], channels: int, height: int, width: int) -> None:
        super().__init__()
        self.attributes = tuple(attributes)
        self.size = read_at(height, width)
        self.body = nn.Sequential(*_block(channels, 16, 2, 5), *_block(16, 32, 2), *_block(32, 64, 2), *_block(64, 128, 1))
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(256, sum(len(each.choices) for each in self.attributes))
        self.to(memory_format=torch.channels_last)  # a third faster on a CPU

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of all choices of all attributes [B, sum of choices] for images [B C H W] in [-1, 1]."""
        logits: Tensor = self.head(self.drop(self.features(images)))
        return logits

    def features(self, images: Tensor) -> Tensor:
        """Return what the heads read [B, 256]: mean and maximum of the last maps."""
        maps = self.body(self.sized(images))
        return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1)

    def blocks(self, images: Tensor) -> list[Tensor]:
        """Return the maps after each of the four convolutions [B C H W]."""
        maps, found = self.sized(images), []
        for layer in self.body:
            maps = layer(maps)
            if isinstance(layer, nn.ReLU):
                found.append(maps)
        return found

    def sized(self, images: Tensor) -> Tensor:
        """Return images [B C H W] at the size that is read."""
        return images if images.shape[-2:] == self.size else F.interpolate(images, self.size, mode="bilinear", antialias=True)

    def logits(self, images: Tensor) -> dict[str, Tensor]:
        """Return the logits by attribute, each [B, choices]."""
        logits, start, parts = self(images), 0, dict[str, Tensor]()
        for each in self.attributes:
            parts[each.name] = logits[:, start : start + len(each.choices)]
            start += len(each.choices)
        return parts

    @torch.no_grad()
    def read(self, images: Tensor, batch: int = 256) -> dict[str, Tensor]:
        """Return for each attribute the index of the choice that is recognised [B]."""
        self.eval()
        found: dict[str, list[Tensor]] = {each.name: [] for each in self.attributes}
        for start in range(0, len(images), batch):
            for name, logits in self.logits(images[start : start + batch]).items():
                found[name].append(logits.argmax(1))
        return {name: torch.cat(parts) for name, parts in found.items()}


def read_at(height: int, width: int) -> tuple[int, int]:
    """Return the size at which images of a height and width are read."""
    shrink = min(1.0, LARGEST / max(height, width))
    return max(1, round(height * shrink)), max(1, round(width * shrink))


def choices_of(attributes: Sequence[Attribute], rows: Sequence[Mapping[str, str | None]]) -> Tensor:
    """Return the index of the choice of each attribute for each row [B, attributes]; -1 where it is unknown or none."""
    found = [[each.choices.index(value) if (value := row.get(each.name)) in each.choices else -1 for each in attributes] for row in rows]
    return torch.tensor(found, dtype=torch.long).reshape(len(rows), len(attributes))


def train(
    classifier: Classifier, images: Tensor, known: Tensor, *, seed: int = 0, steps: int = 900, batch: int = 32, rate: float = 3e-3
) -> None:
    """Train on real images, deterministic by seed on one machine: AdamW, one cycle of the rate, flips and shifts of up to a sixteenth.

    Args:
        classifier: Is changed in place, its initial weights included.
        images: [N C H W], uint8 or float in [-1, 1], at the classifier's size.
        known: The index of the choice of each attribute [N, attributes]; -1 enters no loss.
        seed: Of the initial weights, the order and the augmentation.
        steps: Batches.
        batch: Images in a batch.
        rate: The highest learning rate.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in classifier.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear, nn.BatchNorm2d)):
                module.reset_parameters()
        optimizer = torch.optim.AdamW(classifier.parameters(), lr=rate, weight_decay=0.02)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.2)
        order = torch.empty(0, dtype=torch.long)
        classifier.train()
        for _ in range(steps):
            while len(order) < min(batch, len(images)):
                order = torch.cat([order, torch.randperm(len(images))])
            rows, order = order[:batch], order[batch:]
            loss = _loss(classifier, _augmented(floats(images[rows])), known[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    classifier.eval()


def floats(images: Tensor) -> Tensor:
    """Return images stored in 8 bits as floats in [-1, 1]; floats are left as they are."""
    return images.float().div(127.5).sub(1.0) if images.dtype == torch.uint8 else images


def _loss(classifier: Classifier, images: Tensor, known: Tensor) -> Tensor:
    losses = [
        F.cross_entropy(logits, known[:, place], ignore_index=-1, reduction="sum") / (known[:, place] >= 0).sum().clamp(min=1)
        for place, logits in enumerate(classifier.logits(images).values())
    ]
    return torch.stack(losses).sum()


def _augmented(images: Tensor) -> Tensor:
    flipped = torch.where(torch.rand(len(images), 1, 1, 1) < 0.5, images.flip(-1), images)
    height, width = images.shape[-2:]
    down, right = max(1, height // 16), max(1, width // 16)
    padded = F.pad(flipped, (right, right, down, down), mode="replicate")
    tops = torch.randint(0, 2 * down + 1, (len(images),)).tolist()
    lefts = torch.randint(0, 2 * right + 1, (len(images),)).tolist()
    return torch.stack([image[:, y : y + height, x : x + width] for image, y, x in zip(padded, tops, lefts, strict=True)])


def _block(inside: int, outside: int, stride: int, kernel: int = 3) -> list[nn.Module]:
    return [nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outside), nn.ReLU()]
