"""The pieces that networks share."""

import pytest
import torch
from torch import nn

from tests.support.seeds import normal, seeded
from vgan_tutorial.layers import (
    ConditionalBatchNorm,
    MinibatchStd,
    SelfAttention,
    doublings,
    initialise,
    per_frame,
    perceptron,
)


def test_doublings_are_inverse_to_doubling():
    for count in range(1, 7):
        assert doublings(4 * 2**count) == count


@pytest.mark.parametrize("size", [0, 2, 4, 12, 17, 63])
def test_sizes_that_no_doubling_reaches_are_refused_with_the_sizes_that_work(size):
    with pytest.raises(ValueError, match=rf"{size} pixels.*8, 16, 32, 64"):
        doublings(size)


def test_per_frame_is_a_loop_over_frames():
    clips = torch.randn(2, 3, 5, 8, 8, generator=seeded())
    picture = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.Tanh())
    score = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 1))
    for network in (picture, score):
        frames = [network(clips[:, :, index]) for index in range(clips.shape[2])]
        # pictures keep time on axis 2; scores have no channel axis to keep behind
        expected = torch.stack(frames, dim=2 if network is picture else 1)
        torch.testing.assert_close(per_frame(network, clips), expected)


def test_break_time_folded_with_view():
    """`reshape` without the transpose gives the right shape and takes frames for channels."""

    def folded_wrongly(network, clips):
        return network(clips.reshape(10, 3, 4, 4)).reshape(2, 5, 3, 4, 4).transpose(1, 2)

    red_only = nn.Conv2d(3, 3, 1, bias=False).requires_grad_(False)
    red_only.weight.copy_(torch.diag(torch.tensor([1.0, 0.0, 0.0]))[:, :, None, None])
    clips = torch.zeros(2, 3, 5, 4, 4)
    clips[:, 1:] = torch.rand(2, 2, 5, 4, 4, generator=seeded())  # green and blue, no red
    right, wrong = per_frame(red_only, clips), folded_wrongly(red_only, clips)
    assert right.shape == wrong.shape
    assert not right.any()
    assert wrong.any()  # signature: a network that only lets red through shows green and blue


def test_a_perceptron_ends_in_a_plain_linear_layer():
    network = perceptron([3, 8, 8, 2])
    sizes = [(layer.in_features, layer.out_features) for layer in network if hasattr(layer, "bias")]
    assert sizes == [(3, 8), (8, 8), (8, 2)]
    assert isinstance(network[-1], nn.Linear)


def test_a_vector_steers_only_its_own_row():
    """1 + s(v) and t(v) by hand, and a row whose vector is nought is only normalised."""
    network = ConditionalBatchNorm(4, 3)
    network.steer.data.normal_(generator=seeded())
    features = 3 + 2 * torch.randn(5, 4, 6, 6, generator=seeded(1))
    vectors = torch.randn(5, 3, generator=seeded(2))
    vectors[2] = 0
    normalised = nn.functional.batch_norm(features, None, None, training=True)
    scale, shift = (vectors @ network.steer).chunk(2, dim=1)
    expected = normalised * (1 + scale)[..., None, None] + shift[..., None, None]
    torch.testing.assert_close(network(features, vectors), expected)
    torch.testing.assert_close(network(features, vectors)[2], normalised[2])


def test_attention_is_a_weighted_mean_of_halved_places():
    network = initialise(SelfAttention(16), seeded())
    features = torch.randn(2, 16, 4, 6, generator=seeded(1))
    assert torch.equal(network(features), features)  # the gate starts at nought
    network.gate.data.fill_(0.7)
    key, value = (nn.functional.max_pool2d(part(features), 2) for part in (network.phi, network.g))
    found = torch.zeros(2, 8, 4, 6)
    for row in range(4):
        for column in range(6):
            query = network.theta(features)[:, :, row, column]
            similar = (query[:, :, None, None] * key).sum(1)
            weights = similar.flatten(1).softmax(1).view_as(similar)
            found[:, :, row, column] = (weights[:, None] * value).sum((2, 3))
    torch.testing.assert_close(network(features), features + 0.7 * network.out(found))


def test_attention_needs_channels():
    with pytest.raises(ValueError, match="at least 8 channels, not 4"):
        SelfAttention(4)


def test_one_clip_over_and_over_gives_itself_away():
    """Signature of collapse: the added channel falls to nearly 0."""
    layer = MinibatchStd(group=4)
    varied = normal(8, 3, 5, 5)
    same = varied[:1].expand(8, -1, -1, -1)
    torch.testing.assert_close(layer(varied)[:, :3], varied)
    expected = varied.unflatten(0, (2, 4)).std(1, unbiased=False).mean((1, 2, 3))
    torch.testing.assert_close(layer(varied)[:, 3, 0, 0], expected.repeat_interleave(4))
    assert layer(same)[:, 3].max() < 1e-3
    assert layer(varied)[:, 3].min() > 0.5
    assert layer(varied[:1])[:, 3].max() < 1e-3  # a batch of one has no spread
    assert layer(varied[:3]).shape == (3, 4, 5, 5)
