"""Discriminators: networks that score clips. High means "looks real".

Every discriminator maps clips in model range to one raw score (a logit) each. There is no sigmoid
here: the losses take logits.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

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

_SMALL: dict[str, Any] = {"channels": 24, "normalisation": "none", "hidden": 128}

# Choose one by name: each takes `frames` and `size`.
DISCRIMINATORS: dict[str, Callable[..., nn.Module]] = {
    "article": ArticleDiscriminator,
    "patch": PatchDiscriminator,
    "vgan": VideoDiscriminator,
    "video": partial(VideoDiscriminator, **_SMALL),
    "stacked": StackedDiscriminator,
    "dual": DualDiscriminator,
    "blurred": BlurredDiscriminator,
    "video-spectral": partial(VideoDiscriminator, **_SMALL, spectral=True),
    "tgan": TGANDiscriminator,
    "mocogan": MoCoGANDiscriminator,
    "residual": ResidualDiscriminator,
}

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
