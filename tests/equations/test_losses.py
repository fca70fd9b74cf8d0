"""Chapter 2's equations up to the article's losses: ``test_`` plus the equation's label."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from scipy.spatial.distance import jensenshannon
from torch import Tensor
from torch.nn.functional import softplus

from tests.support.finite_game import (
    FAKE,
    REAL,
    best_response,
    expected_loss,
    jensen_shannon,
    minimise,
    optimise,
)
from tests.support.seeds import seeded
from vgan_tutorial import losses
from vgan_tutorial.losses import ADVERSARIAL_LOSSES
from vgan_tutorial.toys import build_mlp

# From cross-entropy to the game


def test_eq_binary_cross_entropy() -> None:
    logits = torch.linspace(-8, 8, 33, dtype=torch.float64)
    for target in (0.0, 0.1, 0.5, 0.9, 1.0):
        chance = torch.sigmoid(logits)
        textbook = -(target * chance.log() + (1 - target) * (1 - chance).log()).mean()
        torch.testing.assert_close(losses.binary_cross_entropy(logits, target), textbook)
        # for a soft target the best probability is the target itself
        best = optimise(partial(losses.binary_cross_entropy, target=target))
        assert torch.sigmoid(best).numpy() == pytest.approx(target, abs=1e-6)


def test_eq_softplus_identities() -> None:
    logits = torch.linspace(-20, 20, 81, dtype=torch.float64)
    torch.testing.assert_close(-torch.sigmoid(logits).log(), softplus(-logits))
    torch.testing.assert_close(-(torch.sigmoid(-logits)).log(), softplus(logits))
    # the point of them: at a logit of 1000 the probability has rounded, the softplus has not
    far = torch.tensor(1000.0)
    assert torch.log(1 - torch.sigmoid(far)).isinf()
    assert -softplus(far) == -1000.0


def test_eq_value() -> None:
    rng = seeded()
    real, fake = torch.randn(9, generator=rng).double(), torch.randn(9, generator=rng).double()
    textbook = torch.sigmoid(real).log().mean() + (1 - torch.sigmoid(fake)).log().mean()
    torch.testing.assert_close(losses.value(real, fake), textbook)
    minimax = ADVERSARIAL_LOSSES["minimax"]
    torch.testing.assert_close(minimax.discriminator(real, fake), -textbook)


def test_eq_optimal_discriminator() -> None:
    """Optimisation finds p / (p + q) on a finite set, and so does a trained network on a line."""
    torch.testing.assert_close(
        torch.sigmoid(best_response("minimax")), REAL / (REAL + FAKE), rtol=1e-5, atol=0.0
    )
    rng = seeded()
    network = build_mlp(1, 1, 32, rng)
    adam = torch.optim.Adam(network.parameters(), lr=5e-3)
    for step in range(600):
        adam.param_groups[0]["lr"] = 5e-3 * (1 - step / 600)
        real = torch.randn(512, 1, generator=rng) - 1
        fake = 1 + 1.5 * torch.randn(512, 1, generator=rng)
        adam.zero_grad()
        ADVERSARIAL_LOSSES["minimax"].discriminator(network(real), network(fake)).backward()
        adam.step()
    points = torch.linspace(-3, 3, 25)[:, None]
    p, q = stats.norm.pdf(points, -1, 1), stats.norm.pdf(points, 1, 1.5)
    found = torch.sigmoid(network(points)).detach().numpy()
    assert np.abs(found - p / (p + q)).max() < 0.06


def test_eq_jensen_shannon() -> None:
    assert jensen_shannon(REAL, REAL) == 0
    torch.testing.assert_close(jensen_shannon(REAL, FAKE), jensen_shannon(FAKE, REAL))
    apart = torch.tensor([0.5, 0.5, 0.0, 0.0], dtype=torch.float64)
    assert jensen_shannon(apart, apart.flip(0)).item() == pytest.approx(math.log(2))
    assert jensen_shannon(REAL, FAKE).item() == pytest.approx(jensenshannon(REAL, FAKE) ** 2)


def test_eq_value_at_optimum() -> None:
    best = best_response("minimax")
    reached = expected_loss(losses.value, best)
    torch.testing.assert_close(reached, 2 * jensen_shannon(REAL, FAKE) - math.log(4))

    def integrand(x: float) -> float:  # and for two densities on a line, with D = p / (p + q)
        p, q = stats.norm.pdf(x, 0, 1), stats.norm.pdf(x, 1, 2)
        return p * math.log(p / (p + q)) + q * math.log(q / (p + q))

    def divergence(x: float) -> float:
        p, q = stats.norm.pdf(x, 0, 1), stats.norm.pdf(x, 1, 2)
        return 0.5 * (p * math.log(2 * p / (p + q)) + q * math.log(2 * q / (p + q)))

    value = integrate.quad(integrand, -15, 15)[0]
    assert value == pytest.approx(2 * integrate.quad(divergence, -15, 15)[0] - math.log(4))


def test_eq_cross_entropy_best() -> None:
    """The best classifier's cross-entropy is log 2 minus the divergence: low means different."""
    loss = ADVERSARIAL_LOSSES["minimax"].discriminator
    lowest = expected_loss(loss, best_response("minimax")) / 2
    torch.testing.assert_close(lowest, math.log(2) - jensen_shannon(REAL, FAKE))
    same = loss(torch.zeros(6), torch.zeros(6)) / 2  # copies of the data: D = 1/2 is the best
    assert same.item() == pytest.approx(math.log(2))
    assert lowest < same


# Saturation


def gradient(loss: Callable[[Tensor], Tensor], logits: Tensor) -> Tensor:
    logits = logits.clone().requires_grad_()
    (result,) = torch.autograd.grad(loss(logits) * logits.numel(), logits)  # undo the mean
    return result


LOGITS = torch.linspace(-12, 12, 49, dtype=torch.float64)


def generator_gradient(name: str) -> Tensor:
    return gradient(lambda s: ADVERSARIAL_LOSSES[name].generator(torch.zeros_like(s), s), LOGITS)


def test_eq_non_saturating() -> None:
    loss = ADVERSARIAL_LOSSES["non-saturating"].generator(LOGITS, LOGITS)
    torch.testing.assert_close(loss, -torch.sigmoid(LOGITS).log().mean())


def test_eq_gradient_saturating() -> None:
    torch.testing.assert_close(generator_gradient("minimax"), -torch.sigmoid(LOGITS))
    assert generator_gradient("minimax")[0].abs() < 1e-5  # D is sure: nothing to learn from


def test_eq_gradient_non_saturating() -> None:
    found = generator_gradient("non-saturating")
    torch.testing.assert_close(found, -(1 - torch.sigmoid(LOGITS)))
    assert found[0].abs() > 0.99999  # D is sure: the strongest push


def test_eq_non_saturating_divergence() -> None:
    """Against the best D, the non-saturating gradient is that of KL(q || p) - 2 JSD(p, q)."""
    grid = torch.linspace(-12, 12, 4001, dtype=torch.float64)
    width = grid[1] - grid[0]
    p = torch.distributions.Normal(0.0, 1.0).log_prob(grid)

    def fake(mean: Tensor) -> Tensor:
        return torch.distributions.Normal(mean, 1.3).log_prob(grid)

    for start in (-1.0, 0.4, 2.0):
        mean = torch.tensor(start, dtype=torch.float64, requires_grad=True)
        q = fake(mean)
        best = (p - q).detach()  # the optimal logit, held fixed while the generator moves
        (pushed,) = torch.autograd.grad((q.exp() * softplus(-best)).sum() * width, mean)
        mean = torch.tensor(start, dtype=torch.float64, requires_grad=True)
        q = fake(mean)
        middle = torch.logaddexp(p, q) - math.log(2)
        reverse = (q.exp() * (q - p)).sum() * width
        js = 0.5 * ((p.exp() * (p - middle)).sum() + (q.exp() * (q - middle)).sum()) * width
        (expected,) = torch.autograd.grad(reverse - 2 * js, mean)
        torch.testing.assert_close(pushed, expected, rtol=1e-6, atol=1e-9)
        # the minus sign is harmless: with m the mean of p and q the whole is 2 KL(m || p)
        forward = ((middle.exp() * (middle - p)).sum() * width).detach()
        torch.testing.assert_close((reverse - 2 * js).detach(), 2 * forward)
        assert forward > 0


def test_non_saturating_is_bounded_where_data_are_missed() -> None:
    """A generator that gives one of two modes only: 2 KL(m || p) is small, KL(p || q) infinite."""
    p, q = torch.tensor([0.5, 0.5]).double(), torch.tensor([1.0, 0.0]).double()
    middle = (p + q) / 2
    assert 2 * (middle * (middle / p).log()).sum().item() < 0.3
    assert (p * (p / q).log()).sum().isinf()


def test_generator_pushes_cross_at_one_half() -> None:
    """The non-saturating loss pushes harder than minimax below D = 1/2, and less hard above."""
    logits = torch.tensor([-4.0, -0.5, 0.0, 0.5, 4.0], requires_grad=True)
    zeros = torch.zeros(5)
    pushes = [
        torch.autograd.grad(ADVERSARIAL_LOSSES[name].generator(zeros, logits), logits)[0].abs()
        for name in ("non-saturating", "minimax")
    ]
    assert (pushes[0] - pushes[1]).sign().tolist() == [1, 1, 0, -1, -1]


def test_eq_smoothed_optimum() -> None:
    for name, up, down in [("one-sided-smoothing", 0.9, 0.0), ("two-sided-smoothing", 0.9, 0.1)]:
        expected = (up * REAL + down * FAKE) / (REAL + FAKE)
        torch.testing.assert_close(
            torch.sigmoid(best_response(name)), expected, rtol=1e-5, atol=1e-7
        )
    game = losses.label_smoothing(0.8, 0.3)
    torch.testing.assert_close(
        game.discriminator(LOGITS, LOGITS[:5]),
        losses.binary_cross_entropy(LOGITS, 0.8) + losses.binary_cross_entropy(LOGITS[:5], 0.3),
    )
    torch.testing.assert_close(game.generator(-LOGITS[:5], LOGITS), softplus(-LOGITS).mean())
    # far from the data, one-sided D is near 0 and still has the slope of log p - log q; two-sided
    # D is near beta, and its logit is level: p around 0, q around 6
    x = torch.tensor(6.0, dtype=torch.float64, requires_grad=True)
    p, q = (torch.exp(-((x - c) ** 2) / 2) for c in (0.0, 6.0))
    slopes: list[Tensor] = []
    for up, down in [(0.9, 0.0), (0.9, 0.1)]:
        best = (up * p + down * q) / (p + q)
        slopes += torch.autograd.grad(best.logit(), x, retain_graph=True)
    assert slopes[0].item() == pytest.approx(-6.0, rel=1e-4)
    assert abs(slopes[1]) < 1e-5


# What the article prints


def test_eq_article_losses() -> None:
    """One formula for both players: minimising it together has no floor, and D ends up wrong."""
    logits = torch.zeros(2, requires_grad=True)  # one real clip, one fake clip
    optimiser = torch.optim.SGD([logits], lr=1.0)
    values = []
    for _ in range(400):
        optimiser.zero_grad()
        loss = losses.ARTICLE_AS_PRINTED.discriminator(logits[:1], logits[1:])
        loss.backward()
        optimiser.step()
        values.append(loss.item())
    assert values[0] == pytest.approx(-math.log(4))
    assert values[-1] < -300
    assert logits[0] < -100 < 100 < logits[1]  # real called fake, fake called real
    # log D(x) does not depend on the generator: the real half of V gives it no gradient
    fake = torch.zeros(3, requires_grad=True)
    (whole,) = torch.autograd.grad(losses.value(torch.full((3,), 5.0), fake), fake)
    (half,) = torch.autograd.grad(losses.value(torch.full((3,), -9.0), fake), fake)
    torch.testing.assert_close(whole, half)


def test_eq_content_decomposition() -> None:
    rng = seeded()
    fake = torch.randn(50, 3, 4, 5, 5, generator=rng, dtype=torch.float64) * 2 + 1
    mean = torch.randn(3, 4, 5, 5, generator=rng, dtype=torch.float64)
    offset = (fake.mean(dim=0) - mean).square().sum()
    trace = torch.cov(fake.flatten(1).T, correction=0).trace()
    torch.testing.assert_close(losses.distance_to_mean(fake, mean), offset + trace)
    # what gradient descent on it does: every sample ends at the mean, the variance is gone
    free = fake.clone().requires_grad_()
    descent = torch.optim.SGD([free], lr=10.0)
    for _ in range(60):
        descent.zero_grad()
        losses.distance_to_mean(free, mean).backward()
        descent.step()
    torch.testing.assert_close(free.detach(), mean.expand_as(free), atol=1e-6, rtol=0.0)


def test_eq_discriminator_content() -> None:
    """The discriminator's content term holds no discriminator: its gradient there is zero."""
    rng = seeded()
    discriminator = build_mlp(2, 1, 8, rng)
    clips = torch.randn(16, 2, generator=rng)
    term = losses.distance_to_mean(clips, clips.mean(dim=0))
    whole = losses.value(discriminator(clips), discriminator(-clips)) + 10.0 * term
    alone = losses.value(discriminator(clips), discriminator(-clips))
    parameters = list(discriminator.parameters())
    for with_term, without in zip(
        torch.autograd.grad(whole, parameters), torch.autograd.grad(alone, parameters), strict=True
    ):
        torch.testing.assert_close(with_term, without)
    assert not term.requires_grad
    assert term > 0


def test_eq_matching_means() -> None:
    rng = seeded()
    real = torch.randn(40, 6, generator=rng, dtype=torch.float64)
    fake = torch.randn(30, 6, generator=rng, dtype=torch.float64)
    by_sums = sum((fake[:, i].sum() / 30 - real[:, i].sum() / 40) ** 2 for i in range(6))
    torch.testing.assert_close(losses.matching_means(real, fake), by_sums)
    # blind to the spread: blow the samples up around their mean and nothing changes
    spread = fake.mean(dim=0) + 7 * (fake - fake.mean(dim=0))
    torch.testing.assert_close(
        losses.matching_means(real, spread), losses.matching_means(real, fake)
    )


def test_eq_feature_matching() -> None:
    """With the features x and x^2, matching features matches means and variances."""
    rng = seeded()
    real = 2 + 0.5 * torch.randn(4000, generator=rng, dtype=torch.float64)
    code = torch.randn(4000, generator=rng, dtype=torch.float64)
    code = (code - code.mean()) / code.std(correction=0)
    shift = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    scale = torch.ones(1, dtype=torch.float64, requires_grad=True)

    def features(x: Tensor) -> list[Tensor]:
        return [x[:, None], x.square()[:, None]]

    def loss() -> Tensor:
        return losses.feature_matching(features(real), features(shift + scale * code))

    minimise(loss, [shift, scale])
    assert shift.item() == pytest.approx(real.mean().item(), abs=1e-3)
    assert scale.item() == pytest.approx(real.std(correction=0).item(), abs=1e-3)
    # layers are summed, and the real features are targets: no gradient reaches them
    first = real[:3, None].clone().requires_grad_()
    second = code[:3, None].clone().requires_grad_()
    total = losses.feature_matching([first, 2 * first], [second, 2 * second])
    torch.testing.assert_close(total, 5 * (first.mean() - second.mean()) ** 2)
    total.backward()
    assert first.grad is None
    assert second.grad is not None


def test_eq_paired_reconstruction() -> None:
    """The best predictor of a squared error is the conditional mean, so two futures blur."""
    rng = seeded()
    condition = torch.randint(2, (4000,), generator=rng)
    future = torch.randint(2, (4000,), generator=rng).double() * 2 - 1  # left or right, by chance
    clips = torch.stack([future, condition + 0.5 * future], dim=1)
    table = torch.zeros(2, 2, dtype=torch.float64, requires_grad=True)
    minimise(lambda: losses.paired_reconstruction(clips, table[condition]), [table])
    for side in range(2):
        torch.testing.assert_close(table[side].detach(), clips[condition == side].mean(dim=0))
    loop = sum(((x - y) ** 2).sum() for x, y in zip(clips, table[condition], strict=True)) / 4000
    torch.testing.assert_close(losses.paired_reconstruction(clips, table[condition]), loop)
