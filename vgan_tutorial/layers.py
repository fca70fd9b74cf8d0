"""The few pieces that generators and discriminators share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from math import ceil, prod
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parametrize

Network = TypeVar("Network", bound=nn.Module)


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


def add_noise(
    features: Float[Tensor, "*any"], deviation: float, generator: torch.Generator | None
) -> Float[Tensor, "*any"]:
    """The same features with normal noise on them; as they are if there is nothing to draw it."""
    if generator is None or deviation == 0:
        return features
    noise = torch.randn(features.shape, generator=generator, device=generator.device)
    return features + deviation * noise.to(features)


def blur(
    clips: Float[Tensor, "batch channels time height width"], deviation: float
) -> Float[Tensor, "batch channels time height width"]:
    """Every frame under a Gaussian of this deviation in pixels; as it is for 0.

    As an easy beginning: a critic that sees blurred clips judges colour and place before outlines.
    The published training code of StyleGAN3 begins so (Karras et al., NeurIPS 2021).

    Near an edge the weights that would fall outside go to the pixels inside, so the same colour
    everywhere stays the same colour.
    """
    if deviation == 0:
        return clips
    down, right = (_gaussian(length, deviation).to(clips) for length in clips.shape[3:])
    return down @ clips @ right.T


def _gaussian(length: int, deviation: float) -> Float[Tensor, "to from"]:
    """What each of `length` places in a row takes from each: rows that sum to 1."""
    places = torch.arange(length)
    return torch.softmax(-(((places[:, None] - places) / deviation) ** 2) / 2, dim=1)


def perceptron(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers of the given sizes with leaky rectifiers between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


class ConditionalBatchNorm(nn.Module):
    """Batch normalisation whose scale and shift depend on a vector (BigGAN, appendix B).

    Each channel is normalised, then multiplied by 1 + s(v) and shifted by t(v), both linear in the
    vector v of the sample: of its class, its latent, or both.
    """

    def __init__(self, channels: int, steering: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.steer = nn.Parameter(torch.zeros(steering, 2 * channels))

    def forward(
        self,
        features: Float[Tensor, "rows channels height width"],
        vectors: Float[Tensor, "rows steering"],
    ) -> Float[Tensor, "rows channels height width"]:
        """Normalise each row's features and let the row's own vector scale and shift them."""
        scale, shift = (vectors @ self.steer)[:, :, None, None].chunk(2, dim=1)
        return self.norm(features) * (1 + scale) + shift


class SelfAttention(nn.Module):
    """Every place looks at every other (Zhang et al., ICML 2019, section 3; as in BigGAN).

    Place i takes the mean of the values g_j, weighted by softmax over j of <theta_i, phi_j>. Keys
    phi and values g are halved in size first. The sum enters through a gate that starts at 0, so
    that the layer is at first not there.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        if channels < 8:
            raise ValueError(f"self-attention needs at least 8 channels, not {channels}")
        self.theta = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.phi = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.g = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.out = nn.Conv2d(channels // 2, channels, 1, bias=False)
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(
        self, features: Float[Tensor, "rows channels height width"]
    ) -> Float[Tensor, "rows channels height width"]:
        """The features plus what each place found elsewhere."""
        query = self.theta(features).flatten(2)  # rows, channels / 8, places
        key = nn.functional.max_pool2d(self.phi(features), 2).flatten(2)
        value = nn.functional.max_pool2d(self.g(features), 2).flatten(2)
        weights = (query.transpose(1, 2) @ key).softmax(dim=2)  # rows, places, fewer places
        found = (value @ weights.transpose(1, 2)).unflatten(2, features.shape[2:])
        return features + self.gate * self.out(found)


class MinibatchDeviation(nn.Module):
    """One more channel that says how much the clips of a batch differ (Karras et al., ICLR 2018).

    A generator that makes one clip over and over gives itself away here: the channel is near 0
    (section 3 of the paper). The deviation over a group of samples is taken at every place and
    averaged over everything but the group.

    This mixes samples on purpose, so a gradient penalty on one clip is no longer about that clip.

    Args:
        group: samples that are compared; a batch that is smaller, or that it does not divide, is
            one group. A batch of one has deviation 0.
    """

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        self.group = group

    def forward(self, features: Float[Tensor, "batch *places"]) -> Float[Tensor, "batch *more"]:
        """The features with the deviation of their group as one more channel on axis 1."""
        batch = len(features)
        size = batch if batch % self.group else self.group
        groups = features.unflatten(0, (-1, size))  # groups, size, channels, …
        variance = (groups - groups.mean(1, keepdim=True)).square().mean(1)
        deviation = (variance + 1e-8).sqrt().flatten(1).mean(1).repeat_interleave(size)
        shape = (batch, 1, *features.shape[2:])
        channel = deviation.reshape(batch, *[1] * (features.ndim - 1)).expand(shape)
        return torch.cat([features, channel], dim=1)


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


def initialise(
    network: Network, generator: torch.Generator, deviation: float | None = None
) -> Network:
    """Draw every weight anew from `generator`, so that a seed fixes the whole network.

    Args:
        network: changed in place, and returned.
        generator: the source of randomness, on the CPU.
        deviation: standard deviation of convolution and linear weights. `None` takes He's rule
            for leaky rectifiers, sqrt(2 / (1.04 * inputs)) (He et al., ICCV 2015, section 2.2).

    Biases start at 0. Scales of batch normalisation are drawn from N(1, 0.02), what steers them
    from N(0, 0.02). Recurrent weights are uniform within 1 / sqrt(states), PyTorch's own rule.
    Under spectral normalisation the weight before the division is drawn, and the division is made
    exact.
    """
    for module in network.modules():
        if isinstance(module, (nn.modules.conv._ConvNd, nn.Linear)):
            spread = deviation or (2 / (1.04 * inputs_per_output(module))) ** 0.5
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


def _fill_normal(tensor: Tensor, mean: float, deviation: float, generator: torch.Generator) -> None:
    with torch.no_grad():
        drawn = torch.randn(tensor.shape, generator=generator) * deviation + mean
        tensor.copy_(drawn)


def _fill_recurrent(network: nn.GRU, generator: torch.Generator) -> None:
    limit = network.hidden_size**-0.5
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_((2 * torch.rand(parameter.shape, generator=generator) - 1) * limit)


def _fill_parametrised(layer: nn.Module, deviation: float, generator: torch.Generator) -> None:
    """Draw the weight that is divided, and the directions of the power iteration that divides it.

    `layer.weight` is computed anew at every look, so filling it would change nothing. And in
    training mode every look is one more power iteration.
    """
    hidden: Any = getattr(layer, "parametrizations").weight  # noqa: B009
    _fill_normal(hidden.original, 0.0, deviation, generator)
    for direction in hidden.buffers():
        _fill_normal(direction, 0.0, 1.0, generator)
    was_training = layer.training
    layer.train()
    with torch.no_grad():
        for _ in range(20):
            _ = layer.weight
    layer.train(was_training)


# How far a network looks ------------------------------------------------------------------------

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
