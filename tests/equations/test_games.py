"""Chapter 2's equations of the other games and their penalties: ``test_`` plus the label."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import optimize, stats
from torch import Tensor, nn

from tests.support.finite_game import (
    FAKE,
    REAL,
    best_response,
    expected_loss,
    jensen_shannon,
    optimise,
    sample_of,
)
from tests.support.seeds import seeded
from vgan_tutorial import losses
from vgan_tutorial.losses import ADVERSARIAL_LOSSES
from vgan_tutorial.toys import DividedBySpectralNorm, build_mlp, wasserstein_1d
from vgan_tutorial.types import Scores


def test_eq_least_squares() -> None:
    loss = ADVERSARIAL_LOSSES["least-squares"]
    # not placed evenly around a target: then another target would give the same
    real, fake = torch.tensor([0.0, 4.0]), torch.tensor([2.0, -1.0])
    assert loss.discriminator(real, fake) == 0.5 * (1 + 9) / 2 + 0.5 * (4 + 1) / 2
    assert loss.generator(real, fake) == 0.5 * (1 + 4) / 2


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


def test_least_squares_targets_and_the_way_of_one_step() -> None:
    """With D fixed, the targets (-1, 1, 0) can lead away from the data; (0, 1, 1) do not here."""
    p = torch.tensor([0.5, 0.5], dtype=torch.float64)
    logits = torch.tensor([0.8, 0.2], dtype=torch.float64).log().requires_grad_()
    q = logits.softmax(dim=0)
    chi_squared = ((p - q) ** 2 / (p + q)).sum()
    difference = ((p - q) / (p + q)).detach()  # the best critic for -1 and 1
    share = (p / (p + q)).detach()  # the best critic for 0 and 1
    goals = [chi_squared, (q * difference**2).sum() / 2, (q * (share - 1) ** 2).sum() / 2]
    slopes = [torch.autograd.grad(goal, logits, retain_graph=True)[0][0].item() for goal in goals]
    assert slopes == pytest.approx([0.232, -0.010, 0.024], abs=5e-4)


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
    rng = seeded()
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
    torch.testing.assert_close(loss.generator(places + 5, places), -places.mean())


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
    nn.init.normal_(layer.weight, generator=seeded())
    losses.clip_weights(layer, 0.1)
    assert torch.linalg.matrix_norm(layer.weight, 2) <= 0.1 * math.sqrt(35)
    nn.init.constant_(layer.weight, 5.0)
    losses.clip_weights(layer, 0.1)
    torch.testing.assert_close(
        torch.linalg.matrix_norm(layer.weight, 2), torch.tensor(0.1 * math.sqrt(35))
    )


SHAPE = (6, 3, 2, 4, 4)  # a batch of tiny clips


def linear_critic(seed: int = 0) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    weight = torch.randn(96, generator=seeded(seed), dtype=torch.float64) / 5
    return weight, lambda clips: clips.flatten(1) @ weight + 0.3


def test_eq_gradient_penalty() -> None:
    """The slope of a quadratic critic is known everywhere, so the penalty is too."""
    real = torch.randn(SHAPE, generator=seeded(1), dtype=torch.float64)
    fake = torch.randn(SHAPE, generator=seeded(2), dtype=torch.float64)
    penalty = losses.gradient_penalty(
        lambda clips: clips.flatten(1).square().sum(dim=1) / 8, real, fake, generator=seeded(3)
    )
    share = torch.rand(6, generator=seeded(3), dtype=torch.float64)  # one number a clip
    mixed = torch.stack([e * x + (1 - e) * y for e, x, y in zip(share, real, fake, strict=True)])
    expected = (mixed.flatten(1).norm(dim=1) / 4 - 1).square().mean()
    torch.testing.assert_close(penalty, expected)


def test_eq_gradient_penalty_linear() -> None:
    """A linear critic w.x + b has penalty (|w| - 1)^2, one-sided max(0, |w| - 1)^2."""
    real, fake = torch.zeros(SHAPE).double(), torch.ones(SHAPE).double()
    for seed, scale in [(0, 1.0), (1, 0.2)]:
        weight, _ = linear_critic(seed)
        weight = weight * scale

        def critic(clips: Tensor, w: Tensor = weight) -> Tensor:
            return clips.flatten(1) @ w

        excess = weight.norm() - 1
        both = losses.gradient_penalty(critic, real, fake, generator=seeded())
        torch.testing.assert_close(both, excess**2)
        one = losses.gradient_penalty(critic, real, fake, generator=seeded(), one_sided=True)
        torch.testing.assert_close(one, excess.clamp(min=0) ** 2)
    assert excess < 0  # the second critic is gentle: only the two-sided form minds
    assert one == 0 < both

    def critics(clips: Tensor) -> Scores:  # of slopes |w| and 3 |w|, each penalised for itself
        return Scores((critic(clips), 3 * critic(clips)))

    both = losses.gradient_penalty(critics, real, fake, generator=seeded())
    torch.testing.assert_close(both, excess**2 + (3 * weight.norm() - 1) ** 2)


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
    factor = torch.randn(96, 96, generator=seeded(), dtype=torch.float64)
    matrix = (factor + factor.T) / 20
    clips = torch.randn(SHAPE, generator=seeded(1), dtype=torch.float64)
    flat = clips.flatten(1)
    penalty = losses.r1_penalty(
        lambda x: 0.5 * torch.einsum("bi,ij,bj->b", x.flatten(1), matrix, x.flatten(1)), clips
    )
    torch.testing.assert_close(penalty, (flat @ matrix).square().sum(dim=1).mean())
    assert not clips.requires_grad  # whoever passed them gets them back as they were


def test_eq_approximate_r1() -> None:
    """Scores of a bent critic next to its samples, on average over directions."""
    x = torch.randn(3, 4, dtype=torch.float64, generator=seeded(1)).requires_grad_()

    def critic(points: Tensor) -> Tensor:
        return torch.sin(points).sum(dim=-1) + points.prod(dim=-1)

    (slopes,) = torch.autograd.grad(critic(x).sum(), x)
    noise = torch.randn(40_000, 3, 4, dtype=torch.float64, generator=seeded(2))
    with torch.no_grad():
        gaps = [
            ((critic(x + step * noise) - critic(x)) ** 2).mean(dim=0) / step**2
            for step in (1e-4, 1.0)
        ]
    wanted = slopes.square().sum(dim=1)
    torch.testing.assert_close(gaps[0], wanted, rtol=0.03, atol=0.0)
    assert ((gaps[1] / wanted - 1).abs() > 0.1).any()  # only for small steps


def test_eq_r2() -> None:
    """A linear critic: |w|^2, whose slope in w is 2 w; of several critics each counts in full."""
    weight, critic = linear_critic()
    clips = torch.randn(SHAPE, generator=seeded(1), dtype=torch.float64)
    torch.testing.assert_close(losses.r2_penalty(critic, clips), weight.square().sum())
    weight.requires_grad_()
    (slope,) = torch.autograd.grad(losses.r2_penalty(critic, clips), weight)
    torch.testing.assert_close(slope, 2 * weight)
    other, second = linear_critic(1)
    both = losses.r2_penalty(lambda x: Scores((critic(x), second(x))), clips)
    torch.testing.assert_close(
        both.detach(), (weight.square().sum() + other.square().sum()).detach()
    )


def test_eq_spectral_norm() -> None:
    """Power iteration against SVD, for a matrix and for a 3-D convolution's kernel."""
    for shape in [(6, 9), (9, 6), (8, 3, 4, 4, 4)]:
        weight = torch.randn(shape, generator=seeded(), dtype=torch.float64)
        exact = torch.linalg.svdvals(weight.flatten(1))[0]
        found = losses.largest_singular_value(weight, iterations=2000, generator=seeded(1))
        torch.testing.assert_close(found, exact)
    # one step a call, as in training, reaches a norm of 1 too
    constraint = DividedBySpectralNorm(weight.flatten(1).float(), seeded(2))
    first = constraint(weight.flatten(1).float())
    assert torch.linalg.matrix_norm(first, 2).item() == pytest.approx(1.0, abs=0.05)
    kept = constraint.right.clone()
    constraint.eval()(weight.flatten(1).float())
    assert torch.equal(constraint.right, kept)  # only training moves the direction
    constraint.train()
    for _ in range(300):
        normalised = constraint(weight.flatten(1).float())
    assert torch.linalg.matrix_norm(normalised, 2).item() == pytest.approx(1.0, abs=1e-4)


def test_eq_lipschitz_product() -> None:
    """A network's slope is at most the product of its layers' spectral norms."""
    network = build_mlp(4, 1, 16, seeded())
    bound = math.prod(
        losses.largest_singular_value(layer.weight, iterations=500, generator=seeded(1)).item()
        for layer in network
        if isinstance(layer, nn.Linear)
    )
    points = 3 * torch.randn(2000, 4, generator=seeded(2))
    slopes = torch.func.vmap(torch.func.grad(lambda x: network(x).squeeze()))(points).norm(dim=1)
    assert slopes.max() <= bound
    assert slopes.max() > 0.1 * bound  # a bound, and not an empty one
