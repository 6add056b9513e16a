"""Evaluations of models of domains and of pairs: targets by file name, accuracy, samples and metrics of whole sets."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from i2ikit.core.batch_kinds import BATCH_KINDS
from i2ikit.core.domain import DomainSpec
from i2ikit.core.specs import ImageSpec
from i2ikit.data import open_data, write_image
from i2ikit.errors import DataError, OptionError
from i2ikit.evaluation import (
    PerceptualDistance,
    ProtocolError,
    compare,
    edge_energy,
    evaluate,
    frechet_distance,
    peak_signal_noise_ratio,
    perceptual_diversity,
    to_unit_range,
)  # fmt: skip
from i2ikit.evaluation.distribution import kernel_distance
from i2ikit.evaluation.extractor import Extractor

SIZE = 16


def make_warm(seed: int) -> Tensor:
    """Return a white shape on dark red."""
    image = torch.full((3, SIZE, SIZE), -1.0)
    image[0] = -0.5
    image[:, 3 : 5 + seed % 9, 2 + seed % 5 : 12] = 1.0
    return image


def to_cold(image: Tensor) -> Tensor:
    """Return the same drawing in the other style: blue in place of red."""
    return image.flip(0)


class StubModel:
    """A model of two domains, or of pairs."""

    def __init__(
        self, batch_kind: str, paint: Callable[[Tensor, int], Tensor], names: tuple[str, ...] = ("warm", "cold"), channels: int = 3
    ) -> None:
        self.batch_kind, self.paint, self.steps_done, self.seed = BATCH_KINDS[batch_kind], paint, 7, 3
        self.domain = DomainSpec.parse(names if batch_kind == "unpaired" else {})
        self.image, self.source = ImageSpec(3, SIZE, SIZE), ImageSpec(channels, SIZE, SIZE)
        self.calls: list[tuple[str | None, str | None, int]] = []

    def translate(self, image: Tensor, to: Any = None, *, source: str | None = None, seed: int = 0) -> Tensor:
        self.calls.append((source, to, seed))
        return torch.stack([self.paint(each, seed) for each in image])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("styles")
    for split, seeds in (("train", range(20)), ("test", range(20, 26))):
        for seed in seeds:
            for name, image in (("warm", make_warm(seed)), ("cold", to_cold(make_warm(seed)))):
                (path / split / name).mkdir(parents=True, exist_ok=True)
                write_image(image, path / split / name / f"{seed}.png")
    return path


QUICK = 60
"""Training steps of the classifier: these simple images need few."""


def test_targets_are_found_by_file_name_where_all_names_of_the_split_match(folder: Path) -> None:
    model = StubModel("unpaired", lambda image, _: to_cold(image))
    report = evaluate(model, open_data(folder, batch_kind="unpaired"), classifier=None)
    assert report.value("psnr") == 100.0
    assert report.value("edge_energy") == pytest.approx(1.0)
    assert report.number("psnr").protocol["count"] == 12
    assert {(row["source"], row["target"]) for row in report.pairs} == {("warm", "cold"), ("cold", "warm")}
    assert {call[:2] for call in model.calls} == {("warm", "cold"), ("cold", "warm")}
    assert {"psnr_copy", "psnr_blur", "ssim", "edge_energy_copy"} <= {each.name for each in report.numbers}


def test_there_are_no_targets_where_one_file_name_does_not_match(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    write_image(make_warm(9), other / "test" / "warm" / "more.png")
    report = evaluate(StubModel("unpaired", lambda image, _: to_cold(image)), open_data(other, batch_kind="unpaired"), classifier=None)
    assert "psnr" not in {each.name for each in report.numbers}
    assert '"other" has no target' in report.left_out["psnr"]


def test_translations_to_a_domain_without_a_single_target_are_left_out_of_the_numbers_with_targets() -> None:
    faces = open_data("faces:count=40,size=16,domains=neutral")
    model = StubModel("unpaired", lambda image, _: image)
    model.domain = faces.domain
    report = evaluate(model, faces, classifier=None)
    others = sum(item.row["expression"] == "other" for item in faces.split("test").items)
    assert report.number("psnr").protocol["count"] == others > 0
    assert report.number("psnr").value == report.value("psnr_copy")


def test_a_model_of_two_domains_is_measured_on_pairs_in_both_directions(folder: Path) -> None:
    pairs = open_data(folder, batch_kind="paired", pairs="warm,cold")
    report = evaluate(StubModel("unpaired", lambda image, _: to_cold(image)), pairs, classifier=None)
    assert report.value("psnr") == 100.0
    assert report.number("psnr").protocol["count"] == 12
    assert "sources are warm, targets are cold" in report.notes[0]
    with pytest.raises(DataError, match=r'"styles\d*" has pairs, .* 3 domains\. Open the data with batch_kind="unpaired"'):
        evaluate(StubModel("unpaired", lambda image, _: image, ("warm", "cold", "grey")), pairs)


def test_accuracy_is_measured_for_domains_and_for_pairs(folder: Path) -> None:
    for batch_kind, data in (
        ("unpaired", open_data(folder, batch_kind="unpaired")),
        ("paired", open_data(folder, batch_kind="paired", pairs="warm,cold")),
    ):
        good = evaluate(StubModel(batch_kind, lambda image, _: to_cold(image)), data, classifier_steps=QUICK)
        copying = evaluate(StubModel(batch_kind, lambda image, _: image), data, classifier_steps=QUICK)
        assert good.value("accuracy") == 1.0
        assert copying.value("accuracy") == 0.0
        name = "domain" if batch_kind == "unpaired" else "pair"
        assert good.value(f"classifier_accuracy/{name}") == 1.0
        assert compare(copying.number("accuracy"), good.number("accuracy")) == 1.0


def test_edge_energy_is_the_sum_over_translations_divided_by_the_sum_over_targets(folder: Path) -> None:
    data = open_data(folder, batch_kind="paired", pairs="warm,cold")
    report = evaluate(StubModel("paired", lambda image, _: to_cold(image) / 2), data, classifier=None)
    assert report.value("edge_energy") == pytest.approx(0.5, rel=1e-4)
    part = data.split("test")
    images, targets = (to_unit_range(torch.stack([read(item) for item in part.items])) for read in (part.read, part.read_target))
    assert report.value("edge_energy_copy") == pytest.approx(float(edge_energy(images).sum() / edge_energy(targets).sum()))
    assert report.value("psnr_copy") == pytest.approx(float(peak_signal_noise_ratio(images, targets).mean()))
    assert report.number("edge_energy").higher_is_better is None


class Grey:
    """Pairs whose sources are grey."""

    batch_kind, name = "paired", "grey"

    def __init__(self, pairs: Any) -> None:
        self.pairs, self.items, self.splits, self.domain = pairs, pairs.items, pairs.splits, pairs.domain
        self.source, self.image = ImageSpec(1, SIZE, SIZE), pairs.image
        self.read_target, self.find_target = pairs.read_target, pairs.find_target

    def split(self, name: str) -> Grey:
        return Grey(self.pairs.split(name))

    def read(self, item: Any) -> Tensor:
        return self.pairs.read(item).mean(0, keepdim=True)

    def fingerprint(self) -> str:
        return "grey"


def test_sources_of_one_channel_are_compared_with_targets_of_three(folder: Path) -> None:
    data = Grey(open_data(folder, batch_kind="paired", pairs="warm,cold"))
    report = evaluate(StubModel("paired", lambda image, _: image.expand(3, -1, -1), channels=1), data)  # type: ignore[arg-type]
    assert report.value("psnr") == pytest.approx(report.value("psnr_copy"))
    assert "different numbers of channels" in report.left_out["accuracy"]
    with pytest.raises(DataError, match=r"sources of 3 channels, .* sources of 1 channel"):
        evaluate(StubModel("paired", lambda image, _: image), data)  # type: ignore[arg-type]


def add_noise(image: Tensor, seed: int) -> Tensor:
    return (to_cold(image) + 0.1 * torch.randn(3, 1, 1, generator=torch.Generator().manual_seed(seed))).clamp(-1, 1)


def test_diversity_compares_samples_of_one_input_and_is_zero_without_randomness(folder: Path) -> None:
    data = open_data(folder, batch_kind="unpaired")
    model = StubModel("unpaired", add_noise)
    many = evaluate(model, data, classifier=None, samples_per_input=5, num_inputs=4)
    assert sorted({seed for *_, seed in model.calls}) == [0, 1, 2, 3, 4]
    assert many.number("diversity").protocol["count"] == 4
    assert many.number("diversity").protocol["compared"] == "5 samples of each input for one target, all pairs"
    assert many.value("diversity") > 0.01
    one = evaluate(StubModel("unpaired", lambda image, _: to_cold(image)), data, classifier=None, samples_per_input=5, num_inputs=4)
    assert one.value("diversity") == 0.0
    assert compare(one.number("diversity"), many.number("diversity")) > 0.01


def test_no_samples_are_drawn_with_zero_samples_per_input(folder: Path) -> None:
    model = StubModel("unpaired", add_noise)
    report = evaluate(model, open_data(folder, batch_kind="unpaired"), classifier=None, samples_per_input=0)
    assert len(model.calls) == 2
    assert "one translation only" in report.left_out["diversity"]


def test_the_inputs_of_diversity_are_drawn_from_all_domains(folder: Path) -> None:
    model = StubModel("unpaired", add_noise)
    evaluate(model, open_data(folder, batch_kind="unpaired"), classifier=None, samples_per_input=2, num_inputs=6)
    assert {(source, to) for source, to, seed in model.calls if seed == 1} == {("warm", "cold"), ("cold", "warm")}


def test_perceptual_distances_are_measured_to_targets_and_between_samples(folder: Path) -> None:
    distance = PerceptualDistance("pixels", lambda images: [images], config={"distance": "cosine", "sha256": "ab"})
    data = open_data(folder, batch_kind="paired", pairs="warm,cold")
    report = evaluate(StubModel("paired", add_noise), data, classifier=None, lpips=distance, samples_per_input=3, num_inputs=100)
    part = data.split("test")
    fakes = torch.stack([torch.stack([add_noise(part.read(item), seed) for seed in range(3)]) for item in part.items])
    targets = torch.stack([part.read_target(item) for item in part.items])
    assert report.value("pixels") == pytest.approx(float(distance(fakes[:, 0], targets).mean()), rel=1e-5)
    diversity = torch.stack([perceptual_diversity(distance, to_unit_range(each)) for each in fakes]).mean()
    assert report.value("diversity_pixels") == pytest.approx(float(diversity), rel=1e-5)
    assert report.number("pixels").protocol["network"] == report.number("diversity_pixels").protocol["network"] == distance.config


def compute_means(images: Tensor) -> Tensor:
    return torch.stack([images[:, 0].mean((1, 2)), images[:, 2].mean((1, 2)), images[:, 1, :6].mean((1, 2))], 1)


def test_translations_to_a_value_are_compared_with_the_real_images_of_this_value(folder: Path) -> None:
    data, halve = open_data(folder, batch_kind="unpaired"), lambda image, _: image * 0.5
    extractor = Extractor("means", compute_means, 3, {"sha256": "cd"}, logits=lambda images: compute_means(images) * 9)
    report = evaluate(StubModel("unpaired", halve), data, classifier=None, features=extractor, batch=5, samples_per_input=2, num_inputs=2)
    part = data.split("test")
    real = {
        name: to_unit_range(torch.stack([part.read(item) for item in part.items if item.row["domain"] == name]))
        for name in ("warm", "cold")
    }
    for source, target in (("warm", "cold"), ("cold", "warm")):
        fake, true = compute_means(to_unit_range((real[source] * 2 - 1) * 0.5)).double(), compute_means(real[target]).double()
        expected = frechet_distance(fake.mean(0), torch.cov(fake.T), true.mean(0), torch.cov(true.T))
        assert report.value(f"fid@means/domain={target}") == pytest.approx(float(expected), rel=1e-4)
        assert report.value(f"kid@means/domain={target}") == pytest.approx(float(kernel_distance(fake, true)), rel=1e-4)
        assert report.number(f"fid@means/domain={target}").protocol["real"] == 6
    both = [report.value(f"fid@means/domain={name}") for name in ("warm", "cold")]
    assert report.value("fid@means") == pytest.approx(sum(both) / 2)
    assert report.value("is@means") > 0
    assert report.value("cis@means") == pytest.approx(0.0, abs=1e-6)
    assert report.number("fid@means").protocol["extractor"] == {"sha256": "cd"}


def test_numbers_of_extractors_with_other_weights_are_never_compared(folder: Path) -> None:
    data, model = open_data(folder, batch_kind="paired", pairs="warm,cold"), StubModel("paired", add_noise)
    first, second = (
        evaluate(
            model,
            data,
            classifier=None,
            features=Extractor("means", compute_means, 3, {"sha256": sha256}),
            samples_per_input=2,
            num_inputs=1,
        )
        for sha256 in ("ab", "cd")
    )
    with pytest.raises(ProtocolError, match=r'differ in "extractor\.sha256" \(ab and cd\)'):
        compare(first.number("fid@means"), second.number("fid@means"))
    assert "no classes" in first.left_out["is@means"]


def test_the_own_classifier_gives_every_feature_metric_under_its_own_name(folder: Path) -> None:
    data = open_data(folder, batch_kind="unpaired")
    good, copying = (
        evaluate(StubModel("unpaired", paint), data, features="own-classifier", samples_per_input=3, num_inputs=4, classifier_steps=QUICK)
        for paint in (add_noise, lambda image, _: image)
    )
    for name in ("fid", "kid", "perceptual"):
        assert good.value(f"{name}@own-classifier") < copying.value(f"{name}@own-classifier")
    assert good.value("diversity_perceptual@own-classifier") > copying.value("diversity_perceptual@own-classifier")
    assert copying.value("diversity_perceptual@own-classifier") == pytest.approx(0.0, abs=1e-12)
    assert good.value("cis@own-classifier") >= 0.0
    assert len(good.number("fid@own-classifier").protocol["extractor"]["sha256"]) == 64
    assert not {each.name for each in good.numbers} & {"fid", "kid", "is", "cis", "lpips"}


def test_without_a_classifier_the_metrics_of_its_features_are_left_out_with_the_reason(folder: Path) -> None:
    data = open_data(folder, batch_kind="unpaired")
    report = evaluate(StubModel("unpaired", add_noise), data, classifier=None, features="own-classifier", samples_per_input=2, num_inputs=1)
    assert report.left_out["fid@own-classifier"].endswith("No classifier was requested.")
    with pytest.raises(OptionError, match=r'features=\'inception\' .* Extractor, or "own-classifier"'):
        evaluate(StubModel("unpaired", add_noise), data, classifier=None, features="inception")
    with pytest.raises(OptionError, match=r"samples_per_input=1 .* 2 or more, or 0"):
        evaluate(StubModel("unpaired", add_noise), data, classifier=None, samples_per_input=1)


def test_translations_to_one_requested_value_are_compared_with_its_real_images(folder: Path) -> None:
    data = open_data(folder, batch_kind="unpaired")
    extractor = Extractor("means", compute_means, 3, {})
    report = evaluate(
        StubModel("unpaired", add_noise),
        data,
        classifier=None,
        features=extractor,
        targets={"domain": ("cold",)},
        batch=3,
        samples_per_input=2,
        num_inputs=1,
    )
    assert report.number("fid@means").protocol["real"] == report.number("fid@means").protocol["count"] == 6
