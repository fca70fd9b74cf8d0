"""Nearest neighbours, against prdc and scipy."""

import numpy as np
import pytest
import torch
from prdc import compute_prdc
from scipy import spatial

from tests.support.features import correlated
from vgan_tutorial import metrics


@pytest.mark.parametrize(("samples", "others", "k"), [(200, 200, 5), (150, 300, 3), (80, 60, 10)])
def test_neighbour_scores_equal_prdc(samples, others, k):
    real, fake = correlated(samples, 6, 1), correlated(others, 6, 2) * 1.2
    expected = compute_prdc(real.numpy(), fake.numpy(), nearest_k=k)
    for chunk in (16, 1024):
        found = metrics.neighbour_scores(real, fake, k, chunk)
        for name in ("precision", "recall", "density", "coverage"):
            assert getattr(found, name) == pytest.approx(expected[name], abs=1e-6), name


def test_neighbour_scores_know_the_extremes():
    real = correlated(200)
    far = metrics.neighbour_scores(real, real + 1000)
    assert (far.precision, far.recall, far.density, far.coverage) == (0, 0, 0, 0)
    collapsed = metrics.neighbour_scores(real, real[:1] + 1e-3 * correlated(200))
    assert collapsed.precision == 1.0
    assert collapsed.recall < 0.1
    assert collapsed.coverage < 0.2
    with pytest.raises(ValueError, match="more samples"):
        metrics.neighbour_scores(real[:5], real, k=5)


def test_nearest_and_copying_share():
    training, held_out = correlated(300, seed=1), correlated(300, seed=2)
    distance, index = metrics.nearest(training[:50], training, chunk=7)
    assert torch.equal(index, torch.arange(50))
    assert distance.max() == 0
    assert metrics.copying_share(training[:100] + 0.01, training, held_out) > 0.95
    assert metrics.copying_share(held_out[:100], training, held_out) == 0
    assert metrics.copying_share(correlated(50, seed=3), training, training) == 0.5  # all tied
    with pytest.raises(ValueError, match="as many"):
        metrics.copying_share(training, training, held_out[:10])


@pytest.mark.parametrize("features", [2, 16])
def test_nearest_equals_scipy(features):
    queries, targets = correlated(80, features, 1), correlated(120, features, 2)
    expected = spatial.cKDTree(targets.numpy()).query(queries.numpy())
    distance, index = metrics.nearest(queries, targets, chunk=13)
    np.testing.assert_array_equal(index, expected[1])
    np.testing.assert_allclose(distance, expected[0], rtol=1e-5)
