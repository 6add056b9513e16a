"""Who is drawn and what is said of it: identity parameters and attribute values, each a pure function of (seed, index)."""

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

_IDENTITY, _ROW = 1, 2  # named streams: more identity parameters never change the attribute values


@frozen(eq=False)
class Identities:
    """Everything of a face that no attribute changes, for B faces; lengths in half short sides of the head's own frame.

    Shapes:
        skin, iris, clothes, trim, background: RGB in 0..1 [B, 3]
        hole: the erased rectangle of the view "masked" as left, top, width, height in fractions of the image [B, 4]
        style: hair style, an index into ``STYLES`` [B]; collar: 0 crew, 1 V, 2 stripes, 3 hood [B]
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
        """Return the identities at ``index``, as indexing a tensor [B] does."""
        return Identities(**{each.name: getattr(self, each.name)[index] for each in fields(Identities)})

    def to(self, device: torch.device | str) -> Identities:
        """Return the identities on another device."""
        return Identities(**{each.name: getattr(self, each.name).to(device) for each in fields(Identities)})


def identities(seed: int, indices: Sequence[int]) -> Identities:
    """Draw the identities of the faces ``indices``; face i depends on (seed, i) alone."""
    noise = iter(_uniform(seed, indices, _IDENTITY, 40).T)

    def between(low: float, high: float) -> Tensor:
        return torch.from_numpy((low + (high - low) * next(noise)).astype(np.float32))

    def choice(count: int) -> Tensor:
        return torch.from_numpy((next(noise) * count).astype(np.int64))

    def pick(colours: tuple[Colour, ...]) -> Tensor:
        return rgb(colours)[choice(len(colours))]

    tilt = between(-0.11, 0.11).tolist()
    clothes = choice(len(CLOTHES))
    other = (clothes + 1 + choice(len(CLOTHES) - 1)) % len(CLOTHES)
    left, top = between(0.24, 0.42), between(0.24, 0.46)
    return Identities(
        tilt_sin=torch.tensor([math.sin(angle) for angle in tilt]),
        tilt_cos=torch.tensor([math.cos(angle) for angle in tilt]),
        clothes=rgb(CLOTHES)[clothes],
        trim=rgb(CLOTHES)[other],
        skin=_blend(SKIN, next(noise)),
        iris=pick(EYES),
        background=pick(BACKGROUND),
        hole=torch.stack([left, top, between(0.24, 0.38), between(0.24, 0.38)], dim=1),
        style=choice(len(STYLES)),
        collar=choice(4),
        face_width=between(0.435, 0.5),
        jaw_width=between(0.31, 0.43),
        chin=between(0.575, 0.645),
        eye_gap=between(0.19, 0.235),
        eye_size=between(1.0, 1.15),
        eye_height=between(-0.04, 0.03),
        brow_weight=between(0.022, 0.036),
        nose_width=between(0.05, 0.085),
        nose_length=between(0.16, 0.22),
        mouth_width=between(0.16, 0.195),
        mouth_height=between(0.335, 0.375),
        lip=between(0.0, 1.0),
        blush=between(0.05, 0.3),
        volume=between(-0.025, 0.035),
        length=between(-0.06, 0.06),
        parting=torch.where(between(0, 1) < 0.5, -1.0, 1.0),
        frame=between(0.0, 1.0),
        shift_x=between(-0.05, 0.05),
        shift_y=between(0.07, 0.12),
        scale=between(0.94, 1.04),
        light=torch.where(between(0, 1) < 0.5, -1.0, 1.0) * between(0.5, 1.0),
    )


def rows(seed: int, indices: Sequence[int]) -> list[dict[str, str]]:
    """Draw attribute values of the faces ``indices``: uniform, independent of the identity and of each other."""
    noise = _uniform(seed, indices, _ROW, len(FACES.attributes))
    picked = [(noise[:, column] * len(each.choices)).astype(int).tolist() for column, each in enumerate(FACES.attributes)]
    names = [each.name for each in FACES.attributes]
    choices = [each.choices for each in FACES.attributes]
    return [{name: options[value] for name, options, value in zip(names, choices, face, strict=True)} for face in zip(*picked, strict=True)]


def _blend(colours: tuple[Colour, ...], position: NDArray[np.float64]) -> Tensor:
    """Return a colour between two neighbours of a scale, [B, 3]."""
    place = position * (len(colours) - 1)
    low = np.minimum(place.astype(np.int64), len(colours) - 2)
    scale = np.asarray(colours, dtype=np.float64) / 255.0
    part = (place - low)[:, None]
    return torch.from_numpy((scale[low] * (1 - part) + scale[low + 1] * part).astype(np.float32))


def _uniform(seed: int, indices: Sequence[int], stream: int, count: int) -> NDArray[np.float64]:
    """Return numbers in [0, 1) [B, count] by hashing (seed, index, stream, column), so that no face depends on its neighbours."""
    index = np.asarray(indices, dtype=np.int64).astype(np.uint64).reshape(-1, 1)
    column = np.arange(count, dtype=np.uint64).reshape(1, -1)
    with np.errstate(over="ignore"):
        state = _mix(np.array([[seed % 2**64]], dtype=np.uint64) + np.uint64(stream * 0x632BE59BD9B4E019 % 2**64))
        state = _mix(state ^ _mix(index + np.uint64(0x9E3779B97F4A7C15)))
        state = _mix(state + (column + np.uint64(1)) * np.uint64(0xD1342543DE82EF95))
    return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64 bits (the finaliser of splitmix64, Steele et al. 2014)."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
