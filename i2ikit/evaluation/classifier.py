"""The network of the evaluation classifier: a small CNN that predicts attributes, trained on real images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit.core.domain import Attribute
from i2ikit.core.on_task import OnTask, TaskCounter, show_nothing
from i2ikit.pixels import to_float

MAX_SIZE = 64
"""The longer side of larger images is reduced to this number of pixels before they enter the network."""


class Classifier(nn.Module):
    """Four convolutions with batch norm, global average and maximum pooling, and one linear head for each attribute.

    The first convolution is 5x5 with stride 2.

    Args:
        attributes: The attributes to predict; binary attributes have the choices no and yes.
        channels: The number of channels of the images.
        height: The height of the images; larger images than :data:`MAX_SIZE` are reduced.
        width: The width of the images.
    """

    def __init__(self, attributes: Sequence[Attribute], channels: int, height: int, width: int) -> None:
        super().__init__()
        self.attributes = tuple(attributes)
        self.size = get_input_size(height, width)
        self.body = nn.Sequential(
            *_make_block(channels, 16, 2, 5), *_make_block(16, 32, 2), *_make_block(32, 64, 2), *_make_block(64, 128, 1)
        )
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(256, sum(len(each.choices) for each in self.attributes))
        self.to(memory_format=torch.channels_last)  # a third faster on a CPU

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of all choices of all attributes [B, sum of choices] for images [B, C, H, W] in [-1, 1]."""
        logits: Tensor = self.head(self.drop(self.features(images)))
        return logits

    def features(self, images: Tensor) -> Tensor:
        """Return the input of the heads [B, 256]: mean and maximum of the last maps."""
        maps = self.body(self.resize(images))
        return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1)

    def blocks(self, images: Tensor) -> list[Tensor]:
        """Return the maps after each of the four convolutions [B, C, H, W]."""
        maps, found = self.resize(images), []
        for layer in self.body:
            maps = layer(maps)
            if isinstance(layer, nn.ReLU):
                found.append(maps)
        return found

    def resize(self, images: Tensor) -> Tensor:
        """Return images [B, C, H, W] in [-1, 1] at the input size of the network."""
        return images if images.shape[-2:] == self.size else F.interpolate(images, self.size, mode="bilinear", antialias=True)

    def logits(self, images: Tensor) -> dict[str, Tensor]:
        """Return the logits by attribute, each [B, choices]."""
        logits, start, parts = self(images), 0, dict[str, Tensor]()
        for each in self.attributes:
            parts[each.name] = logits[:, start : start + len(each.choices)]
            start += len(each.choices)
        return parts

    @torch.no_grad()
    def predict(self, images: Tensor, batch: int = 256) -> dict[str, Tensor]:
        """Return the index of the predicted choice [B] of each attribute."""
        self.eval()
        found: dict[str, list[Tensor]] = {each.name: [] for each in self.attributes}
        for start in range(0, len(images), batch):
            for name, logits in self.logits(images[start : start + batch]).items():
                found[name].append(logits.argmax(1))
        return {name: torch.cat(parts) for name, parts in found.items()}


def get_input_size(height: int, width: int) -> tuple[int, int]:
    """Return the input size of the network (height, width) for images of a height and width."""
    shrink = min(1.0, MAX_SIZE / max(height, width))
    return max(1, round(height * shrink)), max(1, round(width * shrink))


def encode_choices(attributes: Sequence[Attribute], rows: Sequence[Mapping[str, str | None]]) -> Tensor:
    """Return the index of the choice of each attribute for each row [B, attributes]; -1 if it is unknown or no choice."""
    found = [[each.choices.index(value) if (value := row.get(each.name)) in each.choices else -1 for each in attributes] for row in rows]
    return torch.tensor(found, dtype=torch.long).reshape(len(rows), len(attributes))


def train(
    classifier: Classifier,
    images: Tensor,
    choices: Tensor,
    *,
    seed: int = 0,
    steps: int = 900,
    batch: int = 32,
    max_lr: float = 3e-3,
    on_task: OnTask = show_nothing,
) -> None:
    """Train on real images with AdamW, a one-cycle learning rate, flips, and shifts of up to 1/16 of the size.

    Equal seeds give equal weights on one machine.

    Args:
        classifier: The network. It is changed in place, and its weights are initialised anew.
        images: [N, C, H, W], uint8 or float in [-1, 1], at the network's input size.
        choices: The index of the choice of each attribute [N, attributes]; entries of -1 do not enter the loss.
        seed: Random seed of the initial weights, the data order and the augmentation.
        steps: The number of batches.
        batch: The number of images of a batch.
        max_lr: The highest learning rate of the cycle.
        on_task: Shows the progress.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in classifier.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear, nn.BatchNorm2d)):
                module.reset_parameters()
        optimizer = torch.optim.AdamW(classifier.parameters(), lr=max_lr, weight_decay=0.02)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr, total_steps=steps, pct_start=0.2)
        order = torch.empty(0, dtype=torch.long)
        classifier.train()
        counter = TaskCounter(on_task, "Training the classifier", steps)
        for _ in range(steps):
            while len(order) < min(batch, len(images)):
                order = torch.cat([order, torch.randperm(len(images))])
            rows, order = order[:batch], order[batch:]
            loss = _compute_loss(classifier, _augment(to_float(images[rows])), choices[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            counter.add()
    classifier.eval()


def _compute_loss(classifier: Classifier, images: Tensor, choices: Tensor) -> Tensor:
    losses = [
        F.cross_entropy(logits, choices[:, index], ignore_index=-1, reduction="sum") / (choices[:, index] >= 0).sum().clamp(min=1)
        for index, logits in enumerate(classifier.logits(images).values())
    ]
    return torch.stack(losses).sum()


def _augment(images: Tensor) -> Tensor:
    flipped = torch.where(torch.rand(len(images), 1, 1, 1) < 0.5, images.flip(-1), images)
    height, width = images.shape[-2:]
    shift_y, shift_x = max(1, height // 16), max(1, width // 16)
    padded = F.pad(flipped, (shift_x, shift_x, shift_y, shift_y), mode="replicate")
    tops = torch.randint(0, 2 * shift_y + 1, (len(images),)).tolist()
    lefts = torch.randint(0, 2 * shift_x + 1, (len(images),)).tolist()
    return torch.stack([image[:, y : y + height, x : x + width] for image, y, x in zip(padded, tops, lefts, strict=True)])


def _make_block(in_channels: int, out_channels: int, stride: int, kernel: int = 3) -> list[nn.Module]:
    return [nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(out_channels), nn.ReLU()]
