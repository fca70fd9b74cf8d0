"""Discriminators: networks that score clips. High means "looks real".

Every discriminator maps clips in model range to one raw score (a logit) each. There is no sigmoid
here: the losses take logits.

A network is one file of this folder. Its `NETWORKS` say by which names a configuration finds it.
"""

from vgan_tutorial.discriminators.article import ArticleDiscriminator
from vgan_tutorial.discriminators.dual import BlurredDiscriminator, DualDiscriminator
from vgan_tutorial.discriminators.mocogan import MoCoGANDiscriminator, MoCoGANVideoDiscriminator
from vgan_tutorial.discriminators.patch import PatchDiscriminator
from vgan_tutorial.discriminators.residual import (
    ProjectionHead,
    ResidualDiscriminator,
    ShrinkingBlock,
)
from vgan_tutorial.discriminators.sampling import sample_frames
from vgan_tutorial.discriminators.tgan import (
    TGANDiscriminator,
    clip_singular_values,
    cut_singular_values,
)
from vgan_tutorial.discriminators.video import StackedDiscriminator, VideoDiscriminator
from vgan_tutorial.gathering import gather
from vgan_tutorial.types import Network

# Choose one by name: each takes `frames` and `size`, and `classes` if it can be told them.
DISCRIMINATORS: dict[str, Network] = gather(__name__, "NETWORKS")

__all__ = [
    "DISCRIMINATORS",
    "ArticleDiscriminator",
    "BlurredDiscriminator",
    "DualDiscriminator",
    "MoCoGANDiscriminator",
    "MoCoGANVideoDiscriminator",
    "PatchDiscriminator",
    "ProjectionHead",
    "ResidualDiscriminator",
    "ShrinkingBlock",
    "StackedDiscriminator",
    "TGANDiscriminator",
    "VideoDiscriminator",
    "clip_singular_values",
    "cut_singular_values",
    "sample_frames",
]
