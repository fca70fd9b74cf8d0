"""The generator of Vondrick et al. 2016."""

import pytest
import torch
from torch import nn

from tests.support import published
from tests.support.generators import parameters
from vgan_tutorial.generators import VGANGenerator


def test_vgan_has_as_many_parameters_as_the_authors_code():
    video = [*published.VGAN_VIDEO, *published.VGAN_FOREGROUND]
    both = [*video, *published.VGAN_MASK, *published.VGAN_BACKGROUND]
    assert parameters(VGANGenerator()) == published.count(both) == 16_245_383
    assert parameters(VGANGenerator(streams=1)) == published.count(video) == 12_663_619


def test_vgan_has_the_published_layers():
    """The table of Vondrick et al. 2016, as shapes: 100 numbers to 2x4x4, then doubled."""
    network = VGANGenerator().eval()
    shapes = []
    features = torch.zeros(1, 100, 1, 1, 1)
    for layer in network.video:
        features = layer(features)
        if isinstance(layer, nn.ConvTranspose3d):
            shapes.append(tuple(features.shape[1:]))
    assert shapes == [(512, 2, 4, 4), (256, 4, 8, 8), (128, 8, 16, 16), (64, 16, 32, 32)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 48}, "48 pixels cannot be built; choose one of 8, 16, 32, 64"),
        ({"size": 64, "frames": 24}, "must be a multiple of 16, not 24"),
        ({"streams": 3}, "1 or 2 streams, not 3"),
    ],
)
def test_vgan_refuses_what_it_cannot_build(options, message):
    with pytest.raises(ValueError, match=message):
        VGANGenerator(**options)


def test_one_stream_has_no_mask_to_show():
    network = VGANGenerator(frames=8, size=16, channels=8, streams=1)
    with pytest.raises(ValueError, match="one stream"):
        network.streams(torch.zeros(1, 100))
