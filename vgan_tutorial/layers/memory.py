"""How weights lie in memory, and large convolutions in portions: the same numbers, sooner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, prod
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)

# The most numbers of a weight that are worked on at once on a CPU: 8 MiB.
PORTION = 2**21


class PortionedConv3d(nn.Conv3d):
    """A 3-D convolution that takes its output channels in portions, if its weight is large.

    Same weights and same numbers as `nn.Conv3d`, but for rounding. On a CPU every pass copies the
    weight into an order of the library's own, and its gradient back. A buffer of 32 MiB, which
    kernels of 4 from 256 channels to 512 need, comes anew from the operating system each time,
    page by page; 8 MiB are memory that was used before. And weights and features lie in the usual
    order here whatever `channels_last` did around it, because turning so large a gradient round
    takes as long as its sum over a handful of places. On other devices, and with a smaller weight,
    this is `nn.Conv3d`.
    """

    def forward(
        self, features: Float[Tensor, "batch inputs time height width"]
    ) -> Float[Tensor, "batch outputs later lower narrower"]:
        """The convolution."""
        width = portion(self, features.device)
        if width == self.out_channels:
            return super().forward(features)
        features = features.contiguous()
        pairs = _cut(self.weight.split(width), self.bias, width)
        return torch.cat([self._conv_forward(features, *pair) for pair in pairs], dim=1)


class PortionedConvTranspose3d(nn.ConvTranspose3d):
    """A transposed 3-D convolution in portions, for the reasons of `PortionedConv3d`."""

    def forward(
        self,
        features: Float[Tensor, "batch inputs time height width"],
        output_size: list[int] | None = None,
    ) -> Float[Tensor, "batch outputs later higher wider"]:
        """The transposed convolution; `output_size` as in PyTorch's."""
        width = portion(self, features.device)
        if width == self.out_channels or output_size is not None:
            return super().forward(features, output_size)
        features = features.contiguous()
        pairs = _cut(self.weight.split(width, dim=1), self.bias, width)
        steps: list[Any] = [self.stride, self.padding, self.output_padding]
        steps += [self.groups, self.dilation]
        transposed = nn.functional.conv_transpose3d
        return torch.cat([transposed(features, *pair, *steps) for pair in pairs], dim=1)


def portion(layer: nn.modules.conv._ConvNd, device: torch.device) -> int:
    """How many of its output channels a layer takes at once: all of them but on a CPU."""
    if device.type != "cpu" or layer.groups > 1:
        return layer.out_channels
    numbers = layer.in_channels * layer.out_channels * prod(layer.kernel_size)
    return ceil(layer.out_channels / ceil(numbers / PORTION))


def _cut(
    weights: Sequence[Tensor], bias: Tensor | None, width: int
) -> Iterator[tuple[Tensor, Tensor | None]]:
    biases = [None] * len(weights) if bias is None else bias.split(width)
    return zip(weights, biases, strict=True)


def channels_last(network: Network) -> Network:
    """Store convolution weights with the channels innermost: the same numbers, read faster.

    Weights that are taken in portions stay as they are, see `PortionedConv3d`.
    """
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    kept = {
        id(parameter)
        for layer in network.modules()
        if isinstance(layer, (PortionedConv3d, PortionedConvTranspose3d))
        for parameter in layer.parameters()
        if portion(layer, parameter.device) < layer.out_channels
    }
    for parameter in network.parameters():
        if parameter.ndim in formats and id(parameter) not in kept:
            parameter.data = parameter.data.contiguous(memory_format=formats[parameter.ndim])
    return network
