"""The camera's path is found again, and taken out, on scenes whose camera is known."""

import cv2
import numpy as np
import pytest

from vgan_tutorial.camera import camera_path, stabilise

HEIGHT, WIDTH = 96, 128


def scene(seed=0):
    """A blotchy texture, larger than the frame."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (40, 60, 3), np.uint8)
    return cv2.resize(coarse, (240, 160), interpolation=cv2.INTER_CUBIC)


def shaken(frames=40, seed=0, noise=0.0):
    """A clip, and how far its picture has moved down and right in each frame."""
    rng = np.random.default_rng(seed)
    place = np.cumsum(rng.integers(-2, 3, (frames, 2)), 0)
    place = np.clip(place, -14, 14) + np.array([30, 50])
    clip = np.stack([scene(seed)[top : top + HEIGHT, left : left + WIDTH] for top, left in place])
    noisy = clip + rng.normal(0, noise, clip.shape) if noise else clip
    return np.clip(noisy, 0, 255).astype(np.uint8), place[0] - place


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("noise", [0.0, 10.0])
def test_a_shake_is_found_again(seed, noise):
    clip, moved = shaken(seed=seed, noise=noise)
    assert camera_path(clip) == pytest.approx(moved, abs=0.1)


@pytest.mark.parametrize("seed", range(5))
def test_a_stabilised_clip_stands_still(seed):
    clip, moved = shaken(seed=seed)
    still = stabilise(clip)
    np.testing.assert_array_equal(still, np.broadcast_to(still[:1], still.shape))
    height, width = np.array(clip.shape[1:3]) - np.ptp(moved, axis=0)  # what all frames show
    assert still.shape == (40, height, width, 3)


def with_a_block(clip, height, width, colour):
    """Something in front that moves at its own speed."""
    clip = clip.copy()
    for time, frame in enumerate(clip):
        frame[30 : 30 + height, 10 + 2 * time : 10 + 2 * time + width] = colour
    return clip


def test_something_that_moves_in_front_keeps_moving():
    clip, moved = shaken(seed=1)
    clip = with_a_block(clip, 20, 24, (150, 120, 90))
    assert camera_path(clip) == pytest.approx(moved, abs=0.4)
    change = np.abs(np.diff(stabilise(clip).astype(int), axis=0)).mean((0, 3))
    assert (change == 0).mean() > 0.5  # above and below everything stands still
    assert change.max() > 5


def test_something_large_and_bright_deceives_it():
    clip, moved = shaken(seed=1)
    path = camera_path(with_a_block(clip, 32, 42, (250, 240, 60)))
    assert np.abs(path - moved).max() > 5


def test_a_still_camera_changes_nothing():
    clip = np.repeat(shaken(2)[0][:1], 6, 0)
    np.testing.assert_array_equal(stabilise(clip), clip)
    assert camera_path(clip[:1]).tolist() == [[0.0, 0.0]]


def test_a_pan_that_leaves_nothing_in_view_is_refused():
    wide = np.tile(scene(), (1, 2, 1))
    clip = np.stack([wide[:HEIGHT, 4 * t : 4 * t + WIDTH] for t in range(30)])
    with pytest.raises(ValueError, match=r"moves by [01] pixels down and 11\d across"):
        stabilise(clip)
