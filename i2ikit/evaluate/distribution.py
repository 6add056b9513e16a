"""How far the features of translations are from those of real images: FID and KID.

The numbers are taken in float64, whatever the features' own type, and draw nothing from the caller's random state.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from i2ikit.errors import OptionError


def frechet_distance(mean: Tensor, covariance: Tensor, true_mean: Tensor, true_covariance: Tensor) -> Tensor:
    """Return the squared Frechet distance of two Gaussians, a float64 scalar (Heusel et al., 2017, section 2, equation 6).

    ``|m - m'|^2 + tr(C + C' - 2 (C C')^(1/2))``. The trace of the root is the sum of the singular values of ``C^(1/2) C'^(1/2)``: all of
    it is real, and what rounding leaves of a direction without variance is 0 and not its root, so that few images of many features lose
    no digits.

    Args:
        mean: [F].
        covariance: [F F].
        true_mean: [F].
        true_covariance: [F F].
    """
    mean, covariance, true_mean, true_covariance = (each.double() for each in (mean, covariance, true_mean, true_covariance))
    trace = torch.linalg.svdvals(_root(covariance) @ _root(true_covariance)).sum()
    distance: Tensor = (mean - true_mean).square().sum() + covariance.trace() + true_covariance.trace() - 2.0 * trace
    return distance


def _root(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    rounding = values.abs().max() * len(values) * torch.finfo(values.dtype).eps
    root: Tensor = vectors * torch.where(values > rounding, values, 0.0).clamp(min=0.0).sqrt() @ vectors.T
    return root


def frechet_of(features: Tensor, true_features: Tensor) -> Tensor:
    """Return the Frechet distance between the Gaussians of two sets of features [N F], covariances by N - 1.

    Raises:
        OptionError: A set has fewer than two rows.
    """
    _enough(features, true_features)
    first, second = features.double(), true_features.double()
    if max(len(first), len(second)) > first.shape[1]:
        return frechet_distance(first.mean(0), _covariance(first), second.mean(0), _covariance(second))
    # C = X'X and C' = Y'Y of centred rows: the singular values of C^(1/2) C'^(1/2) are those of XY', which is smaller here
    centred = [(rows - rows.mean(0)) / (len(rows) - 1) ** 0.5 for rows in (first, second)]
    trace = torch.linalg.svdvals(centred[0] @ centred[1].T).sum()
    means = (first.mean(0) - second.mean(0)).square().sum()
    distance: Tensor = means + centred[0].square().sum() + centred[1].square().sum() - 2.0 * trace
    return distance


def _covariance(rows: Tensor) -> Tensor:
    return torch.cov(rows.T).reshape(rows.shape[1], rows.shape[1])


def kernel_distance(features: Tensor, true_features: Tensor, *, degree: int = 3, gamma: float | None = None, coef: float = 1.0) -> Tensor:
    """Return the unbiased squared maximum mean discrepancy of two sets, a float64 scalar (Binkowski et al., 2018, equation 4).

    The kernel is ``(gamma x.y + coef)^degree``; means of a set with itself leave the diagonal out, so that it can be below 0.

    Args:
        features: [N F].
        true_features: [M F].
        degree: Of the polynomial.
        gamma: 1 / F by default.
        coef: What is added to the inner product.

    Raises:
        OptionError: A set has fewer than two rows.
    """
    _enough(features, true_features)
    first, second = features.double(), true_features.double()
    scale = 1.0 / first.shape[1] if gamma is None else gamma

    def within(rows: Tensor) -> Tensor:
        kernel = (rows @ rows.T * scale + coef) ** degree
        return (kernel.sum() - kernel.diagonal().sum()) / (len(rows) * (len(rows) - 1))

    across = ((first @ second.T * scale + coef) ** degree).mean()
    return within(first) + within(second) - 2.0 * across


class FID(FrechetInceptionDistance):
    """The Frechet inception distance of torchmetrics, with features of one's own and the root taken by :func:`frechet_distance`.

    Args:
        feature: An :class:`i2ikit.evaluate.Extractor`, or any module from images to features [B, F].
        options: Of ``torchmetrics.image.fid.FrechetInceptionDistance``.
    """

    def __init__(self, feature: nn.Module, **options: Any) -> None:
        super().__init__(feature=feature, **options)

    def compute(self) -> Tensor:
        """Return the distance, a float64 scalar.

        Raises:
            OptionError: There are fewer than two real images or fewer than two others.
        """
        found = []
        for part in ("fake", "real"):
            count, total = getattr(self, f"{part}_features_num_samples"), getattr(self, f"{part}_features_sum")
            if count < 2:
                raise OptionError(f"FID needs two or more {part} images; found {int(count)}.")
            mean = total / count
            found += [mean, (getattr(self, f"{part}_features_cov_sum") - count * mean.outer(mean)) / (count - 1)]
        return frechet_distance(*found)


class KID(KernelInceptionDistance):
    """The kernel inception distance of torchmetrics, with features of one's own, by :func:`kernel_distance`.

    Args:
        feature: An :class:`i2ikit.evaluate.Extractor`, or any module from images to features [B, F].
        subsets: How many subsets are drawn.
        subset_size: Images in each; None compares all images once, which is unbiased too and draws nothing.
        seed: Of the subsets.
        options: Of ``torchmetrics.image.kid.KernelInceptionDistance``.
    """

    def __init__(self, feature: nn.Module, subsets: int = 100, subset_size: int | None = None, *, seed: int = 0, **options: Any) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*will save all extracted features.*")
            super().__init__(feature=feature, subsets=subsets, subset_size=subset_size or 1000, **options)
        self.whole, self.seed = subset_size is None, seed

    def compute(self) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation over the subsets, float64 scalars.

        Raises:
            OptionError: A subset is larger than a set of images, or one of these has fewer than two.
        """
        real, fake = (torch.cat(each) if isinstance(each, list) else each for each in (self.real_features, self.fake_features))
        if self.whole:
            found = kernel_distance(fake, real, degree=self.degree, gamma=self.gamma, coef=self.coef)
            return found, torch.zeros_like(found)
        if min(len(real), len(fake)) < self.subset_size:
            raise OptionError(f"A subset of {self.subset_size} is larger than {len(real)} real or {len(fake)} other images.")
        generator = torch.Generator().manual_seed(self.seed)

        def drawn(rows: Tensor) -> Tensor:
            return rows[torch.randperm(len(rows), generator=generator)[: self.subset_size].to(rows.device)]

        found = torch.stack([
            kernel_distance(drawn(fake), drawn(real), degree=self.degree, gamma=self.gamma, coef=self.coef) for _ in range(self.subsets)
        ])  # fmt: skip
        return found.mean(), found.std(unbiased=False)


def _enough(features: Tensor, true_features: Tensor) -> None:
    if features.ndim != 2 or true_features.ndim != 2 or features.shape[1] != true_features.shape[1]:
        raise OptionError(f"Features are [N, F] of one width; found {list(features.shape)} and {list(true_features.shape)}.")
    if min(len(features), len(true_features)) < 2:
        raise OptionError(f"Two or more images of each set are needed; found {len(features)} and {len(true_features)}.")
