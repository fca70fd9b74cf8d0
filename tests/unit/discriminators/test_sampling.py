"""Frames drawn from a clip."""

import pytest
import torch

from tests.support.discriminators import clips_of
from tests.support.seeds import seeded
from vgan_tutorial.discriminators import sample_frames


def test_sampled_frames_are_frames_in_order_and_none_twice():
    numbers = torch.arange(10.0).expand(500, 1, 10)[..., None, None]
    chosen = sample_frames(numbers, 4, seeded())[:, 0, :, 0, 0]
    assert (chosen.diff(dim=1) > 0).all()
    shares = torch.bincount(chosen.flatten().long(), minlength=10) / 500
    assert (shares - 0.4).abs().max() < 0.08
    assert len(chosen.unique(dim=0)) > 100  # each clip its own choice
    assert sample_frames(numbers, 4, None) is numbers
    assert sample_frames(numbers, 10, seeded()) is numbers


def test_no_frames_cannot_be_sampled():
    with pytest.raises(ValueError, match="at least one frame must be shown"):
        sample_frames(clips_of(), 0, seeded())
