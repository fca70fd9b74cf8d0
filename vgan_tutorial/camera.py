"""Measures how a camera moved, and takes that motion out of a clip.

A generator must draw everything that moves. Under a moving camera that is every pixel of the
background too. VGAN was therefore trained on clips that had been stabilised (Vondrick et al.,
2016).
"""

from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Float, UInt8

LEAST_SHARED = 0.6  # of the area must a frame have in common with the anchor that it is held to
STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-3)
BLUR = 5  # pixels: before two frames are compared
LEAST_LEFT = 0.5  # of each side must stay in view for a clip to be worth stabilising


def camera_path(
    clip: UInt8[np.ndarray, "time height width 3"],
) -> Float[np.ndarray, "time down_right"]:
    """How far the picture has moved since the first frame, in pixels: down, and to the right.

    Two steps for each frame. Phase correlation with the frame before gives a guess: the shift at
    which most spatial frequencies agree, found in the Fourier transforms of both. Its errors would
    add up, so the guess is improved against an anchor, the first frame at first, by the shift with
    the greatest correlation coefficient (Evangelidis and Psarakis, TPAMI 2008, in OpenCV). When the
    two share too little, the frame becomes the next anchor.

    It sees shifts alone. A zoom or a turn deceives it, and so does something that moves otherwise,
    if it is large and stands out: a bright block on a ninth of the picture is enough.
    """
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32) for frame in clip]
    path = np.zeros((len(clip), 2))
    anchor = 0
    for number, (one, other) in enumerate(pairwise(grey), 1):
        guess = path[number - 1] - path[anchor] + _guess(one, other)
        moved = _improved(grey[anchor], other, guess)
        path[number] = path[anchor] + (guess if moved is None else moved)
        if moved is None or np.prod(1 - np.abs(moved) / one.shape) < LEAST_SHARED:
            anchor = number
    return path


def _guess(one: np.ndarray, other: np.ndarray) -> Float[np.ndarray, "down_right"]:
    """How far the second picture lies below the first and to the right, to about a pixel."""
    fade = cv2.createHanningWindow(one.shape[::-1], cv2.CV_32F)  # edges would not match
    (right, down), _ = cv2.phaseCorrelate(one - one.mean(), other - other.mean(), fade)
    return np.array([down, right])


def _improved(
    one: np.ndarray, other: np.ndarray, guess: np.ndarray
) -> Float[np.ndarray, "down_right"] | None:
    """The same to a small part of a pixel; None if the guess leads nowhere."""
    move = np.array([[1, 0, guess[1]], [0, 1, guess[0]]], np.float32)
    try:
        _, move = cv2.findTransformECC(one, other, move, cv2.MOTION_TRANSLATION, STOP, None, BLUR)
    except cv2.error:  # the two have nothing in common
        return None
    return move[::-1, 2].astype(float)


def stabilise(
    clip: UInt8[np.ndarray, "time height width 3"],
) -> UInt8[np.ndarray, "time new_height new_width 3"]:
    """Cut the part out of every frame that all frames show, so that the background stands still.

    The window moves with the picture by whole pixels, so nothing is blurred; what is left of a
    shake is half a pixel. The clip becomes smaller by as much as the
    camera moved.

    Raises:
        ValueError: less than half the height or width stays in view.
    """
    moved = np.round(camera_path(clip)).astype(int)
    first = moved - moved.min(0)  # where the window begins in each frame
    height, width = clip.shape[1] - first[:, 0].max(), clip.shape[2] - first[:, 1].max()
    if height < LEAST_LEFT * clip.shape[1] or width < LEAST_LEFT * clip.shape[2]:
        down, right = first.max(0)
        raise ValueError(
            f"the camera moves by {down} pixels down and {right} across, so too little stays in "
            "view: take a shorter clip, or leave the motion in"
        )
    return np.stack(
        [
            frame[top : top + height, left : left + width]
            for frame, (top, left) in zip(clip, first, strict=True)
        ]
    )
