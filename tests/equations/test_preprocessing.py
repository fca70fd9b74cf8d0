"""Every displayed equation of chapter 3, checked as mathematics: ``test_`` plus its label."""

import math
from itertools import product

import numpy as np
import pytest
import torch

from vgan_tutorial.datasets import split_by_clip
from vgan_tutorial.pixels import to_model_range, to_uint8
from vgan_tutorial.preprocessing import (
    centre_crop,
    frame_indices,
    resize,
    sample_frames,
    window_starts,
)
from vgan_tutorial.shapes import PRESETS, draw_path


def test_eq_centre_crop():
    """The window starts at the floor of half of what is cut: the margins differ by 0 or 1."""
    for (high, wide), (h, w) in product([(9, 12), (10, 15)], [(4, 5), (9, 12), (1, 1)]):
        rows, columns = np.mgrid[:high, :wide]
        clip = np.stack([rows, columns, rows], -1).astype(np.uint8)[None]
        first, last = centre_crop(clip, h, w)[0, 0, 0], centre_crop(clip, h, w)[0, -1, -1]
        assert tuple(first[:2]) == (math.floor((high - h) / 2), math.floor((wide - w) / 2))
        assert (high - 1 - last[0]) - first[0] in (0, 1)
        assert (wide - 1 - last[1]) - first[1] in (0, 1)


@pytest.mark.parametrize(("old", "new"), [(12, 4), (12, 5), (17, 16), (31, 3), (8, 8)])
def test_eq_area_filter(old, new):
    """The overlap weights, found by brute force on a fine grid, give what the package computes."""
    fine = 200 * new
    points = (np.arange(fine * old) + 0.5) / (fine * old)  # the axis, finely sampled
    weights = np.zeros((new, old))
    np.add.at(weights, ((points * new).astype(int), (points * old).astype(int)), 1 / fine)
    scale = old / new
    assert weights.sum(1) == pytest.approx(scale)  # each new pixel covers s old ones
    clip = np.random.default_rng(0).integers(0, 256, (1, old, old + 5, 3), np.uint8)
    rows = np.einsum("ih,thwc->tiwc", weights, clip.astype(float)) / scale
    assert np.abs(resize(clip, new, old + 5) - rows).max() <= 1
    square = clip[:, :, :old]
    expected = np.einsum("ih,jw,thwc->tijc", weights, weights, square.astype(float)) / scale**2
    assert np.abs(resize(square, new, new) - expected).max() <= 1


@pytest.mark.parametrize(("length", "frames", "stride"), [(20, 4, 3), (16, 16, 1), (9, 2, 8)])
def test_eq_frame_window(length, frames, stride):
    clip = np.arange(length, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 1, 3), np.uint8)
    fitting = [
        start for start in range(length) if all(start + stride * n < length for n in range(frames))
    ]
    assert len(fitting) == length - (frames - 1) * stride == window_starts(length, frames, stride)
    assert window_starts((frames - 1) * stride, frames, stride) == 0  # one frame too few
    assert window_starts(1, frames, stride) == 0
    for start in fitting:
        window = sample_frames(clip, frames, stride, start)[:, 0, 0, 0]
        assert window.tolist() == [start + stride * n for n in range(frames)]
    with pytest.raises(ValueError, match="need"):
        frame_indices(length, frames, stride, fitting[-1] + 1)


def test_eq_apparent_turn():
    """The shortest turn between two kept frames, measured as an angle on the real path."""
    preset = PRESETS["tiny"]
    circular = torch.tensor([preset.motions.index("circular")])
    path = draw_path(circular, torch.tensor([0.1]), preset, frames=60)[0] - 0.5
    position = torch.view_as_complex(path.contiguous())
    for stride in range(1, 20):
        kept = position[::stride]
        turn = torch.angle(kept[1:] / kept[:-1]) / (2 * math.pi)  # the shortest, in (-1/2, 1/2]
        formula = (stride / preset.period + 0.5) % 1 - 0.5
        assert -0.5 <= formula < 0.5
        difference = (turn - formula + 0.5) % 1 - 0.5  # half a turn is half a turn either way
        assert difference.abs().max() < 1e-4


def test_eq_model_range():
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16, 1).expand(1, 1, 16, 16, 3)
    model = to_model_range(levels)
    assert (model.min(), model.max()) == (-1, 1)
    assert torch.equal(to_uint8(model), levels)
    slope = model.flatten(2)[0, 0].double().diff()
    torch.testing.assert_close(slope, torch.full_like(slope, 1 / 127.5), atol=1e-6, rtol=0)
    assert torch.equal(to_uint8(model + 0.4 / 127.5), levels)  # rounding, not cutting off
    assert to_uint8(torch.zeros(2, 3, 4, 5, 6)).shape == (2, 4, 5, 6, 3)
    far = to_uint8(3 * model).long()  # what is outside the range ends at its edges
    assert torch.equal(far, (3 * (levels.long() - 127.5) + 127.5).round().clamp(0, 255).long())


def test_eq_leak():
    """The chance that a test clip has a sibling in training, against splits drawn one by one."""
    members, groups, share = 4, 1500, 0.7
    names = [f"g{group}" for group in range(groups) for _ in range(members)]
    split = split_by_clip(names, shares=(share, 0.0, 1 - share), seed=0)
    train = {names[index] for index in split.train}
    leaked = np.mean([names[index] in train for index in split.test])
    formula = 1 - (1 - share) ** (members - 1)
    assert leaked == pytest.approx(formula, abs=4 * math.sqrt(formula * (1 - formula) / 1800))
