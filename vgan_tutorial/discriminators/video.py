"""Critics that see time: 3-D convolutions, and frames stacked as channels."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from vgan_tutorial.latents import factor_counts, one_per_clip, refuse_labels
from vgan_tutorial.layers import PortionedConv3d, doublings, perceptron
from vgan_tutorial.types import Classes, ClipLogits, Clips, Labels, Network


class VideoDiscriminator(nn.Module):
    """A critic of motion: 3-D convolutions that halve time, height and width together.

    With the defaults this is VGAN's discriminator (Vondrick et al., NeurIPS 2016, section 2.3) but
    for its last layer: kernels of 4, stride 2, channels that double, batch normalisation but in
    the first layer, a leaky rectifier of slope 0.2, and one last convolution over all that is
    left.

    Departures: the authors' main.lua ends in two numbers, for real and fake, and a cross-entropy
    over both. A softmax over two numbers is the sigmoid of their difference, so one logit says the
    same with 16,385 parameters fewer: 11,041,473 here, 11,057,858 there. Batch normalisation adds
    1e-5 to the variance, there 1e-3. Fewer frames or other sizes get fewer layers or shorter
    kernels.

    Args:
        frames: of a clip. Time is halved until one or two frames are left.
        size: height and width, 4 doubled any number of times.
        channels: of the first layer.
        normalisation: "batch" as published, or "none", which gradient penalties need: a penalty
            is a statement about one clip, and batch statistics mix clips.
        hidden: width of one more layer before the score; 0 for none, as published.
        spectral: divide every weight by its largest singular value (Miyato et al., ICLR 2018).
    """

    def __init__(
        self,
        frames: int = 32,
        size: int = 64,
        channels: int = 64,
        normalisation: str = "batch",
        spectral: bool = False,
        hidden: int = 0,
    ) -> None:
        super().__init__()
        if normalisation not in ("batch", "none"):
            raise ValueError(f'normalisation is "batch" or "none", not {normalisation!r}')
        if frames < 1:
            raise ValueError(f"a clip needs at least one frame, not {frames}")
        layers: list[nn.Module] = []
        inputs, outputs, time = 3, channels, frames
        for step in range(doublings(size)):
            stride = 2 if time >= 4 else 1
            time = time // 2 if time >= 4 else time
            kernel, padding = (4, 1) if stride == 2 else (3, 1)
            layers.append(
                PortionedConv3d(inputs, outputs, (kernel, 4, 4), (stride, 2, 2), (padding, 1, 1))
            )
            if normalisation == "batch" and step > 0:
                layers.append(nn.BatchNorm3d(outputs))
            layers.append(nn.LeakyReLU(0.2))
            inputs, outputs = outputs, outputs * 2
        self.trunk = nn.Sequential(*layers)
        head: list[nn.Module] = [nn.Conv3d(inputs, hidden or 1, (time, 4, 4))]
        if hidden:
            head += [nn.LeakyReLU(0.2), nn.Conv3d(hidden, 1, 1)]
        self.head = nn.Sequential(*head)
        if spectral:
            for layer in [*self.trunk, *self.head]:
                if isinstance(layer, nn.Conv3d):
                    spectral_norm(layer)

    def features(self, clips: Clips) -> Float[Tensor, "batch channels fewer 4 4"]:
        """What the last layer sees before it scores."""
        return self.trunk(clips)

    def forward(self, clips: Clips, labels: Labels | None = None) -> ClipLogits:
        """One logit a clip."""
        refuse_labels(labels, self)
        return self.head(self.features(clips)).flatten()


class StackedDiscriminator(nn.Module):
    """All frames at once: time is folded into the channels, and 2-D convolutions do the rest.

    Video classification calls this early fusion (Karpathy et al., CVPR 2014, section 3.1). The
    first layer compares any two frames at the same place, however far apart in time, which 3-D
    convolutions need several layers for; in return its weights depend on the number of frames.
    No normalisation, so that gradient penalties mean what they say.

    Args:
        frames: of a clip.
        size: height and width, 4 doubled any number of times.
        channels: of the convolutions.
        classes: to judge by; 0 for none. `forward` then needs labels. They enter by projection
            (Miyato and Koyama, ICLR 2018, section 3): with h the last hidden layer and e_y the
            vector of class y, the score is w h + b + <e_y, h>.
        sharp: one more convolution comes first, 3x3 and at full size, for corners and edges. It
            has half the channels.
    """

    def __init__(
        self,
        frames: int = 16,
        size: int = 64,
        channels: int = 64,
        classes: Classes = 0,
        sharp: bool = False,
    ) -> None:
        super().__init__()
        if frames < 1:
            raise ValueError(f"a clip needs at least one frame, not {frames}")
        layers: list[nn.Module] = []
        if sharp:
            layers += [nn.Conv2d(3 * frames, channels // 2, 3, padding=1), nn.LeakyReLU(0.2)]
        widths = [channels // 2 if sharp else 3 * frames] + [channels] * doublings(size)
        for inputs, outputs in pairwise(widths):
            layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        self.trunk = nn.Sequential(*layers, nn.Flatten())
        self.head = perceptron([channels * 4 * 4, 256, 128, 1])
        self.classes = classes
        self.embedding = (
            nn.Linear(sum(factor_counts(classes)), 128, bias=False) if classes else None
        )

    def features(self, clips: Clips) -> Float[Tensor, "batch features"]:
        """What the head sees."""
        stacked = clips.flatten(1, 2).contiguous(memory_format=torch.channels_last)
        return self.trunk(stacked)

    def forward(
        self,
        clips: Clips,
        labels: Labels | None = None,
    ) -> ClipLogits:
        """One logit a clip.

        Raises:
            ValueError: if labels are missing, or given where there are no classes, or too few.
        """
        hidden = self.head[:-1](self.features(clips))
        logits = self.head[-1](hidden)[:, 0]
        if self.embedding is None:
            refuse_labels(labels, self)
            return logits
        chosen = one_per_clip(labels, len(clips), self.classes).to(hidden)
        return logits + (self.embedding(chosen) * hidden).sum(1)


_small = partial(VideoDiscriminator, channels=24, normalisation="none", hidden=128)
# By name, for the configuration.
NETWORKS: dict[str, Network] = {
    "vgan": VideoDiscriminator,
    "video": _small,
    "video-spectral": partial(_small, spectral=True),
    "stacked": StackedDiscriminator,
}
