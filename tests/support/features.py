"""Features to measure distances on."""

import torch
from torch import Tensor

from tests.support.seeds import seeded


def correlated(samples: int, features: int = 8, seed: int = 0) -> Tensor:
    """Correlated Gaussian features with a mean that is not zero."""
    rng = seeded(seed)
    mixing = torch.randn(features, features, generator=seeded(99))
    return torch.randn(samples, features, generator=rng) @ mixing + 2
