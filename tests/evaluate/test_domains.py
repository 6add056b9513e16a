"""Evaluations of models of domains and of pairs: target by name, the share that is taken for the target, samples and sets."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from i2ikit.core.domain import DomainSpec
from i2ikit.core.specs import ImageSpec
from i2ikit.data import open_data, write_image
from i2ikit.errors import DataError, OptionError
from i2ikit.evaluate import (
    PerceptualDistance,
    ProtocolError,
    compare,
    edge_energy,
    evaluate,
    frechet_distance,
    perceptual_diversity,
    psnr,
    unit,
)  # fmt: skip
from i2ikit.evaluate.distribution import kernel_distance
from i2ikit.evaluate.extractor import Extractor

SIZE = 16


def flat(seed: int) -> Tensor:
    """Warm: a white shape on dark red."""
    image = torch.full((3, SIZE, SIZE), -1.0)
    image[0] = -0.5
    image[:, 3 : 5 + seed % 9, 2 + seed % 5 : 12] = 1.0
    return image


def cold(image: Tensor) -> Tensor:
    """The same drawing in the other style: blue for red."""
    return image.flip(0)


class Between:
    """A model of two domains, or of pairs."""

    def __init__(
        self, batch_kind: str, paint: Callable[[Tensor, int], Tensor], names: tuple[str, ...] = ("warm", "cold"), channels: int = 3
    ) -> None:
        self.batch_kind, self.paint, self.steps_done, self.seed = batch_kind, paint, 7, 3
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
            for name, image in (("warm", flat(seed)), ("cold", cold(flat(seed)))):
                (path / split / name).mkdir(parents=True, exist_ok=True)
                write_image(image, path / split / name / f"{seed}.png")
    return path


QUICK = 60
"""What takes a classifier half a minute on photographs takes 60 batches here."""


def test_domains_of_equal_names_in_the_split_give_the_target_by_name(folder: Path) -> None:
    model = Between("unpaired", lambda image, _: cold(image))
    report = evaluate(model, open_data(folder, batch_kind="unpaired"), classifier=None)
    assert report.value("psnr") == 100.0
    assert report.value("edge_energy") == pytest.approx(1.0)
    assert report.number("psnr").protocol["count"] == 12
    assert {(row["source"], row["target"]) for row in report.pairs} == {("warm", "cold"), ("cold", "warm")}
    assert {call[:2] for call in model.calls} == {("warm", "cold"), ("cold", "warm")}
    assert {"psnr_copy", "psnr_blur", "ssim", "edge_energy_copy"} <= {each.name for each in report.numbers}


def test_domains_with_one_name_too_many_have_no_target_and_the_report_says_so(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    write_image(flat(9), other / "test" / "warm" / "more.png")
    report = evaluate(Between("unpaired", lambda image, _: cold(image)), open_data(other, batch_kind="unpaired"), classifier=None)
    assert "psnr" not in {each.name for each in report.numbers}
    assert report.left_out["psnr"] == '"other" has no true image of a change.'


def test_a_model_of_domains_is_measured_on_pairs_as_on_domains(folder: Path) -> None:
    pairs = open_data(folder, batch_kind="paired", pairs="warm,cold")
    report = evaluate(Between("unpaired", lambda image, _: cold(image)), pairs, classifier=None)
    assert report.value("psnr") == 100.0
    assert report.number("psnr").protocol["count"] == 12
    assert report.notes == ("The pairs are read as warm and cold, source and target.",)
    with pytest.raises(DataError, match=r'"styles\d*" has pairs, and the model 3 domains\. Open the data with batch_kind="unpaired"'):
        evaluate(Between("unpaired", lambda image, _: image, ("warm", "cold", "grey")), pairs)


def test_the_share_taken_for_the_target_is_measured_for_domains_and_for_pairs(folder: Path) -> None:
    for batch_kind, data in (
        ("unpaired", open_data(folder, batch_kind="unpaired")),
        ("paired", open_data(folder, batch_kind="paired", pairs="warm,cold")),
    ):
        good = evaluate(Between(batch_kind, lambda image, _: cold(image)), data, classifier_steps=QUICK)
        idle = evaluate(Between(batch_kind, lambda image, _: image), data, classifier_steps=QUICK)
        assert good.value("accuracy") == 1.0
        assert idle.value("accuracy") == 0.0
        name = "domain" if batch_kind == "unpaired" else "pair"
        assert good.value(f"classifier_accuracy/{name}") == 1.0
        assert compare(idle.number("accuracy"), good.number("accuracy")) == 1.0


def test_edge_energy_of_a_set_is_that_of_its_images_over_that_of_their_truths(folder: Path) -> None:
    data = open_data(folder, batch_kind="paired", pairs="warm,cold")
    report = evaluate(Between("paired", lambda image, _: cold(image) / 2), data, classifier=None)
    assert report.value("edge_energy") == pytest.approx(0.5, rel=1e-4)
    part = data.split("test")
    images, targets = (unit(torch.stack([read(item) for item in part.items])) for read in (part.read, part.target))
    assert report.value("edge_energy_copy") == pytest.approx(float(edge_energy(images).sum() / edge_energy(targets).sum()))
    assert report.value("psnr_copy") == pytest.approx(float(psnr(images, targets).mean()))
    assert report.number("edge_energy").higher_is_better is None


class Grey:
    """Pairs whose sources are grey."""

    batch_kind, name = "paired", "grey"

    def __init__(self, pairs: Any) -> None:
        self.pairs, self.items, self.splits, self.domain = pairs, pairs.items, pairs.splits, pairs.domain
        self.source, self.image, self.target, self.find_target = ImageSpec(1, SIZE, SIZE), pairs.image, pairs.target, pairs.find_target

    def split(self, name: str) -> Grey:
        return Grey(self.pairs.split(name))

    def read(self, item: Any) -> Tensor:
        return self.pairs.read(item).mean(0, keepdim=True)

    def fingerprint(self) -> str:
        return "grey"


def test_sources_of_one_channel_are_measured_against_truths_of_three(folder: Path) -> None:
    data = Grey(open_data(folder, batch_kind="paired", pairs="warm,cold"))
    report = evaluate(Between("paired", lambda image, _: image.expand(3, -1, -1), channels=1), data)  # type: ignore[arg-type]
    assert report.value("psnr") == pytest.approx(report.value("psnr_copy"))
    assert report.left_out["accuracy"] == "sources and targets have different channels: no classifier reads both."
    with pytest.raises(DataError, match="has sources of 1 channel and the model takes 3"):
        evaluate(Between("paired", lambda image, _: image), data)  # type: ignore[arg-type]


def noisy(image: Tensor, seed: int) -> Tensor:
    return (cold(image) + 0.1 * torch.randn(3, 1, 1, generator=torch.Generator().manual_seed(seed))).clamp(-1, 1)


def test_diversity_is_that_of_samples_of_one_input_and_nothing_where_none_is_drawn(folder: Path) -> None:
    data = open_data(folder, batch_kind="unpaired")
    model = Between("unpaired", noisy)
    many = evaluate(model, data, classifier=None, samples=5, sampled=4)
    assert sorted({seed for *_, seed in model.calls}) == [0, 1, 2, 3, 4]
    assert many.number("diversity").protocol["count"] == 4
    assert many.number("diversity").protocol["compared"] == "5 samples of each input for one target, all pairs"
    assert many.value("diversity") > 0.01
    one = evaluate(Between("unpaired", lambda image, _: cold(image)), data, classifier=None, samples=5, sampled=4)
    assert one.value("diversity") == 0.0
    assert compare(one.number("diversity"), many.number("diversity")) > 0.01


def test_no_sample_is_drawn_where_none_is_asked_for(folder: Path) -> None:
    model = Between("unpaired", noisy)
    report = evaluate(model, open_data(folder, batch_kind="unpaired"), classifier=None, samples=0)
    assert len(model.calls) == 2
    assert report.left_out["diversity"] == "each input has one translation only."


def test_inputs_to_sample_are_drawn_from_all_domains(folder: Path) -> None:
    model = Between("unpaired", noisy)
    evaluate(model, open_data(folder, batch_kind="unpaired"), classifier=None, samples=2, sampled=6)
    assert {(source, to) for source, to, seed in model.calls if seed == 1} == {("warm", "cold"), ("cold", "warm")}


def test_perceptual_distances_measure_target_and_samples(folder: Path) -> None:
    distance = PerceptualDistance("plain", lambda images: [images], config={"distance": "cosine", "sha256": "ab"})
    data = open_data(folder, batch_kind="paired", pairs="warm,cold")
    report = evaluate(Between("paired", noisy), data, classifier=None, lpips=distance, samples=3, sampled=100)
    part = data.split("test")
    made = torch.stack([torch.stack([noisy(part.read(item), seed) for seed in range(3)]) for item in part.items])
    targets = torch.stack([part.target(item) for item in part.items])
    assert report.value("plain") == pytest.approx(float(distance(made[:, 0], targets).mean()), rel=1e-5)
    diversity = torch.stack([perceptual_diversity(distance, unit(each)) for each in made]).mean()
    assert report.value("diversity_plain") == pytest.approx(float(diversity), rel=1e-5)
    assert report.number("plain").protocol["network"] == report.number("diversity_plain").protocol["network"] == distance.config


def means(images: Tensor) -> Tensor:
    return torch.stack([images[:, 0].mean((1, 2)), images[:, 2].mean((1, 2)), images[:, 1, :6].mean((1, 2))], 1)


def test_sets_are_compared_by_target_with_the_real_images_of_it(folder: Path) -> None:
    data, painted = open_data(folder, batch_kind="unpaired"), lambda image, _: image * 0.5
    extractor = Extractor("means", means, 3, {"sha256": "cd"}, logits=lambda images: means(images) * 9)
    report = evaluate(Between("unpaired", painted), data, classifier=None, features=extractor, batch=5, samples=2, sampled=2)
    part = data.split("test")
    real = {name: unit(torch.stack([part.read(item) for item in part.items if item.row["domain"] == name])) for name in ("warm", "cold")}
    for source, target in (("warm", "cold"), ("cold", "warm")):
        made, true = means(unit((real[source] * 2 - 1) * 0.5)).double(), means(real[target]).double()
        expected = frechet_distance(made.mean(0), torch.cov(made.T), true.mean(0), torch.cov(true.T))
        assert report.value(f"fid@means/domain={target}") == pytest.approx(float(expected), rel=1e-4)
        assert report.value(f"kid@means/domain={target}") == pytest.approx(float(kernel_distance(made, true)), rel=1e-4)
        assert report.number(f"fid@means/domain={target}").protocol["real"] == 6
    both = [report.value(f"fid@means/domain={name}") for name in ("warm", "cold")]
    assert report.value("fid@means") == pytest.approx(sum(both) / 2)
    assert report.value("is@means") > 0
    assert report.value("cis@means") == pytest.approx(0.0, abs=1e-6)
    assert report.number("fid@means").protocol["extractor"] == {"sha256": "cd"}


def test_numbers_of_extractors_with_other_weights_are_never_compared(folder: Path) -> None:
    data, model = open_data(folder, batch_kind="paired", pairs="warm,cold"), Between("paired", noisy)
    first, second = (
        evaluate(model, data, classifier=None, features=Extractor("means", means, 3, {"sha256": digest}), samples=2, sampled=1)
        for digest in ("ab", "cd")
    )
    with pytest.raises(ProtocolError, match=r'differ in "extractor\.sha256" \(ab and cd\)'):
        compare(first.number("fid@means"), second.number("fid@means"))
    assert first.left_out["is@means"] == "the extractor tells no classes."


def test_the_own_classifier_gives_every_number_of_sets_under_its_own_name(folder: Path) -> None:
    data = open_data(folder, batch_kind="unpaired")
    good, idle = (
        evaluate(Between("unpaired", paint), data, features="own-classifier", samples=3, sampled=4, classifier_steps=QUICK)
        for paint in (noisy, lambda image, _: image)
    )
    for name in ("fid", "kid", "perceptual"):
        assert good.value(f"{name}@own-classifier") < idle.value(f"{name}@own-classifier")
    assert good.value("diversity_perceptual@own-classifier") > idle.value("diversity_perceptual@own-classifier")
    assert idle.value("diversity_perceptual@own-classifier") == pytest.approx(0.0, abs=1e-12)
    assert good.value("cis@own-classifier") >= 0.0
    assert len(good.number("fid@own-classifier").protocol["extractor"]["sha256"]) == 64
    assert not {each.name for each in good.numbers} & {"fid", "kid", "is", "cis", "lpips"}


def test_without_a_classifier_its_features_are_left_out_with_the_reason(folder: Path) -> None:
    data = open_data(folder, batch_kind="unpaired")
    report = evaluate(Between("unpaired", noisy), data, classifier=None, features="own-classifier", samples=2, sampled=1)
    assert report.left_out["fid@own-classifier"] == "there is no classifier trained on the data. no classifier was asked for."
    with pytest.raises(OptionError, match=r'features=\'inception\': give an Extractor, or "own-classifier"'):
        evaluate(Between("unpaired", noisy), data, classifier=None, features="inception")
    with pytest.raises(OptionError, match="samples is 2 or more, or 0 for none, and sampled 1 or more; found samples=1"):
        evaluate(Between("unpaired", noisy), data, classifier=None, samples=1)


def test_one_target_alone_is_compared_with_its_real_images_though_none_of_them_is_translated(folder: Path) -> None:
    data = open_data(folder, batch_kind="unpaired")
    extractor = Extractor("means", means, 3, {})
    report = evaluate(
        Between("unpaired", noisy), data, classifier=None, features=extractor, targets={"domain": ("cold",)}, batch=3, samples=2, sampled=1
    )
    assert report.number("fid@means").protocol["real"] == report.number("fid@means").protocol["count"] == 6
