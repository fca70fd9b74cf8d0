"""The generator of TGAN: two networks, one of time and one of pictures."""

import pytest
import torch
from torch import nn

from tests.support import published
from tests.support.generators import parameters, shapes_through
from tests.support.seeds import normal, seeded
from vgan_tutorial.generators import TGANGenerator, temporal_generator
from vgan_tutorial.layers import initialise


def test_tgan_has_as_many_parameters_as_the_authors_code():
    """Declared departure: their configuration for UCF101 leaves out the shifts along time."""
    network = TGANGenerator()
    in_time = parameters(network.temporal)
    assert in_time == published.count(published.tgan_time(normalised=2)) == 826_468
    assert published.count(published.tgan_time(normalised=1)) == 825_444
    shifts = [layer.bias for layer in network.temporal if isinstance(layer, nn.BatchNorm1d)]
    assert in_time - sum(len(shift) for shift in shifts) == 825_444
    pictures = parameters(network.from_latent, network.from_code, network.image)
    assert pictures == published.count(published.TGAN_PICTURES) == 3_622_691


def test_tgan_has_the_published_layers():
    network = TGANGenerator().eval()
    along_time = shapes_through(network.temporal, torch.zeros(1, 100, 1), nn.ConvTranspose1d)
    assert along_time == [(512, 1), (256, 2), (128, 4), (128, 8), (100, 16)]
    square = torch.cat([network.from_latent(torch.zeros(1, 100))] * 2, dim=1)
    assert square.shape == (1, 512, 4, 4)
    kinds = (nn.ConvTranspose2d, nn.Conv2d)
    pictures = shapes_through(network.image, square, kinds)
    assert pictures == [(256, 8, 8), (128, 16, 16), (64, 32, 32), (32, 64, 64), (3, 64, 64)]


def test_tgans_codes_are_uniform_numbers_made_normal():
    """The normal latents come back as uniform ones: mean square 1/3, at most 1."""
    network = TGANGenerator(frames=4, size=8, latent=20, channels=4)
    seen = []
    network.temporal.register_forward_hook(lambda layer, latent, out: seen.append(latent[0]))
    network(normal(500, 20))
    assert seen[0].abs().max() <= 1
    assert seen[0].square().mean().item() == pytest.approx(1 / 3, rel=0.03)


def test_tgan_gives_every_frame_its_own_clips_latent():
    """A frame painted alone, from its clip's latent and its code, is the frame of the clip."""
    network = initialise(TGANGenerator(4, 16, latent=20, channels=4), seeded()).eval()
    latent = normal(3, 20).tanh()
    with torch.no_grad():
        codes = network.codes(latent)
        clips = network.paint(latent, codes)
        for clip in range(3):
            for frame in range(4):
                alone = network.paint(latent[clip, None], codes[clip, frame][None, None])
                torch.testing.assert_close(alone[0, :, 0], clips[clip, :, frame])


def test_the_temporal_generator_doubles_time():
    for steps in (2, 3, 5):
        network = temporal_generator(6, 16, steps).eval()
        assert network(torch.zeros(2, 6, 1)).shape == (2, 6, 2**steps)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TGANGenerator(frames=12), r"4, 8, 16, 32, …, not 12"),
        (lambda: TGANGenerator(frames=2), r"4, 8, 16, 32, …, not 2"),
        (lambda: TGANGenerator(size=40), r"40 pixels.*8, 16, 32, 64"),
    ],
)
def test_tgan_refuses_what_it_cannot_build(make, message):
    with pytest.raises(ValueError, match=message):
        make()
