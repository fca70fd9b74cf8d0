"""Generators: networks that turn a random latent into a clip.

Every generator has `latent_shape`, the shape of the latent of one clip, and maps a batch of
standard normal latents to clips in model range [-1, 1]. `sample_latent` draws such latents. A
generator with classes chooses one by the latent's first number, unless it is given `labels`.
"""

from collections.abc import Callable
from functools import partial

from torch import nn

from vgan_tutorial.generators.article import ArticleGenerator, CompletedArticleGenerator
from vgan_tutorial.generators.content_motion import ContentMotionGenerator, choose
from vgan_tutorial.generators.dcgan import DCGANGenerator, decode_frames, frame_decoder
from vgan_tutorial.generators.latents import class_vector, sample_latent
from vgan_tutorial.generators.mocogan import MoCoGANGenerator
from vgan_tutorial.generators.residual import ConvolutionalGRU, GrowingBlock, ResidualGenerator
from vgan_tutorial.generators.tgan import TGANGenerator, temporal_generator
from vgan_tutorial.generators.vgan import VGANGenerator

# Choose one by name: each takes `frames` and `size`.
GENERATORS: dict[str, Callable[..., nn.Module]] = {
    "article": ArticleGenerator,
    "article-completed": CompletedArticleGenerator,
    "dcgan": DCGANGenerator,
    "dcgan-uneven": partial(DCGANGenerator, kernel=3),
    "vgan": VGANGenerator,
    "tgan": TGANGenerator,
    "mocogan": MoCoGANGenerator,
    "residual": ResidualGenerator,
    "content-motion": ContentMotionGenerator,
    "content-motion-smooth": partial(ContentMotionGenerator, kinds=1, moves=1),
}

__all__ = [
    "GENERATORS",
    "ArticleGenerator",
    "CompletedArticleGenerator",
    "ContentMotionGenerator",
    "ConvolutionalGRU",
    "DCGANGenerator",
    "GrowingBlock",
    "MoCoGANGenerator",
    "ResidualGenerator",
    "TGANGenerator",
    "VGANGenerator",
    "choose",
    "class_vector",
    "decode_frames",
    "frame_decoder",
    "sample_latent",
    "temporal_generator",
]
