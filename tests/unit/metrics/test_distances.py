"""Distances between features, against scipy and loops."""

import math
import tracemalloc

import numpy as np
import pytest
import torch
from scipy import linalg
from torch import Tensor

from tests.support.features import correlated
from tests.support.seeds import seeded
from vgan_tutorial import metrics
from vgan_tutorial.metrics import Moments


def test_moments_of_a_stream_are_those_of_the_whole():
    features = correlated(1000) + 1e4  # far from zero, where sums of squares cancel
    stream = Moments.of(features.split(37))
    parts = [Moments.of(part) for part in features.split(300)]
    joined = Moments.empty(8)
    for part in parts:
        joined.join(part)
    for moments in (stream, joined, Moments.of(features)):
        assert moments.count == 1000
        np.testing.assert_allclose(moments.mean, features.double().mean(0), rtol=1e-12)
        np.testing.assert_allclose(
            moments.covariance, np.cov(features.double().numpy().T), rtol=1e-8, atol=1e-8
        )


def test_fifty_thousand_samples_need_flat_memory():
    """Only the batch at hand is held: 500 batches leave no more behind than 5."""

    def peak(batches: int) -> int:
        rng = seeded(0)
        stream = (torch.from_numpy(np.zeros((100, 64)) + 1.0) for _ in range(batches))
        tracemalloc.start()
        moments = Moments.of(batch * torch.rand(64, generator=rng) for batch in stream)
        assert moments.count == 100 * batches
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(1)
    assert peak(500) < peak(5) + 100_000  # one batch alone is 51,200 bytes


@pytest.mark.parametrize("features", [1, 3, 16])
def test_frechet_distance_equals_scipy(features):
    real, fake = correlated(400, features, 1), correlated(300, features, 2) * 1.3 + 0.5
    first, second = (np.atleast_2d(np.cov(x.double().numpy().T)) for x in (real, fake))
    gap = real.double().mean(0) - fake.double().mean(0)
    expected = float(gap @ gap) + np.trace(first + second - 2 * linalg.sqrtm(first @ second).real)
    assert metrics.frechet_distance(real, fake) == pytest.approx(expected, rel=1e-6)
    assert metrics.frechet_distance(fake, real) == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_survives_features_that_never_vary():
    """Singular covariances, on which a general matrix root fails or turns complex."""
    real = torch.cat([correlated(100, 4), torch.zeros(100, 3)], 1)
    assert metrics.frechet_distance(real, real) == pytest.approx(0, abs=1e-5)
    assert metrics.frechet_distance(real, real + 1) == pytest.approx(7, rel=1e-5)
    few = correlated(4, 8)  # fewer samples than features
    assert metrics.frechet_distance(few, few) == pytest.approx(0, abs=1e-4)


def test_distances_refuse_what_they_cannot_compare():
    with pytest.raises(ValueError, match="same extractor"):
        metrics.frechet_distance(correlated(9, 3), correlated(9, 4))
    with pytest.raises(ValueError, match="NaN"):
        metrics.frechet_distance(correlated(9) * math.nan, correlated(9))
    with pytest.raises(ValueError, match="at least two"):
        metrics.frechet_distance(correlated(1), correlated(9))
    with pytest.raises(ValueError, match="empty"):
        Moments.of(iter(()))
    with pytest.raises(ValueError, match="two samples"):
        metrics.kernel_distance(correlated(1), correlated(9))
    with pytest.raises(ValueError, match="features"):
        metrics.kernel_distance(correlated(9, 3), correlated(9, 4))


def test_kernel_distance_equals_a_loop_and_needs_no_chunks():
    real, fake = correlated(23, 4, 1).double(), correlated(17, 4, 2).double()

    def kernel(x: Tensor, y: Tensor) -> float:
        return float((x @ y / 4 + 1) ** 3)

    def within(points: Tensor) -> float:
        pairs = [kernel(x, y) for i, x in enumerate(points) for j, y in enumerate(points) if i != j]
        return sum(pairs) / len(pairs)

    mixed = [kernel(x, y) for x in real for y in fake]
    expected = within(real) + within(fake) - 2 * sum(mixed) / len(mixed)
    for chunk in (1, 5, 1024):
        assert metrics.kernel_distance(real, fake, chunk) == pytest.approx(expected)
    # single precision input takes the same way
    found = metrics.kernel_distance(real.float(), fake.float())
    assert found == pytest.approx(expected, rel=1e-4)
