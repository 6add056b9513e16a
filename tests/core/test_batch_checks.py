"""A batch or a number of micro-batches that does not fit the model is named in one line, before anything changes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from i2ikit import Model, build
from i2ikit.errors import PlanError

PIX2PIX: dict[str, Any] = {"size": 32, "generator": {"width": 2, "depth": 3}, "discriminator": {"width": 2}}
STARGAN: dict[str, Any] = {
    "size": 32,
    "labels": {"hair": ("black", "blond")},
    "generator": {"width": 2, "blocks": 1},
    "discriminator": {"width": 2},
}


def make_pix2pix() -> Model:
    return build("pix2pix", **PIX2PIX)


def get_state(model: Model) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"image": torch.zeros(2, 3, 32, 32, dtype=torch.uint8)},
            r'batch\["image"\] has dtype torch\.uint8.* Convert uint8: images / 127\.5 - 1',
        ),
        ({"image": torch.zeros(2, 3, 32, 32, dtype=torch.bool)}, r'batch\["image"\] has dtype torch\.bool.*floats in \[-1, 1\]'),
        (
            {"target": torch.zeros(2, 3, 32, 32).double()},
            r'\["target"\] has dtype torch\.float64, but the weights have torch\.float32\. Convert',
        ),
        ({"image": torch.zeros(2, 3, 32, 32).half()}, r'\["image"\] has dtype torch\.float16, but the weights have torch\.float32'),
        ({"image": torch.zeros(2, 1, 32, 32)}, r'batch\["image"\] has 1 channel; the model takes 3\.'),
        ({"target": torch.zeros(2, 4, 32, 32)}, r'batch\["target"\] has 4 channels; the model takes 3\.'),
        ({"target": torch.zeros(3, 3, 32, 32)}, r'same number of rows; found: batch\["image"\] has 2 rows, batch\["target"\] has 3 rows'),
        ({"image": torch.zeros(3, 32, 32)}, r'batch\["image"\] has the shape \[3, 32, 32\]; expected images \[B, 3, H, W\]'),
        ({"image": torch.zeros(0, 3, 32, 32)}, r'batch\["image"\] has no rows'),
        ({"image": torch.zeros(2, 3, 32, 32, device="meta")}, r'batch\["image"\] is on the device meta, but the weights are on cpu'),
        ({"target": torch.zeros(2, 3, 32, 32).to_sparse()}, r'batch\["target"\] is a tensor with the layout torch\.sparse_coo'),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(change: dict[str, Tensor], message: str) -> None:
    model = make_pix2pix()
    with pytest.raises(PlanError, match=message) as caught:
        model.step({**model.example_batch(2), **change})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [(30, 30), (8, 8)], ids=["no multiple", "too small"])
def test_a_size_that_the_networks_do_not_take_is_named_with_theirs(size: tuple[int, int]) -> None:
    model = make_pix2pix()
    images = torch.zeros(2, 3, *size)
    with pytest.raises(
        PlanError, match=rf'batch\["image"\] has images of {size[0]}x{size[1]}, which .* built for 32x32\. Resize'
    ) as caught:
        model.step({"image": images, "target": images})
    assert "\n" not in str(caught.value)


def test_a_discriminator_for_one_size_is_named() -> None:
    model = build("stargan", **STARGAN)
    batch = {**model.example_batch(2), "image": torch.zeros(2, 3, 48, 48)}
    with pytest.raises(
        PlanError, match=r'\["image"\] has images of 48x48, but the discriminator "discriminator" takes only those of 32x32'
    ):
        model.step(batch)


def test_labels_of_complex_numbers_are_refused() -> None:
    model = build("stargan", **STARGAN)
    batch = model.example_batch(2)
    with pytest.raises(PlanError, match=r'batch\["label"\] has dtype torch\.complex64; expected real numbers'):
        model.step({**batch, "label": batch["label"].to(torch.complex64)})


def test_an_error_of_torch_for_images_of_the_right_size_stays_as_it_is() -> None:
    model = make_pix2pix()
    model.slot("discriminator").register_forward_pre_hook(lambda *_: torch.zeros(2) @ torch.zeros(3))
    with pytest.raises(RuntimeError, match="inconsistent tensor size") as caught:
        model.step(model.example_batch(2))
    assert not isinstance(caught.value, PlanError)


def test_other_sizes_that_the_networks_take_train() -> None:
    model = make_pix2pix()
    images = torch.rand(2, 3, 64, 48)
    model.step({"image": images, "target": images})
    model.raise_if_not_finite()


def test_autocast_takes_images_of_half_precision() -> None:
    model = make_pix2pix()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        model.step({name: image.bfloat16() for name, image in model.example_batch(2).items()})


@pytest.mark.parametrize(
    ("batches", "found"),
    [([], "none"), (None, "NoneType"), ([None], "NoneType"), ("batch", "str"), ([3], "int"), (torch.zeros(2), "Tensor")],
)
def test_a_step_requires_a_batch(batches: Any, found: str) -> None:
    with pytest.raises(PlanError, match=f"A step requires a batch, .* found {found}"):
        make_pix2pix().step(batches)


@pytest.mark.parametrize("parts", [0, -1, 1.5, True, "2", None])
def test_the_number_of_micro_batches_is_checked(parts: Any) -> None:
    model = make_pix2pix()
    with pytest.raises(PlanError, match=r"accumulate=.* is not supported\. Give the number of micro-batches"):
        model.step(model.example_batch(2), accumulate=parts)


def test_a_wrong_second_batch_is_refused_before_the_first_one_trains() -> None:
    model = make_pix2pix()
    before = get_state(model)
    with pytest.raises(PlanError, match="uint8"):
        model.step([model.example_batch(2), {**model.example_batch(2), "image": torch.zeros(2, 3, 32, 32, dtype=torch.uint8)}])
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert model.steps_done == 0


def test_a_step_with_several_batches_returns_the_losses_of_all() -> None:
    model, single = make_pix2pix(), make_pix2pix()
    batches = [model.example_batch(2, seed=seed) for seed in range(2)]
    logs, first = model.step(batches), single.step(batches[0])
    assert {name for name in logs if "l1" in name} == {"translator/l1", "translator/l1/1", "translator/l1/2"}
    assert torch.equal(logs["translator/l1/1"], first["translator/l1"])
    assert float(logs["translator/l1"]) == pytest.approx(float(logs["translator/l1/1"] + logs["translator/l1/2"]) / 2)
    assert logs["translator/l1/1"] != logs["translator/l1/2"]
    assert "translator/l1/1" not in first


def test_a_domain_without_images_is_named() -> None:
    model = build(
        "cyclegan", size=16, labels=("a", "b"), generator={"width": 2, "blocks": 1}, discriminator={"width": 2, "depth": 2}, rehearsal=False
    )
    with pytest.raises(PlanError, match=r'batch\["images"\]\["b"\] has no rows'):
        model.step({"images": {"a": torch.zeros(2, 3, 16, 16), "b": torch.zeros(0, 3, 16, 16)}})
