"""f-divergences: what a critic's loss measures once the critic is the best one.

A convex ``f`` with ``f(1) = 0`` makes a divergence ``E_q[f(p/q)]`` (eq-f-divergence). Its conjugate
turns it into a game (eq-f-bound; Nowozin, Cseke and Tomioka 2016). `DIVERGENCES` holds those that
chapter 2 names.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vgan_tutorial.types import Scalar

Ratios = Float[Tensor, "..."]  # p/q at some points: not negative


class Divergence(NamedTuple):
    """A convex function of the ratio ``u = p/q``, its conjugate, and its slope.

    ``conjugate(t)`` is the largest ``u t - f(u)`` over all ratios (eq-f-conjugate); ``slope(u)``
    is the output of the best critic where the ratio is ``u``.
    """

    f: Callable[[Ratios], Ratios]
    conjugate: Callable[[Ratios], Ratios]
    slope: Callable[[Ratios], Ratios]


DIVERGENCES: dict[str, Divergence] = {
    "kl": Divergence(
        lambda u: torch.xlogy(u, u),
        lambda t: torch.exp(t - 1),
        lambda u: 1 + u.log(),
    ),
    "reverse-kl": Divergence(
        lambda u: -u.log(),
        lambda t: -1 - torch.log(-t),  # for t < 0
        lambda u: -1 / u,
    ),
    "pearson": Divergence(
        lambda u: (u - 1) ** 2,
        lambda t: torch.where(t > -2, t + t**2 / 4, -torch.ones_like(t)),
        lambda u: 2 * (u - 1),
    ),
    # Twice the Jensen-Shannon divergence: the minimax game.
    "jensen-shannon": Divergence(
        lambda u: torch.xlogy(u, u) - (u + 1) * torch.log((u + 1) / 2),
        lambda t: -torch.log(2 - t.exp()),  # for t < log 2
        lambda u: math.log(2) + torch.log(u / (u + 1)),
    ),
    # An eighth of the integral of (p - q)^2 / (p + q): least squares with targets 1 and 0.
    "triangular": Divergence(
        lambda u: (u - 1) ** 2 / (8 * (u + 1)),
        lambda t: (1 - torch.sqrt(0.25 - 2 * t)) ** 2 / 2 - 0.125,  # for t from -3/8 to 1/8
        lambda u: 0.125 - 1 / (2 * (u + 1) ** 2),
    ),
    # The integral of |p - q|, twice the total variation: the hinge.
    "absolute": Divergence(
        lambda u: (u - 1).abs(),
        lambda t: t.clamp(min=-1),  # for t up to 1
        lambda u: torch.sign(u - 1),
    ),
}


def f_divergence(p: Float[Tensor, " points"], q: Float[Tensor, " points"], name: str) -> Scalar:
    """``E_q[f(p/q)]`` of two distributions on finitely many points (eq-f-divergence).

    Args:
        p: probabilities of the data.
        q: probabilities of the generated samples, none of them 0.
        name: one of `DIVERGENCES`.
    """
    return (q * DIVERGENCES[name].f(p / q)).sum()


def f_bound(
    p: Float[Tensor, " points"],
    q: Float[Tensor, " points"],
    critic: Float[Tensor, " points"],
    name: str,
) -> Scalar:
    """``E_p[T] - E_q[f*(T)]``: never above the divergence, and equal for the best critic.

    (eq-f-bound.) The best critic ``T`` is the slope of ``f`` at ``p/q``.

    Args:
        p: probabilities of the data.
        q: probabilities of the generated samples.
        critic: value of the critic at each point, where the conjugate is finite.
        name: one of `DIVERGENCES`.
    """
    return (p * critic).sum() - (q * DIVERGENCES[name].conjugate(critic)).sum()
