"""Stored pixels to model range, and back."""

import inspect

import pytest
import torch

from tests.support.seeds import seeded
from vgan_tutorial.pixels import to_model_range, to_uint8


def test_every_level_survives_the_round_trip():
    levels = torch.arange(256, dtype=torch.uint8).repeat(3).reshape(1, 3, 16, 16, 1)
    clips = levels.expand(1, 3, 16, 16, 3)
    assert torch.equal(to_uint8(to_model_range(clips)), clips)


def test_axes_go_where_they_should():
    clips = torch.zeros(2, 4, 5, 6, 3, dtype=torch.uint8)
    clips[1, 2, 3, 4, 0] = 255
    model = to_model_range(clips)
    assert model.shape == (2, 3, 4, 5, 6)
    assert model[1, 0, 2, 3, 4] == 1
    assert (model == 1).sum() == 1


def test_model_output_is_clamped_and_rounded():
    model = torch.tensor([-3.0, -1.0, 0.0, 0.999, 1.0, 7.0]).reshape(1, 1, 6, 1, 1)
    levels = to_uint8(model.expand(1, 3, 6, 1, 1))
    assert levels[0, :, 0, 0, 0].tolist() == [0, 0, 128, 255, 255, 255]


def test_half_precision_keeps_its_levels():
    clips = torch.randint(256, (1, 2, 4, 4, 3), dtype=torch.uint8, generator=seeded())
    back = to_uint8(to_model_range(clips).bfloat16())
    assert (back.int() - clips.int()).abs().max() <= 1


def test_nan_does_not_pass_for_black():
    model = torch.zeros(1, 3, 2, 4, 4)
    model[0, 0, 0, 0, 0] = float("nan")
    with pytest.raises(ValueError, match="NaN"):
        to_uint8(model)


def test_conversion_refuses_the_wrong_axis_order():
    # Unwrapped, as they are outside the tests, where shapes are not checked by their types.
    with pytest.raises(ValueError, match=r"expected uint8 clips .* got torch.uint8 \(1, 3, 8"):
        inspect.unwrap(to_model_range)(torch.zeros(1, 3, 8, 16, 16, dtype=torch.uint8))
    with pytest.raises(ValueError, match="expected float clips"):
        inspect.unwrap(to_uint8)(torch.zeros(1, 8, 3, 16, 16))
