"""A critic of patches: many scores for every frame, none for the clip as a whole."""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vgan_tutorial.augmentation import add_noise
from vgan_tutorial.latents import refuse_labels
from vgan_tutorial.layers import per_frame
from vgan_tutorial.types import ClipLogits, Clips, Labels, Network


class PatchDiscriminator(nn.Module):
    """Scores overlapping patches of single frames (Isola et al., CVPR 2017, section 3.2.2).

    Three convolutions of stride 2 and one more that scores: each score sees a patch of 46 pixels.
    With the defaults, this is the image discriminator that MoCoGAN's code trains with (Tulyakov et
    al., CVPR 2018), with its 663,296 parameters. A clip's logit is the mean over patches and
    frames, so the order of frames does not change it, nor does anything that only two patches
    together would show.

    Args:
        frames: of a clip; any number, the same weights serve every frame.
        size: height and width, a multiple of 8 and at least 16.
        channels: of the first layer; they double twice.
        normalisation: "batch" as published, or "none", which gradient penalties need.
        noise: standard deviation of the noise that is added before every convolution when
            randomness is passed in (Arjovsky and Bottou, ICLR 2017).
    """

    def __init__(
        self,
        frames: int = 16,
        size: int = 64,
        channels: int = 64,
        normalisation: str = "batch",
        noise: float = 0.0,
    ) -> None:
        super().__init__()
        if normalisation not in ("batch", "none"):
            raise ValueError(f'normalisation is "batch" or "none", not {normalisation!r}')
        if frames < 1:
            raise ValueError(f"a clip needs at least one frame, not {frames}")
        if size % 8 or size < 16:
            raise ValueError(f"the frame size must be 16, 24, 32, … in steps of 8, not {size}")
        self.noise = noise
        biased = normalisation == "none"  # a normalisation would subtract a bias again
        widths = [3, channels, 2 * channels, 4 * channels]
        self.blocks = nn.ModuleList()
        for step, (inputs, outputs) in enumerate(pairwise(widths)):
            block = nn.Sequential(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=biased))
            if normalisation == "batch" and step > 0:
                block.append(nn.BatchNorm2d(outputs))
            self.blocks.append(block.append(nn.LeakyReLU(0.2)))
        self.head = nn.Conv2d(widths[-1], 1, 4, 2, 1, bias=biased)

    def features(
        self,
        clips: Clips,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "batch channels time less_high less_wide"]:
        """What the last layer sees before it scores, for every frame."""
        for block in self.blocks:
            clips = per_frame(block, add_noise(clips, self.noise, generator))
        return clips

    def scores(
        self,
        clips: Clips,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "batch time rows columns"]:
        """One logit for every patch of every frame."""
        features = add_noise(self.features(clips, generator), self.noise, generator)
        return per_frame(self.head, features)[:, 0]

    def forward(
        self,
        clips: Clips,
        labels: Labels | None = None,
        generator: torch.Generator | None = None,
    ) -> ClipLogits:
        """The mean logit of a clip's patches; noise only if there is a `generator` to draw it."""
        refuse_labels(labels, self)
        return self.scores(clips, generator).mean((1, 2, 3))


# By name, for the configuration.
NETWORKS: dict[str, Network] = {"patch": PatchDiscriminator}
