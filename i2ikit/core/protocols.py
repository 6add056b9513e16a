"""What each kind of component promises. A component is any ``nn.Module`` that keeps one of these; nothing is inherited.

One that wants noise has a method ``noise_shape`` beside, which takes what ``forward`` takes and returns a shape [B, ...], or None: standard
normal noise of that shape, from a named stream, is then given to ``forward`` as ``noise``.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

from i2ikit.core.code import Code, DiscriminatorOutput
from i2ikit.core.specs import CodeSpec
from i2ikit.core.translation import Translation


@runtime_checkable
class Encoder(Protocol):
    """Makes a code of an image. Its factory may ask for ``image`` (ImageSpec: what it encodes) and ``domain`` (DomainSpec)."""

    output_spec: CodeSpec

    def forward(self, image: Tensor, label: Tensor | None) -> Code:
        """Encode images [B, C, H, W]; ``label`` [B, D] is the label of these images."""
        ...


@runtime_checkable
class Conditioner(Protocol):
    """Turns a code towards a target. Its factory may ask for ``code`` (CodeSpec), ``domain`` and ``image``."""

    output_spec: CodeSpec

    def forward(self, code: Code, label: Tensor | None) -> Code:
        """Condition a code on the label [B, D] of the target."""
        ...


@runtime_checkable
class Generator(Protocol):
    """Draws an image from a code. Its factory may ask for ``code``, ``image`` and ``domain``, and for ``source``, what is translated."""

    def forward(self, code: Code) -> Tensor:
        """Return images [B, C, H, W] in [-1, 1]."""
        ...


@runtime_checkable
class Discriminator(Protocol):
    """Scores an image. Its factory may ask for ``image``, ``source`` (ImageSpec of what was translated) and ``domain``.

    Beside the image it gets what it declares in ``inputs``, by name: "source" [B, C, H, W], the image that was translated;
    "label" [B, D], the label that the image should have; "code" (Code), what the image was drawn from or encoded to.
    """

    inputs: tuple[str, ...] = ()

    def forward(self, image: Tensor) -> DiscriminatorOutput:
        """Score images [B, C, H, W]."""
        ...


@runtime_checkable
class Loss(Protocol):
    """A function of one translation, or a module with such a ``forward``."""

    def __call__(self, translation: Translation) -> Tensor:
        """Return a scalar."""
        ...
