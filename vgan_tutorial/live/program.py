"""A network as a program: a list of operations and the tensors that they use.

`assets/network.js` runs a program. Each operation names its inputs by their places in the list;
the last one gives the clip. Values have a row for the clip or for every frame, and channels last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

ACTIVATIONS: dict[type[nn.Module], str] = {nn.ReLU: "relu", nn.Tanh: "tanh", nn.Sigmoid: "sigmoid"}
Weighted = nn.Linear | nn.Conv2d | nn.ConvTranspose1d | nn.ConvTranspose2d
Norm = nn.BatchNorm1d | nn.BatchNorm2d


@dataclass(frozen=True)
class Stored:
    """A tensor of a program, and how to give its values back to the network.

    `exact` tensors are few, and a clip depends on them most: they are never rounded.
    """

    name: str
    value: Tensor
    put: Callable[[Tensor], object]
    exact: bool = False


class Program:
    """Operations and tensors in the order in which they are added.

    Args:
        network: Network that is written. It is not changed.
    """

    def __init__(self, network: nn.Module) -> None:
        self.operations: list[dict[str, Any]] = [{"op": "latent"}]
        self.tensors: list[Stored] = []
        self._names = {id(module): name for name, module in network.named_modules()}
        self._names |= {id(value): name for name, value in network.named_parameters()}

    def add(self, name: str, *inputs: int, tensors: Iterable[int] = (), **settings: Any) -> int:
        """Add an operation, and return its place in the list."""
        used = list(tensors)
        operation = {"op": name, "from": list(inputs), "tensors": used, **settings}
        self.operations.append({key: each for key, each in operation.items() if each != []})
        return len(self.operations) - 1

    def store(self, parameter: Tensor, exact: bool = False) -> int:
        """Add a tensor of the network as it is, and return its number."""
        return self._keep(Stored(self._names[id(parameter)], parameter, parameter.copy_, exact))

    def constant(self, name: str, value: Tensor) -> int:
        """Add a tensor that is no part of the network, and return its number."""
        return self._keep(Stored(name, value, lambda values: None, exact=True))

    def slice(self, begin: int, end: int) -> int:
        """Some of the numbers of the latent."""
        return self.add("slice", 0, begin=begin, end=end)

    def choose(self, value: int, choices: int) -> int:
        """A choice by the first number, as `vgan_tutorial.latents.choose` makes it."""
        return self.add("choose", value, choices=choices, scale=math.sqrt(choices))

    def chain(self, value: int, layers: Iterable[nn.Module], exact: bool = False) -> int:
        """Apply layers one after the other; a batch normalisation goes into the layer before it.

        Args:
            value: Place of the input.
            layers: Layers, such as an `nn.Sequential`.
            exact: Whether the weights must not be rounded.

        Raises:
            ValueError: at a layer that the page cannot run.
        """
        rest = list(layers)
        while rest:
            layer = rest.pop(0)
            if isinstance(layer, Weighted):
                norm = rest.pop(0) if rest and isinstance(rest[0], Norm) else None
                value = self._weighted(value, layer, norm, exact)
            elif isinstance(layer, nn.LeakyReLU):
                value = self.add("leaky_relu", value, slope=layer.negative_slope)
            elif isinstance(layer, nn.Unflatten):
                value = self.add("unflatten", value, shape=list(layer.unflattened_size))
            elif isinstance(layer, nn.Upsample) and (size := _finer(layer)):
                value = self.add("enlarge", value, shape=size)
            elif type(layer) in ACTIVATIONS:
                value = self.add(ACTIVATIONS[type(layer)], value)
            else:
                raise ValueError(f"the page cannot run {type(layer).__name__} in a chain")
        return value

    def recurrent(self, value: int, network: nn.GRU) -> int:
        """The states of a recurrent network, whose first state is the first row of the input."""
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        return self.add("gru", value, tensors=[self.store(getattr(network, n)) for n in names])

    def _keep(self, tensor: Stored) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def _weighted(self, value: int, layer: Weighted, norm: Any, exact: bool) -> int:
        name, settings = "linear", {}
        if isinstance(layer, nn.Conv2d):
            _require(layer, (1, 1))
            name, settings = "convolution", {"padding": list(layer.padding)}
        elif not isinstance(layer, nn.Linear):
            _require(layer)
            name = "transposed"
            for setting in ("stride", "padding", "output_padding"):
                lengths = list(getattr(layer, setting))
                # a line is a picture of height 1
                settings[setting] = [int(setting == "stride")] * (2 - len(lengths)) + lengths
        weight, bias = self._folded(layer, norm, exact)
        return self.add(
            name, value, tensors=[weight] if bias is None else [weight, bias], **settings
        )

    def _folded(self, layer: Weighted, norm: Any, exact: bool) -> tuple[int, int | None]:
        """Weight and bias, with the normalisation after it: its mean and variance are fixed now."""
        name, weight, bias = self._names[id(layer)], _rows_first(layer), layer.bias

        def put_weight(values: Tensor) -> None:
            _rows_first(layer).copy_(values)

        if norm is None:
            number = self._keep(Stored(f"{name}.weight", weight, put_weight, exact))
            return number, None if bias is None else self.store(bias, exact)
        factor = norm.weight / (norm.running_var + norm.eps).sqrt()
        shift = norm.bias - norm.running_mean * factor + (0 if bias is None else bias * factor)
        weight = weight * factor.reshape(-1, *[1] * (weight.ndim - 1))

        def put_shift(values: Tensor) -> None:
            """Leave a normalisation that only adds."""
            norm.running_mean.zero_()
            norm.running_var.fill_(1 - norm.eps)
            norm.weight.fill_(1)
            norm.bias.copy_(values)
            if layer.bias is not None:
                layer.bias.zero_()

        number = self._keep(Stored(f"{name}.weight", weight, put_weight, exact))
        return number, self._keep(Stored(f"{name}.bias", shift, put_shift, exact))


def _rows_first(layer: Weighted) -> Tensor:
    """A view of the weight with outputs before inputs, and a kernel of two axes if it has any."""
    weight = layer.weight
    if isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d):
        weight = weight.transpose(0, 1)
    return weight[:, :, None] if isinstance(layer, nn.ConvTranspose1d) else weight


def _finer(layer: nn.Upsample) -> list[int]:
    """The size to which the page enlarges: bilinear, with pixels as squares and not as points."""
    if layer.mode != "bilinear" or layer.align_corners or not isinstance(layer.size, tuple):
        return []
    return list(layer.size)


def _require(layer: nn.modules.conv._ConvNd, stride: tuple[int, ...] | None = None) -> None:
    plain = layer.groups == 1 and set(layer.dilation) == {1} and layer.padding_mode == "zeros"
    reach = all(tap >= step for tap, step in zip(layer.kernel_size, layer.stride, strict=True))
    if not (plain and reach and stride in (None, layer.stride) and layer.padding != "same"):
        raise ValueError(f"the page cannot run {layer}")
