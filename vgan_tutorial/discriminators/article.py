"""The article's discriminator: a classifier of single frames (section 4.3)."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from vgan_tutorial.latents import refuse_labels
from vgan_tutorial.layers import per_frame
from vgan_tutorial.types import ClipLogits, Clips, Labels, Network


class ArticleDiscriminator(nn.Module):
    """The article's discriminator (section 4.3): two strided convolutions and a linear score.

    It sees one frame at a time. A clip's logit is the mean of its frames' logits, which is what
    the article's text does when it passes frames one by one: whatever their order, the score is
    the same.

    Departure: the leaky rectifiers have slope 0.2, DCGAN's. The article leaves Keras' default,
    0.3.
    """

    def __init__(self, frames: int = 16, size: int = 64, channels: int = 64) -> None:
        super().__init__()
        if size % 4:
            raise ValueError(f"the frame size must be a multiple of 4, not {size}")
        self.frame_network = nn.Sequential(
            nn.Conv2d(3, channels, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(2 * channels * (size // 4) ** 2, 1),
        )

    def features(self, clips: Clips) -> Float[Tensor, "batch features"]:
        """What the last layer sees, averaged over frames: it then gives the logit."""
        return per_frame(self.frame_network[:-1], clips).mean(1)

    def forward(self, clips: Clips, labels: Labels | None = None) -> ClipLogits:
        """The mean over time of the frames' logits."""
        refuse_labels(labels, self)
        return per_frame(self.frame_network, clips).mean((1, 2))


# By name, for the configuration.
NETWORKS: dict[str, Network] = {"article": ArticleDiscriminator}
