"""MoCoGAN: who is seen stays, how it moves walks on from frame to frame."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vgan_tutorial.generators.dcgan import decode_frames, frame_decoder
from vgan_tutorial.latents import class_vector, refuse_labels
from vgan_tutorial.types import Clips, Labels, Network


class MoCoGANGenerator(nn.Module):
    """MoCoGAN's generator (Tulyakov et al., CVPR 2018, section 3).

    One content vector holds for the whole clip. A recurrent network takes a *fresh* noise vector
    every frame and returns the frame's motion vector. A category, if there is one, holds for the
    whole clip too. Every frame is painted from content, category and its motion vector by the same
    DCGAN decoder. With the defaults there are the 3,298,836 parameters of the authors' code.

    The latent of a clip is one row of numbers: the category's choice (if there are classes),
    the content, the recurrent network's first state, then the noise of one frame after another. So
    a longer row is a longer clip: `latent_length(48)` numbers make 48 frames.

    Departures: the category is read from a normal number, see `class_vector`; the recurrent
    network runs over all frames in one call.

    Args:
        frames: of a clip; any number.
        size: height and width, 4 doubled any number of times.
        content: length of the content vector.
        motion: length of a motion vector, and of a frame's noise.
        classes: kinds of motion to choose from, the paper's categories; 0 for none.
        channels: width of the decoder's last hidden layer.
    """

    def __init__(
        self,
        frames: int = 16,
        size: int = 64,
        content: int = 50,
        motion: int = 10,
        classes: int = 6,
        channels: int = 64,
    ) -> None:
        super().__init__()
        self.content, self.motion, self.classes = content, motion, classes
        self.latent_shape = (self.latent_length(frames),)
        self.recurrent = nn.GRU(motion, motion, batch_first=True)
        self.decoder = frame_decoder(content + motion + classes, channels, size)

    def latent_length(self, frames: int) -> int:
        """How many numbers a clip of that many frames is made from."""
        if frames < 1:
            raise ValueError(f"a clip needs at least one frame, not {frames}")
        return bool(self.classes) + self.content + self.motion * (1 + frames)

    def forward(self, latent: Float[Tensor, "batch latent"], labels: Labels | None = None) -> Clips:
        """A clip from each latent; `labels` replace the categories that the latents choose.

        Raises:
            ValueError: if no whole number of frames can be read from the latents.
        """
        fixed, noise = self.split(latent, labels)
        codes = torch.cat([fixed[:, None].expand(-1, noise.shape[1] - 1, -1), self.move(noise)], 2)
        return decode_frames(self.decoder, codes)

    def split(
        self, latent: Float[Tensor, "batch latent"], labels: Labels | None = None
    ) -> tuple[Float[Tensor, "batch fixed"], Float[Tensor, "batch steps motion"]]:
        """What holds for a clip (content and category), and the rows that drive its motion.

        The first of these rows is the recurrent network's state before the first frame.
        """
        start = bool(self.classes) + self.content
        rows, rest = divmod(latent.shape[1] - start, self.motion)
        if rest or rows < 2:
            raise ValueError(
                f"{latent.shape[1]} numbers make no whole clip: {self.latent_length(1)} make one "
                f"frame, and each frame more takes {self.motion}"
            )
        fixed = latent[:, start - self.content : start]
        if self.classes:
            fixed = torch.cat([fixed, class_vector(latent, labels, self.classes)], dim=1)
        else:
            refuse_labels(labels, self)
        return fixed, latent[:, start:].unflatten(1, (rows, self.motion))

    def move(
        self, noise: Float[Tensor, "batch steps motion"]
    ) -> Float[Tensor, "batch time motion"]:
        """The motion vector of every frame: the recurrent network's states after each noise."""
        first = noise[:, 0].contiguous()
        return self.recurrent(noise[:, 1:], first[None])[0]


# By name, for the configuration.
NETWORKS: dict[str, Network] = {"mocogan": MoCoGANGenerator}
