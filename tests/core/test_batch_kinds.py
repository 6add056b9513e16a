"""Batch kinds: what a batch holds, and what a model can therefore do."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from attrs import evolve

from i2ikit import (
    BatchKind,
    DomainSpec,
    ImageSpec,
    Nets,
    Player,
    RandomStreams,
    Recipe,
    Slot,
    Term,
    Translation,
    batch_kind,
    build,
    default_registry,
)
from i2ikit.core.batch_kinds import BATCH_KINDS, list_tensors, map_tensors
from i2ikit.errors import OptionError, PlanError, UnknownNameError

LABELS = DomainSpec.parse({"hair": ("black", "blond"), "male": bool})
DOMAINS = DomainSpec.parse(("label", "image"))
GREY, RGB = ImageSpec(1, 8, 6), ImageSpec(3, 8, 6)


def make_example(kind: BatchKind, domain: DomainSpec, device: str = "cpu") -> dict[str, Any]:
    return kind.make_example(RGB, GREY if kind.target else RGB, domain, 4, 0, torch.device(device))


@pytest.mark.parametrize("name", BATCH_KINDS)
def test_an_example_has_the_entries_of_its_kind_and_passes_its_check(name: str) -> None:
    kind = BATCH_KINDS[name]
    domain = DOMAINS if kind.domains else LABELS
    batch = make_example(kind, domain)
    assert set(kind.entries) <= set(batch)
    kind.check(batch, "mine", domain)
    assert all(tensor.is_meta for tensor in list_tensors(make_example(kind, domain, "meta")))


def test_references_come_with_their_label() -> None:
    kind = BatchKind("two references", label="required", references=2)
    batch = make_example(kind, LABELS)
    assert kind.entries == ("image", "label", "reference", "second_reference", "reference_label") == tuple(batch)
    assert not batch["reference"].equal(batch["second_reference"])
    assert not batch["label"].equal(batch["reference_label"])


@pytest.mark.parametrize(
    ("facts", "data"),
    [
        ({}, "images"),
        ({"label": "required"}, "labelled"),
        ({"label": "optional"}, "labelled"),
        ({"target": True}, "paired"),
        ({"domains": True}, "unpaired"),
        ({"source": False}, "images"),
        ({"data": "mine"}, "mine"),
    ],
)
def test_the_arrangement_of_files_follows_from_the_facts(facts: Any, data: str) -> None:
    assert BatchKind("any", **facts).data == data


@pytest.mark.parametrize(("facts", "found"), [({"label": "require"}, 'Did you mean "required"'), ({"references": 3}, "references=3"),
                                              ({"domains": True, "target": True}, "Leave these out")])  # fmt: skip
def test_facts_that_do_not_exist_are_refused(facts: Any, found: str) -> None:
    with pytest.raises(OptionError, match=found):
        BatchKind("any", **facts)


def test_an_unknown_kind_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r'No batch kind is called "pared"\. Did you mean "paired"'):
        batch_kind("pared")


@pytest.mark.parametrize(
    ("name", "batch", "message"),
    [
        ("paired", ["image", "label"], r'"mine" requires batch\["target"\]; this batch has: image, label\. It is a labelled batch\.'),
        ("labelled", ["image"], r'"mine" requires batch\["label"\]; this batch has: image\.$'),
        ("labelled", [], r'requires batch\["image"\]; this batch has: nothing\.$'),
        ("unpaired", ["image", "label"], r'batch\["images"\]; .* into one entry: \{"images": \{"label": tensor, "image": tensor\}\}\.$'),
        ("unpaired", ["image", "target"], r'batch\["images"\]; this batch has: image, target'),
    ],
)
def test_a_wrong_batch_is_named(name: str, batch: list[str], message: str) -> None:
    kind = BATCH_KINDS[name]
    with pytest.raises(PlanError, match=message):
        kind.check({entry: torch.zeros(2, 3, 8, 6) for entry in batch}, "mine", DOMAINS if kind.domains else LABELS)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(2, 3, 8, 6), r'requires batch\["images"\] by domain, \{"images": .*\}; found Tensor'),
        ({"image": torch.zeros(2, 3, 8, 6)}, r'requires batch\["images"\]\["label"\], the images of that domain; found: image'),
        ({"image": torch.zeros(2, 3, 8, 6), "label": [1]}, r'requires a tensor as batch\["images"\]\["label"\]; found list'),
    ],
)
def test_wrong_images_of_domains_are_named(images: Any, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        BATCH_KINDS["unpaired"].check({"images": images}, "mine", DOMAINS)


def test_a_label_of_another_width_is_refused() -> None:
    with pytest.raises(PlanError, match=r"batch\[\"label\"\] has the shape \[2, 2\]; expected \[B, 3\]"):
        BATCH_KINDS["labelled"].check({"image": torch.zeros(2, 3, 8, 6), "label": torch.zeros(2, 2)}, "mine", LABELS)


def test_tensors_of_domains_are_mapped_too() -> None:
    batch = map_tensors({"images": {"a": torch.zeros(1), "b": torch.zeros(1)}, "file": ["x"]}, lambda tensor: tensor + 1)
    assert batch == {"images": {"a": torch.ones(1), "b": torch.ones(1)}, "file": ["x"]}


@pytest.mark.parametrize(
    ("name", "translates", "samples", "encodes"),
    [("pix2pix", True, False, True), ("cyclegan", True, False, True), ("cogan", False, True, False)],
)
def test_what_a_model_can_do_follows_from_kind_plan_and_slots(name: str, translates: bool, samples: bool, encodes: bool) -> None:
    model = build(name, size=32, rehearsal=False)
    assert (model.can_translate, model.can_sample, model.can_encode) == (translates, samples, encodes)


@batch_kind(BatchKind("one way", "two domains without a route", domains=True), routes=lambda names, **_: ())
def stay(nets: Nets, batch: Any, streams: RandomStreams, requires_grad: bool) -> list[Translation]:
    """Make nothing that can be requested."""
    return []


def test_a_plan_without_routes_does_not_translate() -> None:
    model = build("cyclegan", size=32, plan=stay, rehearsal=False)
    assert (model.can_translate, model.can_sample) == (False, False)
    with pytest.raises(OptionError, match="It cannot translate an image"):
        model.translate(torch.zeros(1, 3, 32, 32), to="horse")


def test_the_plan_images_compares_each_image_with_its_own_translation() -> None:
    pix2pix = default_registry().recipe("pix2pix")
    slots = {"encoder": Slot("identity_encoder"), "generator": Slot(pix2pix.slots["generator"].component, {"width": 4, "depth": 3})}
    translator = Player("translator", ("generator",), {"l1": Term("l1_loss")})
    model = build(Recipe("autoencoder", slots, "images", (translator,)), size=16)
    batch = model.example_batch(2)
    assert set(batch) == {"image"}
    [t] = model.plan(model.nets, batch, RandomStreams((0,)), True)
    assert t.real is t.target is t.reference is batch["image"]
    assert model.step(batch)["translator/l1"] > 0
    assert model.translate(batch["image"]).shape == (2, 3, 16, 16)
    with pytest.raises(OptionError, match="does not accept to='x'"):
        model.translate(batch["image"], to="x")
    assert evolve(model.recipe, steps=1).plan == "images"
