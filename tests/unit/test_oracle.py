import math

import pytest
import torch

from tests.support.seeds import seeded
from vgan_tutorial.oracle import DAMAGES, VALID_PATH, judge, read_motion, summarise
from vgan_tutorial.shapes import (
    PRESETS,
    MovingShapes,
    draw_batch,
    draw_clips,
    draw_masks,
    draw_path,
)

COUNTS = {"tiny": 256, "small": 48, "full": 12}


@pytest.fixture(scope="module", params=list(PRESETS))
def real(request):
    """Real clips of a preset, their factors, and what the judge says of them."""
    preset = PRESETS[request.param]
    clips, factors = MovingShapes(preset, seed=11).batch(COUNTS[preset.name])
    return preset, clips, factors, judge(clips, preset)


def test_real_clips_read_back(real):
    """At least 99.5 % of every factor; here all of them."""
    preset, _, factors, verdict = real
    for name in ("shape", "colour", "motion"):
        right = getattr(verdict.factors, name) == getattr(factors, name)
        assert right.float().mean() >= 0.995, name
    size_error = (verdict.factors.size - factors.size).abs() * preset.size
    assert (size_error < 0.1).float().mean() >= 0.995  # pixels
    phase_error = ((verdict.factors.phase - factors.phase + 0.5) % 1 - 0.5).abs()
    assert (phase_error < 0.01).float().mean() >= 0.995  # turns
    true_path = draw_path(factors.motion, factors.phase, preset)
    assert (verdict.path - true_path).abs().max() * preset.size < 0.2  # pixels


def test_real_clips_are_valid_with_room_to_spare(real):
    _, _, _, verdict = real
    assert verdict.residual.max() < 0.01
    assert verdict.path_error.max() < VALID_PATH / 4
    assert verdict.motion_valid.all()
    assert verdict.shape_consistency.mean() > 0.99
    assert verdict.colour_consistency.min() == 1


EXPECTED = {  # largest share of clips that may be called valid, and with valid motion
    "noise": (0.0, 0.0),
    "shuffled frames": (1.0, 0.06),
    "frozen": (1.0, 0.0),
    "changed colour": (0.0, 0.0),
    "two objects": (0.15, 0.15),  # two shapes of one colour can lie over each other
    "blank": (0.0, 0.0),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_noticed(real, name):
    preset, clips, _, _ = real
    damaged = DAMAGES[name](clips, seeded(0))
    assert damaged.shape == clips.shape
    verdict = judge(damaged, preset)
    most_valid, most_motion = EXPECTED[name]
    assert verdict.valid.float().mean() <= most_valid
    assert verdict.motion_valid.float().mean() <= most_motion
    if most_valid == 1.0:  # the frames are still real: only the motion is gone
        assert verdict.valid.all()


def test_a_changed_colour_shows_in_the_consistency(real):
    preset, clips, _, _ = real
    damaged = DAMAGES["changed colour"](clips, torch.Generator())
    assert summarise(judge(damaged, preset), preset).colour_consistency < 0.6


def test_residual_is_the_energy_that_the_best_rendering_leaves():
    """Adding a known error orthogonal to everything else raises the residual by its share."""
    preset = PRESETS["small"]
    clips, factors = draw_batch(preset, 4, seeded(0))
    centre = draw_path(factors.motion, factors.phase, preset)
    time = centre.shape[1]
    masks = draw_masks(
        factors.shape[:, None].expand(-1, time),
        factors.size[:, None].expand(-1, time),
        centre,
        preset,
    )
    colour = preset.palette()[factors.colour]
    energy = masks.square().sum((1, 2, 3)) * colour.square().sum(1)
    spoiled = clips.clone()
    spoiled[:, :, :, 0, :] += 0.2  # the top row, which no shape touches: 0.1 in intensity
    added = 3 * time * preset.size * 0.1**2
    torch.testing.assert_close(judge(spoiled, preset).residual, added / energy, rtol=0.02, atol=0)


def test_the_threshold_separates_a_little_too_dark_from_far_too_dark():
    """At brightness b the right rendering leaves (1 - b)^2; a little more radius saves a little."""
    preset = PRESETS["tiny"]
    clips, _ = draw_batch(preset, 16, seeded(0))
    verdicts = {b: judge(b * (clips + 1) - 1, preset) for b in (0.75, 0.5)}
    assert verdicts[0.75].valid.all()
    assert not verdicts[0.5].valid.any()
    for brightness, verdict in verdicts.items():
        assert verdict.residual.median().item() == pytest.approx((1 - brightness) ** 2, rel=0.2)


def test_read_motion_finds_motion_phase_and_distance():
    preset = PRESETS["small"]
    motion = torch.arange(4).repeat(8)
    phase = torch.linspace(0, 0.99, 32)
    path = draw_path(motion, phase, preset)
    found, at, distance = read_motion(path + torch.tensor([0.03, -0.04]), preset)
    assert torch.equal(found, motion)
    assert (((at - phase + 0.5) % 1 - 0.5).abs() < 0.05).all()
    assert (distance <= math.hypot(0.03, 0.04) + 1e-3).all()


def test_a_path_played_backwards_is_legal_unless_it_is_a_circle():
    preset = PRESETS["tiny"]
    motion, phase = torch.tensor([0, 1, 2]), torch.tensor([0.1, 0.4, 0.8])
    _, _, distance = read_motion(draw_path(motion, phase, preset).flip(1), preset)
    assert (distance[:2] < 0.01).all()
    assert distance[2] > VALID_PATH


def test_summary_counts():
    preset = PRESETS["tiny"]
    clips, factors = draw_batch(preset, 600, seeded(2))
    only_discs = clips[factors.shape == 0]
    summary = summarise(judge(only_discs, preset), preset)
    assert (summary.cells_found, summary.cells) == (12, 24)
    assert summary.coverage == 0.5
    # Half of the cells are missing, so at least half of the mass lies in the wrong place.
    assert 0.5 <= summary.histogram_distance < 0.6
    assert "12 of 24 cells" in str(summary)
    nothing = summarise(judge(torch.full_like(clips[:4], -1), preset), preset)
    assert (nothing.validity, nothing.cells_found, nothing.histogram_distance) == (0, 0, 1)


def test_the_verdict_does_not_depend_on_the_batch():
    preset = PRESETS["tiny"]
    clips, _ = draw_batch(preset, 6, seeded(3))
    together = judge(clips, preset)
    alone = judge(clips[4:5], preset)
    torch.testing.assert_close(alone.path[0], together.path[4], atol=1e-4, rtol=0)


def test_longer_clips_than_the_preset_are_judged_too():
    preset = PRESETS["tiny"]
    _, factors = draw_batch(preset, 8, seeded(0))
    verdict = judge(draw_clips(factors, preset, frames=20), preset)
    assert verdict.motion_valid.all()
    assert torch.equal(verdict.factors.motion, factors.motion)


def test_bad_input_is_named():
    preset = PRESETS["tiny"]
    clips, _ = draw_batch(preset, 3, seeded(0))
    with pytest.raises(ValueError, match="16 high and 12 wide"):
        judge(clips[..., :12], preset)
    with pytest.raises(ValueError, match="no clips"):
        judge(clips[:0], preset)
    clips[1, 0, 0, 0, 0] = float("nan")
    with pytest.raises(ValueError, match=r"clips \[1\] hold NaN"):
        judge(clips, preset)
