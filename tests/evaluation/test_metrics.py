"""Metrics compared with their formulas."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from i2ikit.errors import OptionError
from i2ikit.evaluation import (
    EdgeEnergy,
    MeanAbsoluteError,
    PeakSignalNoiseRatio,
    StructuralSimilarityIndexMeasure,
    edge_energy,
    mean_absolute_error,
    multiscale_diversity,
    pairwise_diversity,
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
    to_unit_range,
)
from i2ikit.evaluation.metrics import blur

METRICS = (PeakSignalNoiseRatio, StructuralSimilarityIndexMeasure, MeanAbsoluteError)
FUNCTIONS = (peak_signal_noise_ratio, structural_similarity_index_measure, mean_absolute_error)


@pytest.fixture
def images() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    first = torch.rand(3, 2, 17, 14, generator=generator)
    return first, (first + 0.2 * torch.randn(first.shape, generator=generator)).clamp(0, 1)


def psnr_by_hand(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return -10 * math.log10(((a - b) ** 2).mean())


def ssim_by_hand(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    # Wang et al. (2004): Gaussian window of 11x11 with sigma 1.5, borders mirrored, the mean over positions and channels
    axis = np.arange(-5, 6)
    window = np.exp(-(axis**2) / (2 * 1.5**2))
    window /= window.sum()

    def blurred(image: NDArray[np.float64]) -> NDArray[np.float64]:
        padded = np.pad(image, 5, mode="reflect")
        rows = np.stack([np.convolve(row, window, "valid") for row in padded])
        return np.stack([np.convolve(column, window, "valid") for column in rows.T]).T

    values = []
    for x, y in zip(a, b, strict=True):
        mx, my = blurred(x), blurred(y)
        vx, vy, vxy = blurred(x * x) - mx**2, blurred(y * y) - my**2, blurred(x * y) - mx * my
        c1, c2 = 0.01**2, 0.03**2
        values.append(((2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean())
    return float(np.mean(values))


def test_psnr_equals_the_formula_of_each_image(images: tuple[Tensor, Tensor]) -> None:
    a, b = images
    expected = [psnr_by_hand(x.double().numpy(), y.double().numpy()) for x, y in zip(a, b, strict=True)]
    assert peak_signal_noise_ratio(a, b).tolist() == pytest.approx(expected, abs=1e-4)


def test_ssim_equals_the_formula_of_each_image(images: tuple[Tensor, Tensor]) -> None:
    a, b = images
    expected = [ssim_by_hand(x.double().numpy(), y.double().numpy()) for x, y in zip(a, b, strict=True)]
    assert structural_similarity_index_measure(a, b).tolist() == pytest.approx(expected, abs=2e-4)


def test_mae_equals_the_formula_of_each_image(images: tuple[Tensor, Tensor]) -> None:
    a, b = images
    assert mean_absolute_error(a, b).tolist() == pytest.approx(
        [float(np.abs(x.numpy() - y.numpy()).mean()) for x, y in zip(a, b, strict=True)], abs=1e-6
    )


def test_equal_images_have_a_psnr_of_100_db_and_an_ssim_of_1(images: tuple[Tensor, Tensor]) -> None:
    assert peak_signal_noise_ratio(images[0], images[0]).tolist() == [100.0] * 3
    assert structural_similarity_index_measure(images[0], images[0]).tolist() == pytest.approx([1.0] * 3)


@pytest.mark.parametrize(("metric", "function"), [*zip(METRICS, FUNCTIONS, strict=True)])
def test_a_metric_is_the_mean_over_images_for_any_batches(metric: type, function: object, images: tuple[Tensor, Tensor]) -> None:
    a, b = images
    split = metric()
    split.update(a[:1], b[:1])
    split.update(a[1:], b[1:])
    assert callable(function)
    assert float(split.compute()) == pytest.approx(float(function(a, b).mean()), rel=1e-6)
    split.reset()
    split.update(a[:1], b[:1])
    assert float(split.compute()) == pytest.approx(float(function(a[:1], b[:1])[0]), rel=1e-6)


def test_the_mean_of_psnr_is_not_the_psnr_of_the_mean_error() -> None:
    target = torch.zeros(2, 1, 4, 4)
    image = torch.stack([torch.full((1, 4, 4), 0.1), torch.full((1, 4, 4), 0.01)])
    metric = PeakSignalNoiseRatio()
    metric.update(image, target)
    assert float(metric.compute()) == pytest.approx((20 + 40) / 2, abs=1e-3)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_names_and_values_are_those_of_torchmetrics(function: Any, images: tuple[Tensor, Tensor]) -> None:
    import torchmetrics.functional

    oracle = getattr(torchmetrics.functional.image, function.__name__, None) or getattr(torchmetrics.functional, function.__name__)
    options = {} if function is mean_absolute_error else {"data_range": 1.0}
    for preds, target in zip(*images, strict=True):
        found = function(preds=preds[None], target=target[None])
        assert float(found) == pytest.approx(float(oracle(preds=preds[None], target=target[None], **options)), rel=1e-5)


@pytest.mark.parametrize("metric", METRICS)
def test_classes_are_called_as_those_of_torchmetrics(metric: Any, images: tuple[Tensor, Tensor]) -> None:
    import torchmetrics.image
    import torchmetrics.regression

    oracle = getattr(torchmetrics.image, metric.__name__, None) or getattr(torchmetrics.regression, metric.__name__)
    assert list(inspect.signature(metric.update).parameters) == list(inspect.signature(oracle.update).parameters)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_images_of_different_shape_are_refused(function: object) -> None:
    assert callable(function)
    with pytest.raises(OptionError, match=r"preds and target .* found \[1, 3, 16, 16\] and \[1, 3, 16, 17\]"):
        function(torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 17))


def test_ssim_refuses_images_smaller_than_its_window() -> None:
    with pytest.raises(OptionError, match=r"11x11 pixels or more.* found 10x16"):
        structural_similarity_index_measure(torch.zeros(1, 3, 10, 16), torch.zeros(1, 3, 10, 16))


def test_to_unit_range_maps_minus_one_to_zero_and_clamps() -> None:
    assert to_unit_range(torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0])).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_pairwise_diversity_is_the_mean_over_unordered_pairs() -> None:
    images = torch.stack([torch.full((3, 4, 4), value) for value in (0.0, 0.1, 0.5)])
    assert float(pairwise_diversity(images)) == pytest.approx((0.1 + 0.5 + 0.4) / 3)


def test_multiscale_diversity_keeps_colour_and_reduces_noise() -> None:
    colours = torch.stack([torch.zeros(3, 16, 16), torch.ones(3, 16, 16)])
    assert float(multiscale_diversity(colours)) == pytest.approx(1.0)
    board = (torch.arange(16)[:, None] + torch.arange(16)) % 2
    noise = torch.stack([board, 1 - board]).float()[:, None]
    assert float(pairwise_diversity(noise)) == pytest.approx(1.0)
    assert float(multiscale_diversity(noise)) == pytest.approx(0.25)


def test_diversity_of_one_image_is_refused() -> None:
    with pytest.raises(OptionError, match="two or more images"):
        pairwise_diversity(torch.zeros(1, 3, 4, 4))


def test_edge_energy_is_the_mean_gradient_magnitude(images: tuple[Tensor, Tensor]) -> None:
    array = images[0].double().numpy()
    down, right = array[:, :, 1:, :-1] - array[:, :, :-1, :-1], array[:, :, :-1, 1:] - array[:, :, :-1, :-1]
    assert edge_energy(images[0]).tolist() == pytest.approx(np.hypot(down, right).mean((1, 2, 3)).tolist(), rel=1e-6)
    ramp = torch.linspace(0, 1, 11)[None, None, None, :].expand(1, 1, 5, -1)
    assert edge_energy(ramp).item() == pytest.approx(0.1)
    with pytest.raises(OptionError, match=r"2 pixels or more .* found \[1, 1, 1, 9\]"):
        edge_energy(torch.zeros(1, 1, 1, 9))


def test_the_metric_of_edge_energy_is_the_ratio_of_both_sums(images: tuple[Tensor, Tensor]) -> None:
    first, second = images
    metric = EdgeEnergy()
    metric.update(first[:2], second[:2])
    metric.update(first[2:], second[2:])
    assert float(metric.compute()) == pytest.approx(float(edge_energy(first).sum() / edge_energy(second).sum()), rel=1e-6)
    same = EdgeEnergy()
    same.update(first * 0.5, first)
    assert float(same.compute()) == pytest.approx(0.5)


def test_blur_is_a_gaussian_with_sigma_one_sixteenth_of_the_side() -> None:
    from torchvision.transforms.functional import gaussian_blur

    picture = torch.rand(2, 3, 64, 80)
    assert torch.allclose(blur(picture), gaussian_blur(picture, [25, 25], [4.0, 4.0]), atol=1e-5)
    assert torch.allclose(blur(torch.ones(1, 1, 2, 9)), torch.ones(1, 1, 2, 9))


@pytest.mark.parametrize("measure", [*FUNCTIONS, lambda a, b: edge_energy(a)])
def test_images_in_another_range_are_refused_with_their_range(
    measure: Callable[[Tensor, Tensor], Tensor], images: tuple[Tensor, Tensor]
) -> None:
    first, second = images
    with pytest.raises(OptionError, match=r"in \[0, 1\]; found -.* to .*to_unit_range\(images\)"):
        measure(first * 2 - 1, second * 2 - 1)
    with pytest.raises(OptionError, match=r"in \[0, 1\]; found .* to 2[0-9][0-9].*Scale them"):
        measure(first * 255, second * 255)
    with pytest.raises(OptionError, match=r"found torch.uint8\. Divide uint8 by 255"):
        measure((first * 255).byte(), (second * 255).byte())
