"""How far a network looks."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

_POINTWISE = (
    nn.Identity,
    nn.ReLU,
    nn.LeakyReLU,
    nn.Tanh,
    nn.Sigmoid,
    nn.modules.batchnorm._BatchNorm,
)


def receptive_field(layers: Iterable[nn.Module], axis: int = -1) -> int:
    """How many neighbouring inputs one output of a chain of layers depends on, along an axis.

    Walk from the output back to the input. A convolution of kernel k and stride s turns r outputs
    into s (r - 1) + k inputs (eq-field-convolution); a transposed one into at most
    floor((r + k - 2) / s) + 1 (eq-field-transposed). Layers that work value by value change
    nothing. Batch normalisation counts as one of those, which is true in evaluation mode only.

    Args:
        layers: in the order in which they are applied.
        axis: of the pictures or clips: -1 width, -2 height, -3 time.

    Raises:
        ValueError: at a layer that is no convolution and does not work value by value.
    """
    field = 1
    for layer in reversed(list(layers)):
        if isinstance(layer, nn.modules.conv._ConvTransposeNd):
            _require_dense(layer)
            field = (field + layer.kernel_size[axis] - 2) // layer.stride[axis] + 1
        elif isinstance(layer, nn.modules.conv._ConvNd):
            _require_dense(layer)
            field = (field - 1) * layer.stride[axis] + layer.kernel_size[axis]
        elif isinstance(layer, nn.PixelShuffle):
            field = (field + layer.upscale_factor - 2) // layer.upscale_factor + 1
        elif not isinstance(layer, _POINTWISE):
            raise ValueError(f"the receptive field through {type(layer).__name__} is not known")
    return field


def _require_dense(layer: nn.modules.conv._ConvNd) -> None:
    if any(step != 1 for step in layer.dilation):
        raise ValueError("the receptive field of dilated convolutions is not worked out here")
