"""Where films are cut: drawn ones with cuts, shakes, jolts and flashes, as thumbnails."""

import cv2
import numpy as np
import pytest
from jaxtyping import UInt8

from vgan_tutorial.shots import shot_starts, unlikeness

HEIGHT, WIDTH, MARGIN = 180, 320, 60


def scene(rng: np.random.Generator) -> np.ndarray:
    """A blotchy picture with large and small features, as unlike the next one as two rooms are."""
    size = (WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN)
    layers = [rng.normal(0, 1 / n, (n, 2 * n)) * 3 for n in (3, 6, 12, 24)]
    mixed = sum(cv2.resize(layer, size, interpolation=cv2.INTER_CUBIC) for layer in layers)
    return np.clip(rng.uniform(70, 180) + rng.uniform(20, 40) * np.asarray(mixed), 0, 255)


def shot(rng: np.random.Generator, frames: int, shake: float) -> UInt8[np.ndarray, "time 18 32"]:
    """A scene under a camera that pans by a pixel and trembles by `shake` pixels a frame, noisy."""
    picture, places = scene(rng), rng.normal(0, shake, (frames, 2)).cumsum(0) * 0.7
    places += np.arange(frames)[:, None] * rng.uniform(-1, 1, 2)
    tops, lefts = np.clip(MARGIN + places, 0, 2 * MARGIN).round().astype(int).T
    film = np.stack(
        [picture[t : t + HEIGHT, left : left + WIDTH] for t, left in zip(tops, lefts, strict=True)]
    )
    film += rng.normal(0, 8, film.shape)
    small = [cv2.resize(frame, (32, 18), interpolation=cv2.INTER_AREA) for frame in film]
    return np.clip(small, 0, 255).round().astype(np.uint8)


def flashed(film: np.ndarray, start: int, frames: int, rng: np.random.Generator) -> np.ndarray:
    """The same film, so bright for a few frames that most of it is white."""
    bright = film.astype(float)
    bright[start : start + frames] = bright[start : start + frames] * 0.4 + rng.uniform(120, 240)
    return np.clip(bright, 0, 255).astype(np.uint8)


def films(count: int, shake: float):
    for seed in range(count):
        rng = np.random.default_rng(seed)
        yield rng, shot(rng, int(rng.integers(12, 40)), shake)


@pytest.mark.parametrize("shake", [0.0, 3.0, 8.0])
def test_hard_cuts_are_found_where_they_are_and_nowhere_else(shake):
    found = 0
    for rng, first in films(20, shake):
        second = shot(rng, 20, shake)
        starts = shot_starts(np.concatenate([first, second]))
        assert set(starts) <= {0, len(first)}
        found += len(starts) == 2
    assert found >= 19


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_flashes_are_no_cuts(frames):
    for rng, film in films(20, 2.0):
        assert shot_starts(flashed(film, int(rng.integers(1, len(film) - 4)), frames, rng)) == [0]


def test_a_jolt_of_a_tenth_of_the_frame_is_no_cut():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        film = shot(rng, 30, 0.0)
        film[15:] = np.roll(film[15:], 3, axis=2)
        assert shot_starts(film) == [0]


def test_always_in_motion_is_not_cut_to_pieces():
    """Every frame another picture: each is as unlike the last as every other."""
    rng = np.random.default_rng(0)
    assert shot_starts(np.concatenate([shot(rng, 1, 0.0) for _ in range(30)])) == [0]


def test_short_films():
    film = shot(np.random.default_rng(0), 3, 0.0)
    assert shot_starts(film) == shot_starts(film[:1]) == [0]
    assert shot_starts(np.zeros((20, 18, 32), np.uint8)) == [0]


def test_unlikeness_ignores_brightness_contrast_and_small_shifts():
    rng = np.random.default_rng(0)
    one, other = shot(rng, 2, 0.0)[:1], shot(rng, 2, 0.0)[:1]
    brighter = (one // 2 + 20) * 1
    assert unlikeness(one, one)[0] == 0
    assert unlikeness(brighter, brighter + 30)[0] == pytest.approx(0, abs=1e-5)
    # Not quite 0: two columns that only one of them has change its mean.
    assert unlikeness(one[..., 2:], one[..., :-2])[0] < 0.2
    assert unlikeness(one, other)[0] == pytest.approx(unlikeness(other, one)[0])
    assert unlikeness(one, other)[0] > 0.5
