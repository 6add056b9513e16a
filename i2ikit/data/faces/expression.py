"""The eight expressions as positions of brows, lids and mouth, after the Facial Action Coding System (Ekman and Friesen, 1978)."""

from __future__ import annotations

import torch
from attrs import astuple, fields, frozen
from torch import Tensor

from i2ikit.data.faces.identity import EXPRESSIONS


@frozen
class Pose:
    """The positions of brows, lids and mouth of one expression; lengths in head units, y downwards."""

    brow_in: float = 0.0  # inner end of the brow; negative is raised
    brow_out: float = 0.015
    brow_arch: float = 0.03
    brow_side: float = 0.0  # raises one brow and lowers the other
    lid: float = 0.84  # opening of the upper lid; 1 is the whole eye
    lid_slant: float = 0.0  # positive lowers the lid towards the nose
    lid_low: float = 0.08  # height of the lower lid
    iris: float = 1.0
    gaze: float = 0.0
    mouth_width: float = 1.0
    mouth_drop: float = 0.0
    curve: float = 0.03  # positive lifts the corners
    open_top: float = 0.0
    open_low: float = 0.0
    square: float = 0.0  # shape of the open mouth: 0 is an almond, 1 a box
    smirk: float = 0.0  # lifts one corner
    teeth: float = 0.0  # height of the upper teeth; above 1, the teeth are clenched
    tongue: float = 0.0  # length of the tongue outside the mouth
    cheek: float = 0.0
    wrinkle: float = 0.0
    tear: float = 0.0


POSES: dict[str, Pose] = {
    "neutral": Pose(),
    "happy": Pose(-0.03, -0.005, 0.05, lid=0.88, lid_low=0.42, mouth_width=1.22, curve=0.105, open_top=0.0, open_low=0.125, teeth=0.05,
                  square=0.15, mouth_drop=-0.02, cheek=0.45),
    "sad": Pose(-0.085, 0.055, 0.0, lid=0.7, lid_slant=-0.32, lid_low=0.0, mouth_width=0.86, curve=-0.12, mouth_drop=0.045, tear=1.0),
    "angry": Pose(0.1, -0.055, 0.0, lid=0.72, lid_slant=0.5, lid_low=0.25, iris=0.9, mouth_width=1.05, curve=-0.1, open_top=0.05,
                  open_low=0.035, square=0.6, teeth=2.0, mouth_drop=0.02),
    "surprised": Pose(-0.1, -0.08, 0.07, lid=1.22, lid_low=-0.1, iris=0.86, mouth_width=0.56, curve=0.0, open_top=0.085,
                      open_low=0.125, square=0.1, mouth_drop=0.02),
    "fearful": Pose(-0.125, 0.01, 0.01, lid=1.15, lid_low=-0.05, iris=0.62, mouth_width=1.15, curve=-0.07, open_top=0.06, open_low=0.06,
                    square=1.0, teeth=2.0, mouth_drop=0.02),
    "disgusted": Pose(0.07, 0.015, 0.0, lid=0.58, lid_slant=0.16, lid_low=0.42, mouth_width=0.92, curve=-0.06, open_top=0.025,
                      open_low=0.03, square=0.6, tongue=0.16, wrinkle=1.0, mouth_drop=-0.01),
    "contemptuous": Pose(0.0, 0.0, 0.03, brow_side=0.075, lid=0.56, lid_low=0.16, gaze=0.4, mouth_width=1.05, curve=-0.015, smirk=0.12),
}  # fmt: skip
_TABLE = torch.tensor([astuple(POSES[name]) for name in EXPRESSIONS])


class PoseTensors:
    """The fields of :class:`Pose` as tensors of B faces, each [B, 1, 1]."""

    def __init__(self, expressions: list[str], device: torch.device) -> None:
        rows = _TABLE[[EXPRESSIONS.index(name) for name in expressions]].to(device)
        self.columns = {each.name: rows[:, index, None, None] for index, each in enumerate(fields(Pose))}

    def __getattr__(self, name: str) -> Tensor:
        try:
            return self.columns[name]
        except KeyError:
            raise AttributeError(name) from None
