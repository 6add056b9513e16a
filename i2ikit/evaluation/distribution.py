"""FID and KID: distances between the features of translations and those of real images.

Both are computed in float64, whatever the type of the features, and leave the caller's random state unchanged.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics.image import fid, kid

from i2ikit.errors import OptionError
from i2ikit.evaluation.metrics import check_unit_range


def frechet_distance(mean: Tensor, covariance: Tensor, real_mean: Tensor, real_covariance: Tensor) -> Tensor:
    """Return the squared Frechet distance of two Gaussians, a float64 scalar tensor (Heusel et al., 2017, section 2, equation 6).

    It is ``|m - m'|^2 + tr(C + C' - 2 (C C')^(1/2))``. The trace of the square root is computed as the sum of the singular values of
    ``C^(1/2) C'^(1/2)``, which are always real. A direction without variance contributes 0 and not the root of a rounding error, so the
    distance is exact for few images of many features, too.

    Args:
        mean: Mean of the first Gaussian [F].
        covariance: Covariance of the first Gaussian [F, F].
        real_mean: Mean of the second Gaussian [F].
        real_covariance: Covariance of the second Gaussian [F, F].
    """
    mean, covariance, real_mean, real_covariance = (each.double() for each in (mean, covariance, real_mean, real_covariance))
    trace = torch.linalg.svdvals(_compute_root(covariance) @ _compute_root(real_covariance)).sum()
    distance: Tensor = (mean - real_mean).square().sum() + covariance.trace() + real_covariance.trace() - 2.0 * trace
    return distance


def _compute_root(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    rounding = values.abs().max() * len(values) * torch.finfo(values.dtype).eps
    root: Tensor = vectors * torch.where(values > rounding, values, 0.0).clamp(min=0.0).sqrt() @ vectors.T
    return root


def frechet_distance_from_features(features: Tensor, real_features: Tensor) -> Tensor:
    """Return the Frechet distance between the Gaussians of two sets of features [N, F]; covariances are divided by N - 1.

    Raises:
        OptionError: A set has fewer than two rows, or the shapes do not fit.
    """
    _check_features(features, real_features)
    first, second = features.double(), real_features.double()
    if max(len(first), len(second)) > first.shape[1]:
        return frechet_distance(first.mean(0), _compute_covariance(first), second.mean(0), _compute_covariance(second))
    # With centred rows, C = X'X and C' = Y'Y: C^(1/2) C'^(1/2) has the singular values of XY', which is the smaller matrix here
    centred = [(rows - rows.mean(0)) / (len(rows) - 1) ** 0.5 for rows in (first, second)]
    trace = torch.linalg.svdvals(centred[0] @ centred[1].T).sum()
    means = (first.mean(0) - second.mean(0)).square().sum()
    distance: Tensor = means + centred[0].square().sum() + centred[1].square().sum() - 2.0 * trace
    return distance


def _compute_covariance(rows: Tensor) -> Tensor:
    return torch.cov(rows.T).reshape(rows.shape[1], rows.shape[1])


def kernel_distance(features: Tensor, real_features: Tensor, *, degree: int = 3, gamma: float | None = None, coef: float = 1.0) -> Tensor:
    """Return the unbiased squared maximum mean discrepancy of two sets, a float64 scalar tensor (Binkowski et al., 2018, equation 4).

    The kernel is ``(gamma x.y + coef)^degree``. The mean over pairs of one set leaves the diagonal out, so the result can be below 0.

    Args:
        features: Features of the translations [N, F].
        real_features: Features of the real images [M, F].
        degree: The degree of the polynomial kernel.
        gamma: The factor of the inner product; None takes 1 / F.
        coef: The constant that is added to it.

    Raises:
        OptionError: A set has fewer than two rows, or the shapes do not fit.
    """
    _check_features(features, real_features)
    first, second = features.double(), real_features.double()
    scale = 1.0 / first.shape[1] if gamma is None else gamma

    def mean_within(rows: Tensor) -> Tensor:
        kernel = (rows @ rows.T * scale + coef) ** degree
        return (kernel.sum() - kernel.diagonal().sum()) / (len(rows) * (len(rows) - 1))

    mean_across = ((first @ second.T * scale + coef) ** degree).mean()
    return mean_within(first) + mean_within(second) - 2.0 * mean_across


class FrechetInceptionDistance(fid.FrechetInceptionDistance):
    """FID as in torchmetrics, for any features, computed by :func:`frechet_distance`.

    Args:
        feature: An :class:`i2ikit.evaluation.Extractor`, or any module that takes images [B, C, H, W] in [0, 1] and returns
            features [B, F].
        options: Options of ``torchmetrics.image.fid.FrechetInceptionDistance``.
    """

    def __init__(self, feature: nn.Module, **options: Any) -> None:
        super().__init__(feature=feature, **options)

    def update(self, imgs: Tensor, real: bool) -> None:
        """Add images [B, C, H, W] in [0, 1]: real ones, or translations if ``real`` is False.

        Raises:
            OptionError: The images are out of range.
        """
        super().update(check_unit_range(imgs), real=real)

    def compute(self) -> Tensor:
        """Return the distance, a float64 scalar tensor.

        Raises:
            OptionError: There are fewer than two real images, or fewer than two fake images.
        """
        found = []
        for part in ("fake", "real"):
            count, total = getattr(self, f"{part}_features_num_samples"), getattr(self, f"{part}_features_sum")
            if count < 2:
                raise OptionError(f"FID requires two or more {part} images; found {int(count)}.")
            mean = total / count
            found += [mean, (getattr(self, f"{part}_features_cov_sum") - count * mean.outer(mean)) / (count - 1)]
        return frechet_distance(*found)


class KernelInceptionDistance(kid.KernelInceptionDistance):
    """KID as in torchmetrics, for any features, computed by :func:`kernel_distance`.

    Args:
        feature: An :class:`i2ikit.evaluation.Extractor`, or any module that takes images [B, C, H, W] in [0, 1] and returns
            features [B, F].
        subsets: The number of random subsets.
        subset_size: The number of images of a subset. None compares all images once, which is unbiased, too, and needs no random subsets.
        seed: The random seed of the subsets.
        options: Options of ``torchmetrics.image.kid.KernelInceptionDistance``.
    """

    def __init__(self, feature: nn.Module, subsets: int = 100, subset_size: int | None = None, *, seed: int = 0, **options: Any) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*will save all extracted features.*")
            super().__init__(feature=feature, subsets=subsets, subset_size=subset_size or 1000, **options)
        self.has_no_subsets, self.seed = subset_size is None, seed

    def update(self, imgs: Tensor, real: bool) -> None:
        """Add images [B, C, H, W] in [0, 1]: real ones, or translations if ``real`` is False.

        Raises:
            OptionError: The images are out of range.
        """
        super().update(check_unit_range(imgs), real=real)

    def compute(self) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation over the subsets, float64 scalar tensors.

        Raises:
            OptionError: A subset is larger than a set of images, or a set has fewer than two images.
        """
        real, fake = (torch.cat(each) if isinstance(each, list) else each for each in (self.real_features, self.fake_features))
        if self.has_no_subsets:
            found = kernel_distance(fake, real, degree=self.degree, gamma=self.gamma, coef=self.coef)
            return found, torch.zeros_like(found)
        smallest = min(len(real), len(fake))
        if smallest < self.subset_size:
            remedy = f"Give {smallest} or less, or None to compare all images" if smallest > 1 else "Add two or more images of each"
            raise OptionError(
                f"subset_size={self.subset_size} is out of range: there are {len(real)} real and {len(fake)} fake images. {remedy}."
            )
        generator = torch.Generator().manual_seed(self.seed)

        def draw_subset(rows: Tensor) -> Tensor:
            return rows[torch.randperm(len(rows), generator=generator)[: self.subset_size].to(rows.device)]

        distances = torch.stack([
            kernel_distance(draw_subset(fake), draw_subset(real), degree=self.degree, gamma=self.gamma, coef=self.coef)
            for _ in range(self.subsets)
        ])  # fmt: skip
        return distances.mean(), distances.std(unbiased=False)


def _check_features(features: Tensor, real_features: Tensor) -> None:
    if features.ndim != 2 or real_features.ndim != 2 or features.shape[1] != real_features.shape[1]:
        raise OptionError(
            f"Both sets of features must be [N, F] with the same F; found {list(features.shape)} and {list(real_features.shape)}."
        )
    if min(len(features), len(real_features)) < 2:
        raise OptionError(f"Two or more images of each set are required; found {len(features)} and {len(real_features)}.")
