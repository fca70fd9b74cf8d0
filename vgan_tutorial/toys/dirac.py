"""The Dirac-GAN: a game of two numbers, in which every step can be worked out.

The data are the point 0, the generator makes the point ``theta``, and the critic is the line
``s(x) = psi x``. The solution is ``theta = psi = 0`` (Mescheder, Geiger and Nowozin 2018, section
2). Everything near it is decided by eigenvalues: `step_matrix` gives the step as a matrix,
`growth` the factor by which it lengthens the way to the solution.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

Point = Float[Tensor, "2"]  # theta and psi
State = Float[Tensor, "4"]  # theta, psi, and the running mean of the push on each

# What multiplies psi in the generator's push and -theta in the critic's, as functions of
# t = psi theta, the fake point's logit: minus the slope of the player's loss in its own logit.
PULLS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "minimax": (torch.sigmoid, torch.sigmoid),
    "non-saturating": (lambda t: torch.sigmoid(-t), torch.sigmoid),
    "wasserstein": (torch.ones_like, torch.ones_like),
}


@dataclass(frozen=True)
class DiracGame:
    """Everything that decides how the two numbers move.

    Attributes:
        loss: name of the adversarial loss, one of `PULLS`.
        rate: the generator's step size h.
        ratio: the critic's step size over the generator's.
        gamma: strength of R1, which adds gamma/2 psi^2 to the critic's loss (eq-r1).
        momentum: beta of the running mean that a step follows, Adam's first number; may be
            negative.
        alternating: whether the critic steps first and the generator answers the new critic; if
            not, both step at once.
    """

    loss: str = "minimax"
    rate: float = 0.2
    ratio: float = 1.0
    gamma: float = 0.0
    momentum: float = 0.0
    alternating: bool = True

    def __post_init__(self) -> None:
        """Refuse names and numbers that make no game."""
        if self.loss not in PULLS:
            raise ValueError(f"unknown loss {self.loss!r}; choose from {', '.join(PULLS)}")
        if self.rate <= 0 or self.ratio <= 0:
            raise ValueError(f"rate {self.rate} and ratio {self.ratio} must be above 0")
        if not -1 < self.momentum < 1:
            raise ValueError(f"momentum {self.momentum} must lie between -1 and 1")


def field(point: Point, game: DiracGame) -> Point:
    """The push on each number, minus the gradient of its player's loss (eq-dirac-field)."""
    theta, psi = point
    pull_generator, pull_critic = PULLS[game.loss]
    t = psi * theta
    return torch.stack([psi * pull_generator(t), -theta * pull_critic(t) - game.gamma * psi])


def one_step(state: State, game: DiracGame) -> State:
    """One step of both players; the critic's comes first if they alternate."""
    theta, psi, mean_theta, mean_psi = state
    beta = game.momentum
    push_theta, push_psi = field(state[:2], game)
    mean_psi = beta * mean_psi + (1 - beta) * push_psi
    psi = psi + game.rate * game.ratio * mean_psi
    if game.alternating:
        push_theta = field(torch.stack([theta, psi]), game)[0]
    mean_theta = beta * mean_theta + (1 - beta) * push_theta
    theta = theta + game.rate * mean_theta
    return torch.stack([theta, psi, mean_theta, mean_psi])


def play_dirac(
    game: DiracGame, steps: int, start: tuple[float, float] = (1.0, 0.0)
) -> Float[Tensor, "moments 2"]:
    """Both numbers, theta and psi, before the first step and after each of `steps` steps."""
    state = torch.tensor([*start, 0.0, 0.0], dtype=torch.float64)
    track = [state[:2]]
    for _ in range(steps):
        state = one_step(state, game)
        track.append(state[:2])
    return torch.stack(track)


def averaged(track: Float[Tensor, "moments 2"], decay: float) -> Float[Tensor, "moments 2"]:
    """The exponential moving average of a track, begun at its first point."""
    mean, means = track[0], [track[0]]
    for point in track[1:]:
        mean = decay * mean + (1 - decay) * point
        means.append(mean)
    return torch.stack(means)


def step_matrix(game: DiracGame) -> Float[Tensor, "4 4"]:
    """The matrix of `one_step` for small numbers: its derivative at the solution."""
    at_rest = torch.zeros(4, dtype=torch.float64)
    rows = torch.autograd.functional.jacobian(lambda state: one_step(state, game), at_rest)
    assert isinstance(rows, Tensor)
    return rows


def growth(game: DiracGame) -> float:
    """The largest modulus of the step's eigenvalues: below 1 the game settles, above it leaves.

    A modulus of exactly 1 says that the numbers neither come nearer nor leave, as far as small
    numbers go.
    """
    return torch.linalg.eigvals(step_matrix(game)).abs().max().item()
