"""DCGAN, frame by frame: good pictures, and no motion that anybody asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from vgan_tutorial.latents import refuse_labels
from vgan_tutorial.layers import doublings
from vgan_tutorial.types import Clips, Labels, Network


def frame_decoder(latent: int, channels: int, size: int, kernel: int = 4) -> nn.Sequential:
    """DCGAN's generator (Radford et al., ICLR 2016, section 3): a picture from a vector.

    It grows 4x4 features from the vector and doubles them until they have `size` pixels, while the
    channels halve. A normalisation follows every layer but the last, so biases would be
    subtracted again: there are none.

    Args:
        latent: length of the vector.
        channels: width of the last hidden layer; each layer before it is twice as wide.
        size: height and width, 4 doubled any number of times.
        kernel: 4, or 3, whose stamps overlap unevenly and leave checkerboards.
    """
    doubling: dict[str, Any] = {
        "kernel_size": kernel,
        "stride": 2,
        "padding": 1,
        "output_padding": 4 - kernel,
    }
    steps = doublings(size)
    widths = [channels * 2**n for n in reversed(range(steps))]  # 512, 256, 128, 64
    layers: list[nn.Module] = [
        nn.Unflatten(1, (latent, 1, 1)),
        nn.ConvTranspose2d(latent, widths[0], 4, bias=False),
        nn.BatchNorm2d(widths[0]),
        nn.ReLU(),
    ]
    for inputs, outputs in pairwise(widths):
        layers += [
            nn.ConvTranspose2d(inputs, outputs, **doubling, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        ]
    last = nn.ConvTranspose2d(widths[-1], 3, **doubling, bias=False)
    return nn.Sequential(*layers, last, nn.Tanh())


def decode_frames(
    decoder: Callable[[Tensor], Tensor], codes: Float[Tensor, "batch time latent"]
) -> Clips:
    """Paint one frame from every code: time joins the batch, and comes back."""
    frames = decoder(codes.flatten(0, 1))  # batch * time, 3, height, width
    return frames.unflatten(0, codes.shape[:2]).transpose(1, 2)


class DCGANGenerator(nn.Module):
    """A DCGAN for every frame on its own, each from its own latent.

    This is the floor that a video generator has to beat: nothing ties one frame to the next. Any
    number of frames can be asked for; a latent has one row a frame.

    Args:
        frames: of a clip.
        size: height and width, 4 doubled any number of times.
        latent: length of the latent of a frame.
        channels: width of the last hidden layer, as published.
        kernel: of the layers that double the size; 4 as published, or 3 to see checkerboards.
    """

    def __init__(
        self,
        frames: int = 16,
        size: int = 64,
        latent: int = 100,
        channels: int = 64,
        kernel: int = 4,
    ) -> None:
        super().__init__()
        self.latent_shape = (frames, latent)
        self.decoder = frame_decoder(latent, channels, size, kernel)

    def forward(
        self, latent: Float[Tensor, "batch time latent"], labels: Labels | None = None
    ) -> Clips:
        """As many frames as the latent has rows."""
        refuse_labels(labels, self)
        return decode_frames(self.decoder, latent)


# By name, for the configuration.
NETWORKS: dict[str, Network] = {
    "dcgan": DCGANGenerator,
    "dcgan-uneven": partial(DCGANGenerator, kernel=3),
}
