"""Distances between two sets of clips, seen as two clouds of feature vectors.

The Fréchet distance looks at the clouds' means and covariances; the kernel distance at all pairs
of points. `Moments` collects what the first one needs, batch after batch, in memory that does not
grow with the number of clips.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

Features = Float[Tensor, "samples features"]
Others = Float[Tensor, "others _"]  # the same features, but the functions say so if they are not


@dataclass
class Moments:
    """Number, mean and scatter of the feature vectors seen so far, in double precision.

    Two parts are joined by (eq-joined-moments), the pairwise update of Chan, Golub and LeVeque
    (The American Statistician 37, 1983): exact, and safe where a sum of squares minus a square of
    sums would cancel. In a loop::

        moments = Moments.empty(64)
        for clips in stream:
            moments.add(extract_features(clips))
    """

    count: int
    mean: Float[Tensor, " features"]
    scatter: Float[Tensor, "features features"]  # sum of (x - mean)(x - mean)^T

    @classmethod
    def empty(cls, features: int, device: torch.device | str = "cpu") -> Moments:
        """Moments of no vectors at all."""
        zeros = torch.zeros(features, features, dtype=torch.float64, device=device)
        return cls(0, zeros[0].clone(), zeros)

    @classmethod
    def of(cls, features: Features | Iterable[Float[Tensor, "_ features"]]) -> Moments:
        """Moments of one tensor of features, or of a stream of batches.

        Raises:
            ValueError: if the stream is empty.
        """
        batches = iter([features] if isinstance(features, Tensor) else features)
        first = next(batches, None)
        if first is None:
            raise ValueError("the stream of features is empty")
        moments = cls.empty(first.shape[1], first.device)
        moments.add(first)
        for batch in batches:
            moments.add(batch)
        return moments

    def add(self, features: Features) -> None:
        """Take in a batch of feature vectors."""
        if len(features) == 0:
            return
        batch = features.double()
        mean = batch.mean(0)
        centred = batch - mean
        self.join(Moments(len(batch), mean, centred.mT @ centred))

    def join(self, other: Moments) -> None:
        """Take in what another process or part has seen."""
        total = self.count + other.count
        if total == 0:
            return
        gap = other.mean - self.mean
        weight = self.count * other.count / total
        self.scatter = self.scatter + other.scatter + weight * torch.outer(gap, gap)
        self.mean = self.mean + gap * (other.count / total)
        self.count = total

    @property
    def covariance(self) -> Float[Tensor, "features features"]:
        """Unbiased estimate: the scatter over count - 1.

        Raises:
            ValueError: if fewer than two vectors were seen.
        """
        if self.count < 2:
            raise ValueError(f"a covariance needs at least two samples, not {self.count}")
        return self.scatter / (self.count - 1)


def frechet_distance(real: Features | Moments, fake: Others | Moments) -> float:
    """Squared Fréchet distance between Gaussians with the two sets' moments (eq-frechet-distance).

    ``|mu_r - mu_f|^2 + tr(S_r + S_f - 2 (S_r^1/2 S_f S_r^1/2)^1/2)``. Both square roots are of
    symmetric matrices without negative eigenvalues, so eigenvalues are all it takes; no general
    matrix square root, whose rounding can leave complex numbers.

    Source: Dowson and Landau, Journal of Multivariate Analysis 12, 1982; as a score of generators
    Heusel et al., NeurIPS 2017 (FID).

    Args:
        real: features, or their moments.
        fake: the same of the other set; the distance is symmetric.

    Raises:
        ValueError: if the two sets have different numbers of features, or a value is not finite.
    """
    first = real if isinstance(real, Moments) else Moments.of(real)
    second = fake if isinstance(fake, Moments) else Moments.of(fake)
    if first.mean.shape != second.mean.shape:
        raise ValueError(
            f"one set has {len(first.mean)} features and the other {len(second.mean)}: both must "
            "come from the same extractor"
        )
    if not (torch.isfinite(first.scatter).all() and torch.isfinite(second.scatter).all()):
        raise ValueError("the features hold NaN or infinite values")
    root = _symmetric_root(first.covariance)
    middle = torch.linalg.eigvalsh(root @ second.covariance @ root).clamp(min=0).sqrt().sum()
    traces = first.covariance.trace() + second.covariance.trace()
    return ((first.mean - second.mean).square().sum() + traces - 2 * middle).clamp(min=0).item()


def _symmetric_root(matrix: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.mT


def frechet_floor(features: Features | Moments, samples: int, others: int | None = None) -> float:
    """What the Fréchet distance of two samples of *one* distribution comes to (eq-frechet-floor).

    (1/m + 1/n) (5/4 sum_i l_i + 1/2 sum_ij l_i l_j / (l_i + l_j)), with l the eigenvalues of the
    covariance, for Gaussian features and samples much larger than their number. It falls with
    1/n; Chong and Forsyth (CVPR 2020) extrapolate such a line to 1/n = 0.

    Args:
        features: features of the distribution, as many as there are; only their covariance is used.
        samples: number of samples in the one set.
        others: number in the other set; the same number by default.
    """
    moments = features if isinstance(features, Moments) else Moments.of(features)
    values = torch.linalg.eigvalsh(moments.covariance).clamp(min=1e-12)
    products = values[:, None] * values / (values[:, None] + values)
    spread = 1.25 * values.sum() + products.sum() / 2
    return (spread * (1 / samples + 1 / (others or samples))).item()


def kernel_distance(real: Features, fake: Others, chunk: int = 1024) -> float:
    """Unbiased squared maximum mean discrepancy, polynomial kernel (eq-kernel-distance).

    k(x, y) = (x . y / d + 1)^3 with d features; the mean over pairs of different real samples,
    plus the same for fakes, minus twice the mean over mixed pairs. Its expectation is zero when
    both sets come from one distribution, whatever their sizes, so it can be slightly negative.

    Source: Bińkowski et al., ICLR 2018 (KID). Here all pairs are used, `chunk` rows at a time;
    averages over subsets, as often published, have the same expectation and more noise.

    Raises:
        ValueError: with fewer than two samples in a set, or different numbers of features.
    """
    if min(len(real), len(fake)) < 2:
        raise ValueError(f"needs two samples of each, not {len(real)} and {len(fake)}")
    if real.shape[1] != fake.shape[1]:
        raise ValueError(f"one set has {real.shape[1]} features, the other {fake.shape[1]}")
    within = _mean_kernel(real, real, chunk) + _mean_kernel(fake, fake, chunk)
    return within - 2 * _mean_kernel(real, fake, chunk)


def _mean_kernel(first: Features, second: Others, chunk: int) -> float:
    """Mean of the kernel over pairs; a set with itself leaves out each sample's own pair."""
    same, size = first is second, first.shape[1]
    first, second = first.double(), second.double()
    total = sum(((rows @ second.mT / size + 1) ** 3).sum().item() for rows in first.split(chunk))
    if not same:
        return total / (len(first) * len(second))
    total -= ((first.square().sum(1) / size + 1) ** 3).sum().item()
    return total / (len(first) * (len(first) - 1))
