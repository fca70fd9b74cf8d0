"""The article's generator: an encoder and a decoder of noise images (section 4.2)."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from vgan_tutorial.layers import per_frame


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

    def forward(
        self, noise: Float[Tensor, "batch 3 time height width"]
    ) -> Float[Tensor, "batch 3 time height width"]:
        """One frame from each noise image, every frame on its own."""
        return per_frame(self.frame_network, noise)
