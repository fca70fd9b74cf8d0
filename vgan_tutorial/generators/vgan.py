"""VGAN: a moving foreground, a mask and a still background."""

from __future__ import annotations

from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from vgan_tutorial.latents import refuse_labels
from vgan_tutorial.layers import PortionedConvTranspose3d, doublings
from vgan_tutorial.types import Clips, Labels, Network


class VGANGenerator(nn.Module):
    """The two-stream generator of VGAN (Vondrick et al., NeurIPS 2016, section 2.2).

    A video stream of 3-D transposed convolutions paints a moving foreground f and a mask m in
    [0, 1]; an image stream paints one still background b; the clip is m f + (1 - m) b. With
    `streams=1` the video stream alone paints the clip.

    With the defaults the layers and the parameter count are those of the authors' main.lua:
    16,245,383 with two streams. Without its mask and its image stream 12,663,619 are left, for the
    one-stream network that the paper compares with.

    Departures: `channels` and any size that doubles from 4 can be chosen; frames double as often
    as the size does. The authors draw the first weights from N(0, 0.01), which is
    `initialise(network, generator, std=0.01)`; the default rule is He's.
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
        Clips,
        Float[Tensor, "batch 1 time height width"],
        Float[Tensor, "batch 3 1 height width"],
    ]:
        """Foreground, mask and background, before they are put together."""
        if self.mask is None or self.background is None:
            raise ValueError("a generator with one stream has no mask and no background")
        features = self.video(latent[:, :, None, None, None])
        background = self.background(latent[:, :, None, None])
        return self.foreground(features), self.mask(features), background[:, :, None]

    def forward(self, latent: Float[Tensor, "batch latent"], labels: Labels | None = None) -> Clips:
        """The clip m f + (1 - m) b, or f alone with one stream."""
        refuse_labels(labels, self)
        if self.mask is None:
            return self.foreground(self.video(latent[:, :, None, None, None]))
        foreground, mask, background = self.streams(latent)
        return mask * foreground + (1 - mask) * background


def _grow_3d(
    inputs: int, outputs: int, kernel: int | tuple[int, int, int], stride: int
) -> list[nn.Module]:
    padding = 0 if stride == 1 else 1
    return [
        PortionedConvTranspose3d(inputs, outputs, kernel, stride, padding),
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


# By name, for the configuration.
NETWORKS: dict[str, Network] = {"vgan": VGANGenerator}
