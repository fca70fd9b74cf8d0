"""Generators: networks that turn a random latent into a clip.

Every generator has `latent_shape`, the shape of the latent of one clip, and maps a batch of
standard normal latents to clips in model range [-1, 1]. `sample_latent` draws such latents.
"""

from collections.abc import Callable

from torch import nn

from vgan_tutorial.generators.article import ArticleGenerator
from vgan_tutorial.generators.content_motion import ContentMotionGenerator, choose
from vgan_tutorial.generators.latents import sample_latent
from vgan_tutorial.generators.vgan import VGANGenerator

# Choose one by name: each takes `frames` and `size`.
GENERATORS: dict[str, Callable[..., nn.Module]] = {
    "article": ArticleGenerator,
    "vgan": VGANGenerator,
    "content-motion": ContentMotionGenerator,
}

__all__ = [
    "GENERATORS",
    "ArticleGenerator",
    "ContentMotionGenerator",
    "VGANGenerator",
    "choose",
    "sample_latent",
]
