"""The painter: every pixel of every frame comes out of convolutions, and nothing is built in."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, normalize

from vgan_tutorial.latents import choose, class_vector, refuse_labels
from vgan_tutorial.layers import doublings, perceptron
from vgan_tutorial.types import Clips, Labels, Network


class PainterGenerator(nn.Module):
    """Content and motion, mapped to styles that modulate the convolutions of every frame.

    The parts are those of the generators since 2019, each as small as it can be:

    * A *mapping network* turns the content latent into a style w, which holds for the whole clip
      (StyleGAN, Karras et al., CVPR 2019, section 2).
    * The motion latent and the time go through a perceptron to a *motion code* for every frame
      (DIGAN, Yu et al., ICLR 2022, section 3). Time enters as sines and cosines whose
      frequencies are learnt, so motion is continuous, and need not be periodic (StyleGAN-V,
      Skorokhodov et al., CVPR 2022, section 3).
    * A linear layer lays out 4x4 features from both. *Modulated convolutions* paint on from there:
      style and code scale a layer's input channels, and the outputs are divided by the length
      that this gives them (StyleGAN2, Karras et al., CVPR 2020, section 2.2).
    * Features are enlarged by StyleGAN2's fixed filter [1, 3, 3, 1], which is bilinear
      interpolation: no checkerboards. There is no batch normalisation, and no noise.

    It has been tried on small clips only. Chapter 4 builds it by hand.

    Departures: weights are initialised by He's rule and not scaled at run time; the convolution
    comes before the enlargement, on fewer pixels; the first layer is linear in style and code,
    where StyleGAN2 starts from a learnt constant; the discrete choice in the content latent (see
    `choose`) is this book's.

    Args:
        frames: Number of frames of a clip; the slowest wave of the clock starts with this period.
        size: Height and width of a frame in pixels, 4 doubled any number of times.
        content: Length of the content latent.
        motion: Length of the motion latent.
        code: Length of a frame's motion code.
        channels: Channels at full size; every halving doubles them, up to `widest`.
        widest: Channels at most.
        style: Length of the style.
        waves: Number of sines, and of cosines, of the clock.
        choices: Number of figures that the first number of the content chooses between; 0 for a
            continuous content alone.
        classes: Number of classes; 0 for none. One more number, the first of the latent, then
            chooses the class, unless `forward` is given labels. Style and motion both hear of it.
    """

    def __init__(
        self,
        frames: int = 16,
        size: int = 64,
        content: int = 24,
        motion: int = 8,
        code: int = 8,
        channels: int = 32,
        widest: int = 64,
        style: int = 64,
        waves: int = 2,
        choices: int = 0,
        classes: int = 0,
    ) -> None:
        super().__init__()
        if frames < 1:
            raise ValueError(f"a clip needs at least one frame, not {frames}")
        self.frames, self.content, self.motion = frames, content, motion
        self.choices, self.classes = choices, classes
        self.latent_shape = (bool(classes) + content + motion,)
        steps = doublings(size)
        widths = [min(widest, channels * 2**n) for n in reversed(range(steps + 1))]
        self.mapping = perceptron([content + max(0, choices - 1) + classes, style, style])
        self.frequencies = nn.Parameter(2 * math.pi / frames * torch.arange(1.0, waves + 1))
        self.clock = perceptron([motion + classes + 2 * waves, 64, 64, code])
        self.layout = nn.Sequential(
            nn.Linear(style + code, widths[0] * 4 * 4),
            nn.LeakyReLU(0.2),
            nn.Unflatten(1, (-1, 4, 4)),
        )
        self.blocks = nn.ModuleList(
            ModulatedConv(inputs, outputs, style + code) for inputs, outputs in pairwise(widths)
        )
        self.paint = nn.Conv2d(widths[-1], 3, 3, padding=1)

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
            content = choose(content, self.choices)
        else:
            content = normalize(content, dim=1) * self.content**0.5
        if not self.classes:
            refuse_labels(labels, self)
            return content, motion
        told = class_vector(latent, labels, self.classes) * self.classes**0.5
        return torch.cat([content, told], dim=1), torch.cat([motion, told], dim=1)

    def move(
        self, motion: Float[Tensor, "batch motion"], frames: int | None = None
    ) -> Float[Tensor, "batch time code"]:
        """The motion code of every frame."""
        times = torch.arange(frames or self.frames, device=motion.device)
        angles = times[:, None] * self.frequencies  # time, waves
        waves = torch.cat([angles.sin(), angles.cos()], dim=1)
        steered = torch.cat(
            [
                motion[:, None].expand(-1, len(times), -1),
                waves.expand(len(motion), -1, -1),
            ],
            dim=2,
        )
        return self.clock(steered)

    def synthesise(
        self, style: Float[Tensor, "batch style"], codes: Float[Tensor, "batch time code"]
    ) -> Clips:
        """Paint every frame from the clip's style and the frame's own code."""
        time = codes.shape[1]
        # Each clip's style beside all of its own frames; `repeat` would mix the clips.
        steering = torch.cat([style.repeat_interleave(time, dim=0), codes.flatten(0, 1)], dim=1)
        features = self.layout(steering).contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            features = block(features, steering)
        return self.paint(features).tanh().unflatten(0, (-1, time)).transpose(1, 2)


class ModulatedConv(nn.Module):
    """A convolution whose input channels a vector scales, then an enlargement and a rectifier.

    With weights w, scales s(v) = 1 + A v and inputs x, the output channel j is
    sum_i w_ji * (s_i x_i) / sqrt(sum_i s_i^2 |w_ji|^2): modulated, convolved, demodulated
    (StyleGAN2, Karras et al., CVPR 2020, equations 1 and 3). Scaling the input is scaling the
    weight, and needs no weights of its own for every frame.
    """

    def __init__(self, inputs: int, outputs: int, steering: int) -> None:
        super().__init__()
        self.scale = nn.Linear(steering, inputs)
        self.weight = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bias = nn.Parameter(torch.zeros(outputs, 1, 1))

    def forward(
        self,
        features: Float[Tensor, "rows inputs height width"],
        steering: Float[Tensor, "rows steering"],
    ) -> Float[Tensor, "rows outputs higher wider"]:
        """Features of twice the height and width."""
        scales = 1 + self.scale(steering)  # rows, inputs
        squares = self.weight.weight.square().sum((2, 3))  # outputs, inputs
        lengths = (scales.square() @ squares.T + 1e-8).rsqrt()  # rows, outputs
        convolved = self.weight(features * scales[:, :, None, None])
        # a rectifier halves the mean square: sqrt(2) gives it back
        balanced = convolved * (2**0.5 * lengths)[:, :, None, None] + self.bias
        return leaky_relu(interpolate(balanced, scale_factor=2, mode="bilinear"), 0.2)


# By name, for the configuration.
NETWORKS: dict[str, Network] = {"painter": PainterGenerator}
