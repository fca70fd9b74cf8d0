"""The adversarial game on five points, where everything can be counted.

A distribution is a list of weights, an expectation is a sum, and the best discriminator can be
found by plain optimisation.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from vgan_tutorial.losses import ADVERSARIAL_LOSSES

REAL = torch.tensor([0.05, 0.10, 0.40, 0.25, 0.20], dtype=torch.float64)
FAKE = torch.tensor([0.30, 0.30, 0.10, 0.25, 0.05], dtype=torch.float64)


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
