"""How far a network looks."""

import pytest
from torch import nn

from vgan_tutorial.layers import receptive_field


def test_a_receptive_field_needs_layers_that_it_knows():
    with pytest.raises(ValueError, match="Linear"):
        receptive_field([nn.Conv2d(3, 3, 3), nn.Linear(3, 3)])
    with pytest.raises(ValueError, match="dilated"):
        receptive_field([nn.Conv2d(3, 3, 3, dilation=2)])


def test_receptive_fields_may_differ_by_axis():
    layers = [nn.Conv3d(1, 1, (4, 3, 5), (2, 1, 1)), nn.ReLU(), nn.Conv3d(1, 1, (2, 3, 1))]
    assert [receptive_field(layers, axis) for axis in (-3, -2, -1)] == [6, 5, 5]
