"""Every displayed equation of chapter 7, checked as mathematics: ``test_`` plus its label."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import linalg, stats
from torch import Tensor
from torch.nn.functional import softplus

from tests.support.seeds import seeded
from vgan_tutorial import metrics
from vgan_tutorial.losses import ADVERSARIAL_LOSSES
from vgan_tutorial.metrics import Moments
from vgan_tutorial.oracle import DAMAGES
from vgan_tutorial.shapes import PRESETS, MovingShapes


def normal(samples: int, features: int, seed: int, scale: Tensor | float = 1.0) -> Tensor:
    return torch.randn(samples, features, generator=seeded(seed), dtype=torch.float64) * scale


def test_eq_loss_at_balance():
    """A discriminator that is no judge gives log 2, to a perfect generator and to any other."""
    generator_loss = ADVERSARIAL_LOSSES["non-saturating"].generator
    for fake in (torch.zeros(7), torch.zeros(1000)):
        value = generator_loss(torch.zeros(7), fake)
        assert value.item() == pytest.approx(math.log(2))
    # a discriminator made c times as sure changes the loss, and the clips are the same
    logits = torch.linspace(-3, 1, 50)
    losses = [generator_loss(logits, c * logits).item() for c in (0, 1, 2, 4)]
    assert losses == sorted(losses)
    assert losses[-1] > 3 * losses[0]
    assert generator_loss(logits, logits).item() == pytest.approx(softplus(-logits).mean().item())


def test_eq_histogram_floor():
    """Perfect generators, many times over: the mean distance is what the formula says."""
    draw = np.random.default_rng(0)
    for clips, cells in ((500, 24), (2000, 24), (2000, 72), (2000, 3)):
        counts = draw.multinomial(clips, [1 / cells] * cells, size=2000)
        distance = np.abs(counts / clips - 1 / cells).sum(1).mean() / 2
        assert metrics.histogram_floor(clips, cells) == pytest.approx(distance, rel=0.02)
    assert metrics.histogram_floor(0, 24) == metrics.histogram_floor(1, 1000) == 1.0  # at most


def test_eq_share_band():
    """For a share the bootstrap's band is about 1.96 standard errors to either side."""
    for share, clips in ((0.3, 400), (0.9, 1000)):
        values = (torch.arange(clips) < share * clips).float()
        (band,) = metrics.bootstrap(values, seeded(), resamples=4000)
        table = torch.stack([values, 1 - values], 1)  # several figures at once: the same draws
        _, other = metrics.bootstrap(table, seeded(), resamples=4000)
        assert (other.low, other.high) == pytest.approx((1 - band.high, 1 - band.low))
        error = math.sqrt(share * (1 - share) / clips)
        assert band.value == pytest.approx(share)
        assert (band.low + band.high) / 2 == pytest.approx(share, abs=0.2 * error)
        half = (band.high - band.low) / 2
        assert half == pytest.approx(stats.norm.ppf(0.975) * error, rel=0.08)


def test_eq_wilson():
    """SciPy's interval; its ends solve the score equation; it holds the truth at the edge too."""
    for good, clips in ((30, 400), (199, 200), (600, 600), (0, 50), (1, 50)):
        band, share = metrics.wilson(good, clips), good / clips
        known = stats.binomtest(good, clips).proportion_ci(method="wilson")
        assert (band.low, band.high) == pytest.approx((known.low, known.high))
        for end in {band.low, band.high} - {0.0, 1.0}:
            assert abs(share - end) == pytest.approx(
                1.96 * math.sqrt(end * (1 - end) / clips), 1e-4
            )
    # what the chapter says of 600 clips that are all valid, and the rule of three beside it
    assert metrics.wilson(600, 600).low == pytest.approx(600 / (600 + 1.96**2), abs=1e-5)
    assert metrics.wilson(600, 600).low == pytest.approx(0.994, abs=5e-4)
    assert pytest.approx(1 - 3 / 600, abs=1e-4) == 0.05 ** (1 / 600)
    # for a true share of 0.99 and 100 clips: how often each kind of interval holds it
    chances = stats.binom.pmf(np.arange(101), 100, 0.99)
    bands = [metrics.wilson(good, 100) for good in range(101)]
    assert sum(c for c, b in zip(chances, bands) if b.low <= 0.99 <= b.high) > 0.9  # noqa: B905
    errors = [1.96 * math.sqrt(k / 100 * (1 - k / 100) / 100) for k in range(101)]
    held = sum(c for k, c in enumerate(chances) if abs(k / 100 - 0.99) <= errors[k])
    assert held < 0.7  # by its standard error alone, far less often than 95 of 100


def test_eq_frechet_distance():
    """Textbook form by scipy's general root; in one dimension, and between commuting matrices."""
    real, fake = normal(500, 5, 1), normal(400, 5, 2, 1.5) + 0.3
    first, second = np.cov(real.numpy().T), np.cov(fake.numpy().T)
    gap = (real.mean(0) - fake.mean(0)).square().sum().item()
    root = linalg.sqrtm(first @ second).real
    expected = gap + np.trace(first + second - 2 * root)
    for one in (real, Moments.of(real)):
        for other in (fake, Moments.of(fake)):
            assert metrics.frechet_distance(one, other) == pytest.approx(expected)
    scale = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    parts = [Moments(2, torch.zeros(3).double(), torch.diag(s**2)) for s in (scale, 2 * scale)]
    assert metrics.frechet_distance(*parts) == pytest.approx(scale.square().sum().item())
    flat = normal(4, 6, 5)  # fewer samples than features: no eigenvalue is below zero, no root NaN
    assert 0 <= metrics.frechet_distance(flat, flat) < 1e-6
    assert metrics.frechet_distance(flat, flat + 1) == pytest.approx(6)
    # between Gaussians it is the squared Wasserstein-2 distance: on a line, of quantiles
    levels = (np.arange(20000) + 0.5) / 20000
    moved = ((stats.norm.ppf(levels) - stats.norm.ppf(levels, 1, 2)) ** 2).mean()
    line = [
        Moments(2, torch.tensor([m]).double(), torch.tensor([[s**2]]).double())
        for m, s in ((0, 1), (1, 2))
    ]
    assert metrics.frechet_distance(*line) == pytest.approx(moved, rel=1e-2)


def test_eq_joined_moments():
    first, second = normal(30, 4, 1), normal(50, 4, 2) + 3
    joined = Moments.of(first)
    joined.join(Moments.of(second))
    both = torch.cat([first, second])
    torch.testing.assert_close(joined.mean, both.mean(0))
    torch.testing.assert_close(joined.covariance, torch.cov(both.T))
    stream = Moments.of(iter([first[:1], first[1:7], first[:0], first[7:], second]))
    assert joined.count == stream.count == 80
    torch.testing.assert_close(stream.covariance, torch.cov(both.T))
    nothing = Moments.empty(1)
    nothing.join(Moments.empty(1))
    assert nothing.count == 0
    assert not nothing.mean.any()


def test_eq_frechet_floor():
    """Two samples of one Gaussian: their mean distance is what the formula says, for n >> d."""
    scale = torch.tensor([0.2, 1.0, 1.0, 3.0], dtype=torch.float64)
    moments = Moments(2, torch.zeros(4).double(), torch.diag(scale**2))
    for samples, others in ((200, 200), (400, 100)):
        found = [
            metrics.frechet_distance(
                normal(samples, 4, 2 * seed, scale), normal(others, 4, 2 * seed + 1, scale)
            )
            for seed in range(300)
        ]
        floor = metrics.frechet_floor(moments, samples, others)
        assert np.mean(found) == pytest.approx(floor, rel=0.08)
    # the errors of the means alone are the sum of the eigenvalues, once
    gaps = [
        (normal(50, 4, 2 * s, scale).mean(0) - normal(80, 4, 2 * s + 1, scale).mean(0)).square()
        for s in range(1000)
    ]
    expected = scale.square().sum().item() * (1 / 50 + 1 / 80)
    assert torch.stack(gaps).sum(1).mean().item() == pytest.approx(expected, rel=0.1)
    identity = Moments(2, torch.zeros(64).double(), torch.eye(64).double())
    still = torch.block_diag(moments.scatter, torch.zeros(2, 2).double())  # features that stand
    more = Moments(2, torch.zeros(6).double(), still)
    assert metrics.frechet_floor(more, 200) == pytest.approx(metrics.frechet_floor(moments, 200))
    d, n = 64, 1000  # the special case that the chapter quotes
    assert metrics.frechet_floor(identity, n) == pytest.approx(2 / n * (5 * d / 4 + d * d / 4))


def test_eq_frechet_floor_with_fewer_samples_than_features():
    """What an exercise says: 400 Gaussian features, 256 samples. The formula is 6 % too high."""
    identity = Moments(2, torch.zeros(400).double(), torch.eye(400).double())
    formula = metrics.frechet_floor(identity, 256)
    assert formula == pytest.approx(316.4, abs=0.1)
    found = metrics.frechet_distance(normal(256, 400, 1), normal(256, 400, 2))
    assert found == pytest.approx(formula / 1.06, rel=0.02)
    assert metrics.frechet_floor(identity, 2048) == pytest.approx(39.6, abs=0.1)


def test_eq_kernel_distance():
    """Written out with loops; unbiased: over many small samples of one law its mean is zero."""
    real, fake = normal(6, 3, 1), normal(5, 3, 2) + 0.5

    def kernel(x: Tensor, y: Tensor) -> float:
        return ((x * y).sum().item() / 3 + 1) ** 3

    def within(points: Tensor) -> float:
        return float(np.mean([kernel(x, y) for x, y in itertools.permutations(points, 2)]))

    mixed = np.mean([kernel(x, y) for x in real for y in fake])
    expected = within(real) + within(fake) - 2 * mixed
    assert metrics.kernel_distance(real, fake) == pytest.approx(expected)
    assert metrics.kernel_distance(real, fake, chunk=4) == pytest.approx(expected)
    # it sees moments up to the third and none beyond: -1 or 1 has those of a standard Gaussian
    signs = normal(1500, 1, 3).sign()
    assert abs(metrics.kernel_distance(normal(1500, 1, 4), signs)) < 0.1
    skewed = normal(1500, 1, 5).exp()
    skewed = (skewed - math.exp(0.5)) / math.sqrt((math.e - 1) * math.e)  # mean 0, variance 1
    assert metrics.kernel_distance(normal(1500, 1, 6), skewed) > 1
    equal = [
        metrics.kernel_distance(normal(20, 3, 2 * s), normal(30, 3, 2 * s + 1)) for s in range(400)
    ]
    assert abs(np.mean(equal)) < 3 * np.std(equal) / 20
    assert min(equal) < 0 < max(equal)
    # and for different ones its mean does not depend on the number of samples
    means = [
        np.mean(
            [
                metrics.kernel_distance(normal(n, 3, s), normal(n, 3, s + 5000) + 0.7)
                for s in range(300)
            ]
        )
        for n in (10, 40)
    ]
    assert means[0] == pytest.approx(means[1], rel=0.15)


# Whole numbers: some points lie at the very edge of a ball, which is outside. The two sets overlap
# in part, so that no figure is 0 or 1.
WHOLE = [
    torch.randperm(200, generator=seeded(seed))[:count, None].double() + shift
    for seed, count, shift in ((1, 25, 0), (2, 30, 60))
]


def test_eq_precision_recall():
    """Written out with loops, on points of a line."""
    real, fake, k = *WHOLE, 3

    def radius(points: Tensor, i: int) -> float:
        return sorted(abs(points - points[i]).flatten().tolist())[k]

    def inside(point: Tensor, points: Tensor) -> bool:
        return any(abs(point - q).item() < radius(points, i) for i, q in enumerate(points))

    scores = metrics.neighbour_scores(real, fake, k, chunk=10)
    assert scores.precision == pytest.approx(np.mean([inside(x, real) for x in fake]))
    assert scores.recall == pytest.approx(np.mean([inside(x, fake) for x in real]))


def test_eq_density_coverage():
    real, fake, k = *WHOLE, 3
    radius = [sorted(abs(real - x).flatten().tolist())[k] for x in real]
    hits = np.array([[abs(y - x).item() < r for y in fake] for x, r in zip(real, radius)])  # noqa: B905
    scores = metrics.neighbour_scores(real, fake, k, chunk=10)
    assert scores.density == pytest.approx(hits.sum(0).mean() / k)
    assert scores.coverage == pytest.approx(hits.any(1).mean())


def test_eq_coverage_of_equals():
    # which of all other samples are the k nearest is chance: all real ones, and the ball is empty
    for real, fake, k in ((60, 60, 5), (40, 120, 3), (7, 4, 2)):
        missed = math.comb(real - 1, k) / math.comb(real + fake - 1, k)
        assert metrics.expected_coverage(real, fake, k) == pytest.approx(1 - missed)
    for real, fake, k in ((60, 60, 5), (40, 120, 3)):
        found = [
            metrics.neighbour_scores(normal(real, 4, 2 * s), normal(fake, 4, 2 * s + 1), k).coverage
            for s in range(150)
        ]
        assert np.mean(found) == pytest.approx(metrics.expected_coverage(real, fake, k), abs=0.01)


def test_eq_copying_share():
    """One half when nothing is copied, whatever the distribution; one when all is."""
    shares = [
        metrics.copying_share(
            normal(60, 3, 3 * s), normal(80, 3, 3 * s + 1), normal(80, 3, 3 * s + 2)
        )
        for s in range(60)
    ]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.03)
    training, held_out = normal(80, 3, 1), normal(80, 3, 2)
    assert metrics.copying_share(training, training, held_out) == 1.0
    assert metrics.copying_share(held_out, training, held_out) == 0.0
    assert metrics.copying_share(normal(60, 3, 3), training, training) == 0.5  # ties count half


def test_eq_content_distance():
    """Two colours in equal halves, by the formula; and a clip drawn by hand."""
    clip = torch.full((1, 3, 4, 8, 8), -1.0)
    clip[:, 0, :2, 2:5, 2:5] = 1.0  # two frames red, two frames green
    clip[:, 1, 2:, 2:5, 2:5] = 1.0
    apart = 255 * math.sqrt(2)
    pairs = 4 * 3
    assert metrics.content_distance(clip).item() == pytest.approx(8 * apart / pairs)
    # and written out with loops, for noise, part of it out of range; a black clip stays as it is
    noise = 0.7 * torch.randn(2, 3, 4, 3, 3, generator=seeded(), dtype=torch.float64)

    def colour(frame: Tensor) -> Tensor:
        pixels = [((x.clip(-1, 1) + 1) / 2 * 255) for x in frame.flatten(1).T]
        brightest = max(x.max() for x in pixels)
        return torch.stack([x for x in pixels if x.max() >= 0.9 * brightest]).mean(0)

    for row, found in zip(noise, metrics.content_distance(noise.float()), strict=True):
        colours = [colour(row[:, time]) for time in range(4)]
        each = [(a - b).norm() for a, b in itertools.permutations(colours, 2)]
        assert found.item() == pytest.approx(torch.stack(each).mean().item(), rel=1e-4)
    assert metrics.content_distance(torch.full((1, 3, 4, 8, 8), -1.0)).item() == 0


def test_eq_motion_control():
    """The share of clips recognised, with a classifier that the test can follow."""
    preset = PRESETS["tiny"]
    clips, factors = MovingShapes(preset, seed=0).batch(30)
    wanted = factors.motion.clone()
    wanted[:12] = (wanted[:12] + 1) % 3
    right = metrics.motion_control(clips, wanted, preset)
    assert right.float().mean().item() == pytest.approx(18 / 30, abs=0.07)


def test_break_unequal_sample_sizes():
    """Signature: the worse generator wins because it gave more samples. Fix: as many of each."""
    preset = PRESETS["tiny"]
    features = metrics.extract_features
    reference = features(MovingShapes(preset, seed=1).batch(1500)[0])
    perfect = features(MovingShapes(preset, seed=2).batch(60)[0])
    clips = MovingShapes(preset, seed=3).batch(1500)[0]
    clips[:45] = DAMAGES["frozen"](clips[:45], seeded())  # 3 of 100 stand still
    worse = features(clips)
    distance = metrics.frechet_distance
    assert distance(reference, worse) < distance(reference, perfect)
    matched = features(MovingShapes(preset, seed=2).batch(1500)[0])
    assert distance(reference, matched) < distance(reference, worse)
