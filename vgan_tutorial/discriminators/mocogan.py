"""MoCoGAN's pair of critics: one of single frames, one of the whole clip."""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vgan_tutorial.augmentation import add_noise
from vgan_tutorial.discriminators.patch import PatchDiscriminator
from vgan_tutorial.discriminators.sampling import sample_frames
from vgan_tutorial.latents import refuse_labels
from vgan_tutorial.layers import PortionedConv3d, doublings
from vgan_tutorial.types import ClipLogits, Clips, Labels, Network, Scores


class MoCoGANVideoDiscriminator(nn.Module):
    """MoCoGAN's critic of clips (Tulyakov et al., CVPR 2018, section 3.2).

    Space is halved at every layer. Time is not: each layer's kernel of 4, without padding, takes
    three frames off 16, until the last layer scores what is left. With the defaults there are the
    11,056,896 parameters of the authors' code; with 6 categories 11,253,504.

    Departures: fewer than 16 frames get shorter kernels along time, and frames that are left over
    when the last kernel has been reached are scored in turn and averaged. Noise, if there is any,
    is added before the last convolution too; the authors' code adds it before the others alone
    (and before all four of its critic of frames).

    Args:
        frames: of a clip; any number.
        size: height and width, 4 doubled any number of times.
        channels: of the first layer; they double at every further one.
        classes: kinds of motion, the paper's categories, that `classify` tells apart; 0 for none.
        noise: standard deviation of the noise that is added before every convolution when
            randomness is passed in.
    """

    def __init__(
        self,
        frames: int = 16,
        size: int = 64,
        channels: int = 64,
        classes: int = 0,
        noise: float = 0.0,
    ) -> None:
        super().__init__()
        if frames < 1:
            raise ValueError(f"a clip needs at least one frame, not {frames}")
        self.noise = noise
        steps = doublings(size)
        kernel = min(4, 1 + (frames - 1) // (steps + 1))
        widths = [3, *(channels * 2**n for n in range(steps))]  # 3, 64, 128, 256, 512
        self.blocks = nn.ModuleList()
        for step, (inputs, outputs) in enumerate(pairwise(widths)):
            block = nn.Sequential(
                PortionedConv3d(inputs, outputs, (kernel, 4, 4), (1, 2, 2), (0, 1, 1), bias=False)
            )
            if step > 0:
                block.append(nn.BatchNorm3d(outputs))
            self.blocks.append(block.append(nn.LeakyReLU(0.2)))
        left = frames - steps * (kernel - 1)
        self.head = nn.Conv3d(widths[-1], 1 + classes, (min(4, left), 4, 4), bias=False)

    def features(
        self,
        clips: Clips,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "batch channels fewer 4 4"]:
        """What the last layer sees before it scores."""
        for block in self.blocks:
            clips = block(add_noise(clips, self.noise, generator))
        return clips

    def score_and_classify(
        self,
        clips: Clips,
        generator: torch.Generator | None = None,
    ) -> tuple[ClipLogits, Float[Tensor, "batch classes"]]:
        """One logit a clip for "looks real", and one for every category."""
        features = add_noise(self.features(clips, generator), self.noise, generator)
        logits = self.head(features).mean((2, 3, 4))
        return logits[:, 0], logits[:, 1:]

    def forward(
        self,
        clips: Clips,
        labels: Labels | None = None,
        generator: torch.Generator | None = None,
    ) -> ClipLogits:
        """One logit a clip."""
        refuse_labels(labels, self)
        return self.score_and_classify(clips, generator)[0]


class MoCoGANDiscriminator(nn.Module):
    """A critic of single frames beside a critic of clips (Tulyakov et al., CVPR 2018, section 3).

    Each critic has a loss of its own. With classes the clip critic names a clip's class too, for
    the category loss (`losses.category_loss`): it is asked for the label, and not told it.

    Departure: without randomness to choose a frame, the frame critic is shown all of them.

    Args:
        frames: of a clip; any number.
        size: height and width, 16 doubled any number of times.
        channels: of both critics' first layers.
        classes: kinds of motion, the paper's categories, that the clip critic tells apart; 0 for
            none.
        noise: see `PatchDiscriminator`.
    """

    def __init__(
        self,
        frames: int = 16,
        size: int = 64,
        channels: int = 64,
        classes: int = 0,
        noise: float = 0.0,
    ) -> None:
        super().__init__()
        self.classes = classes
        self.image = PatchDiscriminator(frames, size, channels, noise=noise)
        self.video = MoCoGANVideoDiscriminator(frames, size, channels, classes, noise)

    def features(self, clips: Clips) -> Float[Tensor, "batch features"]:
        """Both critics' last features, averaged over space and time, side by side."""
        seen = [self.image.features(clips), self.video.features(clips)]
        return torch.cat([features.mean((2, 3, 4)) for features in seen], dim=1)

    def forward(
        self,
        clips: Clips,
        labels: Labels | None = None,
        generator: torch.Generator | None = None,
    ) -> Scores:
        """The logits of one random frame of each clip, and of the clip; with classes theirs too.

        Labels are not looked at: the category loss compares them with the answer.
        """
        if not self.classes:
            refuse_labels(labels, self)
        frame = sample_frames(clips, 1, generator)
        image = self.image(frame, generator=generator)
        video, classes = self.video.score_and_classify(clips, generator)
        return Scores((image, video), classes if self.classes else None)


# By name, for the configuration.
NETWORKS: dict[str, Network] = {"mocogan": MoCoGANDiscriminator}
