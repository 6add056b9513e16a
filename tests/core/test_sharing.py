"""Translations of one batch share the views that do not depend on their target."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from core.small_systems import MUNIT
from core.toys.assembly import Calls, assemble, assert_equal, copy_nets, make_batch

from i2ikit import Slot, Translation
from i2ikit.core.step import split

THREE: dict[str, Any] = {"labels": ("a", "b", "c")}


def test_the_two_translations_have_different_styles_and_are_the_reverse_of_each_other() -> None:
    model = assemble(MUNIT)
    [(part, streams)] = split(model, make_batch(model), {}, 0, 1)
    forward, backward = model.plan(model.nets, part, streams, True, style="prior")
    assert not torch.equal(forward.style, backward.style)
    assert forward.reverse is backward
    assert backward.reverse is forward


def test_views_that_translations_of_an_image_share_are_computed_once() -> None:
    model = assemble(MUNIT, **THREE)
    calls = Calls(model)
    model.step(make_batch(model))
    # encoder: 3 images and 6 fakes; generator: 3 reconstructions and 6 fakes; discriminator: 6 fakes in both turns, 3 images in its own
    assert calls.pop_counts()[0] == {"encoder": 9, "generator": 9, "discriminator": 15}


def test_sharing_does_not_change_the_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    shared, separate = assemble(MUNIT, **THREE), assemble(MUNIT, **THREE)
    for seed in range(2):
        shared.step(make_batch(shared, 3, seed=seed))
    monkeypatch.setattr(Translation, "make_shared_key", lambda self, compute, arguments: None)
    start = copy_nets(separate)
    for seed in range(2):
        separate.step(make_batch(separate, 3, seed=seed))
    assert_equal(shared, separate.nets, start)


def test_views_of_stochastic_networks_are_not_shared() -> None:
    model = assemble(MUNIT, **THREE, generator=Slot("toy_painter", {"dropout": 0.5}))
    calls = Calls(model)
    model.step(make_batch(model))
    assert calls.pop_counts()[0] == {"encoder": 9, "generator": 12, "discriminator": 15}
