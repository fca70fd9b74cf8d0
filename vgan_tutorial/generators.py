"""Generators: networks that turn a random latent into a clip.

Every generator has `latent_shape`, the shape of the latent of one clip, and maps a batch of
standard normal latents to clips in model range [-1, 1]. `sample_latent` draws such latents.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vgan_tutorial.layers import doublings, per_frame, perceptron


def sample_latent(
    network: nn.Module, batch: int, generator: torch.Generator
) -> Float[Tensor, "batch *latent"]:
    """Draw standard normal latents for a generator network, on the device of its weights."""
    shape: tuple[int, ...] = network.latent_shape  # type: ignore[assignment]
    drawn = torch.randn(batch, *shape, generator=generator, device=generator.device)
    return drawn.to(next(network.parameters()).device)


# The article's generator ------------------------------------------------------------------------


class ArticleGenerator(nn.Module):
    """The article's encoder and decoder, as printed (section 4.2), made to run.

    It maps a *noise image* to an image: one convolution halves the size, one transposed
    convolution doubles it again, one convolution paints. A clip is made frame by frame, each from
    its own noise. Departures: Keras has no `Tanh` layer, so `nn.Tanh` stands where the article
    wrote `tf.keras.layers.Tanh()`; the places where the article says "add more layers" are left
    as they are.
    """

    def __init__(self, frames: int = 16, size: int = 64, channels: int = 64) -> None:
        super().__init__()
        self.latent_shape = (3, frames, size, size)
        self.frame_network = nn.Sequential(
            nn.Conv2d(3, channels, 4, stride=2, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, 3, 7, padding=3),
            nn.Tanh(),
        )

    def forward(
        self, noise: Float[Tensor, "batch 3 time height width"]
    ) -> Float[Tensor, "batch 3 time height width"]:
        """One frame from each noise image, every frame on its own."""
        return per_frame(self.frame_network, noise)


# VGAN -------------------------------------------------------------------------------------------


class VGANGenerator(nn.Module):
    """The two-stream generator of VGAN (Vondrick et al., NeurIPS 2016, section 2.2).

    A video stream of 3-D transposed convolutions paints a moving foreground f and a mask m in
    [0, 1]; an image stream paints one still background b; the clip is m f + (1 - m) b. With
    `streams=1` the video stream alone paints the clip.

    With the defaults the layers and the parameter count are the published ones: 16,245,383 with
    two streams and 12,663,619 with one. Departure: `channels` and any size that doubles from 4
    can be chosen; frames double as often as the size does.
    """

    def __init__(
        self,
        frames: int = 32,
        size: int = 64,
        latent: int = 100,
        channels: int = 64,
        streams: int = 2,
    ) -> None:
        super().__init__()
        steps = doublings(size)
        if streams not in (1, 2):
            raise ValueError(f"VGAN has 1 or 2 streams, not {streams}")
        if frames % 2**steps:
            raise ValueError(
                f"frames of {size} pixels take {steps} doublings, so the number of frames must be "
                f"a multiple of {2**steps}, not {frames}"
            )
        self.latent_shape = (latent,)
        widths = [channels * 2**n for n in reversed(range(steps))]  # 512, 256, 128, 64
        self.video = nn.Sequential(
            *_grow_3d(latent, widths[0], (frames // 2**steps, 4, 4), stride=1),
            *_doublings_3d(widths),
        )
        self.foreground = _head_3d(widths[-1], 3, nn.Tanh())
        self.mask = _head_3d(widths[-1], 1, nn.Sigmoid()) if streams == 2 else None
        self.background = _image_stream(latent, widths) if streams == 2 else None

    def streams(
        self, latent: Float[Tensor, "batch latent"]
    ) -> tuple[
        Float[Tensor, "batch 3 time height width"],
        Float[Tensor, "batch 1 time height width"],
        Float[Tensor, "batch 3 1 height width"],
    ]:
        """Foreground, mask and background, before they are put together."""
        if self.mask is None or self.background is None:
            raise ValueError("a generator with one stream has no mask and no background")
        features = self.video(latent[:, :, None, None, None])
        background = self.background(latent[:, :, None, None])
        return self.foreground(features), self.mask(features), background[:, :, None]

    def forward(
        self, latent: Float[Tensor, "batch latent"]
    ) -> Float[Tensor, "batch 3 time height width"]:
        """The clip m f + (1 - m) b, or f alone with one stream."""
        if self.mask is None:
            return self.foreground(self.video(latent[:, :, None, None, None]))
        foreground, mask, background = self.streams(latent)
        return mask * foreground + (1 - mask) * background


def _grow_3d(
    inputs: int, outputs: int, kernel: int | tuple[int, int, int], stride: int
) -> list[nn.Module]:
    padding = 0 if stride == 1 else 1
    return [
        nn.ConvTranspose3d(inputs, outputs, kernel, stride, padding),
        nn.BatchNorm3d(outputs),
        nn.ReLU(),
    ]


def _doublings_3d(widths: list[int]) -> list[nn.Module]:
    """Time, height and width double at every step, while the channels halve."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += _grow_3d(inputs, outputs, 4, stride=2)
    return layers


def _head_3d(inputs: int, outputs: int, activation: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose3d(inputs, outputs, 4, 2, 1), activation)


def _image_stream(latent: int, widths: list[int]) -> nn.Sequential:
    """A DCGAN generator: one still image from the latent."""
    layers: list[nn.Module] = [
        nn.ConvTranspose2d(latent, widths[0], 4),
        nn.BatchNorm2d(widths[0]),
        nn.ReLU(),
    ]
    for inputs, outputs in pairwise(widths):
        layers += [
            nn.ConvTranspose2d(inputs, outputs, 4, 2, 1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers, nn.ConvTranspose2d(widths[-1], 3, 4, 2, 1), nn.Tanh())


# Content and motion -----------------------------------------------------------------------------


class ContentMotionGenerator(nn.Module):
    """One latent for what is seen, one for how it moves, and a mask to put them together.

    The split of the latent follows MoCoGAN (Tulyakov et al., CVPR 2018, section 3); the mask over
    a background that stays still follows VGAN (Vondrick et al., NeurIPS 2016, section 2.2).
    Where MoCoGAN draws new noise for every frame and runs it through a recurrent network, here
    the motion latent and the time of the frame, as sines and cosines, go through a small
    perceptron, in the way of DIGAN (Yu et al., ICLR 2022, section 3.2): a path is a function of
    time, so a clip of any length can be asked for. Pictures are built by sub-pixel convolution
    (Shi et al., CVPR 2016): convolve, then rearrange channels into pixels, which costs less than
    a transposed convolution.

    The background is one colour for each clip. That suits Moving Shapes, and it is what lets the
    game start: a painted background is noise at first, and gives the game away to the
    discriminator. Real footage wants VGAN's painted one.

    Args:
        frames: of a clip, and the period of the slowest wave of the clock.
        size: height and width: 8 doubled any number of times.
        content: length of the content latent.
        motion: length of the motion latent.
        path: length of the vector that tells the decoder where in its motion a frame is.
        channels: of the decoders.
        waves: sines and cosines of the clock, with 1, 2, … periods in `frames`.
    """

    def __init__(
        self,
        frames: int = 16,
        size: int = 64,
        content: int = 24,
        motion: int = 8,
        path: int = 8,
        channels: int = 16,
        waves: int = 2,
    ) -> None:
        super().__init__()
        self.frames, self.content, self.motion, self.waves = frames, content, motion, waves
        self.latent_shape = (content + motion,)
        self.path = perceptron([motion + 2 * waves, 64, 64, path])
        self.figure = _picture_decoder(content + path, size, channels, outputs=4)
        self.background = perceptron([content, 64, 3])

    def forward(
        self, latent: Float[Tensor, "batch latent"], frames: int | None = None
    ) -> Float[Tensor, "batch 3 time height width"]:
        """A clip for each latent, of the trained length unless `frames` asks for another."""
        foreground, mask, background = self.streams(latent, frames)
        return mask * foreground + (1 - mask) * background

    def streams(
        self, latent: Float[Tensor, "batch latent"], frames: int | None = None
    ) -> tuple[
        Float[Tensor, "batch 3 time height width"],
        Float[Tensor, "batch 1 time height width"],
        Float[Tensor, "batch 3 1 1 1"],
    ]:
        """Foreground, mask and background colour, before they are put together."""
        content, motion = latent.split([self.content, self.motion], dim=1)
        path = self.draw_path(motion, frames or self.frames)  # batch, time, path
        batch, time, _ = path.shape
        code = torch.cat([content[:, None].expand(-1, time, -1), path], dim=2)
        figure = self.figure(code.flatten(0, 1)).unflatten(0, (batch, time)).transpose(1, 2)
        background = self.background(content)[:, :, None, None, None].tanh()
        return figure[:, :3].tanh(), figure[:, 3:].sigmoid(), background

    def draw_path(
        self, motion: Float[Tensor, "batch motion"], frames: int
    ) -> Float[Tensor, "batch time path"]:
        """Where in its motion each frame is, from the motion latent and the frame's time."""
        turns = torch.arange(frames, device=motion.device) / self.frames
        wave = torch.arange(1, self.waves + 1, device=motion.device)
        angle = 2 * math.pi * turns[:, None] * wave  # time, waves
        clock = torch.cat([angle.sin(), angle.cos()], dim=1).expand(len(motion), -1, -1)
        return self.path(torch.cat([motion[:, None].expand(-1, frames, -1), clock], dim=2))


def _picture_decoder(inputs: int, size: int, channels: int, outputs: int) -> nn.Sequential:
    """From a vector to an 8x8 grid of features, then sub-pixel doublings up to the picture."""
    layers: list[nn.Module] = [
        *perceptron([inputs, 8 * channels, channels * 8 * 8]),
        nn.Unflatten(1, (channels, 8, 8)),
    ]
    steps = doublings(size, start=8)
    for step in range(steps):
        wanted = outputs if step == steps - 1 else channels
        layers += [
            nn.LeakyReLU(0.2),
            nn.Conv2d(channels, 4 * wanted, 3, padding=1),
            nn.PixelShuffle(2),
        ]
    return nn.Sequential(*layers)


# Choose one by name: each takes `frames` and `size`.
GENERATORS: dict[str, Callable[..., nn.Module]] = {
    "article": ArticleGenerator,
    "vgan": VGANGenerator,
    "content-motion": ContentMotionGenerator,
}
