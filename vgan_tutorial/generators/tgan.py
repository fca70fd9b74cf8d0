"""TGAN: one network writes a code for every frame, another paints them."""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vgan_tutorial.generators.dcgan import decode_frames
from vgan_tutorial.latents import refuse_labels
from vgan_tutorial.layers import doublings
from vgan_tutorial.types import Clips, Labels, Network


class TGANGenerator(nn.Module):
    """TGAN's generator (Saito et al., ICCV 2017, section 3).

    The temporal generator turns the latent into one code a frame, with transposed convolutions
    along time. The image generator paints each frame from its code and the latent: the latent,
    which all frames share, keeps them alike.

    With the defaults the layers are those of the authors' code, and so are the parameter counts if
    batch normalisation shifts everywhere: 826,468 in the temporal generator (their classes
    `FrameSeedGenerator...` without `NoBeta`), 3,622,691 in the image generator.

    Departures: the authors' configurations for UCF101 leave the shifts out of the temporal
    generator, which then has 825,444 parameters. They draw the latent uniformly from -1 to 1; here
    it comes as normal numbers, like every latent of this package, and their cumulative probability
    makes it uniform. Their first weights are uniform, ours `initialise`'s. Batch normalisation adds
    1e-5 to the variance, Chainer's 2e-5. Widths follow `channels`, and sizes other than 64 add or
    drop doublings at the wide end.

    Args:
        frames: 1 doubled at least twice: 4, 8, 16, …
        size: height and width, 4 doubled any number of times.
        latent: length of the latent and of a frame's code.
        channels: width of the last hidden layer of the image generator.
    """

    def __init__(
        self, frames: int = 16, size: int = 64, latent: int = 100, channels: int = 32
    ) -> None:
        super().__init__()
        if frames < 4 or frames & (frames - 1):
            raise ValueError(f"TGAN doubles time from one; frames is 4, 8, 16, 32, …, not {frames}")
        self.latent_shape = (latent,)
        self.temporal = temporal_generator(latent, 16 * channels, frames.bit_length() - 1)
        steps = doublings(size)
        widths = [channels * 2**n for n in reversed(range(steps))]  # 256, 128, 64, 32
        self.from_latent = _to_square(latent, widths[0])
        self.from_code = _to_square(latent, widths[0])
        self.image = nn.Sequential(
            *_grow(2 * widths[0], widths[0]),
            *(layer for pair in pairwise(widths) for layer in _grow(*pair)),
            nn.Conv2d(widths[-1], 3, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, latent: Float[Tensor, "batch latent"], labels: Labels | None = None) -> Clips:
        """A clip from each latent."""
        refuse_labels(labels, self)
        latent = 2 * torch.special.ndtr(latent) - 1  # normal to uniform on (-1, 1)
        return self.paint(latent, self.codes(latent))

    def codes(self, latent: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch time latent"]:
        """One code a frame, in (-1, 1), from the uniform latent."""
        return self.temporal(latent[:, :, None]).transpose(1, 2)

    def paint(
        self, latent: Float[Tensor, "batch latent"], codes: Float[Tensor, "batch time latent"]
    ) -> Clips:
        """A frame from every code, each beside its clip's own latent."""
        # Each clip's latent once for each of its frames, next to each other: `repeat` would deal
        # them out in turn, so that frames get the latents of other clips.
        shared = latent.repeat_interleave(codes.shape[1], dim=0)

        def paint_frames(frame_codes: Tensor) -> Tensor:
            squares = torch.cat([self.from_latent(shared), self.from_code(frame_codes)], dim=1)
            return self.image(squares)

        return decode_frames(paint_frames, codes)


def temporal_generator(latent: int, width: int, steps: int) -> nn.Sequential:
    """From one moment to 2^steps moments, with transposed convolutions along time."""
    inner = [width, width // 2, *[width // 4] * (steps - 2)]  # 512, 256, 128, 128
    layers: list[nn.Module] = [
        nn.ConvTranspose1d(latent, width, 1),
        nn.BatchNorm1d(width),
        nn.ReLU(),
    ]
    for inputs, outputs in pairwise(inner):
        layers += [
            nn.ConvTranspose1d(inputs, outputs, 4, 2, 1),
            nn.BatchNorm1d(outputs),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers, nn.ConvTranspose1d(inner[-1], latent, 4, 2, 1), nn.Tanh())


def _to_square(latent: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(latent, width * 4 * 4, bias=False),
        nn.BatchNorm1d(width * 4 * 4),
        nn.ReLU(),
        nn.Unflatten(1, (width, 4, 4)),
    )


def _grow(inputs: int, outputs: int) -> list[nn.Module]:
    return [
        nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    ]


# By name, for the configuration.
NETWORKS: dict[str, Network] = {"tgan": TGANGenerator}
