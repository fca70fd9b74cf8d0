"""Shapes with names: what the signatures of the package mean by clips, logits and labels.

An axis name, such as `batch`, stands for one length throughout a call: two arguments and the
result that share a name must agree. The tests check this at run time.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

Clips = Float[Tensor, "batch 3 time height width"]  # in model range [-1, 1]
Labels = Int[Tensor, " labels"]  # a class for each clip, from 0
ClipLogits = Float[Tensor, " batch"]  # one raw score a clip: no sigmoid
Logits = Float[Tensor, "..."]  # raw scores, one a clip or a grid of them
Scalar = Float[Tensor, ""]
StoredClips = UInt8[np.ndarray, "batch time height width 3"]  # as in files: RGB from 0 to 255
StoredClip = UInt8[np.ndarray, "time height width 3"]

Network = Callable[..., nn.Module]  # builds a network for `frames` frames of `size` pixels
