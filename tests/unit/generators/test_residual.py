"""The residual generator, after DVD-GAN."""

import pytest
import torch
from torch import nn

from tests.support.generators import small_residual
from tests.support.seeds import normal, seeded
from vgan_tutorial.generators import ConvolutionalGRU, ResidualGenerator
from vgan_tutorial.latents import sample_latent
from vgan_tutorial.layers import initialise


def test_the_recurrent_picture_follows_its_formula():
    network = initialise(ConvolutionalGRU(4), seeded()).eval()
    picture = normal(2, 4, 6, 6)
    states = network(picture, 5)
    assert states.shape == (2, 5, 4, 6, 6)
    torch.testing.assert_close(network(picture, 3), states[:, :3])
    # One step by hand, with every gate's weights apart.
    h = states[:, 1]
    w_u, w_r, w_c = network.of_input.weight.chunk(3)
    v_u, v_r = network.gates_of_state.weight.chunk(2)

    def convolve(features, weight):
        return nn.functional.conv2d(features, weight, padding=1)

    u = (convolve(picture, w_u) + convolve(h, v_u)).sigmoid()
    r = (convolve(picture, w_r) + convolve(h, v_r)).sigmoid()
    c = (convolve(picture, w_c) + convolve(r * h, network.candidate_of_state.weight)).relu()
    torch.testing.assert_close(states[:, 2], (1 - u) * h + u * c)


def test_the_residual_generator_makes_any_number_of_frames():
    network = small_residual()
    latent = sample_latent(network, 2, seeded())
    with torch.no_grad():
        long = network(latent, frames=11)
        torch.testing.assert_close(long[:, :, :5], network(latent))
    assert long.shape == (2, 3, 11, 16, 16)
    assert (long.diff(dim=2).abs().amax((1, 3, 4)) > 0).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ResidualGenerator(size=63), r"63 pixels.*8, 16, 32, 64"),
        (lambda: ResidualGenerator(frames=0), "at least one frame, not 0"),
        (lambda: ResidualGenerator(attention=4), r"\[8, 16, 32, 64\] pixels, not 4"),
        (lambda: small_residual(classes=0)(torch.zeros(1, 12), torch.tensor([1])), "no classes"),
        (lambda: small_residual()(torch.zeros(2, 13), torch.tensor([1])), "1 labels for 2 latents"),
    ],
)
def test_the_residual_generator_refuses_what_it_cannot_build(make, message):
    with pytest.raises(ValueError, match=message):
        make()
