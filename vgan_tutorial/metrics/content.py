"""MoCoGAN's two scores: does the object stay the same, and is the motion the wanted one?"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vgan_tutorial.metrics.classifier import HEADS, ShapesClassifier, load_classifier
from vgan_tutorial.shapes import Preset
from vgan_tutorial.types import Clips

FOREGROUND = 0.9  # of the frame's brightest pixel: inside a shape, where its edge is not mixed in


def content_distance(
    clips: Clips,
) -> Float[Tensor, " batch"]:
    """Average content distance of each clip (eq-content-distance); 0 where the colour stays.

    A frame is described by the mean colour of its object, red, green and blue in 0 to 255; the
    score is the mean distance between the colours of all pairs of different frames. The object
    is taken to be the pixels at least 0.9 times as bright as the frame's brightest, on black; a
    black frame has the colour black.

    Source: ACD for shape motion, Tulyakov et al. (MoCoGAN), CVPR 2018, section 4. The paper does
    not say how it finds the object; the threshold is ours.

    Args:
        clips: clips in model range [-1, 1], at least two frames.

    Raises:
        ValueError: if clips have a single frame.
    """
    frames = clips.shape[2]
    if frames < 2:
        raise ValueError("the content distance compares frames, and these clips have only one")
    intensity = (clips.clamp(-1, 1) + 1) * 127.5
    brightness = intensity.amax(1, keepdim=True)  # batch, 1, time, height, width
    inside = (brightness >= FOREGROUND * brightness.amax((-2, -1), keepdim=True)).float()
    colour = (intensity * inside).sum((-2, -1)) / inside.sum((-2, -1))  # batch, 3, time
    distances = torch.cdist(colour.mT, colour.mT, compute_mode="donot_use_mm_for_euclid_dist")
    return distances.sum((1, 2)) / (frames * (frames - 1))


def frame_change(clips: Clips) -> Float[Tensor, " batch"]:
    """Mean absolute change of the pixels from a frame to the next, as a share of their range.

    Still pictures have 0, and pictures that flicker have too much: put it beside real clips'.

    Args:
        clips: clips in model range [-1, 1], at least two frames.

    Raises:
        ValueError: if clips have a single frame.
    """
    if clips.shape[2] < 2:
        raise ValueError("change is between frames, and these clips have only one")
    return (clips[:, :, 1:] - clips[:, :, :-1]).abs().flatten(1).mean(1) / 2


@torch.no_grad()
def motion_control(
    clips: Clips,
    wanted: Int[Tensor, " batch"],
    preset: Preset,
    classifier: ShapesClassifier | None = None,
    chunk: int = 64,
) -> Bool[Tensor, " batch"]:
    """Which clips a motion classifier puts into the wanted class; their mean is the MCS.

    The motion control score (eq-motion-control) is the share of clips in which a classifier of
    real clips recognises the motion that the generator was asked for. For generators that cannot
    be asked, `wanted` is the motion of the clips that the fakes were made from, or there is no
    such score.

    Source: MCS, Tulyakov et al. (MoCoGAN), CVPR 2018, section 4.

    Args:
        clips: clips in model range.
        wanted: index of the motion in the preset's list.
        preset: which motions the indices mean.
        classifier: classifier of kind "clip"; the shipped one by default.
        chunk: clips classified together.
    """
    classifier = classifier or load_classifier("clip", clips.device)
    motions = [HEADS["motion"].index(name) for name in preset.motions]
    allowed = torch.tensor(motions, device=clips.device)
    logits = torch.cat([classifier(part)["motion"] for part in clips.split(chunk)])
    return logits[:, allowed].argmax(1) == wanted.to(clips.device)
