"""Two small critics instead of a large one: movement in a shrunk clip, detail in whole frames."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vgan_tutorial.discriminators.sampling import sample_frames
from vgan_tutorial.discriminators.video import StackedDiscriminator
from vgan_tutorial.latents import refuse_labels
from vgan_tutorial.types import Classes, ClipLogits, Clips, Labels, Network, Scores


class DualDiscriminator(nn.Module):
    """One critic sees all frames shrunk, one sees few frames in full. Each has a loss of its own.

    After the dual discriminators of DVD-GAN (Clark et al., arXiv:1907.06571, section 3): one looks
    at the clip averaged down, one at a few random frames of full size, one at a time. Movement can
    be judged on small frames and outlines on few, so neither pays for the whole clip.

    Departures: both are this book's stacked critics, that of frames with one more convolution at
    full size; the clip is averaged in time too; a frame is a case of its own for the loss, where
    DVD-GAN adds the frames' logits; only the critic of movement knows the class; without randomness
    the frames are spaced evenly.

    Args:
        frames: of a clip.
        size: height and width, 4 doubled any number of times.
        channels: of the convolutions that see the shrunk clip.
        detail: of the convolutions that see the frames.
        seen: frames that are seen in full.
        moments: the most frames of the shrunk clip.
        coarse: the greatest height and width of the shrunk clip.
        classes: to judge movement by, see `StackedDiscriminator`; 0 for none.
    """

    def __init__(
        self,
        frames: int = 16,
        size: int = 64,
        channels: int = 64,
        detail: int = 32,
        seen: int = 2,
        moments: int = 8,
        coarse: int = 16,
        classes: Classes = 0,
        told: bool = False,
    ) -> None:
        super().__init__()
        if not 1 <= seen <= frames:
            raise ValueError(f"of {frames} frames at least 1 and at most all are seen, not {seen}")
        in_time, in_space = shrink(frames, moments), shrink(size, coarse)
        whole = in_time == in_space == 1
        self.pool = nn.Identity() if whole else nn.AvgPool3d((in_time, in_space, in_space))
        self.movement = StackedDiscriminator(frames // in_time, size // in_space, channels, classes)
        self.detail = StackedDiscriminator(1, size, detail, classes if told else 0, sharp=True)
        self.seen = [frames * number // seen for number in range(seen)]

    def features(self, clips: Clips) -> Float[Tensor, "batch features"]:
        """What the two heads see, side by side; of the frames, those that are spaced evenly."""
        frames = self.detail.features(self.pictures(clips)).unflatten(0, (len(clips), -1))
        return torch.cat([self.movement.features(self.pool(clips)), frames.flatten(1)], dim=1)

    def forward(
        self,
        clips: Clips,
        labels: Labels | None = None,
        generator: torch.Generator | None = None,
    ) -> Scores:
        """A logit for each clip, and one for each frame; labels as in `StackedDiscriminator`."""
        pictures = self.pictures(clips, generator)
        known = None
        if self.detail.classes and labels is not None:
            known = labels.repeat_interleave(len(self.seen))
        frames = self.detail(pictures, known).unflatten(0, (len(clips), -1))
        return Scores((self.movement(self.pool(clips), labels), frames))

    def pictures(
        self, clips: Clips, generator: torch.Generator | None = None
    ) -> Float[Tensor, "frames 3 1 height width"]:
        """The frames that are seen in full, each as a clip of its own."""
        if generator is None:
            chosen = clips[:, :, self.seen]
        else:
            chosen = sample_frames(clips, len(self.seen), generator)
        return chosen.transpose(1, 2).flatten(0, 1).unsqueeze(2)


class BlurredDiscriminator(nn.Module):
    """A critic that sees every frame at half its size, and nothing finer.

    It shows in chapter 6 what a generator does with pixels that nobody looks at.

    Args:
        frames: of a clip.
        size: height and width, 8 doubled any number of times.
        channels: of the convolutions.
    """

    def __init__(self, frames: int = 16, size: int = 64, channels: int = 64) -> None:
        super().__init__()
        self.pool = nn.AvgPool3d((1, 2, 2))
        self.critic = StackedDiscriminator(frames, size // 2, channels)

    def forward(self, clips: Clips, labels: Labels | None = None) -> ClipLogits:
        """One logit a clip."""
        refuse_labels(labels, self)
        return self.critic(self.pool(clips))


def shrink(length: int, most: int) -> int:
    """The smallest power of two that divides a length down to at most `most`.

    Raises:
        ValueError: if the length cannot be halved that often.
    """
    factor = 1
    while length > most * factor:
        factor *= 2
    if length % factor:
        raise ValueError(f"{length} frames or pixels cannot be averaged down {factor}-fold evenly")
    return factor


# By name, for the configuration.
NETWORKS: dict[str, Network] = {"dual": DualDiscriminator, "blurred": BlurredDiscriminator}
