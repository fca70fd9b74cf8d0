"""The tiny networks that play on the toys."""

import math
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils import parametrize, skip_init


def build_mlp(
    inputs: int, outputs: int, width: int, generator: torch.Generator, hidden: int = 2
) -> nn.Sequential:
    """A plain network: ``hidden`` layers of ``width`` LeakyReLU units, then a linear layer."""
    sizes = [inputs] + [width] * hidden + [outputs]
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [_linear(fan_in, fan_out, generator), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


def _linear(fan_in: int, fan_out: int, generator: torch.Generator) -> nn.Linear:
    """A linear layer whose weights come from the generator, not from PyTorch's global state."""
    layer = skip_init(nn.Linear, fan_in, fan_out)
    bound = math.sqrt(3.0 / fan_in)
    nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer


class DividedBySpectralNorm(nn.Module):
    """Turns a weight W into W / sigma(W), one step of power iteration a call (eq-spectral-norm).

    The right-hand direction is kept between calls, because the weight moves slowly: Miyato et al.
    2018, section 2.1. In evaluation mode the direction stays as it is.
    """

    right: Tensor

    def __init__(self, weight: Float[Tensor, "outputs inputs"], generator: torch.Generator) -> None:
        super().__init__()
        start = torch.randn(weight.shape[1], generator=generator)
        for _ in range(15):  # so that the very first call divides by the right number
            start = normalize(weight.detach().T @ (weight.detach() @ start), dim=0)
        self.register_buffer("right", start)

    def forward(self, weight: Float[Tensor, "outputs inputs"]) -> Float[Tensor, "outputs inputs"]:
        """Return the normalised weight."""
        with torch.no_grad():
            left = normalize(weight @ self.right, dim=0)
            right = normalize(weight.T @ left, dim=0)
            if self.training:
                self.right.copy_(right)
        return weight / (left @ weight @ right)


def spectral_normalise(network: nn.Sequential, generator: torch.Generator) -> None:
    """Give every linear layer of the network a spectral norm of 1, in place."""
    for layer in network:
        if isinstance(layer, nn.Linear):
            constraint = DividedBySpectralNorm(layer.weight, generator)
            parametrize.register_parametrization(layer, "weight", constraint)
