"""Augmentation: the same for every frame of a clip, differentiable, and drawn from a generator."""

import cv2
import pytest
import torch

from tests.support.seeds import seeded
from vgan_tutorial.augmentation import (
    AUGMENTATIONS,
    add_noise,
    augment,
    blur,
    change_colour,
    cut_out,
    mirror,
    translate,
)
from vgan_tutorial.oracle import judge
from vgan_tutorial.shapes import PRESETS, MovingShapes


def clips_of(count=6):
    return MovingShapes("tiny", 0).batch(count)[0]


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_frame_of_a_clip_is_changed_alike(name):
    """A clip of one frame repeated is still one frame repeated, and clips differ."""
    still = clips_of()[:, :, :1].expand(-1, -1, 8, -1, -1)
    changed = AUGMENTATIONS[name](still, seeded())
    torch.testing.assert_close(changed, changed[:, :, :1].expand_as(changed))
    assert not torch.equal(changed, still)
    same = AUGMENTATIONS[name](clips_of()[:1].expand(6, -1, -1, -1, -1), seeded())
    # A mirror knows two answers only.
    expected = 2 if name == "mirror" else 6
    assert len({tuple(clip.flatten().tolist()) for clip in same}) == expected


def test_the_mirror_exchanges_left_and_right_in_half_of_the_clips():
    clips = torch.rand(400, 3, 2, 4, 6, generator=seeded())
    mirrored = mirror(clips, seeded())
    turned = (mirrored != clips).flatten(1).any(1)
    assert torch.equal(mirrored[turned], clips[turned].flip(-1))
    assert turned.float().mean().item() == pytest.approx(0.5, abs=0.08)
    assert torch.equal(mirror(clips[..., :1], seeded()), clips[..., :1])


def test_what_a_mirror_must_not_be_used_for():
    """A circle runs the other way, which never happens in the data; up and down stays."""
    clips, labels = MovingShapes("tiny", 0).batch(300)
    verdict = judge(clips.flip(-1), PRESETS["tiny"])
    motions = PRESETS["tiny"].motions
    circular = labels.motion == motions.index("circular")
    right = verdict.factors.motion == labels.motion
    assert verdict.valid.all()
    assert not right[circular].any()
    assert right[~circular].all()


def test_break_a_change_for_every_frame():
    """Signature: drawn anew for each frame, a shift makes a still clip move."""
    still = clips_of()[:, :, :1].expand(-1, -1, 8, -1, -1)
    frames = still.transpose(1, 2).flatten(0, 1)[:, :, None]  # every frame a clip of its own
    wrong = translate(frames, seeded())[:, :, 0].unflatten(0, (6, 8)).transpose(1, 2)
    assert wrong.diff(dim=2).any()
    assert not translate(still, seeded()).diff(dim=2).any()


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_a_seed_fixes_the_change(name):
    clips = clips_of()
    first, again, other = (AUGMENTATIONS[name](clips, seeded(seed)) for seed in (4, 4, 5))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_real_and_fake_in_turn_are_changed_by_the_policys_steps():
    clips, generator = clips_of(), seeded(2)
    by_hand = cut_out(translate(change_colour(clips, generator), generator), generator)
    assert torch.equal(augment(clips, seeded(2)), by_hand)
    assert augment(clips, seeded(), policy=()) is clips


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_gradients_pass(name):
    """Every change is linear in the clip up to a constant: the slope is that of a difference."""
    clips = clips_of().double().requires_grad_(True)
    weights = torch.randn(clips.shape, generator=seeded(), dtype=torch.double)
    (AUGMENTATIONS[name](clips, seeded(1)) * weights).sum().backward()
    assert clips.grad is not None
    step = torch.randn(clips.shape, generator=seeded(2), dtype=torch.double)
    with torch.no_grad():
        moved = AUGMENTATIONS[name](clips + step, seeded(1)) - AUGMENTATIONS[name](clips, seeded(1))
    torch.testing.assert_close((moved * weights).sum(), (clips.grad * step).sum())


def test_colours_are_changed_within_their_ranges():
    """From a grey clip of 0.2 and a red pixel: what each of the three steps may do."""
    clips = torch.full((4000, 3, 1, 2, 2), 0.2)
    changed = change_colour(clips, seeded())
    torch.testing.assert_close(changed, changed[:, :1, :, :1, :1].expand_as(changed))
    shift = changed[:, 0, 0, 0, 0] - 0.2
    assert -0.5 <= shift.min() < -0.49
    assert 0.49 < shift.max() <= 0.5
    clips[:, 0, :, 0, 0] = 1.2
    spread = change_colour(clips, seeded()).flatten(1).std(1) / clips.flatten(1).std(1)
    assert spread.min() < 0.6
    assert 1.5 < spread.max() < 3


def test_translation_moves_by_whole_pixels_and_fills_with_grey():
    clips = torch.rand(300, 3, 2, 16, 16, generator=seeded()) + 0.5  # nothing is nought
    moved = translate(clips, seeded(1))
    steps = set()
    for clip, result in zip(clips, moved, strict=True):
        rows, columns = result[0, 0].any(1).nonzero()[:, 0], result[0, 0].any(0).nonzero()[:, 0]
        down = int(rows[0]) or int(rows[-1]) - 15
        right = int(columns[0]) or int(columns[-1]) - 15
        steps.add((down, right))
        padded = torch.nn.functional.pad(clip, (2, 2, 2, 2))
        expected = padded[..., 2 - down : 18 - down, 2 - right : 18 - right]
        assert torch.equal(result, expected)
    assert steps == {(down, right) for down in range(-2, 3) for right in range(-2, 3)}


def test_the_cut_is_a_rectangle_of_half_the_frame_that_may_hang_over():
    clips = torch.ones(400, 1, 2, 16, 8)
    gone = cut_out(clips, seeded())[:, 0, 0] == 0
    heights, widths = gone.any(2).sum(1), gone.any(1).sum(1)
    assert torch.equal(gone.sum((1, 2)), heights * widths)
    assert (int(heights.min()), int(heights.max())) == (4, 8)
    assert (int(widths.min()), int(widths.max())) == (2, 4)


def test_an_unknown_augmentation_is_refused():
    with pytest.raises(ValueError, match="called 'flip'; there are colour, translation"):
        augment(clips_of(), seeded(), policy=("flip",))


def test_noise_has_its_deviation_and_needs_randomness():
    features = torch.ones(50, 4, 8, 8)
    assert add_noise(features, 0.3, None) is features
    assert add_noise(features, 0.0, seeded()) is features
    noisy = add_noise(features, 0.3, seeded())
    assert (noisy - features).std().item() == pytest.approx(0.3, rel=0.02)
    assert torch.equal(noisy, add_noise(features, 0.3, seeded()))


def test_blur_is_opencvs_away_from_the_edges():
    clips = torch.rand(2, 3, 4, 32, 32, generator=seeded())
    blurred = blur(clips, 1.5)
    frame = clips[1, :, 2].permute(1, 2, 0).numpy()
    expected = cv2.GaussianBlur(frame, (31, 31), 1.5)
    inner = slice(10, -10)
    found = blurred[1, :, 2].permute(1, 2, 0).numpy()
    assert found[inner, inner] == pytest.approx(expected[inner, inner], abs=1e-6)
    assert blur(clips, 0.0) is clips


def test_blur_keeps_an_even_colour_and_lets_gradients_through_twice():
    even = torch.full((1, 3, 2, 8, 16), -1.0)
    assert blur(even, 2.0) == pytest.approx(even)
    clips = torch.rand(1, 3, 2, 4, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda clips: blur(clips, 0.7) ** 2, clips)
