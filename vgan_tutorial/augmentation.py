"""Differentiable augmentation: the critic sees clips that are changed, real and fake alike.

A critic with few real clips soon knows them by heart. Changed clips make that harder, and as
gradients pass through every change, the generator still learns (Zhao et al., NeurIPS 2020).

What is drawn is drawn once a clip and holds for all of its frames: a change that differed from
frame to frame would look like motion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor


def augment(
    clips: Float[Tensor, "batch channels time height width"],
    generator: torch.Generator,
    policy: Sequence[str] = ("colour", "translation", "cutout"),
) -> Float[Tensor, "batch channels time height width"]:
    """Each clip, changed in its own random way by every kind of change in `policy`, in turn.

    Args:
        clips: in model range; the result can leave [-1, 1].
        generator: the source of randomness. The same state gives the same changes.
        policy: names in `AUGMENTATIONS`.

    Raises:
        ValueError: for a name that is not known.
    """
    for name in policy:
        if name not in AUGMENTATIONS:
            raise ValueError(
                f"no augmentation is called {name!r}; there are {', '.join(AUGMENTATIONS)}"
            )
        clips = AUGMENTATIONS[name](clips, generator)
    return clips


def change_colour(
    clips: Float[Tensor, "batch channels time height width"], generator: torch.Generator
) -> Float[Tensor, "batch channels time height width"]:
    """Brightness, then saturation, then contrast.

    Brightness adds a number from (-0.5, 0.5). Saturation moves colours away from or towards the
    pixel's mean over channels, by a factor from (0, 2). Contrast does the same with the mean of
    the whole clip, by a factor from (0.5, 1.5).
    """
    brightness, saturation, contrast = _uniform(clips, generator, 3)
    clips = clips + brightness - 0.5
    grey = clips.mean(1, keepdim=True)
    clips = grey + 2 * saturation * (clips - grey)
    mean = clips.mean((1, 2, 3, 4), keepdim=True)
    return mean + (contrast + 0.5) * (clips - mean)


def translate(
    clips: Float[Tensor, "batch channels time height width"],
    generator: torch.Generator,
    share: float = 1 / 8,
) -> Float[Tensor, "batch channels time height width"]:
    """Shift by whole pixels, by up to `share` of height and width; what comes in is 0, mid grey."""
    height, width = clips.shape[3:]
    down, right = _uniform(clips, generator, 2).flatten(1)  # each of length batch
    clips = _shift(clips, _whole(down, round(height * share)), axis=3)
    return _shift(clips, _whole(right, round(width * share)), axis=4)


def cut_out(
    clips: Float[Tensor, "batch channels time height width"],
    generator: torch.Generator,
    share: float = 1 / 2,
) -> Float[Tensor, "batch channels time height width"]:
    """Set a rectangle to 0, mid grey: `share` as high and wide as the frame, at a random place.

    Its middle may be any pixel, so part of it can lie outside.
    """
    down, right = _uniform(clips, generator, 2).flatten(1)
    outside = [
        _apart(middle, clips.shape[axis], share, clips) for middle, axis in ((down, 3), (right, 4))
    ]
    keep = outside[0][:, :, None] | outside[1][:, None, :]  # batch, height, width
    return clips * keep[:, None, None]


def mirror(
    clips: Float[Tensor, "batch channels time height width"], generator: torch.Generator
) -> Float[Tensor, "batch channels time height width"]:
    """Exchange left and right in half of the clips, drawn by chance, in all frames of each.

    Unlike the other changes it says something about the data: that a mirrored clip could have been
    filmed as well. Nothing then keeps the generator from making mirrored ones, as if the data had
    been mirrored before. So it is not for writing, for faces with a parting, for hands, clocks and
    traffic, nor for labels with a side ("turns left"); and not for Moving Shapes, whose circles
    all run the same way.
    """
    turned = _uniform(clips, generator, 1)[0] < 0.5
    return torch.where(turned, clips.flip(4), clips)


# Choose by name: each takes clips and a source of randomness.
AUGMENTATIONS: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "colour": change_colour,
    "translation": translate,
    "cutout": cut_out,
    "mirror": mirror,
}


def _uniform(clips: Tensor, generator: torch.Generator, count: int) -> Tensor:
    """Numbers from (0, 1), `count` for each clip, that broadcast over all else."""
    drawn = torch.rand(count, len(clips), 1, 1, 1, 1, generator=generator, device=generator.device)
    return drawn.to(clips)


def _whole(share: Tensor, most: int) -> Int[Tensor, " batch"]:
    """Whole numbers from -most to most, all equally likely, from uniform ones."""
    return (share * (2 * most + 1)).long().clamp(max=2 * most) - most


def _shift(clips: Tensor, steps: Int[Tensor, " batch"], axis: int) -> Tensor:
    """Each clip moved along an axis by its own number of pixels, with 0 where none came from."""
    size = clips.shape[axis]
    source = torch.arange(size, device=clips.device) - steps[:, None]  # batch, size
    shape = [len(clips), 1, 1, 1, 1]
    shape[axis] = size
    inside = ((source >= 0) & (source < size)).view(shape)
    index = source.clamp(0, size - 1).view(shape).expand_as(clips)
    return clips.gather(axis, index) * inside


def _apart(middle: Tensor, size: int, share: float, clips: Tensor) -> Tensor:
    """Which places of an axis lie outside the window around the middle: batch, size."""
    length = max(1, round(size * share))
    start = (middle * size).long().clamp(max=size - 1) - length // 2
    places = torch.arange(size, device=clips.device)
    return (places < start[:, None]) | (places >= start[:, None] + length)


def add_noise(
    features: Float[Tensor, "*any"], std: float, generator: torch.Generator | None
) -> Float[Tensor, "*any"]:
    """The same features with normal noise on them; as they are if there is nothing to draw it."""
    if generator is None or std == 0:
        return features
    noise = torch.randn(features.shape, generator=generator, device=generator.device)
    return features + std * noise.to(features)


def blur(
    clips: Float[Tensor, "batch channels time height width"], std: float
) -> Float[Tensor, "batch channels time height width"]:
    """Every frame under a Gaussian of this standard deviation in pixels; as it is for 0.

    As an easy beginning: a critic that sees blurred clips judges colour and place before outlines.
    The published training code of StyleGAN3 begins so (Karras et al., NeurIPS 2021).

    Near an edge the weights that would fall outside go to the pixels inside, so the same colour
    everywhere stays the same colour.
    """
    if std == 0:
        return clips
    down, right = (_gaussian(length, std).to(clips) for length in clips.shape[3:])
    return down @ clips @ right.T


def _gaussian(length: int, std: float) -> Float[Tensor, "to from"]:
    """What each of `length` places in a row takes from each: rows that sum to 1."""
    places = torch.arange(length)
    return torch.softmax(-(((places[:, None] - places) / std) ** 2) / 2, dim=1)
