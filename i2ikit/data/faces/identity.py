"""Identity parameters and attribute values of the faces, which depend only on (seed, index)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from attrs import fields, frozen
from numpy.typing import NDArray
from torch import Tensor

from i2ikit.core.domain import Attribute, DomainSpec, LabelSet
from i2ikit.data.faces.palette import BACKGROUND, CLOTHES, EYES, HAIR, SKIN, Colour, rgb

EXPRESSIONS = ("neutral", "happy", "sad", "angry", "surprised", "fearful", "disgusted", "contemptuous")
STYLES = ("crop", "quiff", "bob", "long", "curly", "bun", "wavy")
FACES = DomainSpec(
    (
        LabelSet("looks", (Attribute("hair", tuple(HAIR)), Attribute("glasses"), Attribute("hat"))),
        LabelSet("expression", (Attribute("expression", EXPRESSIONS),)),
    )
)

_IDENTITY, _ROW = 1, 2  # separate random streams, so that more identity parameters would not change the attribute values


@frozen(eq=False)
class Identities:
    """The parameters of B faces that no attribute changes; lengths in head units (half of the shorter side of the image).

    Shapes:
        skin, iris, clothes, trim, background: RGB in 0..1 [B, 3]
        hole: the erased rectangle of the view "masked": left, top, width, height in fractions of the image [B, 4]
        style: index of the hair style in ``STYLES`` [B]
        collar: 0 crew neck, 1 V neck, 2 stripes, 3 hood [B]
        all others: [B]
    """

    skin: Tensor
    iris: Tensor
    clothes: Tensor
    trim: Tensor
    background: Tensor
    hole: Tensor
    style: Tensor
    collar: Tensor
    face_width: Tensor
    jaw_width: Tensor
    chin: Tensor
    eye_gap: Tensor
    eye_size: Tensor
    eye_height: Tensor
    brow_weight: Tensor
    nose_width: Tensor
    nose_length: Tensor
    mouth_width: Tensor
    mouth_height: Tensor
    lip: Tensor
    blush: Tensor
    volume: Tensor
    length: Tensor
    parting: Tensor
    frame: Tensor
    shift_x: Tensor
    shift_y: Tensor
    tilt_sin: Tensor
    tilt_cos: Tensor
    scale: Tensor
    light: Tensor

    def __len__(self) -> int:
        return len(self.style)

    def select(self, index: Tensor | slice | Sequence[int]) -> Identities:
        """Return some of the identities; ``index`` is as for a tensor [B]."""
        return Identities(**{each.name: getattr(self, each.name)[index] for each in fields(Identities)})

    def to(self, device: torch.device | str) -> Identities:
        """Return the identities on another device."""
        return Identities(**{each.name: getattr(self, each.name).to(device) for each in fields(Identities)})


def sample_identities(seed: int, indices: Sequence[int]) -> Identities:
    """Sample the identities of the faces ``indices``; face i depends only on (seed, i)."""
    noise = iter(_sample_uniform(seed, indices, _IDENTITY, 40).T)

    def sample_float(low: float, high: float) -> Tensor:
        return torch.from_numpy((low + (high - low) * next(noise)).astype(np.float32))

    def sample_index(count: int) -> Tensor:
        return torch.from_numpy((next(noise) * count).astype(np.int64))

    def sample_colour(colours: tuple[Colour, ...]) -> Tensor:
        return rgb(colours)[sample_index(len(colours))]

    tilt = sample_float(-0.11, 0.11).tolist()
    clothes = sample_index(len(CLOTHES))
    other = (clothes + 1 + sample_index(len(CLOTHES) - 1)) % len(CLOTHES)
    left, top = sample_float(0.24, 0.42), sample_float(0.24, 0.46)
    return Identities(
        tilt_sin=torch.tensor([math.sin(angle) for angle in tilt]),
        tilt_cos=torch.tensor([math.cos(angle) for angle in tilt]),
        clothes=rgb(CLOTHES)[clothes],
        trim=rgb(CLOTHES)[other],
        skin=_interpolate_colours(SKIN, next(noise)),
        iris=sample_colour(EYES),
        background=sample_colour(BACKGROUND),
        hole=torch.stack([left, top, sample_float(0.24, 0.38), sample_float(0.24, 0.38)], dim=1),
        style=sample_index(len(STYLES)),
        collar=sample_index(4),
        face_width=sample_float(0.435, 0.5),
        jaw_width=sample_float(0.31, 0.43),
        chin=sample_float(0.575, 0.645),
        eye_gap=sample_float(0.19, 0.235),
        eye_size=sample_float(1.0, 1.15),
        eye_height=sample_float(-0.04, 0.03),
        brow_weight=sample_float(0.022, 0.036),
        nose_width=sample_float(0.05, 0.085),
        nose_length=sample_float(0.16, 0.22),
        mouth_width=sample_float(0.16, 0.195),
        mouth_height=sample_float(0.335, 0.375),
        lip=sample_float(0.0, 1.0),
        blush=sample_float(0.05, 0.3),
        volume=sample_float(-0.025, 0.035),
        length=sample_float(-0.06, 0.06),
        parting=torch.where(sample_float(0, 1) < 0.5, -1.0, 1.0),
        frame=sample_float(0.0, 1.0),
        shift_x=sample_float(-0.05, 0.05),
        shift_y=sample_float(0.07, 0.12),
        scale=sample_float(0.94, 1.04),
        light=torch.where(sample_float(0, 1) < 0.5, -1.0, 1.0) * sample_float(0.5, 1.0),
    )


def sample_rows(seed: int, indices: Sequence[int]) -> list[dict[str, str]]:
    """Sample the attribute values of the faces ``indices``, uniformly and independently of the identity and of each other."""
    noise = _sample_uniform(seed, indices, _ROW, len(FACES.attributes))
    choices_by_attribute = [(noise[:, column] * len(each.choices)).astype(int).tolist() for column, each in enumerate(FACES.attributes)]
    names = [each.name for each in FACES.attributes]
    choices = [each.choices for each in FACES.attributes]
    return [
        {name: options[value] for name, options, value in zip(names, choices, face, strict=True)}
        for face in zip(*choices_by_attribute, strict=True)
    ]


def _interpolate_colours(colours: tuple[Colour, ...], position: NDArray[np.float64]) -> Tensor:
    """Return colours [B, 3] interpolated between neighbouring colours of a scale."""
    scaled = position * (len(colours) - 1)
    low = np.minimum(scaled.astype(np.int64), len(colours) - 2)
    scale = np.asarray(colours, dtype=np.float64) / 255.0
    part = (scaled - low)[:, None]
    return torch.from_numpy((scale[low] * (1 - part) + scale[low + 1] * part).astype(np.float32))


def _sample_uniform(seed: int, indices: Sequence[int], stream: int, count: int) -> NDArray[np.float64]:
    """Return numbers in [0, 1) [B, count], hashes of (seed, index, stream, column), so that no face depends on other faces."""
    index = np.asarray(indices, dtype=np.int64).astype(np.uint64).reshape(-1, 1)
    column = np.arange(count, dtype=np.uint64).reshape(1, -1)
    with np.errstate(over="ignore"):
        state = _scramble(np.array([[seed % 2**64]], dtype=np.uint64) + np.uint64(stream * 0x632BE59BD9B4E019 % 2**64))
        state = _scramble(state ^ _scramble(index + np.uint64(0x9E3779B97F4A7C15)))
        state = _scramble(state + (column + np.uint64(1)) * np.uint64(0xD1342543DE82EF95))
    return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _scramble(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64 bits (the finaliser of splitmix64, Steele et al. 2014)."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
