"""FID and KID compared with formulas, torch-fidelity and torchmetrics."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.image import fid

from i2ikit.errors import OptionError
from i2ikit.evaluation import Extractor, FrechetInceptionDistance, KernelInceptionDistance, frechet_distance, kernel_distance
from i2ikit.evaluation.distribution import frechet_distance_from_features


class Flat(nn.Module):
    num_features = 12

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)


def normal(rows: int, width: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(width, width, generator=generator, dtype=torch.float64)
    return torch.randn(rows, width, generator=generator, dtype=torch.float64) @ mixing + torch.randn(width, generator=generator)


def test_gaussians_with_common_axes_have_the_closed_form() -> None:
    generator = torch.Generator().manual_seed(0)
    axes = torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64))[0]
    first, second = torch.rand(2, 6, generator=generator, dtype=torch.float64)
    first[0] = 0.0  # a covariance without full rank
    mean, other = torch.randn(2, 6, generator=generator, dtype=torch.float64)
    expected = (mean - other).square().sum() + (first.sqrt() - second.sqrt()).square().sum()
    found = frechet_distance(mean, axes * first @ axes.T, other, axes * second @ axes.T)
    assert found.dtype == torch.float64
    assert float(found) == pytest.approx(float(expected), rel=1e-10)


@pytest.mark.parametrize("rows", [(200, 150), (20, 14), (20, 150)])
def test_general_gaussians_agree_with_torch_fidelity(rows: tuple[int, int]) -> None:
    fidelity = pytest.importorskip("torch_fidelity.metric_fid", reason="torch-fidelity is not installed")
    first, second = normal(rows[0], 24, 1), normal(rows[1], 24, 2)
    statistics = [fidelity.fid_features_to_statistics(each) for each in (first, second)]
    expected = fidelity.fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert float(frechet_distance_from_features(first, second)) == pytest.approx(expected, rel=1e-6)  # its root includes rounding errors


def test_both_ways_to_compute_the_frechet_distance_agree_for_few_images_of_many_features() -> None:
    first, second = normal(12, 40, 1), normal(9, 40, 2)
    found = frechet_distance(first.mean(0), torch.cov(first.T), second.mean(0), torch.cov(second.T))
    assert float(frechet_distance_from_features(first, second)) == pytest.approx(float(found), rel=1e-12)


def test_a_set_has_distance_zero_from_itself_even_with_fewer_rows_than_features() -> None:
    rows = normal(8, 32, 3)
    assert float(frechet_distance_from_features(rows, rows)) == pytest.approx(0.0, abs=1e-10)


def test_the_fid_metric_is_the_distance_of_the_features_for_any_batches() -> None:
    real, fake = torch.rand(40, 3, 2, 2), torch.rand(30, 3, 2, 2).square()
    metric = FrechetInceptionDistance(Flat())
    for part in torch.split(real, 7):
        metric.update(part, real=True)
    metric.update(fake, real=False)
    assert isinstance(metric, fid.FrechetInceptionDistance)
    assert metric.compute().dtype == torch.float64
    assert float(metric.compute()) == pytest.approx(float(frechet_distance_from_features(fake.flatten(1), real.flatten(1))), rel=1e-9)


def test_the_fid_metric_agrees_with_the_one_of_torchmetrics() -> None:
    real, fake = torch.rand(40, 3, 2, 2), torch.rand(30, 3, 2, 2).square()
    found = []
    for metric in (FrechetInceptionDistance(Flat()), fid.FrechetInceptionDistance(feature=Flat())):
        metric.update(real, real=True)
        metric.update(fake, real=False)
        found.append(float(metric.compute()))
    assert found[0] == pytest.approx(found[1], rel=1e-4)


@pytest.mark.parametrize("metric", [FrechetInceptionDistance, KernelInceptionDistance])
def test_images_in_another_range_are_refused(metric: type[FrechetInceptionDistance]) -> None:
    for images, found in ((torch.rand(4, 3, 2, 2) * 2 - 1, "to_unit_range"), (torch.zeros(4, 3, 2, 2, dtype=torch.uint8), "torch.uint8")):
        with pytest.raises(OptionError, match=rf"images in \[0, 1\].*{found}"):
            metric(Flat()).update(images, real=True)


def test_fid_of_one_image_is_refused() -> None:
    metric = FrechetInceptionDistance(Flat())
    metric.update(torch.rand(1, 3, 2, 2), real=True)
    metric.update(torch.rand(5, 3, 2, 2), real=False)
    with pytest.raises(OptionError, match="two or more real images; found 1"):
        metric.compute()


def by_hand(fake: Tensor, real: Tensor) -> float:
    def kernel(x: Tensor, y: Tensor) -> float:
        return float((x @ y / len(x) + 1.0) ** 3)

    n, m = len(fake), len(real)
    total = sum(kernel(fake[i], fake[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    total += sum(kernel(real[i], real[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return total - 2 * sum(kernel(x, y) for x in fake for y in real) / (n * m)


def test_the_kernel_distance_is_the_unbiased_sum_over_pairs() -> None:
    fake, real = normal(6, 4, 4), normal(9, 4, 5)
    assert float(kernel_distance(fake, real)) == pytest.approx(by_hand(fake, real), rel=1e-12)


def test_the_kernel_distance_agrees_with_torch_fidelity() -> None:
    fidelity = pytest.importorskip("torch_fidelity.metric_kid", reason="torch-fidelity is not installed")
    fake, real = normal(20, 8, 6), normal(20, 8, 7)
    kernels = [((a @ b.T / 8 + 1) ** 3).numpy() for a, b in ((fake, fake), (fake, real), (real, real))]
    expected = fidelity.mmd2(*kernels)
    assert float(kernel_distance(fake, real)) == pytest.approx(float(expected), rel=1e-9)


def test_the_kernel_distance_of_two_samples_of_one_distribution_is_zero_on_average() -> None:
    found = [float(kernel_distance(*torch.randn(2, 10, 3, generator=torch.Generator().manual_seed(seed)))) for seed in range(400)]
    assert abs(sum(found) / len(found)) < 0.05
    assert min(found) < 0.0


def test_the_kid_metric_compares_all_images_at_once() -> None:
    real, fake = torch.rand(11, 3, 2, 2), torch.rand(7, 3, 2, 2)
    metric = KernelInceptionDistance(Flat())
    metric.update(real[:5], real=True)
    metric.update(real[5:], real=True)
    metric.update(fake, real=False)
    assert isinstance(metric, Metric)
    assert float(metric.compute()[0]) == pytest.approx(by_hand(fake.flatten(1).double(), real.flatten(1).double()), rel=1e-9)


def test_subsets_of_the_kid_metric_are_drawn_from_its_own_seed() -> None:
    real, fake = torch.rand(11, 3, 2, 2), torch.rand(9, 3, 2, 2)
    metrics = [KernelInceptionDistance(Flat(), subsets=5, subset_size=6, seed=seed) for seed in (0, 0, 1)]
    before = torch.random.get_rng_state()
    for metric in metrics:
        metric.update(real, real=True)
        metric.update(fake, real=False)
    first, second, other = (metric.compute() for metric in metrics)
    assert first == second
    assert first[0] != other[0]
    assert first[1] > 0
    assert torch.equal(before, torch.random.get_rng_state())
    large = KernelInceptionDistance(Flat(), subset_size=10)
    large.update(real, real=True)
    large.update(fake, real=False)
    with pytest.raises(OptionError, match=r"subset_size=10 .* 11 real and 9 fake images"):
        large.compute()


def test_torchmetrics_accepts_an_extractor_as_feature() -> None:
    extractor = Extractor("flat", Flat(), 12, {"sha256": "0"})
    metric = fid.FrechetInceptionDistance(feature=extractor)
    metric.update(torch.rand(4, 3, 2, 2), real=True)
    metric.update(torch.rand(4, 3, 2, 2), real=False)
    assert float(metric.compute()) > 0


def test_an_extractor_with_another_number_of_features_or_without_classes_is_refused() -> None:
    extractor = Extractor("flat", Flat(), 13, {})
    with pytest.raises(OptionError, match=r'"flat" must return 13 features for each of 2 images; found \[2, 12\]'):
        extractor(torch.rand(2, 3, 2, 2))
    with pytest.raises(OptionError, match='"flat" has no classes'):
        extractor.logits(torch.rand(2, 3, 2, 2))


def test_features_of_two_widths_are_refused() -> None:
    with pytest.raises(OptionError, match=r"found \[3, 2\] and \[3, 4\]"):
        kernel_distance(torch.rand(3, 2), torch.rand(3, 4))
