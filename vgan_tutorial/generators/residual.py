"""A residual generator with attention and classes, in the spirit of BigGAN and DVD-GAN."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from vgan_tutorial.latents import class_vector, refuse_labels
from vgan_tutorial.layers import ConditionalBatchNorm, SelfAttention, doublings
from vgan_tutorial.types import Clips, Labels, Network


class ResidualGenerator(nn.Module):
    """A clip from a latent and a class: recurrent along time, residual across space.

    After DVD-GAN (Clark et al., arXiv:1907.06571, section 3) and BigGAN (Brock et al., ICLR 2019,
    section 3 and appendix B). Latent and class vector start a picture of 4x4 features. A
    convolutional recurrent network reads the same picture once a frame and lets it move. Residual
    blocks then double the size, every frame on its own, until they have `size` pixels; latent and
    class steer every normalisation; one self-attention layer compares distant places.

    Departures: one recurrent network at 4x4, where DVD-GAN has one before every pair of blocks;
    one block a doubling instead of two; no spectral normalisation of the generator, and first
    weights that are not orthogonal; the latent is not cut into a piece for every block, as in
    BigGAN's larger networks; the default widths are made for small clips. We know of
    no public code by DVD-GAN's authors, so no parameter count is compared.

    Args:
        frames: of a clip; any number.
        size: height and width, 4 doubled any number of times.
        latent: length of the latent.
        channels: width of the last block; every earlier one doubles it, up to 8 times as wide.
        classes: to choose from; 0 for none. The first number of the latent chooses, see
            `class_vector`, unless `forward` is given labels.
        attention: height and width of the features that the attention layer looks at; 0 for no
            such layer. Left out, 16, or the frame's size if that is smaller.
    """

    def __init__(
        self,
        frames: int = 16,
        size: int = 64,
        latent: int = 120,
        channels: int = 32,
        classes: int = 0,
        attention: int | None = None,
    ) -> None:
        super().__init__()
        steps = doublings(size)
        if frames < 1:
            raise ValueError(f"a clip needs at least one frame, not {frames}")
        attention = min(16, size) if attention is None else attention
        reached = [4 * 2**n for n in range(1, steps + 1)]
        if attention and attention not in reached:
            raise ValueError(f"attention can look at features of {reached} pixels, not {attention}")
        self.frames, self.classes = frames, classes
        self.latent_shape = (bool(classes) + latent,)
        widths = [channels * min(8, 2**n) for n in reversed(range(steps + 1))]
        steering = latent + (latent if classes else 0)
        self.embedding = nn.Linear(classes, latent, bias=False) if classes else None
        self.start = nn.Linear(steering, widths[0] * 4 * 4)
        self.motion = ConvolutionalGRU(widths[0])
        self.blocks = nn.ModuleList(
            GrowingBlock(widths[n], widths[n + 1], steering) for n in range(steps)
        )
        self.attention = nn.ModuleDict()  # after the block that reaches its size
        if attention:
            step = doublings(attention) - 1
            self.attention[str(step)] = SelfAttention(widths[step + 1])
        self.paint = nn.Sequential(
            nn.BatchNorm2d(widths[-1]), nn.ReLU(), nn.Conv2d(widths[-1], 3, 3, padding=1), nn.Tanh()
        )

    def forward(
        self,
        latent: Float[Tensor, "batch latent"],
        labels: Labels | None = None,
        frames: int | None = None,
    ) -> Clips:
        """A clip from each latent; `labels` replace the classes that the latents choose."""
        frames = frames or self.frames
        steering = self.steer(latent, labels)
        picture = self.start(steering).unflatten(1, (-1, 4, 4))
        features = self.motion(picture, frames).flatten(0, 1)  # batch * time, channels, 4, 4
        # Each clip's vector beside all of its own frames; `repeat` would mix the clips.
        steering = steering.repeat_interleave(frames, dim=0)
        for step, block in enumerate(self.blocks):
            features = block(features, steering)
            if str(step) in self.attention:
                features = self.attention[str(step)](features)
        return self.paint(features).unflatten(0, (-1, frames)).transpose(1, 2)

    def steer(
        self, latent: Float[Tensor, "batch latent"], labels: Labels | None = None
    ) -> Float[Tensor, "batch steering"]:
        """Latent and class vector side by side: what every normalisation hears."""
        if self.embedding is None:
            refuse_labels(labels, self)
            return latent
        chosen = class_vector(latent, labels, self.classes)
        return torch.cat([latent[:, 1:], self.embedding(chosen)], dim=1)


class ConvolutionalGRU(nn.Module):
    """A gated recurrent unit whose matrices are 3x3 convolutions (Ballas et al., ICLR 2016).

    It reads the same picture at every step, from a state of zeros, and its states are the frames:
    update u, reset r, candidate c, h <- (1 - u) h + u c.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.of_input = nn.Conv2d(channels, 3 * channels, 3, padding=1)
        self.gates_of_state = nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False)
        self.candidate_of_state = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(
        self, picture: Float[Tensor, "batch channels height width"], frames: int
    ) -> Float[Tensor, "batch time channels height width"]:
        """The states after 1, 2, … steps."""
        update_in, reset_in, candidate_in = self.of_input(picture).chunk(3, dim=1)
        state, states = torch.zeros_like(picture), []
        for _ in range(frames):
            update_of, reset_of = self.gates_of_state(state).chunk(2, dim=1)
            update = torch.sigmoid(update_in + update_of)
            reset = torch.sigmoid(reset_in + reset_of)
            candidate = torch.relu(candidate_in + self.candidate_of_state(reset * state))
            state = (1 - update) * state + update * candidate
            states.append(state)
        return torch.stack(states, dim=1)


class GrowingBlock(nn.Module):
    """BigGAN's residual block of the generator: normalise, rectify, double, convolve, twice."""

    def __init__(self, inputs: int, outputs: int, steering: int) -> None:
        super().__init__()
        self.first_norm = ConditionalBatchNorm(inputs, steering)
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second_norm = ConditionalBatchNorm(outputs, steering)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(
        self, features: Float[Tensor, "rows channels low_h low_w"], steering: Tensor
    ) -> Float[Tensor, "rows fewer height width"]:
        """Features of twice the height and width."""
        grown = interpolate(self.first_norm(features, steering).relu(), scale_factor=2)
        hidden = self.second_norm(self.first(grown), steering).relu()
        # A 1x1 convolution and a repeated pixel can change places: the small picture is cheaper.
        return self.second(hidden) + interpolate(self.shortcut(features), scale_factor=2)


# By name, for the configuration.
NETWORKS: dict[str, Network] = {"residual": ResidualGenerator}
