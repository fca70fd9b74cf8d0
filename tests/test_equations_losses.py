"""Every displayed equation of chapter 2, checked as mathematics: ``test_`` plus its label.

Most tests work on a finite set of points, where a distribution is a list of weights, an expectation
is a sum, and the best discriminator can be found by plain optimisation.
"""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from scipy import integrate, optimize, stats
from scipy.spatial.distance import jensenshannon
from torch import Tensor, nn
from torch.nn.functional import softplus

from vgan_tutorial import losses
from vgan_tutorial.losses import ADVERSARIAL_LOSSES
from vgan_tutorial.toys import DividedBySpectralNorm, build_mlp, wasserstein_1d

REAL = torch.tensor([0.05, 0.10, 0.40, 0.25, 0.20], dtype=torch.float64)
FAKE = torch.tensor([0.30, 0.30, 0.10, 0.25, 0.05], dtype=torch.float64)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sample_of(weights: Tensor, size: int = 20) -> Tensor:
    """A list of point numbers in which every point has exactly its share."""
    return torch.arange(len(weights)).repeat_interleave((weights * size).round().long())


def expected_loss(loss: Callable[[Tensor, Tensor], Tensor], logits: Tensor) -> Tensor:
    """A package loss at a free discriminator: one logit for each point of the finite set."""
    return loss(logits[sample_of(REAL)], logits[sample_of(FAKE)])


def minimise(loss: Callable[[], Tensor], parameters: list[Tensor]) -> None:
    """Move the parameters to the minimum of a smooth loss."""
    optimiser = torch.optim.LBFGS(
        parameters,
        max_iter=500,
        tolerance_grad=1e-12,
        tolerance_change=1e-15,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = loss()
        value.backward()
        return value

    optimiser.step(closure)


def optimise(loss: Callable[[Tensor], Tensor]) -> Tensor:
    """The logits of a free discriminator that minimise a loss of them."""
    logits = torch.zeros_like(REAL).requires_grad_()
    minimise(lambda: loss(logits), [logits])
    return logits.detach()


def best_response(name: str) -> Tensor:
    loss = ADVERSARIAL_LOSSES[name].discriminator
    return optimise(lambda logits: expected_loss(loss, logits))


def kl(first: Tensor, second: Tensor) -> Tensor:
    return torch.special.xlogy(first, first / second).nan_to_num().sum()


def jensen_shannon(first: Tensor, second: Tensor) -> Tensor:
    middle = (first + second) / 2
    return 0.5 * kl(first, middle) + 0.5 * kl(second, middle)


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
    rng = generator()
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
    rng = generator()
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


def test_eq_smoothed_optimum() -> None:
    for name, up, down in [("one-sided-smoothing", 0.9, 0.0), ("two-sided-smoothing", 0.9, 0.1)]:
        expected = (up * REAL + down * FAKE) / (REAL + FAKE)
        torch.testing.assert_close(
            torch.sigmoid(best_response(name)), expected, rtol=1e-5, atol=1e-7
        )


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
    rng = generator()
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
    rng = generator()
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
    rng = generator()
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
    rng = generator()
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


def test_eq_paired_reconstruction() -> None:
    """The best predictor of a squared error is the conditional mean, so two futures blur."""
    rng = generator()
    condition = torch.randint(2, (4000,), generator=rng)
    future = torch.randint(2, (4000,), generator=rng).double() * 2 - 1  # left or right, by chance
    clips = torch.stack([future, condition + 0.5 * future], dim=1)
    table = torch.zeros(2, 2, dtype=torch.float64, requires_grad=True)
    minimise(lambda: losses.paired_reconstruction(clips, table[condition]), [table])
    for side in range(2):
        torch.testing.assert_close(table[side].detach(), clips[condition == side].mean(dim=0))
    loop = sum(((x - y) ** 2).sum() for x, y in zip(clips, table[condition], strict=True)) / 4000
    torch.testing.assert_close(losses.paired_reconstruction(clips, table[condition]), loop)


# Other games


def test_eq_least_squares() -> None:
    loss = ADVERSARIAL_LOSSES["least-squares"]
    real, fake = torch.tensor([0.0, 3.0]), torch.tensor([2.0, -2.0])
    assert loss.discriminator(real, fake) == 0.5 * (1 + 4) / 2 + 0.5 * (4 + 4) / 2
    assert loss.generator(real, fake) == 0.5 * (1 + 9) / 2


def test_eq_least_squares_optimum() -> None:
    torch.testing.assert_close(
        best_response("least-squares"), REAL / (REAL + FAKE), rtol=1e-6, atol=0.0
    )


def test_eq_least_squares_divergence() -> None:
    """With targets -1 for fake, 1 for real and 0 to fool, twice the game's sum is a chi-squared."""
    best = (REAL - FAKE) / (REAL + FAKE)  # the optimum for these targets

    def discriminator(s: Tensor) -> Tensor:
        return 0.5 * (REAL * (s - 1) ** 2).sum() + 0.5 * (FAKE * (s + 1) ** 2).sum()

    torch.testing.assert_close(optimise(discriminator), best, rtol=1e-6, atol=1e-9)
    both = 0.5 * (REAL * best**2).sum() + 0.5 * (FAKE * best**2).sum()
    pearson = ((REAL + FAKE - 2 * FAKE) ** 2 / (REAL + FAKE)).sum()
    torch.testing.assert_close(2 * both, pearson)


def test_eq_wasserstein() -> None:
    """The definition as a linear programme over transport plans, on a line of five points."""
    places = np.array([-2.0, -0.5, 0.0, 1.0, 3.0])
    cost = np.abs(places[:, None] - places[None, :])
    rows = np.kron(np.eye(5), np.ones(5))
    columns = np.kron(np.ones(5), np.eye(5))
    plan = optimize.linprog(
        cost.ravel(),
        A_eq=np.vstack([rows, columns]),
        b_eq=np.concatenate([REAL.numpy(), FAKE.numpy()]),
    )
    known = stats.wasserstein_distance(places, places, REAL.numpy(), FAKE.numpy())
    assert plan.fun == pytest.approx(known)


def test_eq_wasserstein_line() -> None:
    rng = generator()
    first = torch.randn(500, generator=rng, dtype=torch.float64)
    second = 2 + 3 * torch.rand(500, generator=rng, dtype=torch.float64)
    exact = stats.wasserstein_distance(first.numpy(), second.numpy())
    assert wasserstein_1d(first, second).item() == pytest.approx(exact)
    grid = torch.linspace(-6, 6, 120_001, dtype=torch.float64)
    below = [torch.searchsorted(s.sort().values, grid, right=True) / 500 for s in (first, second)]
    area = (below[0] - below[1]).abs().sum() * (grid[1] - grid[0])
    assert area.item() == pytest.approx(exact, rel=1e-3)
    # moving a whole sample by 0.7 costs exactly 0.7
    assert wasserstein_1d(first, first + 0.7).item() == pytest.approx(0.7)


def test_eq_wasserstein_dual() -> None:
    """The best 1-Lipschitz critic, found by a linear programme, reaches the transport cost."""
    places = np.array([-2.0, -0.5, 0.0, 1.0, 3.0])
    steps = np.diff(np.eye(5), axis=0)  # neighbouring differences of the critic's values
    gaps = np.diff(places)
    critic = optimize.linprog(
        -(REAL - FAKE).numpy(),
        A_ub=np.vstack([steps, -steps]),
        b_ub=np.concatenate([gaps, gaps]),
        bounds=[(0, 0)] + [(None, None)] * 4,
    )
    known = stats.wasserstein_distance(places, places, REAL.numpy(), FAKE.numpy())
    assert -critic.fun == pytest.approx(known)
    # any other 1-Lipschitz critic reaches less
    for other in (places, -places, np.abs(places), np.sin(places)):
        assert (other * (REAL - FAKE).numpy()).sum() <= known + 1e-12


def test_eq_wasserstein_losses() -> None:
    """Minus the critic's loss is the dual's difference of means; scaling the critic scales it."""
    loss = ADVERSARIAL_LOSSES["wasserstein"]
    places = torch.tensor([-2.0, -0.5, 0.0, 1.0, 3.0], dtype=torch.float64)
    difference = ((REAL - FAKE) * places).sum()
    torch.testing.assert_close(-expected_loss(loss.discriminator, places), difference)
    torch.testing.assert_close(-expected_loss(loss.discriminator, 50 * places), 50 * difference)
    assert (loss.generator(places, places) + places.mean()).abs() < 1e-12


def test_eq_disjoint_supports() -> None:
    """Two points a distance apart: JSD is log 2 at every distance but 0, Wasserstein falls."""
    for distance in (3.0, 1.0, 1e-3):
        apart = torch.tensor([1.0, 0.0], dtype=torch.float64)
        assert jensen_shannon(apart, apart.flip(0)).item() == pytest.approx(math.log(2))
        assert stats.wasserstein_distance([0.0], [distance]) == pytest.approx(distance)
    assert jensen_shannon(apart, apart) == 0


def test_eq_clipping_bound() -> None:
    """A matrix with entries in [-c, c] stretches by at most c sqrt(rows x columns), no less."""
    layer = nn.Linear(7, 5)
    nn.init.normal_(layer.weight, generator=generator())
    losses.clip_weights(layer, 0.1)
    assert torch.linalg.matrix_norm(layer.weight, 2) <= 0.1 * math.sqrt(35)
    nn.init.constant_(layer.weight, 5.0)
    losses.clip_weights(layer, 0.1)
    torch.testing.assert_close(
        torch.linalg.matrix_norm(layer.weight, 2), torch.tensor(0.1 * math.sqrt(35))
    )


SHAPE = (6, 3, 2, 4, 4)  # a batch of tiny clips


def linear_critic(seed: int = 0) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    weight = torch.randn(96, generator=generator(seed), dtype=torch.float64) / 5
    return weight, lambda clips: clips.flatten(1) @ weight + 0.3


def test_eq_gradient_penalty() -> None:
    """The slope of a quadratic critic is known everywhere, so the penalty is too."""
    real = torch.randn(SHAPE, generator=generator(1), dtype=torch.float64)
    fake = torch.randn(SHAPE, generator=generator(2), dtype=torch.float64)
    penalty = losses.gradient_penalty(
        lambda clips: clips.flatten(1).square().sum(dim=1) / 8, real, fake, generator=generator(3)
    )
    mixed = losses.interpolate(real, fake, generator=generator(3)).flatten(1)
    torch.testing.assert_close(penalty, (mixed.norm(dim=1) / 4 - 1).square().mean())


def test_eq_gradient_penalty_linear() -> None:
    """A linear critic w.x + b has penalty (|w| - 1)^2, one-sided max(0, |w| - 1)^2."""
    real, fake = torch.zeros(SHAPE).double(), torch.ones(SHAPE).double()
    for seed, scale in [(0, 1.0), (1, 0.2)]:
        weight, _ = linear_critic(seed)
        weight = weight * scale

        def critic(clips: Tensor, w: Tensor = weight) -> Tensor:
            return clips.flatten(1) @ w

        excess = weight.norm() - 1
        both = losses.gradient_penalty(critic, real, fake, generator=generator())
        torch.testing.assert_close(both, excess**2)
        one = losses.gradient_penalty(critic, real, fake, generator=generator(), one_sided=True)
        torch.testing.assert_close(one, excess.clamp(min=0) ** 2)
    assert excess < 0  # the second critic is gentle: only the two-sided form minds
    assert one == 0 < both


def test_eq_hinge() -> None:
    loss = ADVERSARIAL_LOSSES["hinge"]
    real, fake = torch.tensor([2.0, 0.5, -1.0]), torch.tensor([-3.0, 0.0, 2.0])
    torch.testing.assert_close(
        loss.discriminator(real, fake), torch.tensor((0 + 0.5 + 2) / 3 + (0 + 1 + 3) / 3)
    )
    torch.testing.assert_close(loss.generator(real, fake), torch.tensor(1.0 / 3))


def test_eq_hinge_optimum() -> None:
    """The best hinge critic answers sign(p - q); the loss left over is twice the overlap."""
    # A linear programme: minimise the sum of weights x slack, slack above both hinge lines.
    weights = np.concatenate([np.zeros(5), REAL.numpy(), FAKE.numpy()])
    eye, none = np.eye(5), np.zeros((5, 5))
    solution = optimize.linprog(
        weights,
        A_ub=np.vstack([np.hstack([-eye, -eye, none]), np.hstack([eye, none, -eye])]),
        b_ub=-np.ones(10),
        bounds=[(None, None)] * 5 + [(0, None)] * 10,
    )
    best, differ = torch.tensor(solution.x[:5]), REAL != FAKE
    torch.testing.assert_close(best[differ], torch.sign(REAL - FAKE)[differ])
    reached = expected_loss(ADVERSARIAL_LOSSES["hinge"].discriminator, torch.sign(REAL - FAKE))
    assert reached.item() == pytest.approx(solution.fun)
    assert reached.item() == pytest.approx(2 * torch.minimum(REAL, FAKE).sum().item())


def test_eq_relativistic() -> None:
    real, fake = torch.tensor([2.0, -1.0]), torch.tensor([0.0, 3.0])
    chance = torch.sigmoid(real - fake)  # that the real one of the pair is the real one
    loss = ADVERSARIAL_LOSSES["relativistic"]
    torch.testing.assert_close(loss.discriminator(real, fake), -chance.log().mean())
    torch.testing.assert_close(loss.generator(real, fake), -(1 - chance).log().mean())
    # only differences count: the same constant on all logits changes nothing
    torch.testing.assert_close(loss.discriminator(real + 9, fake + 9), -chance.log().mean())


def test_eq_relativistic_optimum() -> None:
    """Over all pairs the best critic is log p/q up to a constant; if p = q its loss is log 2."""
    loss = ADVERSARIAL_LOSSES["relativistic"].discriminator
    real, fake = sample_of(REAL), sample_of(FAKE)
    pairs = torch.cartesian_prod(torch.arange(20), torch.arange(20))

    def over_pairs(logits: Tensor) -> Tensor:
        return loss(logits[real[pairs[:, 0]]], logits[fake[pairs[:, 1]]])

    best = optimise(over_pairs)
    expected = (REAL / FAKE).log()
    torch.testing.assert_close(best - best.mean(), expected - expected.mean(), rtol=1e-5, atol=1e-6)
    assert over_pairs(best) < math.log(2)
    assert loss(torch.ones(3), torch.ones(3)).item() == pytest.approx(math.log(2))


def test_eq_r1() -> None:
    """For the critic 1/2 x'Ax the gradient is Ax, so R1 is the mean of |Ax|^2."""
    factor = torch.randn(96, 96, generator=generator(), dtype=torch.float64)
    matrix = (factor + factor.T) / 20
    clips = torch.randn(SHAPE, generator=generator(1), dtype=torch.float64)
    flat = clips.flatten(1)
    penalty = losses.r1_penalty(
        lambda x: 0.5 * torch.einsum("bi,ij,bj->b", x.flatten(1), matrix, x.flatten(1)), clips
    )
    torch.testing.assert_close(penalty, (flat @ matrix).square().sum(dim=1).mean())


def test_eq_r2() -> None:
    weight, critic = linear_critic()
    clips = torch.randn(SHAPE, generator=generator(1), dtype=torch.float64)
    torch.testing.assert_close(losses.r2_penalty(critic, clips), weight.square().sum())


def test_eq_spectral_norm() -> None:
    """Power iteration against SVD, for a matrix and for a 3-D convolution's kernel."""
    for shape in [(6, 9), (9, 6), (8, 3, 4, 4, 4)]:
        weight = torch.randn(shape, generator=generator(), dtype=torch.float64)
        exact = torch.linalg.svdvals(weight.flatten(1))[0]
        found = losses.largest_singular_value(weight, iterations=2000, generator=generator(1))
        torch.testing.assert_close(found, exact)
    # one step a call, as in training, reaches a norm of 1 too
    constraint = DividedBySpectralNorm(weight.flatten(1).float(), generator(2))
    for _ in range(300):
        normalised = constraint(weight.flatten(1).float())
    assert torch.linalg.matrix_norm(normalised, 2).item() == pytest.approx(1.0, abs=1e-4)


def test_eq_lipschitz_product() -> None:
    """A network's slope is at most the product of its layers' spectral norms."""
    network = build_mlp(4, 1, 16, generator())
    bound = math.prod(
        losses.largest_singular_value(layer.weight, iterations=500, generator=generator(1)).item()
        for layer in network
        if isinstance(layer, nn.Linear)
    )
    points = 3 * torch.randn(2000, 4, generator=generator(2))
    slopes = torch.func.vmap(torch.func.grad(lambda x: network(x).squeeze()))(points).norm(dim=1)
    assert slopes.max() <= bound
    assert slopes.max() > 0.1 * bound  # a bound, and not an empty one
