"""DVD-GAN's pair of critics: some sharp frames, and the whole clip at half the size."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool3d
from torch.nn.utils.parametrizations import spectral_norm

from vgan_tutorial.discriminators.sampling import sample_frames
from vgan_tutorial.latents import one_per_clip, refuse_labels
from vgan_tutorial.layers import MinibatchStd, doublings
from vgan_tutorial.types import ClipLogits, Clips, Labels, Network, Scores


class ResidualDiscriminator(nn.Module):
    """A critic of frames beside a critic of motion (Clark et al., arXiv:1907.06571, section 3).

    The spatial critic sees a few random frames at full size and one at a time. The temporal critic
    sees all frames, averaged over squares of 2x2 pixels, and starts with two 3-D blocks. Both are
    residual networks with spectral normalisation in every layer (Miyato et al., ICLR 2018), and
    both know the class by projection (Miyato and Koyama, ICLR 2018).

    Each critic has a loss of its own, and in training the spatial one is shown `shown` frames of
    every clip, drawn anew at every look.

    Departures: a clip's spatial logit is taken from the mean of its frames' features, not the sum
    of their logits, so that the number of frames can change; the 3-D blocks halve time too; the
    last block's short cut is a learnt 1x1x1 convolution, where BigGAN, which halves nothing there
    either, has the identity; there is no self-attention; the default widths are made for small
    clips; without randomness all frames are shown. We know of no public code by the authors, so no
    parameter count is compared.

    Args:
        frames: of a clip; any number.
        size: height and width, 8 doubled any number of times.
        channels: of the first block; they double up to 8 times as many.
        classes: to judge by; 0 for none. `forward` then needs labels.
        shown: frames that the spatial critic sees.
        minibatch_std: show the temporal critic how much the clips of a batch differ, see
            `MinibatchStd`.
    """

    def __init__(
        self,
        frames: int = 16,
        size: int = 64,
        channels: int = 32,
        classes: int = 0,
        shown: int = 8,
        minibatch_std: bool = False,
    ) -> None:
        super().__init__()
        if frames < 1 or shown < 1:
            raise ValueError(f"at least one frame is needed, not {frames} with {shown} shown")
        steps = doublings(size, start=8)
        widths = [channels * min(8, 2**n) for n in range(steps + 1)]
        self.shown, self.classes = shown, classes
        self.spatial = _trunk(widths, flat=True)
        self.temporal = _trunk(widths[:-1], flat=False)
        self.minibatch_std = MinibatchStd() if minibatch_std else None
        self.spatial_head = ProjectionHead(widths[-1], classes)
        self.temporal_head = ProjectionHead(widths[-2] + minibatch_std, classes)

    def spatial_features(self, clips: Clips) -> Float[Tensor, "batch time channels"]:
        """One vector for every frame, summed over space."""
        return self.spatial(clips).relu().sum((3, 4)).transpose(1, 2)

    def temporal_features(self, clips: Clips) -> Float[Tensor, "batch channels"]:
        """One vector for every clip: summed over space, averaged over time."""
        features = self.temporal(avg_pool3d(clips, (1, 2, 2))).relu()
        if self.minibatch_std is not None:
            features = self.minibatch_std(features)
        return features.sum((3, 4)).mean(2)

    def features(self, clips: Clips) -> Float[Tensor, "batch features"]:
        """What both heads see of a clip, side by side; all frames are shown."""
        return torch.cat(
            [self.spatial_features(clips).mean(1), self.temporal_features(clips)], dim=1
        )

    def forward(
        self,
        clips: Clips,
        labels: Labels | None = None,
        generator: torch.Generator | None = None,
    ) -> Scores:
        """The logits of some random frames of each clip, and of the clip."""
        frames = sample_frames(clips, self.shown, generator)
        spatial = self.spatial_head(self.spatial_features(frames).mean(1), labels)
        return Scores((spatial, self.temporal_head(self.temporal_features(clips), labels)))


def _trunk(widths: list[int], flat: bool) -> nn.Sequential:
    """A block for every halving, then one that halves nothing. Only the first two see time."""
    blocks = []
    for step, (inputs, outputs) in enumerate(zip([3, *widths[:-1]], widths, strict=True)):
        blocks.append(
            ShrinkingBlock(inputs, outputs, 1 if flat or step > 1 else 3, first=step == 0)
        )
    last = ShrinkingBlock(widths[-1], widths[-1], 1 if flat or len(widths) > 1 else 3, halve=False)
    return nn.Sequential(*blocks, last)


class ShrinkingBlock(nn.Module):
    """BigGAN's residual block of the discriminator: rectify, convolve, twice, then halve.

    Departure: the short cut is always a learnt convolution. BigGAN has the identity where neither
    width nor size changes.

    Args:
        inputs: channels.
        outputs: channels.
        along_time: length of the kernels along time: 3, or 1 to see every frame on its own.
        first: the input is a clip, which must not be rectified.
        halve: average squares of 2x2 pixels, and pairs of frames where kernels see time.
    """

    def __init__(
        self, inputs: int, outputs: int, along_time: int, first: bool = False, halve: bool = True
    ) -> None:
        super().__init__()
        self.first, self.halve, self.along_time = first, halve, along_time
        kernel, padding = (along_time, 3, 3), (along_time // 2, 1, 1)
        self.one = spectral_norm(nn.Conv3d(inputs, outputs, kernel, padding=padding))
        self.two = spectral_norm(nn.Conv3d(outputs, outputs, kernel, padding=padding))
        self.shortcut = spectral_norm(nn.Conv3d(inputs, outputs, 1))

    def forward(
        self, features: Float[Tensor, "batch channels time height width"]
    ) -> Float[Tensor, "batch more less_long less_high less_wide"]:
        """The shortcut plus what two convolutions found."""
        found = self.one(features if self.first else features.relu()).relu()
        # Averaging and a 1x1x1 convolution can change places: the small clip is cheaper.
        return self.shrink(self.two(found)) + self.shortcut(self.shrink(features))

    def shrink(
        self, features: Float[Tensor, "batch channels time height width"]
    ) -> Float[Tensor, "batch channels less_long less_high less_wide"]:
        """Half the height and width, and half the frames where kernels see time."""
        if not self.halve:
            return features
        along_time = 2 if self.along_time > 1 and features.shape[2] > 1 else 1
        return avg_pool3d(features, (along_time, 2, 2))


class ProjectionHead(nn.Module):
    """A score that knows the class: w h + b + <e_y, h> (Miyato and Koyama, ICLR 2018, section 3).

    The class y selects a vector e_y, and the features h score by how far they point along it.
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.linear = spectral_norm(nn.Linear(features, 1))
        embedding = nn.Linear(classes, features, bias=False) if classes else None
        self.embedding = spectral_norm(embedding) if embedding is not None else None

    def forward(
        self,
        features: Float[Tensor, "batch features"],
        labels: Labels | None = None,
    ) -> ClipLogits:
        """One logit for each row.

        Raises:
            ValueError: if labels are missing, or given where there are no classes, or too few.
        """
        logits = self.linear(features)[:, 0]
        if self.embedding is None:
            refuse_labels(labels, self)
            return logits
        chosen = one_per_clip(labels, len(features), self.classes).to(features)
        return logits + (self.embedding(chosen) * features).sum(1)


# By name, for the configuration.
NETWORKS: dict[str, Network] = {"residual": ResidualDiscriminator}
