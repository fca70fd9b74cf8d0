"""Sampling, cropping and resizing."""

import logging

import numpy as np
import pytest
import torch
from scipy.signal import resample_poly

from tests.support.seeds import seeded
from tests.support.videos import moving_clip, write_lossless
from vgan_tutorial.errors import VideoError
from vgan_tutorial.oracle import judge
from vgan_tutorial.pixels import to_model_range, to_uint8
from vgan_tutorial.preprocessing import (
    centre_crop,
    frame_indices,
    indices_at_rate,
    motion_place,
    preprocess_video,
    random_crop,
    resize,
    sample_frames,
    shrinker,
    window_starts,
)
from vgan_tutorial.shapes import PRESETS, MovingShapes


def test_centre_crop_keeps_the_middle():
    clip = moving_clip(3, 10, 20)
    np.testing.assert_array_equal(centre_crop(clip, 4, 6), clip[:, 3:7, 7:13])
    odd = moving_clip(3, 11, 21)
    assert centre_crop(odd, 4, 6).shape == (3, 4, 6, 3)


def test_random_crop_is_one_window_for_the_whole_clip_and_reaches_every_place():
    rows, columns = np.mgrid[:6, :7]
    place = np.stack([rows, columns, 0 * rows], -1).astype(np.uint8)
    clip = np.repeat(place[None], 4, axis=0)
    draw = seeded()
    corners = set()
    for _ in range(200):
        crop = random_crop(clip, 4, 4, draw)
        assert (crop == crop[:1]).all()
        np.testing.assert_array_equal(crop[0, -1, -1, :2] - crop[0, 0, 0, :2], [3, 3])
        corners.add(tuple(crop[0, 0, 0, :2].tolist()))
    assert corners == {(top, left) for top in range(3) for left in range(4)}


def test_random_crop_follows_the_seed():
    clip = moving_clip()
    np.testing.assert_array_equal(
        random_crop(clip, 20, 20, seeded(3)), random_crop(clip, 20, 20, seeded(3))
    )


def test_crop_that_does_not_fit():
    with pytest.raises(ValueError, match="does not fit frames of 48 x 64"):
        centre_crop(moving_clip(), 49, 10)
    with pytest.raises(ValueError, match="does not fit frames of 48 x 64"):
        random_crop(moving_clip(), 10, 65, seeded())


def test_shrinking_by_a_whole_factor_is_the_mean_of_the_block():
    clip = np.random.default_rng(0).integers(0, 256, (2, 12, 18, 3), np.uint8)
    mean = clip.reshape(2, 4, 3, 6, 3, 3).astype(float).mean((2, 4))
    assert np.abs(resize(clip, 4, 6) - mean).max() <= 0.5


def test_shrinking_by_a_broken_factor_weighs_the_pixels_by_their_overlap():
    clip = np.random.default_rng(0).integers(0, 256, (1, 5, 5, 3), np.uint8)
    # 5 pixels to 2: each new pixel covers two whole pixels and half of the middle one.
    weights = np.array([[1, 1, 0.5, 0, 0], [0, 0, 0.5, 1, 1]]) / 2.5
    expected = np.einsum("ay,bx,tyxc->tabc", weights, weights, clip.astype(float))
    assert np.abs(resize(clip, 2, 2) - expected).max() <= 1


def test_antialiasing_removes_what_the_new_grid_cannot_show():
    """Fine stripes, a sixteenth of the size: the honest answer is flat grey."""
    stripes = np.zeros((1, 320, 320, 3), np.uint8)
    stripes[:, :, ::5] = 255
    honest = resize(stripes, 20, 20)[0, 0, :, 0].astype(float)
    naive = resize(stripes, 20, 20, antialias=False)[0, 0, :, 0].astype(float)
    reference = resample_poly(stripes[0, 0, :, 0].astype(float), 1, 16)[2:-2]  # another filter
    assert abs(honest.mean() - reference.mean()) < 3
    assert reference.std() < 8
    assert honest.std() < 8
    assert naive.std() > 40


def test_enlarging_interpolates_and_mixed_sizes_work():
    clip = moving_clip(2, 12, 40)
    assert resize(clip, 24, 10).shape == (2, 24, 10, 3)
    ramp = np.repeat(np.arange(0, 250, 50, dtype=np.uint8)[None, None, :, None], 3, axis=-1)
    wide = resize(np.repeat(ramp, 2, axis=1), 2, 20)[0, 0, :, 0].astype(int)
    assert (np.diff(wide) >= 0).all()
    assert len(set(wide.tolist())) > 10


def test_resizing_to_the_same_size_changes_nothing():
    clip = moving_clip()
    np.testing.assert_array_equal(resize(clip, 48, 64), clip)


def test_resize_refuses_an_empty_size():
    with pytest.raises(ValueError, match="positive"):
        resize(moving_clip(), 0, 4)


def test_window_with_stride():
    assert frame_indices(20, 4, stride=3, start=2).tolist() == [2, 5, 8, 11]


@pytest.mark.parametrize(
    ("length", "frames", "stride", "starts"), [(16, 16, 1, 1), (20, 4, 3, 11), (9, 4, 3, 0)]
)
def test_window_starts_counts_the_starts_that_fit(length, frames, stride, starts):
    assert window_starts(length, frames, stride) == starts
    if starts:
        frame_indices(length, frames, stride, starts - 1)
    with pytest.raises(ValueError, match="take fewer frames"):
        frame_indices(length, frames, stride, starts)


def test_short_clip_bounces_by_request_and_says_so(caplog):
    with caplog.at_level(logging.WARNING):
        assert frame_indices(3, 9, short="bounce").tolist() == [0, 1, 2, 1, 0, 1, 2, 1, 0]
    assert "played forwards and backwards" in caplog.text


def test_bounce_does_not_touch_clips_that_are_long_enough(caplog):
    with caplog.at_level(logging.WARNING):
        assert frame_indices(9, 4, short="bounce").tolist() == [0, 1, 2, 3]
    assert caplog.text == ""


def test_single_frame_holds_no_motion_to_continue():
    with pytest.raises(ValueError, match="the clip has 1 frames"):
        frame_indices(1, 4, short="bounce")


def test_random_windows_reach_the_first_and_the_last_start():
    clip = moving_clip(12)
    draw = seeded()
    firsts = [sample_frames(clip, 4, 2, generator=draw)[0] for _ in range(100)]
    seen = {int(np.flatnonzero((clip == first).all((1, 2, 3)))[0]) for first in firsts}
    assert seen == set(range(6))


def test_preprocess_video_does_the_whole_path(tmp_path):
    clip = write_lossless(tmp_path / "a.avi", frames=12, height=48, width=64)
    made = preprocess_video(tmp_path / "a.avi", frames=5, size=16, stride=2)
    expected = resize(clip[0:10:2, :, 8:56], 16, 16)
    np.testing.assert_array_equal(made, expected)


def test_preprocess_video_draws_window_and_crop_from_the_generator(tmp_path):
    write_lossless(tmp_path / "a.avi", frames=12, height=48, width=64)

    def make(seed):
        return preprocess_video(tmp_path / "a.avi", 4, 16, generator=seeded(seed))

    np.testing.assert_array_equal(make(1), make(1))
    assert len({make(seed).tobytes() for seed in range(8)}) > 1


@pytest.mark.parametrize(("frames", "short"), [(4, "error"), (4, "bounce"), (20, "bounce")])
def test_preprocess_video_is_sampling_cropping_and_resizing(tmp_path, frames, short):
    """Whole frames of a whole file would fill the memory, so only small ones are kept."""
    clip = write_lossless(tmp_path / "a.avi", frames=12, height=48, width=64)
    for seed in range(4):
        draw = seeded(seed)
        window = sample_frames(clip, frames, 2, generator=draw, short=short)
        expected = resize(random_crop(window, 48, 48, draw), 16, 16)
        made = preprocess_video(
            tmp_path / "a.avi", frames, 16, 2, generator=seeded(seed), short=short
        )
        np.testing.assert_array_equal(made, expected)
    window = sample_frames(clip, frames, 2, start=3, short="bounce")
    made = preprocess_video(tmp_path / "a.avi", frames, 16, 2, 3, short="bounce")
    np.testing.assert_array_equal(made, resize(centre_crop(window, 48, 48), 16, 16))


def test_preprocess_video_names_the_file_that_is_too_short(tmp_path):
    write_lossless(tmp_path / "short.avi", frames=5)
    with pytest.raises(VideoError, match=r"short\.avi: too short: wanted 8 .* the file gives 5"):
        preprocess_video(tmp_path / "short.avi", frames=8, size=16)
    with pytest.raises(VideoError, match=r"short\.avi: too short: the clip has 5 frames"):
        preprocess_video(tmp_path / "short.avi", frames=8, size=16, generator=seeded())
    assert len(preprocess_video(tmp_path / "short.avi", 8, 16, short="bounce")) == 8


def test_break_axis_order():
    """Chapter 3 breaks the axis order on purpose: each mistake has its signature, the fix none."""
    preset = PRESETS["tiny"]
    clips, factors = MovingShapes(preset, seed=0).batch(96)
    stored = to_uint8(clips)
    right = to_model_range(stored)

    def step(clips, axis):
        return clips.diff(dim=axis).abs().mean()

    verdict = judge(right, preset)
    assert verdict.valid.all()
    assert torch.equal(verdict.factors.motion, factors.motion)
    assert torch.equal(verdict.factors.colour, factors.colour)

    scrambled = stored.reshape(right.shape) / 127.5 - 1
    assert step(scrambled, 4) > 1.5 * step(right, 4)
    assert step(scrambled, 2) > 1.5 * step(right, 2)
    assert judge(scrambled, preset).valid.float().mean() < 0.05

    blue_first = right.flip(1)
    assert step(blue_first, 4) == pytest.approx(step(right, 4))  # no statistic of steps sees it
    verdict = judge(blue_first, preset)
    assert not (verdict.valid & (verdict.factors.colour == factors.colour)).any()

    turned = right.transpose(3, 4).contiguous()
    verdict = judge(turned, preset)
    assert verdict.valid.all()
    straight = factors.motion != preset.motions.index("circular")
    assert not (verdict.factors.motion == factors.motion)[straight].any()


def wide_film(left: int, noise: float = 0.0) -> np.ndarray:
    """Thumbnails of 18 x 32 with a bright blob that jumps about within five columns."""
    rng = np.random.default_rng(0)
    film = rng.normal(100, noise, (20, 18, 32)) if noise else np.full((20, 18, 32), 100.0)
    for time in range(20):
        film[time, 6:10, left + time % 4 : left + time % 4 + 2] = 200
    return film.round().astype(np.uint8)


@pytest.mark.parametrize("noise", [0.0, 0.4])
@pytest.mark.parametrize("left", [0, 5, 13, 20, 27])
def test_the_square_of_most_motion_holds_what_moves(left, noise):
    film = wide_film(left, noise)
    place = motion_place(film)
    first = place * (32 - 18)
    assert first <= left + 0.2
    assert first + 18 >= left + 5 - 0.2
    assert motion_place(film.transpose(0, 2, 1)) == place  # upright
    assert motion_place(film[..., ::-1]) == pytest.approx(1 - place, abs=0.011)  # mirrored


def test_what_moves_is_in_the_middle_of_the_square_where_that_can_be():
    assert motion_place(wide_film(13)) * (32 - 18) + 9 == pytest.approx(13 + 2.5, abs=0.3)


def test_a_still_film_keeps_its_centre_and_so_does_one_that_only_flickers():
    still = np.random.default_rng(0).integers(0, 256, (1, 18, 32), np.uint8).repeat(9, axis=0)
    assert motion_place(still) == motion_place(still[:1]) == 0.5
    flicker = np.random.default_rng(1).integers(100, 103, (9, 18, 32), np.uint8)
    assert motion_place(flicker) == 0.5


def test_a_place_for_the_square():
    clip = moving_clip(1, 20, 50)
    for place, left in ((0.0, 0), (0.5, 15), (1.0, 30)):
        np.testing.assert_array_equal(shrinker(20, place)(clip[0]), clip[0, :, left : left + 20])
        upright = clip[0].transpose(1, 0, 2)
        np.testing.assert_array_equal(shrinker(20, place)(upright), upright[left : left + 20])


@pytest.mark.parametrize(
    ("own", "fps"), [(25, 25.0), (30, 30.0), (60, 30.0), (30, 15.0), (50, 12.5)]
)
def test_a_whole_fraction_of_the_rate_is_a_stride(own, fps):
    times = np.arange(97) / own
    expected = np.arange(0, 97, round(own / fps))
    np.testing.assert_array_equal(indices_at_rate(times, fps), expected)
    np.testing.assert_array_equal(indices_at_rate(times.round(3), fps), expected)  # as in Matroska
    trembling = times + np.random.default_rng(0).uniform(-0.12, 0.12, 97) / own
    np.testing.assert_array_equal(indices_at_rate(trembling - trembling[0], fps), expected)


@pytest.mark.parametrize("fps", [7.0, 10.0, 24.0, 25.0, 29.0])
def test_frames_are_the_last_ones_begun_and_none_is_repeated(fps):
    times = np.arange(300) / 30
    chosen = indices_at_rate(times, fps)
    assert (np.diff(chosen) > 0).all()
    late = np.arange(len(chosen)) / fps - times[chosen]
    assert late.min() > -0.3 / 30 - 1e-9
    assert late.max() < 0.7 / 30 + 1e-9
    assert len(chosen) == pytest.approx(10 * fps, abs=1)


def test_a_slower_or_uneven_film_has_no_frames_to_give():
    with pytest.raises(ValueError, match="has 15 frames a second, fewer than the 25 asked for"):
        indices_at_rate(np.arange(60) / 15, 25.0)
    uneven = np.concatenate([np.arange(100) / 60, 100 / 60 + np.arange(20) / 15])
    with pytest.raises(ValueError, match="uneven frame rate"):
        indices_at_rate(uneven, 30.0)
    assert len(indices_at_rate(np.arange(300) * 1001 / 30000, 30.0)) == 300
    with pytest.raises(ValueError, match="a single frame"):
        indices_at_rate(np.zeros(1), 25.0)
