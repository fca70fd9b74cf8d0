"""The first weights of a network, drawn from a generator that is passed in."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from vgan_tutorial.layers.blocks import ConditionalBatchNorm

Network = TypeVar("Network", bound=nn.Module)


def initialise(network: Network, generator: torch.Generator, std: float | None = None) -> Network:
    """Draw every weight anew from `generator`, so that a seed fixes the whole network.

    Args:
        network: changed in place, and returned.
        generator: the source of randomness, on the CPU.
        std: standard deviation of convolution and linear weights. `None` takes He's rule
            for leaky rectifiers, sqrt(2 / (1.04 * inputs)) (He et al., ICCV 2015, section 2.2).

    Biases start at 0. Scales of batch normalisation are drawn from N(1, 0.02), what steers them
    from N(0, 0.02). Recurrent weights are uniform within 1 / sqrt(states), PyTorch's own rule.
    Under spectral normalisation the weight before the division is drawn, and the division is made
    exact.
    """
    for module in network.modules():
        if isinstance(module, (nn.modules.conv._ConvNd, nn.Linear)):
            spread = std or (2 / (1.04 * inputs_per_output(module))) ** 0.5
            if parametrize.is_parametrized(module, "weight"):
                _fill_parametrised(module, spread, generator)
            else:
                _fill_normal(module.weight, 0.0, spread, generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, ConditionalBatchNorm):
            _fill_normal(module.steer, 0.0, 0.02, generator)
        elif isinstance(module, nn.GRU):
            _fill_recurrent(module, generator)
        elif isinstance(module, nn.modules.batchnorm._BatchNorm) and module.affine:
            _fill_normal(module.weight, 1.0, 0.02, generator)
            nn.init.zeros_(module.bias)
    return network


def inputs_per_output(layer: nn.Module) -> float:
    """How many inputs feed one output of a linear layer or convolution (He's fan-in)."""
    weight = layer.weight
    assert isinstance(weight, Tensor)
    taps = float(weight[0, 0].numel())
    if isinstance(layer, nn.modules.conv._ConvTransposeNd):
        strides = 1
        for stride in layer.stride:
            strides *= stride
        return weight.shape[0] * taps / strides
    return weight.shape[1] * taps


def _fill_normal(tensor: Tensor, mean: float, std: float, generator: torch.Generator) -> None:
    with torch.no_grad():
        drawn = torch.randn(tensor.shape, generator=generator) * std + mean
        tensor.copy_(drawn)


def _fill_recurrent(network: nn.GRU, generator: torch.Generator) -> None:
    limit = network.hidden_size**-0.5
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_((2 * torch.rand(parameter.shape, generator=generator) - 1) * limit)


def _fill_parametrised(layer: nn.Module, std: float, generator: torch.Generator) -> None:
    """Draw the weight that is divided, and the directions of the power iteration that divides it.

    `layer.weight` is computed anew at every look, so filling it would change nothing. And in
    training mode every look is one more power iteration.
    """
    hidden: Any = getattr(layer, "parametrizations").weight  # noqa: B009
    _fill_normal(hidden.original, 0.0, std, generator)
    for direction in hidden.buffers():
        _fill_normal(direction, 0.0, 1.0, generator)
    was_training = layer.training
    layer.train()
    with torch.no_grad():
        for _ in range(20):
            _ = layer.weight
    layer.train(was_training)
