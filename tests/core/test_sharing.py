"""Translations of one batch share the views that do not depend on their target."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from core.small_systems import MUNIT, STARGAN
from core.toys.assembly import Calls, assemble, assert_equal, copy_nets, make_batch, make_registry
from torch import Tensor, nn
from toy_plugins import make_plugin

from i2ikit import Call, Component, Slot, Translation, batch_kind, build
from i2ikit.core.step import make_translations, split

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


class Jitter(nn.Module):
    """A wrapper that draws: it adds noise to the images that enter an encoder."""

    def forward(self, net: Any, call: Call, image: Tensor, *others: Any) -> Any:
        """Call the network with noisy images."""
        return net(image + call.normal("jitter", tuple(image.shape)), *others)


@batch_kind("labelled")
def two_labels(nets: Any, batch: Any, streams: Any, requires_grad: bool) -> list[Translation]:
    """Translate the images twice, as images of the same domain with other labels."""
    image, label = batch["image"], batch["label"]
    given: dict[str, Any] = {"real": image, "target_label": label, "reference": image, "reference_label": label, "source_name": "x"}
    return [
        Translation(nets, streams, name=name, source_label=each, requires_grad=requires_grad, **given)
        for name, each in (("first", label), ("second", 1 - label))
    ]


def make_codes(**overrides: Any) -> list[Tensor]:
    """Return the codes of the two translations of a batch."""
    registry = make_registry()
    parts = [
        Component("label_encoder", "encoder", "core.toys.parts:LabelEncoder", "A part."),
        Component("jitter", "wrapper", "core.test_sharing:Jitter", "A part."),
    ]
    registry.register(make_plugin(parts), "sharing")
    model = build(STARGAN, registry=registry, plan=two_labels, **overrides)
    [part] = split(model, model.example_batch(2), {}, 0, 1)
    return [each.code.maps[0] for each in make_translations(model, part, model.recipe.players)]


def test_images_with_other_labels_share_no_views_even_if_their_domain_has_the_same_name() -> None:
    one, other = make_codes(encoder="label_encoder", rehearsal=False)
    assert not torch.equal(one, other)


def test_views_of_wrapped_networks_are_not_shared_because_wrappers_draw_for_one_translation() -> None:
    one, other = make_codes(slots={"encoder": {"wrappers": "jitter"}}, rehearsal=False)
    assert not torch.equal(one, other)
