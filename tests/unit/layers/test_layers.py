"""The shared pieces: folding time, fresh weights, and how far a network looks."""

import copy

import cv2
import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from tests.support.seeds import seeded
from vgan_tutorial import layers
from vgan_tutorial.augmentation import add_noise, blur
from vgan_tutorial.discriminators import DISCRIMINATORS
from vgan_tutorial.generators import GENERATORS
from vgan_tutorial.layers import (
    ConditionalBatchNorm,
    PortionedConv3d,
    PortionedConvTranspose3d,
    SelfAttention,
    channels_last,
    doublings,
    initialise,
    inputs_per_output,
    per_frame,
    perceptron,
    portion,
    receptive_field,
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


@pytest.mark.parametrize("transposed", [False, True])
def test_hes_rule_keeps_the_size_of_the_signal(transposed):
    """With He's rule a leaky rectifier and a layer keep the mean square, away from the border."""
    kind = nn.ConvTranspose3d if transposed else nn.Conv3d
    layer = initialise(kind(32, 32, 4, stride=2, padding=1), seeded(1))
    signal = torch.randn(8, 32, 8, 8, 8, generator=seeded())
    leaky = nn.functional.leaky_relu(signal, 0.2)
    out = layer(leaky)[..., 2:-2, 2:-2, 2:-2] if transposed else layer(leaky)[..., 1:-1, 1:-1, 1:-1]
    assert out.square().mean().item() == pytest.approx(1, rel=0.15)
    assert inputs_per_output(layer) == 32 * 64 / (8 if transposed else 1)


@pytest.mark.parametrize("name", [*GENERATORS, *DISCRIMINATORS])
def test_a_seed_fixes_every_weight(name):
    """Whatever the global state was when the network was made."""
    build = (GENERATORS | DISCRIMINATORS)[name]
    states = []
    for seed, global_seed in ((0, 1), (0, 2), (3, 2)):
        torch.manual_seed(global_seed)
        states.append(initialise(build(frames=8, size=16), seeded(seed)).state_dict())
    first, again, other = states
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_fresh_weights_are_spectrally_normal_at_once():
    layer = spectral_norm(nn.Conv2d(8, 16, 3))
    initialise(layer, seeded())
    layer.eval()
    weight = layer.weight
    assert isinstance(weight, torch.Tensor)
    largest = torch.linalg.matrix_norm(weight.reshape(16, -1), 2)
    assert largest.item() == pytest.approx(1, abs=0.02)


def test_channels_last_changes_the_layout_and_no_number():
    network = nn.Sequential(nn.Conv3d(3, 8, 3), nn.ReLU(), nn.Conv3d(8, 4, 3))
    clips = torch.randn(2, 3, 6, 8, 8, generator=seeded())
    changed = channels_last(copy.deepcopy(network))
    torch.testing.assert_close(changed(clips), network(clips))
    weight = next(changed.parameters())
    assert weight.is_contiguous(memory_format=torch.channels_last_3d)


KINDS = [(PortionedConv3d, nn.Conv3d), (PortionedConvTranspose3d, nn.ConvTranspose3d)]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("portioned", "plain"), KINDS)
def test_portions_of_a_convolution_are_the_whole(portioned, plain, bias, monkeypatch):
    """Values, gradients of both kinds, and the gradient of a gradient's length (for penalties)."""
    monkeypatch.setattr(
        layers.memory, "PORTION", 200
    )  # 2 of the 7 channels, so the last portion has 1
    layer = portioned(3, 7, (2, 4, 4), stride=(1, 2, 2), padding=(0, 1, 1), bias=bias)
    assert portion(layer, torch.device("cpu")) == 2
    whole = plain(3, 7, (2, 4, 4), stride=(1, 2, 2), padding=(0, 1, 1), bias=bias)
    whole.load_state_dict(initialise(layer, seeded()).state_dict())
    found = []
    for network in (layer, whole):
        clips = torch.randn(2, 3, 5, 8, 8, generator=seeded(1)).requires_grad_()
        out = network(clips)
        (slope,) = torch.autograd.grad(out.square().sum(), clips, create_graph=True)
        slope.square().sum().backward()
        found.append((out, slope, clips.grad, network.weight.grad))
    for mine, theirs in zip(*found, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4 * theirs.abs().max().item())


def test_only_large_weights_on_a_cpu_are_taken_in_portions():
    wide, narrow = PortionedConv3d(256, 512, 4), PortionedConv3d(128, 256, 4)
    assert [portion(wide, torch.device(name)) for name in ("cpu", "meta")] == [128, 512]
    assert portion(narrow, torch.device("cpu")) == 256
    assert portion(PortionedConv3d(256, 1024, 4, groups=2), torch.device("cpu")) == 1024
    kept, turned = (channels_last(layer).weight for layer in (wide, narrow))
    assert kept.is_contiguous()
    assert turned.is_contiguous(memory_format=torch.channels_last_3d)


def test_a_portioned_weight_under_spectral_normalisation_is_made_once_a_pass(monkeypatch):
    """In training every look at it is one more power iteration."""
    monkeypatch.setattr(layers.memory, "PORTION", 100)
    clips = torch.randn(1, 3, 4, 6, 6, generator=seeded())
    directions = []
    for kind in (PortionedConv3d, nn.Conv3d):
        torch.manual_seed(0)
        layer = spectral_norm(kind(3, 8, 3))
        layer(clips)
        directions.append(next(iter(layer.buffers())).clone())
    torch.testing.assert_close(*directions)


def test_a_receptive_field_needs_layers_that_it_knows():
    with pytest.raises(ValueError, match="Linear"):
        receptive_field([nn.Conv2d(3, 3, 3), nn.Linear(3, 3)])
    with pytest.raises(ValueError, match="dilated"):
        receptive_field([nn.Conv2d(3, 3, 3, dilation=2)])


def test_receptive_fields_may_differ_by_axis():
    layers = [nn.Conv3d(1, 1, (4, 3, 5), (2, 1, 1)), nn.ReLU(), nn.Conv3d(1, 1, (2, 3, 1))]
    assert [receptive_field(layers, axis) for axis in (-3, -2, -1)] == [6, 5, 5]


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


def test_noise_has_its_deviation_and_needs_randomness():
    features = torch.ones(50, 4, 8, 8)
    assert add_noise(features, 0.3, None) is features
    assert add_noise(features, 0.0, seeded()) is features
    noisy = add_noise(features, 0.3, seeded())
    assert (noisy - features).std().item() == pytest.approx(0.3, rel=0.02)
    assert torch.equal(noisy, add_noise(features, 0.3, seeded()))


def test_blur_is_opencvs_away_from_the_edges():
    clips = torch.rand(2, 3, 4, 32, 32, generator=seeded())
    blurred = blur(clips, 1.5)
    frame = clips[1, :, 2].permute(1, 2, 0).numpy()
    expected = cv2.GaussianBlur(frame, (31, 31), 1.5)
    inner = slice(10, -10)
    found = blurred[1, :, 2].permute(1, 2, 0).numpy()
    assert found[inner, inner] == pytest.approx(expected[inner, inner], abs=1e-6)
    assert blur(clips, 0.0) is clips


def test_blur_keeps_an_even_colour_and_lets_gradients_through_twice():
    even = torch.full((1, 3, 2, 8, 16), -1.0)
    assert blur(even, 2.0) == pytest.approx(even)
    clips = torch.rand(1, 3, 2, 4, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda clips: blur(clips, 0.7) ** 2, clips)


def test_recurrent_weights_are_drawn_within_pytorchs_limit():
    network = initialise(nn.GRU(3, 25), seeded())
    drawn = torch.cat([parameter.flatten() for parameter in network.parameters()])
    assert drawn.abs().max() <= 1 / 5
    assert drawn.std().item() == pytest.approx(0.2 / 3**0.5, rel=0.05)
