"""Generators: networks that turn a random latent into a clip.

Every generator has `latent_shape`, the shape of the latent of one clip, and maps a batch of
standard normal latents, see `vgan_tutorial.latents`, to clips in model range [-1, 1]. A generator
with classes chooses one by the latent's first number, unless it is given `labels`.

A network is one file of this folder. Its `NETWORKS` say by which names a configuration finds it.
"""

from vgan_tutorial.gathering import gather
from vgan_tutorial.generators.article import ArticleGenerator, CompletedArticleGenerator
from vgan_tutorial.generators.content_motion import ContentMotionGenerator
from vgan_tutorial.generators.dcgan import DCGANGenerator, decode_frames, frame_decoder
from vgan_tutorial.generators.mocogan import MoCoGANGenerator
from vgan_tutorial.generators.painter import PainterGenerator
from vgan_tutorial.generators.residual import ConvolutionalGRU, GrowingBlock, ResidualGenerator
from vgan_tutorial.generators.tgan import TGANGenerator, temporal_generator
from vgan_tutorial.generators.vgan import VGANGenerator
from vgan_tutorial.types import Network

# Choose one by name: each takes `frames` and `size`, and `classes` if it can be told them.
GENERATORS: dict[str, Network] = gather(__name__, "NETWORKS")

__all__ = [
    "GENERATORS",
    "ArticleGenerator",
    "CompletedArticleGenerator",
    "ContentMotionGenerator",
    "ConvolutionalGRU",
    "DCGANGenerator",
    "GrowingBlock",
    "MoCoGANGenerator",
    "PainterGenerator",
    "ResidualGenerator",
    "TGANGenerator",
    "VGANGenerator",
    "decode_frames",
    "frame_decoder",
    "temporal_generator",
]
