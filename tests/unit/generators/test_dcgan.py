"""DCGAN's generator, frame by frame."""

import pytest
import torch
from torch import nn

from tests.support.generators import shapes_through
from tests.support.seeds import normal, seeded
from vgan_tutorial.generators import DCGANGenerator, frame_decoder
from vgan_tutorial.layers import initialise


def test_the_frame_decoder_has_dcgans_layers():
    decoder = frame_decoder(66, 64, 64).eval()
    shapes = shapes_through(decoder, torch.zeros(1, 66), nn.ConvTranspose2d)
    assert shapes == [(512, 4, 4), (256, 8, 8), (128, 16, 16), (64, 32, 32), (3, 64, 64)]
    assert not any(key.endswith("bias") for key, _ in decoder[1].named_parameters())


def test_dcgans_frames_are_independent_and_of_any_number():
    network = initialise(DCGANGenerator(frames=4, size=16, latent=6, channels=8), seeded()).eval()
    latent = normal(2, 7, 6)
    with torch.no_grad():
        clips = network(latent)
        alone = network(latent[1:, 3:4])
    assert clips.shape == (2, 3, 7, 16, 16)
    torch.testing.assert_close(clips[1:, :, 3:4], alone)


def test_dcgan_refuses_what_it_cannot_build():
    with pytest.raises(ValueError, match=r"20 pixels.*8, 16, 32, 64"):
        DCGANGenerator(size=20)
