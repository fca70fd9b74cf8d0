"""The article's generator, as printed and completed."""

import pytest
import torch
from torch import nn

from tests.support.generators import shapes_through
from tests.support.seeds import seeded
from vgan_tutorial.generators import ArticleGenerator, CompletedArticleGenerator
from vgan_tutorial.latents import sample_latent
from vgan_tutorial.layers import initialise, receptive_field


def test_the_articles_frames_follow_their_noise():
    """Reorder the noise images, and the same frames come in the new order."""
    network = initialise(ArticleGenerator(frames=6, size=16, channels=8), seeded()).eval()
    noise = sample_latent(network, 2, seeded())
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    with torch.no_grad():
        torch.testing.assert_close(network(noise[:, :, order]), network(noise)[:, :, order])


def test_the_completed_encoder_goes_down_to_4_pixels_and_sees_all_of_its_noise():
    network = CompletedArticleGenerator(size=64, channels=8).eval().frame_network
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    shapes = shapes_through(network, torch.zeros(1, 3, 64, 64), kinds)
    assert [shape[1] for shape in shapes] == [32, 16, 8, 4, 8, 16, 32, 64, 64]
    assert receptive_field(network) > 64


def test_the_articles_refuses_what_it_cannot_build():
    with pytest.raises(ValueError, match=r"20 pixels.*8, 16, 32, 64"):
        CompletedArticleGenerator(size=20)
