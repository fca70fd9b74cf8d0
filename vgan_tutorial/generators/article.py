"""The article's generator: an encoder and a decoder of noise images (section 4.2)."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from vgan_tutorial.latents import refuse_labels
from vgan_tutorial.layers import doublings, per_frame
from vgan_tutorial.types import Clips, Labels, Network


class ArticleGenerator(nn.Module):
    """The article's encoder and decoder, as printed (section 4.2), made to run.

    It maps a *noise image* to an image: one convolution halves the size, one transposed
    convolution doubles it again, one convolution paints. A clip is made frame by frame, each from
    its own noise. Departures: Keras has no `Tanh` layer, so `nn.Tanh` stands where the article
    wrote `tf.keras.layers.Tanh()`; the places where the article says "add more layers" are left
    as they are.
    """

    def __init__(self, frames: int = 16, size: int = 64, channels: int = 64) -> None:
        super().__init__()
        self.latent_shape = (3, frames, size, size)
        self.frame_network = nn.Sequential(
            nn.Conv2d(3, channels, 4, stride=2, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, 3, 7, padding=3),
            nn.Tanh(),
        )

    def forward(self, noise: Clips, labels: Labels | None = None) -> Clips:
        """One frame from each noise image, every frame on its own."""
        refuse_labels(labels, self)
        return per_frame(self.frame_network, noise)


class CompletedArticleGenerator(nn.Module):
    """The article's encoder and decoder with the layers that its comments ask for.

    "Add more layers" is taken at its word: convolutions of stride 2 halve the noise image until it
    is 4x4, transposed ones double it back, all with kernels of 4. Now pixels that are far apart
    depend on common noise, so a whole figure can be placed. Not every pixel depends on all noise:
    at 64 pixels the field of 94 is centred on its pixel, and one at the border sees three quarters
    of the columns. Frames are still made one by one: what is missing is time.

    Args:
        frames: of a clip; any number.
        size: height and width, 4 doubled any number of times.
        channels: of the first layer; they double up to 8 times as many.
    """

    def __init__(self, frames: int = 16, size: int = 64, channels: int = 64) -> None:
        super().__init__()
        self.latent_shape = (3, frames, size, size)
        widths = [channels * min(8, 2**n) for n in range(doublings(size))]
        down: list[nn.Module] = []
        for inputs, outputs in pairwise([3, *widths]):
            down += [
                nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
        up: list[nn.Module] = []
        for inputs, outputs in pairwise([*reversed(widths), channels]):
            up += [
                nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
        paint = [nn.Conv2d(channels, 3, 7, padding=3), nn.Tanh()]
        self.frame_network = nn.Sequential(*down, *up, *paint)

    def forward(self, noise: Clips, labels: Labels | None = None) -> Clips:
        """One frame from each noise image, every frame on its own."""
        refuse_labels(labels, self)
        return per_frame(self.frame_network, noise)


# By name, for the configuration.
NETWORKS: dict[str, Network] = {
    "article": ArticleGenerator,
    "article-completed": CompletedArticleGenerator,
}
