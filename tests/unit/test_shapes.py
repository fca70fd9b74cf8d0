import math

import pytest
import torch

from tests.support.seeds import seeded
from vgan_tutorial.shapes import (
    AMPLITUDE,
    COLOURS,
    MOTIONS,
    PRESETS,
    SHAPES,
    Factors,
    MovingShapes,
    describe,
    draw_batch,
    draw_clips,
    draw_mask,
    draw_path,
    get_preset,
    sample_factors,
)

ALL = list(PRESETS.values())


def one_clip(shape=0, colour=0, motion=0, size=0.2, phase=0.0) -> Factors:
    return Factors(
        torch.tensor([shape]),
        torch.tensor([colour]),
        torch.tensor([motion]),
        torch.tensor([size]),
        torch.tensor([phase]),
    )


@pytest.mark.parametrize("preset", ALL, ids=lambda preset: preset.name)
def test_presets_have_the_sizes_they_promise(preset):
    clips, factors = MovingShapes(preset, seed=1).batch(5)
    assert clips.shape == (5, 3, preset.frames, preset.size, preset.size)
    assert len(factors) == 5
    assert clips.min() == -1
    assert clips.max() <= 1


def test_tiny_has_24_cells_and_the_larger_presets_at_least_72():
    assert PRESETS["tiny"].cells == 24
    for name in ("small", "full"):
        preset = PRESETS[name]
        assert len(preset.shapes) >= 3
        assert len(preset.colours) >= 6
        assert len(preset.motions) >= 4


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_of_one_size_covers_the_area_of_its_disc(name):
    radius = torch.tensor(0.2)
    mask = draw_mask(name, radius, torch.tensor([0.5, 0.5]), 512)
    assert mask.mean().item() == pytest.approx(math.pi * 0.2**2, rel=2e-3)


@pytest.mark.parametrize("name", SHAPES)
def test_drawing_at_a_low_resolution_equals_averaging_a_high_one(name):
    radius, centre = torch.tensor(0.21), torch.tensor([0.47, 0.53])
    low = draw_mask(name, radius, centre, 16)
    high = draw_mask(name, radius, centre, 512)
    averaged = torch.nn.functional.avg_pool2d(high[None, None], 32)[0, 0]
    # The soft edge is one pixel wide whatever its direction, so single pixels differ a little.
    assert (low - averaged).abs().max() < 0.3
    assert (low - averaged).abs().mean() < 0.01


def test_a_shape_stays_inside_the_frame_whatever_its_factors():
    for preset in ALL:
        clips, _ = draw_batch(preset, 200, seeded(0))
        border = torch.cat([clips[..., 0, :], clips[..., -1, :], clips[..., 0], clips[..., -1]], -1)
        assert (border > 0).float().mean() < 0.001


def test_a_clip_loops_after_one_period():
    preset = PRESETS["small"]
    factors = sample_factors(preset, 6, seeded(0))
    clips = draw_clips(factors, preset, frames=2 * preset.period)
    torch.testing.assert_close(
        clips[:, :, : preset.period], clips[:, :, preset.period :], atol=1e-4, rtol=0
    )


def test_any_length_and_size_can_be_drawn():
    preset = PRESETS["tiny"]
    clips = draw_clips(one_clip(), preset, frames=5, size=23)
    assert clips.shape == (1, 3, 5, 23, 23)


def test_the_brightest_pixel_has_exactly_the_named_colour():
    preset = PRESETS["full"]
    for index, name in enumerate(preset.colours):
        clip = draw_clips(one_clip(colour=index), preset)[0]
        inside = (clip[:, 0].amax((1, 2)) + 1) / 2
        torch.testing.assert_close(inside, torch.tensor(COLOURS[name]))


@pytest.mark.parametrize("name", MOTIONS)
def test_paths_go_round_the_centre_at_the_amplitude(name):
    preset = PRESETS["full"]
    motion = torch.tensor(preset.motions.index(name))
    path = draw_path(motion, torch.tensor(0.3), preset, frames=160)
    torch.testing.assert_close(path.mean(0), torch.full((2,), 0.5), atol=1e-3, rtol=0)
    assert (path - 0.5).abs().max() <= AMPLITUDE + 1e-6


def test_circular_motion_is_clockwise_on_the_screen():
    preset = PRESETS["tiny"]
    path = draw_path(torch.tensor(2), torch.tensor(0.0), preset)
    assert preset.motions[2] == "circular"
    assert path[0, 0] > 0.7  # starts on the right …
    assert path[preset.period // 4, 1] > 0.7  # … and is at the bottom after a quarter


def test_the_same_seed_gives_the_same_stream_and_another_seed_another():
    first, again, other = (MovingShapes("tiny", seed).batch(8)[0] for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_stream_does_not_repeat_itself_and_leaves_the_global_state_alone():
    before = torch.get_rng_state()
    stream = MovingShapes("tiny", seed=0)
    assert not torch.equal(stream.batch(8)[0], stream.batch(8)[0])
    assert torch.equal(before, torch.get_rng_state())


def test_factors_are_uniform_and_independent():
    preset = PRESETS["tiny"]
    factors = sample_factors(preset, 24_000, seeded(0))
    counts = torch.bincount(factors.cell(preset), minlength=24).float()
    # 1000 are expected in a cell, with a standard deviation of 31: five of them are allowed.
    assert (counts - 1000).abs().max() < 155
    assert factors.size.min() >= preset.radius[0]
    assert factors.size.max() <= preset.radius[1]
    assert 0 <= factors.phase.min() <= factors.phase.max() < 1


def test_colours_are_apart_by_a_fifth_of_their_energy():
    palette = PRESETS["full"].palette()
    difference = (palette[:, None] - palette).square().sum(-1)
    larger = torch.maximum(palette[:, None].square().sum(-1), palette.square().sum(-1))
    relative = difference / larger + torch.eye(len(palette))
    assert relative.min() >= 0.2


def test_describe_names_what_the_clip_shows():
    text = describe(one_clip(shape=1, colour=3, motion=2), PRESETS["tiny"])
    assert text == "a yellow square goes round in a circle, clockwise"


def test_cells_number_every_combination_once():
    preset = PRESETS["small"]
    grid = torch.cartesian_prod(*(torch.arange(n) for n in (3, 6, 4)))
    zeros = torch.zeros(len(grid))
    cells = Factors(grid[:, 0], grid[:, 1], grid[:, 2], zeros, zeros).cell(preset)
    assert sorted(cells.tolist()) == list(range(preset.cells))


def test_an_unknown_preset_is_named_in_the_error():
    with pytest.raises(ValueError, match=r"'huge'.*tiny, small, full"):
        get_preset("huge")
