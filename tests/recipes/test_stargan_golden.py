"""StarGAN against recorded numbers of the original code, if the folder with them is available."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from golden import Golden as Recorded
from golden import needs_golden
from stargan_by_hand import copy_parameters, copy_statistics, discriminate, generate
from torch import Tensor
from torch.nn import functional as F

from i2ikit import Model, Translation, import_official
from i2ikit.core.random_streams import RandomStreams
from i2ikit_stargan.losses import domain_real_loss
from i2ikit_stargan.official import export_official

pytestmark = needs_golden

FIVE = {"hair": ("black", "blond", "brown"), "male": bool, "young": bool}
LABELS: dict[str, Any] = {"celeba": FIVE, "rafd": tuple("abcde")}
STEPS = [(data, case) for data in LABELS for case in ("step", "frozen_D")]


class Golden(Recorded):
    """A golden file, and the model with its weights."""

    def import_model(self, labels: Any = None, **overrides: Any) -> Model:
        return import_official("stargan", generator=self.states["G"], discriminator=self.states["D"], labels=labels, **overrides)


def generate_fake(model: Model, image: Tensor, label: Tensor) -> Tensor:
    return Translation(model.nets, RandomStreams(), real=image, target_label=label).fake


@pytest.mark.parametrize("name", ["stargan_small", "stargan_small_joint"])
def test_imported_networks_give_the_originals_outputs(name: str) -> None:
    golden = Golden(name)
    model = golden.import_model()
    image, label = golden.input(f"{name}/x"), golden.input("c")
    golden.assert_output("G_train", generate_fake(model, image, label))
    generator = export_official(model)["generator"]
    golden.assert_output("G_running_mean_main1_after_one_train_forward", generator["main.1.running_mean"], 1e-6)
    golden.assert_output("G_running_var_main1_after_one_train_forward", generator["main.1.running_var"], 1e-6)
    output = model.slot("discriminator")(image)
    golden.assert_output("D_src", output.scores[0])
    golden.assert_output("D_cls", output.domain_logits)


@pytest.mark.parametrize("name", ["stargan_small", "stargan_small_joint"])
def test_inference_in_eval_mode_equals_the_original(name: str) -> None:
    golden = Golden(name)
    model = golden.import_model()
    image, label = golden.input(f"{name}/x"), golden.input("c")
    golden.assert_output("G_train", model.translate(image, to=label))
    golden.assert_output("G_train", generate_fake(model.eval(), image, label))


@pytest.mark.parametrize("name", ["stargan_small", "stargan_small_joint"])
def test_the_networks_written_by_hand_give_the_originals_outputs(name: str) -> None:
    golden = Golden(name)
    image, label = golden.input(f"{name}/x"), golden.input("c")
    running = copy_statistics(golden.states["G"])
    golden.assert_output("G_train", generate(copy_parameters(golden.states["G"]), image, label, running))
    golden.assert_output("G_running_mean_main1_after_one_train_forward", running["main.1.running_mean"], 1e-6)
    scores, logits = discriminate(golden.states["D"], image)
    golden.assert_output("D_src", scores)
    golden.assert_output("D_cls", logits)


def assert_records(found: dict[str, Tensor], records: list[Any], *, sums: float, samples: float | None = None, what: str) -> None:
    """Compare tensors with records [key, shape, sum, sum of squares, samples]; tolerances are relative to the size of the entries."""
    assert [record[0] for record in records] == list(found)
    for key, shape, total, squares, values in records:
        tensor = found[key]
        assert list(tensor.shape) == shape
        flat = tensor.detach().double().flatten()
        assert float(flat.square().sum()) == pytest.approx(squares, rel=sums, abs=1e-12), f"{what} {key}: sum of squares"
        assert float(flat.sum()) == pytest.approx(total, rel=sums, abs=sums * (squares * flat.numel()) ** 0.5), f"{what} {key}: sum"
        places = range(flat.numel()) if flat.numel() <= 8 else [i * flat.numel() // 8 for i in range(8)]
        allowed = 30 * sums * (squares / flat.numel()) ** 0.5 if samples is None else samples
        assert flat[list(places)].tolist() == pytest.approx(values, rel=sums, abs=allowed), f"{what} {key}: samples"


def make_batch(golden: Golden, data: str, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    label = golden.input(f"label_{data}")
    label = F.one_hot(label, 5) if data == "rafd" else label
    return {"image": golden.input(f"stargan_step_{data}/x_{data}").to(dtype), "label": label.to(dtype)}


def run_recorded_step(
    data: str, case: str, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype = torch.float32
) -> tuple[Golden, dict[str, float], dict[str, Any]]:
    """Run the recorded training step; return the losses, and the gradients and weights of each network after its update."""
    golden = Golden(f"stargan_step_{data}")
    model = golden.import_model(LABELS[data]).to(dtype)
    discriminator, translator = model.recipe.player("discriminator"), model.recipe.player("translator")
    assert discriminator.optimizer.lr == translator.optimizer.lr == 1e-4
    model.recipe = model.recipe.with_overrides(players={"translator": {"every": 1}})
    if case == "frozen_D":
        model.recipe = model.recipe.with_overrides(players={"discriminator": {"lr": 0.0}})
    tensors: dict[str, Any] = {}
    original_apply = type(model.engine).step_optimizer

    def step_optimizer(engine: Any, optimizer: Any, copy_parameters: Any, finite: Tensor, clip: float) -> Tensor:
        slot = "discriminator" if "discriminator" not in tensors else "generator"
        tensors[slot] = get_gradients(model, slot)
        result = original_apply(engine, optimizer, copy_parameters, finite, clip)
        state = export_official(model)[slot]
        tensors[f"{slot} after"] = {key: value.clone() for key, value in state.items() if not key.endswith("num_batches_tracked")}
        return result

    monkeypatch.setattr(type(model.engine), "step_optimizer", step_optimizer)
    logs = model.step(make_batch(golden, data, dtype), draws={"perm": golden.input("perm"), "alpha": golden.input("alpha")})
    return golden, {name: float(value) for name, value in logs.items()}, tensors


def get_gradients(model: Model, slot: str) -> dict[str, Tensor]:
    """Return the gradients of a network under the original's keys."""
    net = model.slot(slot)
    by_storage = {parameter.data_ptr(): parameter.grad for parameter in net.parameters()}
    named = {key: by_storage.get(value.data_ptr()) for key, value in export_official(model)[slot].items()}
    return {key: gradient.clone() for key, gradient in named.items() if gradient is not None}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["single", "double"])
@pytest.mark.parametrize(("data", "case"), STEPS)
def test_one_iteration_equals_the_originals(data: str, case: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    golden, logs, tensors = run_recorded_step(data, case, monkeypatch, dtype)
    recorded = {name.removeprefix(f"{case}/{data}/"): value for name, value in golden.meta["values"].items()}
    losses = recorded["losses"]
    expected = {
        "discriminator/adversarial": losses["D/loss_real"] + losses["D/loss_fake"],
        "discriminator/penalty": losses["D/loss_gp"],
        "discriminator/domain": losses["D/loss_cls"],
        "translator/adversarial": losses["G/loss_fake"],
        "translator/domain": losses["G/loss_cls"],
        "translator/cycle": losses["G/loss_rec"],
    }
    assert logs == pytest.approx(expected, rel=1e-5)
    # In single precision, rounding can switch a ReLU near zero, which changes every gradient before it by a percent.
    sums = 1e-3 if dtype is torch.float32 else 1e-5
    assert_records(tensors["discriminator"], recorded["D_grad_at_D_step"], sums=sums, what="gradient of D")
    assert_records(tensors["generator"], recorded["G_grad_at_G_step"], sums=sums, what="gradient of G")
    # If the exact gradient is zero, rounding noise decides the sign of the first step of Adam: a difference of at most 2 lr.
    assert_records(tensors["discriminator after"], recorded["D_state_after_D_step"], sums=1e-5, samples=2e-6, what="D")
    assert_records(tensors["generator after"], recorded["G_state_after_G_step"], sums=1e-4, samples=2.1e-4, what="G")


@pytest.mark.parametrize("data", list(LABELS))
def test_a_discriminator_with_learning_rate_0_stays_as_it_is(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    golden, _, tensors = run_recorded_step(data, "frozen_D", monkeypatch)
    assert all(torch.equal(value, golden.states["D"][key]) for key, value in tensors["discriminator after"].items())


@pytest.mark.parametrize("data", list(LABELS))
def test_the_papers_domain_loss_differs_from_the_original_for_several_labels_only(data: str) -> None:
    golden = Golden(f"stargan_step_{data}")
    model = golden.import_model(LABELS[data])
    batch = make_batch(golden, data)
    translation = Translation(model.nets, RandomStreams(), reference=batch["image"], reference_label=batch["label"])
    recorded = golden.meta["values"][f"step/{data}/losses"]["D/loss_cls"]
    assert float(domain_real_loss(translation, official=True).detach()) == pytest.approx(recorded, rel=1e-5)
    assert (float(domain_real_loss(translation).detach()) == pytest.approx(recorded, rel=1e-5)) is (data == "rafd")
