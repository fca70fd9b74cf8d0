"""Every displayed equation of chapter 1, checked as mathematics: ``test_`` plus its label."""

import math

import pytest
import torch
from scipy import integrate, stats
from torch import Tensor, nn

from tests.support.seeds import seeded
from vgan_tutorial.losses import value


def normal(x: Tensor, mean: float, spread: float) -> Tensor:
    return torch.distributions.Normal(mean, spread).log_prob(x)


def test_eq_pushforward() -> None:
    """The law of G(z) by change of variables is the one that a histogram of G(z) shows."""

    def invert(x: Tensor) -> Tensor:
        return torch.asinh(x)  # G = sinh

    edges = torch.linspace(-3, 3, 25, dtype=torch.float64)
    middles = ((edges[1:] + edges[:-1]) / 2).requires_grad_()
    (slope,) = torch.autograd.grad(invert(middles).sum(), middles)
    density = normal(invert(middles), 0.0, 1.0).exp() * slope.abs()
    # Exactly: the area of the density over a bin is the probability that G(z) falls into it.
    exact = torch.tensor(stats.norm.cdf(invert(edges)), dtype=torch.float64).diff() / 0.25
    torch.testing.assert_close(density.detach(), exact, rtol=0.02, atol=0.0)
    # And by sampling, as a generator does.
    samples = torch.sinh(torch.randn(400_000, generator=seeded(), dtype=torch.float64))
    counts = torch.histogram(samples, edges).hist / len(samples) / 0.25
    torch.testing.assert_close(counts, exact, rtol=0.05, atol=0.003)


def test_eq_likelihood_kl() -> None:
    """The expected log-likelihood falls short of minus the entropy by KL(p || q)."""
    for mean, spread in [(0.0, 1.0), (0.7, 1.5), (-2.0, 0.6)]:
        expected, _ = integrate.quad(
            lambda x, m=mean, s=spread: stats.norm.pdf(x) * stats.norm.logpdf(x, m, s), -12, 12
        )
        entropy = 0.5 * math.log(2 * math.pi * math.e)
        divergence = math.log(spread) + (1 + mean**2) / (2 * spread**2) - 0.5
        assert expected == pytest.approx(-entropy - divergence, rel=1e-8)
        assert divergence >= 0


def test_eq_discriminator() -> None:
    """A logit is the log-odds: sigmoid and log(D / (1 - D)) undo each other."""
    logits = torch.linspace(-15, 15, 61, dtype=torch.float64)
    probability = 1 / (1 + torch.exp(-logits))
    torch.testing.assert_close(torch.sigmoid(logits), probability)
    torch.testing.assert_close(torch.log(probability / (1 - probability)), logits)
    assert torch.sigmoid(torch.zeros(1)).item() == 0.5


def best_value(real: Tensor, fake: Tensor) -> float:
    """The largest value that a free discriminator reaches on a finite set, by Newton steps."""
    logits = torch.zeros_like(real)
    for _ in range(60):
        probability = torch.sigmoid(logits)
        slope = real * (1 - probability) - fake * probability
        logits = logits + slope / ((real + fake) * probability * (1 - probability)).clamp(min=1e-3)
    log_odds = (real * -nn.functional.softplus(-logits)).sum()
    return (log_odds - (fake * nn.functional.softplus(logits)).sum()).item()


def test_eq_game() -> None:
    """Against its best opponent no generator beats the one that copies the data: value -log 4."""
    real = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    assert best_value(real, real) == pytest.approx(-math.log(4), rel=1e-9)
    fakes = torch.rand(20, 4, generator=seeded(), dtype=torch.float64) + 0.02
    for fake in fakes / fakes.sum(dim=1, keepdim=True):
        assert best_value(real, fake) > -math.log(4) + 1e-4
    # the package's value agrees with the sum over the four points at an arbitrary discriminator
    logits = torch.tensor([0.3, -1.0, 2.0, 0.1], dtype=torch.float64)
    points = torch.tensor([0, 1, 1, 2, 2, 2, 3, 3, 3, 3])  # a sample with frequencies `real`
    by_sum = (real * torch.log(torch.sigmoid(logits))).sum() + math.log(0.5)
    torch.testing.assert_close(value(logits[points], torch.zeros(5).double()), by_sum)


def test_eq_shuffle_invariance() -> None:
    """A mean of frame scores cannot tell a clip from its shuffled frames; a 3-D filter can."""
    clip = torch.randn(1, 3, 8, 6, 6, generator=seeded(1))
    weights = torch.randn(3 * 6 * 6, generator=seeded(2))
    order = torch.randperm(8, generator=seeded(3))
    shuffled = clip[:, :, order]
    assert not torch.equal(order, torch.arange(8))

    def frame_wise(clip: Tensor) -> Tensor:
        frames = clip.transpose(1, 2).flatten(2)
        return torch.tanh(frames @ weights).mean(dim=1)

    torch.testing.assert_close(frame_wise(shuffled), frame_wise(clip))
    kernel = torch.randn(1, 3, 2, 3, 3, generator=seeded(4))

    def in_time(clip: Tensor) -> Tensor:
        return torch.tanh(torch.nn.functional.conv3d(clip, kernel)).mean(dim=(1, 2, 3, 4))

    assert (in_time(shuffled) - in_time(clip)).abs() > 1e-3


def test_eq_elbo() -> None:
    """In a linear Gaussian model everything is known: the bound's gap is KL(q || posterior)."""
    x, noise = 1.3, 0.5  # z ~ N(0, 1), x given z ~ N(z, noise^2)
    evidence = stats.norm.logpdf(x, 0, math.sqrt(1 + noise**2))
    precision = 1 + 1 / noise**2
    posterior_mean, posterior_spread = x / noise**2 / precision, precision**-0.5

    def bound(mean: float, spread: float) -> float:
        def integrand(z: float) -> float:
            return stats.norm.pdf(z, mean, spread) * stats.norm.logpdf(x, z, noise)

        fit, _ = integrate.quad(integrand, mean - 12 * spread, mean + 12 * spread)
        return fit - (-math.log(spread) + (spread**2 + mean**2) / 2 - 0.5)

    assert bound(posterior_mean, posterior_spread) == pytest.approx(evidence, rel=1e-9)
    for mean, spread in [(0.0, 1.0), (1.0, 0.3), (2.0, 0.7)]:
        ratio = spread / posterior_spread
        gap = -math.log(ratio) + (ratio**2 - 1) / 2
        gap += ((mean - posterior_mean) / posterior_spread) ** 2 / 2
        assert evidence - bound(mean, spread) == pytest.approx(gap, rel=1e-8)
        assert gap > 0


def test_eq_autoregressive() -> None:
    """The chain rule: the product of conditionals of a Gaussian vector is its joint density."""
    factor = torch.randn(5, 5, generator=seeded(), dtype=torch.float64)
    covariance = factor @ factor.T + torch.eye(5)
    x = torch.randn(5, generator=seeded(1), dtype=torch.float64)
    total = torch.zeros((), dtype=torch.float64)
    for t in range(5):
        weights = torch.linalg.solve(covariance[:t, :t], covariance[:t, t])
        spread = (covariance[t, t] - weights @ covariance[:t, t]).sqrt()
        total = total + torch.distributions.Normal(weights @ x[:t], spread).log_prob(x[t])
    joint = torch.distributions.MultivariateNormal(torch.zeros(5).double(), covariance)
    torch.testing.assert_close(total, joint.log_prob(x))


def test_eq_flow() -> None:
    """The log-determinant formula in two dimensions, for bent maps with a known law.

    G(z) = (sinh z_1, z_2 exp(z_1)): the first number is Johnson's S_U, and given it the second is a
    Gaussian. The determinant changes from place to place, so it must be taken at the right one.
    """

    def invert(x: Tensor) -> Tensor:
        code = torch.asinh(x[0])
        return torch.stack([code, x[1] * torch.exp(-code)])

    for code in torch.randn(5, 2, generator=seeded(), dtype=torch.float64):
        x = torch.stack([torch.sinh(code[0]), code[1] * torch.exp(code[0])])
        torch.testing.assert_close(invert(x), code)
        jacobian = torch.autograd.functional.jacobian(invert, x)
        standard = normal(invert(x), 0.0, 1.0).sum()
        by_formula = standard + torch.linalg.det(jacobian).abs().log()
        first = stats.johnsonsu.logpdf(x[0].item(), 0, 1)
        second = stats.norm.logpdf(x[1].item(), scale=code[0].exp().item())
        assert by_formula.item() == pytest.approx(first + second)
        elsewhere = torch.autograd.functional.jacobian(invert, code)  # a likely slip
        wrong = standard + torch.linalg.det(elsewhere).abs().log()
        assert abs(wrong.item() - first - second) > 1e-3


def test_eq_diffusion() -> None:
    """Many small noising steps equal one big one, in mean and variance and in samples."""
    betas = torch.linspace(1e-3, 0.2, 30, dtype=torch.float64)
    kept = torch.cumprod(1 - betas, dim=0)
    scale, variance = torch.ones((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    samples = torch.full((200_000,), 1.5, dtype=torch.float64)
    rng = seeded()
    for beta in betas:
        scale, variance = scale * (1 - beta).sqrt(), variance * (1 - beta) + beta
        noise = torch.randn(len(samples), generator=rng, dtype=torch.float64)
        samples = (1 - beta).sqrt() * samples + beta.sqrt() * noise
    torch.testing.assert_close(scale, kept[-1].sqrt())
    torch.testing.assert_close(variance, 1 - kept[-1])
    assert samples.mean().item() == pytest.approx(1.5 * kept[-1].sqrt().item(), abs=0.01)
    assert samples.var().item() == pytest.approx(1 - kept[-1].item(), rel=0.02)
