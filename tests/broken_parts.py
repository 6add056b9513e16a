"""Components that each break one promise, for the tests of the conformance kit."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from i2ikit import Code, CodeSpec, DiscriminatorOutput, DomainSpec, ImageSpec, MapSpec, Translation
from i2ikit.core.plans import batch_kind


class Encoder(nn.Module):
    """Keep every promise: one convolution."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__()
        self.output_spec = CodeSpec((MapSpec(4, 1),))
        self.conv = nn.Conv2d(image.channels, 4, 3, padding=1)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        return Code((self.conv(image),))


class CannotBeMade(Encoder):
    """Ask for what is not there."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__(image)
        raise ZeroDivisionError("width over nothing")


class Undocumented(Encoder):
    def extra_repr(self) -> str:
        return ""


class Unprintable(Encoder):
    """Print its weights."""

    def extra_repr(self) -> str:
        return repr(self.conv.weight)


class TakesNoLabel(Encoder):
    """Take the image alone."""

    def forward(self, image: Tensor) -> Code:  # type: ignore[override]
        return super().forward(image)


class GivesATensor(Encoder):
    """Give a tensor in place of a code."""

    def forward(self, image: Tensor, label: Tensor | None = None) -> Any:
        return self.conv(image)


class PublishesNothing(Encoder):
    """Publish no spec."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__(image)
        del self.output_spec


class PublishesAnother(Encoder):
    """Publish more channels than it gives."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__(image)
        self.output_spec = CodeSpec((MapSpec(5, 1),))


class LooksAtValues(Encoder):
    """Branch on a value."""

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        return super().forward(image.flip(3) if image.mean().item() > 2 else image)


class HasAnIdleWeight(Encoder):
    """Have a weight that does nothing."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__(image)
        self.idle = nn.Parameter(torch.ones(1))


class HasAnEndlessSlope(Encoder):
    """Take a root at zero."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__(image)
        self.gain = nn.Parameter(torch.zeros(1))

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        return Code((self.conv(image) + self.gain.sqrt(),))


class MixesImages(Encoder):
    """Subtract the mean of the batch, in use too."""

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        return super().forward(image - image.mean(0, keepdim=True))


class DrawsAtUse(Encoder):
    """Add noise from the global stream, in use too."""

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        return super().forward(image + 0.1 * torch.randn_like(image))


class CountsItsCalls(Encoder):
    """Give another result each time."""

    calls = 0

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        CountsItsCalls.calls += 1
        return super().forward(image * CountsItsCalls.calls)


class ForgetsItsState(Encoder):
    """Keep a tensor that is not saved."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__(image)
        self.hidden = [torch.rand(1).item()]

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        return super().forward(image * self.hidden[0])


class RefusesHalves(Encoder):
    """Multiply a float32 matrix with what autocast made bfloat16."""

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        maps = self.conv(image)
        with torch.autocast("cpu", enabled=False):
            return Code((maps @ torch.eye(maps.shape[-1], device=maps.device),))


class BreaksTheGraph(Encoder):
    """Leave the graph in the middle."""

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        torch._dynamo.graph_break()
        return super().forward(image)


class SetsTheDefault(Encoder):
    """Change the default type."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__(image)
        torch.set_default_dtype(torch.float64)


class WritesOnItsInput(Encoder):
    """Clamp in place."""

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        return super().forward(image.clamp_(-0.5, 0.5))


class DrawsTooBright(nn.Module):
    """Draw outside of [-1, 1]."""

    def __init__(self, code: CodeSpec, image: ImageSpec) -> None:
        super().__init__()
        self.conv = nn.Conv2d(code.maps[-1].channels, image.channels, 1)

    def forward(self, code: Code) -> Tensor:
        return 5 * self.conv(code.maps[-1])


class CountsTheMask(nn.Module):
    """Score the mask entries too."""

    def __init__(self, image: ImageSpec, domain: DomainSpec) -> None:
        super().__init__()
        self.conv = nn.Conv2d(image.channels, 1 + domain.width, 1)

    def forward(self, image: Tensor) -> DiscriminatorOutput:
        maps = self.conv(image)
        return DiscriminatorOutput((maps[:, :1],), maps[:, 1:].mean((2, 3)))


def good_loss(t: Translation) -> Tensor:
    """Keep every promise."""
    return (t.fake - t.real).abs().mean()


def undocumented_loss(t: Translation) -> Tensor:
    return (t.fake - t.real).abs().mean()


def loss_of_each(t: Translation) -> Tensor:
    """Give a number an image."""
    return (t.fake - t.real).abs().mean((1, 2, 3))


def looking_loss(t: Translation) -> Tensor:
    """Look at a value."""
    return (t.fake - t.real).abs().mean() * (2 if t.real.mean().item() > 0 else 1)


def detached_loss(t: Translation) -> Tensor:
    """Give no gradient."""
    return (t.fake - t.real).abs().mean().detach()


def endless_loss(t: Translation) -> Tensor:
    """Take a root at zero."""
    return (t.fake * 0).sum().sqrt()


def summed_loss(t: Translation) -> Tensor:
    """Sum over the images."""
    return (t.fake - t.real).abs().mean((1, 2, 3)).sum()


def drawing_loss(t: Translation) -> Tensor:
    """Draw from the global stream."""
    return ((t.fake - t.real).abs() * torch.rand(1, device=t.real.device)).mean()


def coarse_loss(t: Translation) -> Tensor:
    """Average in half precision."""
    return t.discriminate("fake").scores[0].mean()


def writing_loss(t: Translation) -> Tensor:
    """Write on the image."""
    return (t.fake - t.real.mul_(0.5)).abs().mean()


class ForgetfulLoss(nn.Module):
    """Keep a number that is not saved."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = torch.rand(1).item()

    def forward(self, t: Translation) -> Tensor:
        return self.factor * (t.fake - t.real).abs().mean()


@batch_kind("labelled")
def twin_plan(nets: Any, batch: Any, streams: Any, requires_grad: bool) -> list[Translation]:
    """Give two translations one name."""
    return [Translation(nets, streams, name="twin", real=batch["image"]) for _ in range(2)]


@batch_kind("labelled")
def drawing_plan(nets: Any, batch: Any, streams: Any, requires_grad: bool) -> list[Translation]:
    """Draw from the global stream."""
    return [Translation(nets, streams, real=batch["image"], target_label=torch.rand_like(batch["label"]))]


def unmarked_plan(nets: Any, batch: Any, streams: Any, requires_grad: bool) -> list[Translation]:
    """Say nothing of its batches."""
    return [Translation(nets, streams, real=batch["image"], target_label=batch["label"])]


@batch_kind("unpaired")
def unpaired_plan(nets: Any, batch: Any, streams: Any, requires_grad: bool) -> list[Translation]:
    """Keep every promise, for other batches."""
    return [Translation(nets, streams, name=name, real=image) for name, image in batch.items()]


@batch_kind("labelled")
def good_plan(nets: Any, batch: Any, streams: Any, requires_grad: bool) -> list[Translation]:
    """Keep every promise."""
    return [Translation(nets, streams, real=batch["image"], target_label=batch["label"])]
