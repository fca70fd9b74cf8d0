"""Chapter 2's two families of distances: ``test_`` plus the equation's label."""

import math

import numpy as np
import pytest
import torch
from scipy import optimize
from torch import Tensor

from tests.support.finite_game import FAKE, REAL, best_response, expected_loss, jensen_shannon, kl
from tests.support.seeds import seeded
from vgan_tutorial.losses import ADVERSARIAL_LOSSES
from vgan_tutorial.losses.divergences import DIVERGENCES, f_bound, f_divergence

# Where each conjugate is finite: the outputs that its critic may have.
OUTPUTS = {
    "kl": (-3.0, 2.0),
    "reverse-kl": (-4.0, -0.1),
    "pearson": (-4.0, 4.0),
    "jensen-shannon": (-4.0, 0.6),
    "triangular": (-0.375, 0.124),
    "absolute": (-3.0, 1.0),
}


def test_eq_f_divergence() -> None:
    """Against sums that are written out, and the definitions' own properties."""
    known = {
        "kl": kl(REAL, FAKE),
        "reverse-kl": kl(FAKE, REAL),
        "pearson": (REAL**2 / FAKE).sum() - 1,
        "jensen-shannon": 2 * jensen_shannon(REAL, FAKE),
        "triangular": ((REAL - FAKE) ** 2 / (REAL + FAKE)).sum() / 8,
        "absolute": (REAL - FAKE).abs().sum(),
    }
    assert known.keys() == DIVERGENCES.keys()
    for name, expected in known.items():
        torch.testing.assert_close(f_divergence(REAL, FAKE, name), expected)
        assert f_divergence(REAL, REAL, name).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", DIVERGENCES)
def test_f_is_convex_and_its_slope_is_the_derivative(name: str) -> None:
    u = torch.linspace(0.05, 4, 80, dtype=torch.float64).requires_grad_()
    values = DIVERGENCES[name].f(u)
    assert (values[:-2] + values[2:] >= 2 * values[1:-1] - 1e-12).all()
    (slopes,) = torch.autograd.grad(values.sum(), u)
    away = (u - 1).abs() > 0.01  # |u - 1| has a corner
    torch.testing.assert_close(slopes[away], DIVERGENCES[name].slope(u)[away].detach())


@pytest.mark.parametrize("name", DIVERGENCES)
def test_eq_f_conjugate(name: str) -> None:
    """The largest u t - f(u), found on a fine grid of ratios."""
    u = torch.cat([torch.logspace(-9, 2, 20_001, dtype=torch.float64), torch.tensor([0.0, 1.0])])
    inner = DIVERGENCES[name].f(u).nan_to_num(posinf=1e9)
    for t in torch.linspace(*OUTPUTS[name], 9, dtype=torch.float64):
        found = (u * t - inner).max()
        torch.testing.assert_close(DIVERGENCES[name].conjugate(t), found, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", DIVERGENCES)
def test_eq_f_bound(name: str) -> None:
    divergence = f_divergence(REAL, FAKE, name)
    best = DIVERGENCES[name].slope(REAL / FAKE)
    torch.testing.assert_close(f_bound(REAL, FAKE, best, name), divergence)
    low, high = OUTPUTS[name]
    for seed in range(50):
        critic = low + (high - low) * torch.rand(5, generator=seeded(seed), dtype=torch.float64)
        assert f_bound(REAL, FAKE, critic, name) <= divergence + 1e-12
    # Near the best critic there is little to lose, so neither half of the bound may be off.
    if name != "absolute":
        near = best + 1e-3 * torch.tensor([1.0, -1.0, 0.5, -0.5, 1.0], dtype=torch.float64)
        lost = (divergence - f_bound(REAL, FAKE, near, name)).item()
        assert 0 < lost < 1e-4


def test_the_minimax_game_is_the_bound_of_jensen_shannon() -> None:
    """With T = log 2 + log D the bound is V + log 4, for any D."""
    logits = torch.linspace(-2, 2, 5, dtype=torch.float64)
    value = -expected_loss(ADVERSARIAL_LOSSES["minimax"].discriminator, logits)
    critic = math.log(2) + torch.nn.functional.logsigmoid(logits)
    bound = f_bound(REAL, FAKE, critic, "jensen-shannon")
    torch.testing.assert_close(bound, value + math.log(4))


LOSSES = {  # a loss, its divergence, and what is left when p = q
    "minimax": ("jensen-shannon", -math.log(4)),
    "least-squares": ("triangular", -0.25),
    "hinge": ("absolute", -2.0),
}


@pytest.mark.parametrize("name", LOSSES)
def test_eq_loss_divergence(name: str) -> None:
    """Minus the least loss of a point is f up to a line, and over all points the divergence."""
    divergence, left = LOSSES[name]
    loss = ADVERSARIAL_LOSSES[name].discriminator
    far = torch.full((1,), 40.0, dtype=torch.float64)  # a real sample there costs nothing
    right = torch.ones(1, dtype=torch.float64) if name == "least-squares" else far
    wrong = torch.zeros(1, dtype=torch.float64) if name == "least-squares" else -far
    scores = torch.linspace(-6, 6, 481, dtype=torch.float64)[:, None]
    on_real = torch.stack([loss(s, wrong) for s in scores])
    on_fake = torch.stack([loss(right, s) for s in scores])
    for ratio in (0.2, 0.5, 1.0, 2.0, 5.0):
        least = (ratio * on_real + on_fake).min()
        f = DIVERGENCES[divergence].f(torch.tensor(ratio, dtype=torch.float64))
        torch.testing.assert_close(-least, f + left * (1 + ratio) / 2, atol=2e-3, rtol=0.0)
    best = torch.sign(REAL - FAKE) if name == "hinge" else best_response(name)
    value = -expected_loss(loss, best)
    torch.testing.assert_close(value, f_divergence(REAL, FAKE, divergence) + left)


def test_no_divergence_for_wasserstein_without_a_restraint() -> None:
    """A steeper critic always wins more: there is no best one, unless p = q."""
    loss = ADVERSARIAL_LOSSES["wasserstein"].discriminator
    critic = REAL - FAKE
    won = [-expected_loss(loss, scale * critic).item() for scale in (1, 10, 100)]
    assert won[1] == pytest.approx(10 * won[0])
    assert won[2] == pytest.approx(100 * won[0])
    assert won[0] > 0


def largest(rows: np.ndarray, limits: np.ndarray) -> float:
    """The largest E_p[s] - E_q[s] over scores s with rows @ s <= limits: a linear programme."""
    found = optimize.linprog((FAKE - REAL).numpy(), A_ub=rows, b_ub=limits, bounds=(None, None))
    return -found.fun


def test_eq_integral_probability_metric() -> None:
    """Each class of critics with its distance, the critic found by search."""
    places = np.array([0.0, 1.0, 1.5, 3.0, 4.0])
    steps = np.diff(np.eye(5), axis=0)  # on a line neighbours are enough
    gaps = np.diff(places)
    wasserstein = largest(np.vstack([steps, -steps]), np.concatenate([gaps, gaps]))
    shares = (REAL - FAKE).cumsum(0)[:-1].abs().numpy()
    assert wasserstein == pytest.approx((shares * gaps).sum())

    bounded = largest(np.vstack([np.eye(5), -np.eye(5)]), np.ones(10))
    assert bounded == pytest.approx(f_divergence(REAL, FAKE, "absolute").item())

    # Linear critics of two features, of length 1: the distance of the mean features.
    features = torch.tensor(np.stack([places, places**2]))
    gap = features @ (REAL - FAKE)
    angles = torch.linspace(0, 2 * math.pi, 10_001, dtype=torch.float64)
    directions = torch.stack([angles.cos(), angles.sin()])
    assert (gap @ directions).max().item() == pytest.approx(gap.norm().item(), rel=1e-6)


def test_the_kernel_distance_is_an_integral_probability_metric() -> None:
    """Critics of length 1 in the kernel's space: the largest gap is the root of the MMD formula."""
    places = torch.tensor([0.0, 1.0, 1.5, 3.0, 4.0], dtype=torch.float64)
    kernel = torch.exp(-((places[:, None] - places) ** 2) / 2)
    gap = REAL - FAKE
    expected = (gap @ kernel @ gap).sqrt()

    def won(weights: Tensor) -> Tensor:  # the critic sum_i weights_i k(x_i, .), made of length 1
        length = (weights @ kernel @ weights).sqrt()
        return gap @ kernel @ weights / length

    torch.testing.assert_close(won(gap), expected)
    for seed in range(50):
        other = torch.randn(5, generator=seeded(seed), dtype=torch.float64)
        assert won(other) <= expected + 1e-12
