"""The painter: every pixel of every frame comes out of convolutions, and nothing is built in."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, normalize

from vgan_tutorial.latents import choose, class_vector, factor_counts, refuse_labels
from vgan_tutorial.layers import doublings, perceptron
from vgan_tutorial.types import Classes, Clips, Labels, Network

GOLDEN = (1 + 5**0.5) / 2


class PainterGenerator(nn.Module):
    """Content and motion, mapped to styles that modulate the convolutions of every frame.

    The parts are those of the generators since 2019, each as small as it can be:

    * A *mapping network* turns the content latent into a style w, which holds for the whole clip
      (StyleGAN, Karras et al., CVPR 2019, section 2).
    * Every pair of the motion latent's numbers *turns*, each pair with a speed of its own, and a
      perceptron makes a *motion code* for every frame of where they are. So time enters as waves
      whose amplitudes and phases are random (StyleGAN-V, Skorokhodov et al., CVPR 2022, section
      3, makes such waves with a network). Motion is continuous, the speeds have no common
      period, and no layer hears of time but through the motion latent.
    * Where StyleGAN starts every picture from one learnt constant, a linear layer makes 4x4
      features from the frame's code: motion says where, and the style does not.
    * *Modulated convolutions* paint on from there: style and code scale a layer's input channels,
      and the outputs are divided by the length that this gives them (StyleGAN2, Karras et al.,
      CVPR 2020, section 2.2).
    * Features are enlarged by StyleGAN2's fixed filter [1, 3, 3, 1], which is bilinear
      interpolation: no checkerboards. The last block enlarges nothing: it works at full size, for
      what is sharp. There is no batch normalisation, and no noise.

    Departures: weights are initialised by He's rule and not scaled at run time; the convolution
    comes before the enlargement, on fewer pixels; the first layer is linear in the code; the
    discrete choice in the content latent (see `choose`), if there is one, is this book's.

    Args:
        frames: Number of frames of a clip. The second pair turns once in it.
        size: Height and width of a frame in pixels, 4 doubled any number of times.
        content: Length of the content latent.
        motion: Length of the motion latent, an even number. Each pair is faster than the one
            before by the golden ratio.
        code: Length of a frame's motion code.
        channels: Channels of the picture at full size; the layers before have twice as many, and
            twice as many again, up to `widest`.
        widest: Channels at most.
        style: Length of the style.
        choices: Number of figures that a number of the content chooses between; 0 for a continuous
            content alone.
        picks: Number of numbers that choose, the first ones of the content.
        steady: Motion changes neither tint nor contrast: the last layer hears of the style alone,
            and the first features have the same mean square in every frame.
        classes: Number of classes, or the number of values of each factor that makes up a class; 0
            for none. One more number for each factor, the first ones of the latent, then chooses
            its value, unless `forward` is given labels. Style and motion both hear of all.
    """

    frequencies: Tensor
    told_scale: Tensor

    def __init__(
        self,
        frames: int = 16,
        size: int = 64,
        content: int = 24,
        motion: int = 8,
        code: int = 8,
        channels: int = 16,
        widest: int = 64,
        style: int = 64,
        choices: int = 16,
        picks: int = 1,
        steady: bool = False,
        classes: Classes = 0,
    ) -> None:
        super().__init__()
        if frames < 1:
            raise ValueError(f"a clip needs at least one frame, not {frames}")
        if motion < 2 or motion % 2:
            raise ValueError(f"the motion latent turns in pairs: its length is even, not {motion}")
        self.frames, self.content, self.motion = frames, content, motion
        self.choices, self.picks, self.classes = choices, picks if choices else 0, classes
        counts = factor_counts(classes)
        self.latent_shape = (len(counts) + content + motion,)
        steps = doublings(size)
        widths = [min(widest, channels * 2**n) for n in reversed(range(steps + 2))]
        written = content + self.picks * (choices - 1)
        # one entry of n that is sqrt(n) has a mean square of 1, as the rest of the latent has
        loud = [count**0.5 for count in counts for _ in range(count)]
        self.register_buffer("told_scale", torch.tensor(loud), persistent=False)
        self.mapping = perceptron([written + sum(counts), style, style])
        spread = GOLDEN ** torch.arange(-1.0, motion // 2 - 1)  # no two have a common period
        self.register_buffer("frequencies", 2 * math.pi / frames * spread)
        self.clock = perceptron([motion + sum(counts), 64, 64, code])
        self.layout = nn.Sequential(
            nn.Linear(code, widths[0] * 4 * 4),
            nn.LeakyReLU(0.2),
            nn.Unflatten(1, (-1, 4, 4)),
        )
        self.blocks = nn.ModuleList(
            ModulatedConv(inputs, outputs, style + code, enlarge=number < steps)
            for number, (inputs, outputs) in enumerate(pairwise(widths))
        )
        self.steady = steady
        self.tint = nn.Linear(style + (0 if steady else code), channels)
        self.paint = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(
        self,
        latent: Float[Tensor, "batch latent"],
        labels: Labels | None = None,
        frames: int | None = None,
    ) -> Clips:
        """A clip for each latent, of the trained length unless `frames` asks for another.

        Raises:
            ValueError: for labels where there are no classes, or not one for every latent.
        """
        content, motion = self.split(latent, labels)
        return self.synthesise(self.mapping(content), self.move(motion, frames))

    def split(
        self, latent: Float[Tensor, "batch latent"], labels: Labels | None = None
    ) -> tuple[Float[Tensor, "batch content"], Float[Tensor, "batch motion"]]:
        """What the mapping network and the clock read: content and motion, each with the class."""
        content, motion = latent[:, -self.content - self.motion :].split(
            [self.content, self.motion], dim=1
        )
        if self.choices:
            content = choose(content, self.choices, self.picks)
        else:
            content = normalize(content, dim=1) * self.content**0.5
        if not self.classes:
            refuse_labels(labels, self)
            return content, motion
        told = class_vector(latent, labels, self.classes) * self.told_scale
        return torch.cat([content, told], dim=1), torch.cat([motion, told], dim=1)

    def move(
        self, motion: Float[Tensor, "batch motion"], frames: int | None = None
    ) -> Float[Tensor, "batch time code"]:
        """The motion code of every frame."""
        times = torch.arange(frames or self.frames, device=motion.device)
        pairs, told = motion.split([self.motion, motion.shape[1] - self.motion], dim=1)
        turned = turn(pairs, times[:, None] * self.frequencies)
        return self.clock(torch.cat([turned, told[:, None].expand(-1, len(times), -1)], dim=2))

    def synthesise(
        self, style: Float[Tensor, "batch style"], codes: Float[Tensor, "batch time code"]
    ) -> Clips:
        """Paint every frame from the clip's style and the frame's own code."""
        time = codes.shape[1]
        # Each clip's style beside all of its own frames; `repeat` would mix the clips.
        steering = torch.cat([style.repeat_interleave(time, dim=0), codes.flatten(0, 1)], dim=1)
        features = self.layout(codes.flatten(0, 1)).contiguous(memory_format=torch.channels_last)
        if self.steady:
            squares = features.square().mean((1, 2, 3), keepdim=True)
            features = features * (squares + 1e-8).rsqrt()
        for block in self.blocks:
            features = block(features, steering)
        told = steering[:, : style.shape[1]] if self.steady else steering
        features = features * (1 + self.tint(told))[:, :, None, None]
        return self.paint(features).tanh().unflatten(0, (-1, time)).transpose(1, 2)


def turn(
    pairs: Float[Tensor, "batch motion"], angles: Float[Tensor, "time waves"]
) -> Float[Tensor, "batch time motion"]:
    """Every pair of numbers, the 1st and 2nd, the 3rd and 4th, …, turned by its angle.

    First come the first numbers of all pairs, then the second ones. What was standard normal is
    standard normal again at every angle.
    """
    first, second = pairs[:, None, 0::2], pairs[:, None, 1::2]
    across, up = angles.cos(), angles.sin()
    return torch.cat([first * across - second * up, first * up + second * across], dim=2)


class ModulatedConv(nn.Module):
    """A convolution whose input channels a vector scales, an enlargement if asked, a rectifier.

    With weights w, scales s(v) = 1 + A v and inputs x, the output channel j is
    sum_i w_ji * (s_i x_i) / sqrt(sum_i s_i^2 |w_ji|^2): modulated, convolved, demodulated
    (StyleGAN2, Karras et al., CVPR 2020, equations 1 and 3). Scaling the input is scaling the
    weight, and needs no weights of its own for every frame.
    """

    def __init__(self, inputs: int, outputs: int, steering: int, enlarge: bool = True) -> None:
        super().__init__()
        self.enlarge = enlarge
        self.scale = nn.Linear(steering, inputs)
        self.weight = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bias = nn.Parameter(torch.zeros(outputs, 1, 1))

    def forward(
        self,
        features: Float[Tensor, "rows inputs height width"],
        steering: Float[Tensor, "rows steering"],
    ) -> Float[Tensor, "rows outputs higher wider"]:
        """Features of twice the height and width, or of the same."""
        scales = 1 + self.scale(steering)  # rows, inputs
        squares = self.weight.weight.square().sum((2, 3))  # outputs, inputs
        lengths = (scales.square() @ squares.T + 1e-8).rsqrt()  # rows, outputs
        convolved = self.weight(features * scales[:, :, None, None])
        # a rectifier halves the mean square: sqrt(2) gives it back
        balanced = convolved * (2**0.5 * lengths)[:, :, None, None] + self.bias
        if self.enlarge:
            balanced = interpolate(balanced, scale_factor=2, mode="bilinear")
        return leaky_relu(balanced, 0.2)


# By name, for the configuration.
NETWORKS: dict[str, Network] = {"painter": PainterGenerator}
