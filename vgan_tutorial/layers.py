"""The few pieces that generators and discriminators share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn


def doublings(size: int, start: int = 4) -> int:
    """How often `start` must double to reach `size`.

    Raises:
        ValueError: if it never does, with the sizes that would work.
    """
    count, reached = 0, start
    while reached < size:
        count, reached = count + 1, reached * 2
    if reached != size or count == 0:
        allowed = ", ".join(str(start * 2**n) for n in range(1, 6))
        raise ValueError(f"a frame of {size} pixels cannot be built; choose one of {allowed}, …")
    return count


def per_frame(
    network: nn.Module, clips: Float[Tensor, "batch channels time height width"]
) -> Tensor:
    """Apply an image network to every frame on its own: time joins the batch, and comes back."""
    batch, _, time, _, _ = clips.shape
    frames = clips.transpose(1, 2).flatten(0, 1)  # batch * time, channels, height, width
    out = network(frames).unflatten(0, (batch, time))
    return out.transpose(1, 2) if out.ndim == 5 else out


def perceptron(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers of the given sizes with leaky rectifiers between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


def channels_last(network: nn.Module) -> nn.Module:
    """Store convolution weights with the channels innermost: the same numbers, read faster."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    for parameter in network.parameters():
        if parameter.ndim in formats:
            parameter.data = parameter.data.contiguous(memory_format=formats[parameter.ndim])
    return network


def initialise(
    network: nn.Module, generator: torch.Generator, deviation: float | None = None
) -> nn.Module:
    """Draw every weight anew from `generator`, so that a seed fixes the whole network.

    Args:
        network: changed in place, and returned.
        generator: the source of randomness, on the CPU.
        deviation: standard deviation of convolution and linear weights. `None` takes He's rule
            for leaky rectifiers, sqrt(2 / (1.04 * inputs)) (He et al., ICCV 2015, section 2.2).

    Biases start at 0. Scales of batch normalisation are drawn from N(1, 0.02).
    """
    for module in network.modules():
        if isinstance(module, (nn.modules.conv._ConvNd, nn.Linear)):
            spread = deviation or (2 / (1.04 * inputs_per_output(module))) ** 0.5
            _fill_normal(module.weight, 0.0, spread, generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.modules.batchnorm._BatchNorm):
            _fill_normal(module.weight, 1.0, 0.02, generator)
            nn.init.zeros_(module.bias)
    return network


def inputs_per_output(layer: nn.Module) -> float:
    """How many inputs feed one output of a linear layer or convolution (He's fan-in)."""
    weight = layer.weight
    assert isinstance(weight, Tensor)
    taps = weight[0, 0].numel()
    if isinstance(layer, nn.modules.conv._ConvTransposeNd):
        strides = 1
        for stride in layer.stride:
            strides *= stride
        return weight.shape[0] * taps / strides
    return weight.shape[1] * taps


def _fill_normal(tensor: Tensor, mean: float, deviation: float, generator: torch.Generator) -> None:
    with torch.no_grad():
        drawn = torch.randn(tensor.shape, generator=generator) * deviation + mean
        tensor.copy_(drawn)
