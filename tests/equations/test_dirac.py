"""Chapter 2's game of two numbers: ``test_`` plus the equation's label."""

import cmath
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from vgan_tutorial.losses import ADVERSARIAL_LOSSES, r1_penalty
from vgan_tutorial.toys import dirac
from vgan_tutorial.toys.dirac import DiracGame, growth, step_matrix


def eigenvalues(game: DiracGame) -> list[complex]:
    return [complex(value) for value in torch.linalg.eigvals(step_matrix(game)).tolist()]


def the_two(game: DiracGame) -> list[complex]:
    """Eigenvalues of a game without momentum; the running means add two zeros."""
    return sorted(eigenvalues(game), key=abs)[2:]


@pytest.mark.parametrize("name", dirac.PULLS)
def test_eq_dirac_field(name: str) -> None:
    """Against the package's own losses and penalty, differentiated."""
    for theta, psi, gamma in [(0.7, -1.2, 0.0), (-2.0, -0.4, 0.3), (1.5, 2.0, 2.0)]:
        point = torch.tensor([theta, psi], dtype=torch.float64, requires_grad=True)
        real, fake = torch.zeros(1, 1, dtype=torch.float64), point[:1, None]

        def critic(x: Tensor, point: Tensor = point) -> Tensor:
            return (point[1] * x).squeeze(1)

        loss = ADVERSARIAL_LOSSES[name]
        for_generator = loss.generator(critic(real), critic(fake))
        for_critic = loss.discriminator(critic(real), critic(fake))
        for_critic = for_critic + gamma / 2 * r1_penalty(critic, real)
        (by_theta,) = torch.autograd.grad(for_generator, point, retain_graph=True)
        (by_psi,) = torch.autograd.grad(for_critic, point)
        found = dirac.field(point.detach(), DiracGame(loss=name, gamma=gamma))
        torch.testing.assert_close(found, -torch.stack([by_theta[0], by_psi[1]]))


def test_the_minimax_push_is_across_the_way_and_the_other_points_inwards() -> None:
    """The radius' change: none for minimax, -t tanh(t/2) for the non-saturating loss."""
    generator = torch.Generator().manual_seed(0)
    for point in torch.randn(20, 2, generator=generator, dtype=torch.float64):
        t = point.prod().item()
        for name, change in [("minimax", 0.0), ("non-saturating", -t * math.tanh(t / 2))]:
            push = dirac.field(point, DiracGame(loss=name))
            assert (point @ push).item() == pytest.approx(change, abs=1e-12)


@pytest.mark.parametrize("name", ["minimax", "non-saturating"])
@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 4.0])
def test_eq_dirac_jacobian(name: str, gamma: float) -> None:
    game = DiracGame(loss=name, gamma=gamma)
    origin = torch.zeros(2, dtype=torch.float64)
    rows = torch.autograd.functional.jacobian(lambda point: dirac.field(point, game), origin)
    expected = torch.tensor([[0, 0.5], [-0.5, -gamma]], dtype=torch.float64)
    torch.testing.assert_close(rows, expected)
    root = cmath.sqrt(gamma**2 - 1)
    for value in ((-gamma + root) / 2, (-gamma - root) / 2):
        assert abs(value**2 - expected.trace().item() * value + 0.25) < 1e-12
        gap = expected.to(torch.complex128) - value * torch.eye(2, dtype=torch.complex128)
        assert torch.linalg.det(gap).abs() < 1e-12


def test_too_much_of_the_penalty_is_slow() -> None:
    """The slowest rate is best at gamma = 1 and tends to 1/(4 gamma) beyond."""
    rates = {g: -((-g + cmath.sqrt(g * g - 1)) / 2).real for g in (0.5, 0.9, 1.0, 1.1, 2.0, 20.0)}
    assert max(rates, key=rates.__getitem__) == 1.0
    assert rates[20.0] == pytest.approx(1 / 80, rel=0.01)


@pytest.mark.parametrize("rate", [0.05, 0.2, 1.0])
@pytest.mark.parametrize("gamma", [0.0, 0.04, 0.3])
def test_eq_dirac_simultaneous(rate: float, gamma: float) -> None:
    for value in the_two(DiracGame(rate=rate, gamma=gamma, alternating=False)):
        assert abs(value) ** 2 == pytest.approx(1 - rate * gamma + rate**2 / 4)


@pytest.mark.parametrize("rate", [0.05, 0.2, 1.0])
@pytest.mark.parametrize("gamma", [0.0, 0.04, 0.3])
def test_eq_dirac_alternating(rate: float, gamma: float) -> None:
    values = the_two(DiracGame(rate=rate, gamma=gamma))
    for value in values:
        assert abs(value) ** 2 == pytest.approx(1 - rate * gamma)
    assert sum(values).real == pytest.approx(2 - rate * gamma - rate**2 / 4)
    assert all(abs(value.imag) > 0 for value in values)


def test_who_goes_in_and_who_goes_out() -> None:
    """The chapter's sentences: out for any step size; level; in; and R1 against the step size."""
    for rate in (0.01, 0.2, 1.0):
        assert growth(DiracGame(rate=rate, alternating=False)) > 1
        assert growth(DiracGame(rate=rate)) == pytest.approx(1)
        for gamma, settles in [(0.2 * rate, False), (0.3 * rate, True)]:  # gamma = h/4 between
            game = DiracGame(rate=rate, gamma=gamma, alternating=False)
            assert (growth(game) < 1) == settles
            assert growth(replace(game, alternating=True)) < 1


@pytest.mark.parametrize("momentum", [-0.5, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("rate", [0.02, 0.2])
def test_eq_dirac_momentum(momentum: float, rate: float) -> None:
    for value in eigenvalues(DiracGame(rate=rate, momentum=momentum)):
        strength = ((1 - momentum) * rate / 2) ** 2
        left = (value - 1) ** 2 * (value - momentum) ** 2 + strength * value**3
        assert abs(left) < 1e-9


@pytest.mark.parametrize("momentum", [-0.5, -0.2, 0.5, 0.9])
def test_eq_dirac_momentum_growth(momentum: float) -> None:
    """For small steps, with critic first: rate^2 / 4 times beta / (1 - beta), of either sign."""
    rate = 0.002
    grown = growth(DiracGame(rate=rate, momentum=momentum)) - 1
    assert grown == pytest.approx(rate**2 / 4 * momentum / (1 - momentum), rel=0.02)
    # both at once: half of (1 + beta) / (1 - beta), never inwards
    at_once = growth(DiracGame(rate=rate, momentum=momentum, alternating=False)) - 1
    share = (1 + momentum) / (2 * (1 - momentum))
    assert at_once == pytest.approx(rate**2 / 4 * share, rel=0.02)


def test_the_growths_that_the_text_tells() -> None:
    told = {0.5: 1.0094, 0.9: 1.0296, -0.5: 0.9967}
    for momentum, value in told.items():
        assert growth(DiracGame(momentum=momentum)) == pytest.approx(value, abs=5e-5)
    assert growth(DiracGame(momentum=0.9, gamma=0.1)) > 1 > growth(DiracGame(momentum=0.9, gamma=1))


@pytest.mark.parametrize("decay", [0.9, 0.99])
def test_eq_dirac_averaging(decay: float) -> None:
    """A point that goes round, and its average: the circle is smaller by the factor told."""
    rate = 0.2
    angle = math.acos(1 - rate**2 / 8)  # of the alternating game's step
    moments = torch.arange(4000, dtype=torch.float64)
    circle = torch.stack([(angle * moments).cos(), (angle * moments).sin()], dim=1)
    mean = dirac.averaged(circle, decay)[2000:]
    expected = (1 - decay) / math.sqrt(1 - 2 * decay * math.cos(angle) + decay**2)
    torch.testing.assert_close(mean.norm(dim=1), torch.full((2001 - 1,), expected).double())
    if decay == 0.99:
        assert expected == pytest.approx(0.1, abs=0.005)  # as the text says


@pytest.mark.parametrize("ratio", [0.5, 1.0, 4.0, 20.0])
@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.5, 2.0])
def test_eq_dirac_two_scales(ratio: float, gamma: float) -> None:
    """The flow's eigenvalues are those of tiny steps, less 1, per step size."""
    rate = 1e-7
    game = DiracGame(rate=rate, ratio=ratio, gamma=gamma, alternating=False)
    found = sorted(((v - 1) / rate for v in the_two(game)), key=lambda v: (v.real, v.imag))
    root = cmath.sqrt(ratio**2 * gamma**2 - ratio)
    wanted = [(-ratio * gamma + root) / 2, (-ratio * gamma - root) / 2]
    for value, expected in zip(found, sorted(wanted, key=lambda v: (v.real, v.imag)), strict=True):
        assert value == pytest.approx(expected, abs=1e-4)
