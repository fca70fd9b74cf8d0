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


def test_the_completed_encoder_goes_down_to_4_pixels():
    network = CompletedArticleGenerator(size=64, channels=8).eval().frame_network
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    shapes = shapes_through(network, torch.zeros(1, 3, 64, 64), kinds)
    assert [shape[1] for shape in shapes] == [32, 16, 8, 4, 8, 16, 32, 64, 64]
    assert receptive_field(network) == 94


def columns_seen(network, column, size=64):
    """First and last noise column that a pixel depends on, read from a gradient.

    Positive weights on positive noise keep every rectifier open, so nothing cancels.
    """
    for parameter in network.parameters():
        parameter.data.abs_()
    noise = torch.rand(1, 3, size, size, generator=seeded()).double().requires_grad_(True)
    pixel = network.double()(noise)[0, :, size // 2, column].sum()
    (gradient,) = torch.autograd.grad(pixel, noise)
    seen = gradient[0].abs().sum((0, 1)).nonzero()[:, 0]
    return seen.min().item(), seen.max().item()


def test_a_field_wider_than_the_frame_is_not_all_of_the_noise():
    """Chapter 4: the field is centred, so four pixels of a row see the whole width."""
    network = initialise(CompletedArticleGenerator(size=64, channels=2), seeded()).eval()
    layers = network.frame_network[:-1]  # without the hyperbolic tangent, which saturates
    seen = [columns_seen(layers, column) for column in range(64)]
    assert seen[0] == (0, 46)
    assert seen[63] == (17, 63)
    assert [column for column in range(64) if seen[column] == (0, 63)] == [30, 31, 32, 33]


@pytest.mark.parametrize(("halvings", "whole"), [(4, False), (5, True)])
def test_with_five_halvings_every_pixel_sees_all_of_the_noise(halvings, whole):
    """The exercise of chapter 4: what is needed is a field of 127, as 63 lie on either side."""
    down = [nn.Conv2d(3, 3, 4, 2, 1) for _ in range(halvings)]
    up = [nn.ConvTranspose2d(3, 3, 4, 2, 1) for _ in range(halvings)]
    layers = initialise(nn.Sequential(*down, *up, nn.Conv2d(3, 3, 7, padding=3)), seeded())
    assert (receptive_field(layers) >= 2 * 63 + 1) == whole
    assert ([columns_seen(layers, column) for column in (0, 63)] == [(0, 63)] * 2) == whole


def test_the_articles_refuses_what_it_cannot_build():
    with pytest.raises(ValueError, match=r"20 pixels.*8, 16, 32, 64"):
        CompletedArticleGenerator(size=20)
