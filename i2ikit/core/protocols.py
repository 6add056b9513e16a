"""The protocol of each role. A component is any ``nn.Module`` with the methods of its protocol; it does not inherit from a base class.

Besides these methods, the library reads the members that :mod:`i2ikit.core.contract` lists, each of which has a default.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

from i2ikit.core.code import Code, DiscriminatorOutput
from i2ikit.core.specs import CodeSpec
from i2ikit.core.translation import Translation


@runtime_checkable
class Encoder(Protocol):
    """Encodes an image as a code. Its factory may take ``image`` (ImageSpec of the images to encode) and ``domain`` (DomainSpec)."""

    output_spec: CodeSpec

    def forward(self, image: Tensor, label: Tensor | None) -> Code:
        """Return the code of images [B, C, H, W] in [-1, 1]; ``label`` [B, D] is the label of these images."""
        ...


@runtime_checkable
class Conditioner(Protocol):
    """Conditions a code on the target. Its factory may take ``code`` (CodeSpec of its input), ``domain`` and ``image``."""

    output_spec: CodeSpec

    def forward(self, code: Code, label: Tensor | None) -> Code:
        """Return the code, conditioned on the target label [B, D]."""
        ...


@runtime_checkable
class Generator(Protocol):
    """Generates an image from a code. Its factory may take ``code``, ``image``, ``domain`` and ``source`` (ImageSpec of source images)."""

    def forward(self, code: Code) -> Tensor:
        """Return images [B, C, H, W] in [-1, 1]."""
        ...


@runtime_checkable
class Discriminator(Protocol):
    """Scores an image. Its factory may take ``image``, ``source`` (ImageSpec of the source images) and ``domain``.

    Attributes:
        inputs: The further inputs of ``forward`` in addition to the image, passed by name: "source" [B, C, H, W] in [-1, 1], the source
            image; "label" [B, D], the label that the image should have; "code" (Code), from which a fake was generated, or to
            which a real image is encoded.
    """

    inputs: tuple[str, ...] = ()

    def forward(self, image: Tensor) -> DiscriminatorOutput:
        """Return the scores of images [B, C, H, W] in [-1, 1]."""
        ...


@runtime_checkable
class Loss(Protocol):
    """A function of one translation, or a module whose ``forward`` is such a function."""

    def __call__(self, translation: Translation) -> Tensor:
        """Return a scalar."""
        ...
