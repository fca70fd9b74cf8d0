"""Shapes with names: what the signatures of the package mean by clips, logits and labels.

An axis name, such as `batch`, stands for one length throughout a call: two arguments and the
result that share a name must agree. The tests check this at run time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

Clips = Float[Tensor, "batch 3 time height width"]  # in model range [-1, 1]
Labels = Int[Tensor, " labels"]  # a class for each clip, from 0
Classes = int | tuple[int, ...]  # how many; or how many values each factor of a class has
ClipLogits = Float[Tensor, " batch"]  # one raw score a clip: no sigmoid
Logits = Float[Tensor, "..."]  # raw scores, one a clip or a grid of them
Scalar = Float[Tensor, ""]
StoredClips = UInt8[np.ndarray, "batch time height width 3"]  # as in files: RGB from 0 to 255
StoredClip = UInt8[np.ndarray, "time height width 3"]


class Scores(NamedTuple):
    """What a discriminator of several critics returns. Each of them has a loss of its own."""

    logits: tuple[Logits, ...]  # of each critic: one a clip, or one for every frame or patch
    classes: Float[Tensor, "batch classes"] | None = None  # logits of the class, if it names one

    def detach(self) -> Scores:
        """The same numbers, cut off from what they were computed from."""
        classes = None if self.classes is None else self.classes.detach()
        return Scores(tuple(each.detach() for each in self.logits), classes)


Network = Callable[..., nn.Module]  # builds a network for `frames` frames of `size` pixels
