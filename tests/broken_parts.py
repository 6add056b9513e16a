"""Components that each break one rule, to test the conformance checks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from i2ikit import Code, CodeSpec, DiscriminatorOutput, DomainSpec, ImageSpec, MapSpec, Translation
from i2ikit.core.plans import batch_kind


class Encoder(nn.Module):
    """Follows every rule: a convolution."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__()
        self.output_spec = CodeSpec((MapSpec(4, 1),))
        self.conv = nn.Conv2d(image.channels, 4, 3, padding=1)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        return Code((self.conv(image),))


class CannotBeBuilt(Encoder):
    """Raises an error in the constructor."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__(image)
        raise ZeroDivisionError("width over nothing")


class Undocumented(Encoder):
    def extra_repr(self) -> str:
        return ""


class Unprintable(Encoder):
    """Prints its weights."""

    def extra_repr(self) -> str:
        return repr(self.conv.weight)


class AcceptsNoLabel(Encoder):
    """Accepts only the image."""

    def forward(self, image: Tensor) -> Code:  # type: ignore[override]
        return super().forward(image)


class ReturnsATensor(Encoder):
    """Returns a tensor instead of a code."""

    def forward(self, image: Tensor, label: Tensor | None = None) -> Any:
        return self.conv(image)


class HasNoOutputSpec(Encoder):
    """Has no output spec."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__(image)
        del self.output_spec


class HasAnotherOutputSpec(Encoder):
    """Has an output spec with more channels than the output."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__(image)
        self.output_spec = CodeSpec((MapSpec(5, 1),))


class BranchesOnValues(Encoder):
    """Branches on a tensor value."""

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        return super().forward(image.flip(3) if image.mean().item() > 2 else image)


class HasAnUnusedWeight(Encoder):
    """Has a weight that forward does not use."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__(image)
        self.unused = nn.Parameter(torch.ones(1))


class HasAnInfiniteGradient(Encoder):
    """Has an infinite gradient: a square root at zero."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__(image)
        self.gain = nn.Parameter(torch.zeros(1))

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        return Code((self.conv(image) + self.gain.sqrt(),))


class MixesImages(Encoder):
    """Subtracts the mean of the batch, also in eval mode."""

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        return super().forward(image - image.mean(0, keepdim=True))


class AddsNoiseInEvalMode(Encoder):
    """Adds noise from the global random stream, also in eval mode."""

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        return super().forward(image + 0.1 * torch.randn_like(image))


class DependsOnItsCalls(Encoder):
    """Returns another result at each call."""

    calls = 0

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        DependsOnItsCalls.calls += 1
        return super().forward(image * DependsOnItsCalls.calls)


class HasUnsavedState(Encoder):
    """Has a value that is not saved."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__(image)
        self.hidden = [torch.rand(1).item()]

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        return super().forward(image * self.hidden[0])


class FailsInBfloat16(Encoder):
    """Multiplies a float32 matrix with a bfloat16 matrix under autocast."""

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        maps = self.conv(image)
        with torch.autocast("cpu", enabled=False):
            return Code((maps @ torch.eye(maps.shape[-1], device=maps.device),))


class BreaksTheGraph(Encoder):
    """Breaks the graph of torch.compile."""

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        torch._dynamo.graph_break()
        return super().forward(image)


class ChangesTheDefaultDtype(Encoder):
    """Changes the default data type."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__(image)
        torch.set_default_dtype(torch.float64)


class ChangesItsInput(Encoder):
    """Clamps its input in place."""

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        return super().forward(image.clamp_(-0.5, 0.5))


class ExceedsTheRange(nn.Module):
    """Returns values outside [-1, 1]."""

    def __init__(self, code: CodeSpec, image: ImageSpec) -> None:
        super().__init__()
        self.conv = nn.Conv2d(code.maps[-1].channels, image.channels, 1)

    def forward(self, code: Code) -> Tensor:
        return 5 * self.conv(code.maps[-1])


class ScoresTheMask(nn.Module):
    """Returns domain logits for the mask entries, too."""

    def __init__(self, image: ImageSpec, domain: DomainSpec) -> None:
        super().__init__()
        self.conv = nn.Conv2d(image.channels, 1 + domain.width, 1)

    def forward(self, image: Tensor) -> DiscriminatorOutput:
        maps = self.conv(image)
        return DiscriminatorOutput((maps[:, :1],), maps[:, 1:].mean((2, 3)))


def good_loss(t: Translation) -> Tensor:
    """Follow every rule."""
    return (t.fake - t.real).abs().mean()


def undocumented_loss(t: Translation) -> Tensor:
    return (t.fake - t.real).abs().mean()


def loss_per_image(t: Translation) -> Tensor:
    """Return a number for each image."""
    return (t.fake - t.real).abs().mean((1, 2, 3))


def branching_loss(t: Translation) -> Tensor:
    """Branch on a tensor value."""
    return (t.fake - t.real).abs().mean() * (2 if t.real.mean().item() > 0 else 1)


def detached_loss(t: Translation) -> Tensor:
    """Return a value without gradient."""
    return (t.fake - t.real).abs().mean().detach()


def infinite_gradient_loss(t: Translation) -> Tensor:
    """Take a square root at zero."""
    return (t.fake * 0).sum().sqrt()


def summed_loss(t: Translation) -> Tensor:
    """Sum over the images."""
    return (t.fake - t.real).abs().mean((1, 2, 3)).sum()


def unnamed_random_loss(t: Translation) -> Tensor:
    """Draw from the global random stream."""
    return ((t.fake - t.real).abs() * torch.rand(1, device=t.real.device)).mean()


def half_precision_loss(t: Translation) -> Tensor:
    """Compute the mean in half precision."""
    return t.discriminate("fake").scores[0].mean()


def in_place_loss(t: Translation) -> Tensor:
    """Change the image in place."""
    return (t.fake - t.real.mul_(0.5)).abs().mean()


class UnsavedStateLoss(nn.Module):
    """Has a number that is not saved."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = torch.rand(1).item()

    def forward(self, t: Translation) -> Tensor:
        return self.factor * (t.fake - t.real).abs().mean()


@batch_kind("labelled")
def duplicate_name_plan(nets: Any, batch: Any, streams: Any, requires_grad: bool) -> list[Translation]:
    """Return two translations with the same name."""
    return [Translation(nets, streams, name="twin", real=batch["image"]) for _ in range(2)]


@batch_kind("labelled")
def unnamed_random_plan(nets: Any, batch: Any, streams: Any, requires_grad: bool) -> list[Translation]:
    """Draw from the global random stream."""
    return [Translation(nets, streams, real=batch["image"], target_label=torch.rand_like(batch["label"]))]


@batch_kind("unpaired")
def imageless_plan(nets: Any, batch: Any, streams: Any, requires_grad: bool) -> list[Translation]:
    """Take the images of all domains for those of one."""
    return [Translation(nets, streams, real=batch["images"])]


def undeclared_plan(nets: Any, batch: Any, streams: Any, requires_grad: bool) -> list[Translation]:
    """Declare no batch kind."""
    return [Translation(nets, streams, real=batch["image"], target_label=batch["label"])]


@batch_kind("unpaired")
def unpaired_plan(nets: Any, batch: Any, streams: Any, requires_grad: bool) -> list[Translation]:
    """Follow every rule, for unpaired batches."""
    return [Translation(nets, streams, name=name, real=image) for name, image in batch["images"].items()]


@batch_kind("labelled")
def good_plan(nets: Any, batch: Any, streams: Any, requires_grad: bool) -> list[Translation]:
    """Follow every rule."""
    return [Translation(nets, streams, real=batch["image"], target_label=batch["label"])]
