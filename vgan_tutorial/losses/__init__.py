"""Adversarial losses, content terms and penalties: the mathematics of chapter 2.

Everything here is a pure function of tensors. Discriminators return raw scores, called logits, and
the losses take raw scores: no sigmoid is needed anywhere else. Choose an adversarial loss by name
with ``ADVERSARIAL_LOSSES["hinge"]``.
"""

from vgan_tutorial.losses.adversarial import (
    ADVERSARIAL_LOSSES,
    ARTICLE_AS_PRINTED,
    PAIRED_LOSSES,
    AdversarialLoss,
    binary_cross_entropy,
    label_smoothing,
    value,
)
from vgan_tutorial.losses.content import (
    distance_to_mean,
    feature_matching,
    literal_content,
    matching_means,
    paired_reconstruction,
)
from vgan_tutorial.losses.critics import (
    as_scores,
    category_loss,
    discriminator_loss,
    generator_loss,
    total_score,
)
from vgan_tutorial.losses.penalties import (
    clip_weights,
    gradient_penalty,
    interpolate,
    largest_singular_value,
    r1_penalty,
    r2_penalty,
)

__all__ = [
    "ADVERSARIAL_LOSSES",
    "ARTICLE_AS_PRINTED",
    "PAIRED_LOSSES",
    "AdversarialLoss",
    "as_scores",
    "binary_cross_entropy",
    "category_loss",
    "clip_weights",
    "discriminator_loss",
    "distance_to_mean",
    "feature_matching",
    "generator_loss",
    "gradient_penalty",
    "interpolate",
    "label_smoothing",
    "largest_singular_value",
    "literal_content",
    "matching_means",
    "paired_reconstruction",
    "r1_penalty",
    "r2_penalty",
    "total_score",
    "value",
]
