"""The one way in which tests draw random numbers."""

import torch


def seeded(seed: int = 0) -> torch.Generator:
    """A generator of random numbers that starts from a seed."""
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    """Standard normal numbers."""
    return torch.randn(*shape, generator=seeded(seed))
