"""The painter: modulated weights, styles that hold for a clip, time that goes on."""

import pytest
import torch
from torch import nn

from tests.support.seeds import seeded
from vgan_tutorial.generators.painter import ModulatedConv, PainterGenerator, turn
from vgan_tutorial.latents import sample_latent
from vgan_tutorial.layers import initialise


def build(frames=4, size=16, **sizes) -> PainterGenerator:
    return initialise(PainterGenerator(frames, size, **sizes), seeded()).eval()


@pytest.mark.parametrize("enlarge", [True, False])
@torch.no_grad()
def test_modulation_is_that_of_the_weights(enlarge):
    """Equations 1 and 3 of StyleGAN2: scale each row's own kernel, then divide by its length."""
    layer = initialise(ModulatedConv(5, 7, 3, enlarge), seeded())
    features = torch.randn(2, 5, 8, 8, generator=seeded(1))
    steering = torch.randn(2, 3, generator=seeded(2))
    found = layer(features, steering)
    for row in range(2):
        kernel = layer.weight.weight * (1 + layer.scale(steering[row]))[None, :, None, None]
        kernel = kernel / kernel.square().sum((1, 2, 3), keepdim=True).sqrt()
        painted = 2**0.5 * nn.functional.conv2d(features[row : row + 1], kernel, padding=1)
        if enlarge:
            painted = nn.functional.interpolate(painted, scale_factor=2, mode="bilinear")
        expected = nn.functional.leaky_relu(painted, 0.2)
        torch.testing.assert_close(found[row : row + 1], expected, rtol=1e-4, atol=1e-5)


def test_features_are_enlarged_by_the_filter_1_3_3_1():
    line = torch.randn(1, 1, 1, 8, generator=seeded()).expand(1, 1, 8, 8)
    grown = nn.functional.interpolate(line, scale_factor=2, mode="bilinear")
    spread = torch.zeros(1, 1, 16, 16)
    spread[..., ::2, ::2] = line
    tap = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
    filtered = nn.functional.conv2d(
        nn.functional.pad(spread, (2, 1, 2, 1)), torch.outer(tap, tap)[None, None]
    )
    torch.testing.assert_close(grown[..., 2:-2, 2:-2], filtered[..., 2:-2, 2:-2])


@pytest.mark.parametrize(("frames", "size"), [(1, 16), (5, 16), (4, 32), (2, 128)])
@torch.no_grad()
def test_any_number_of_frames_of_any_doubled_size(frames, size):
    network = build(frames, size, channels=4)
    clips = network(sample_latent(network, 2, seeded()))
    assert clips.shape == (2, 3, frames, size, size)
    assert clips.abs().max() <= 1


@torch.no_grad()
def test_a_longer_clip_goes_on_where_a_shorter_one_ends():
    network = build()
    latent = sample_latent(network, 2, seeded())
    long = network(latent, frames=9)
    torch.testing.assert_close(long[:, :, :4], network(latent))
    assert (long.diff(dim=2).abs().amax((1, 3, 4)) > 0).all()


@torch.no_grad()
def test_nothing_moves_but_the_motion_latent():
    """A motion latent of nought stands still: no layer hears of time in another way."""
    network = build(frames=8)
    latent = sample_latent(network, 3, seeded())
    assert network(latent).diff(dim=2).abs().amax() > 0.01
    latent[:, network.content :] = 0
    still = network(latent)
    torch.testing.assert_close(still, still[:, :, :1].expand_as(still))


@torch.no_grad()
def test_a_clip_may_begin_at_any_moment():
    """Turning the motion latent by the angles of one frame moves the clip on by that frame."""
    network = build(frames=8)
    content, motion = sample_latent(network, 2, seeded()).split([network.content, 8], dim=1)
    later = turn(motion, network.frequencies[None])[:, 0].unflatten(1, (2, 4)).mT.flatten(1)
    ahead = network(torch.cat([content, later], 1))
    clips = network(torch.cat([content, motion], 1))
    torch.testing.assert_close(ahead[:, :, :-1], clips[:, :, 1:], rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_the_content_makes_the_style_and_the_motion_the_codes():
    network = build()
    one, other = sample_latent(network, 2, seeded())
    mixed = torch.cat([one[: network.content], other[network.content :]])
    styles, codes = [], []
    for latent in (one, other, mixed):
        content, motion = network.split(latent[None])
        styles.append(network.mapping(content))
        codes.append(network.move(motion))
    assert torch.equal(styles[0], styles[2])
    assert torch.equal(codes[1], codes[2])
    assert not torch.equal(styles[0], styles[1])
    assert not torch.equal(codes[0], codes[1])


def test_picks_are_choices_of_their_own():
    """The third choice changes the style, and the number behind it only where it chooses anew."""
    painter = build(content=6, choices=4, picks=3)
    latent = sample_latent(painter, 1, seeded(0))
    same, other = latent.clone(), latent.clone()
    latent[:, 2], same[:, 2], other[:, 2] = 0.1, 0.2, -0.1
    style = [painter.mapping(painter.split(each)[0]) for each in (latent, same, other)]
    assert torch.equal(style[0], style[1])
    assert not torch.equal(style[0], style[2])
    assert isinstance(painter.mapping, nn.Sequential)
    assert isinstance(painter.mapping[0], nn.Linear)
    assert painter.mapping[0].in_features == 6 + 3 * 3


def test_motion_changes_neither_tint_nor_contrast_of_a_steady_painter():
    """However large the first features are, what is painted is the same."""
    painter = initialise(PainterGenerator(4, 16, steady=True), seeded(0)).eval()
    codes = torch.randn(2, 4, 8, generator=seeded(1))
    style = painter.mapping(painter.split(sample_latent(painter, 2, seeded(2)))[0])
    clips = painter.synthesise(style, codes)
    with torch.no_grad():
        for weights in painter.layout.parameters():
            weights.mul_(3)
    torch.testing.assert_close(painter.synthesise(style, codes), clips)
    assert painter.tint.in_features == style.shape[1]


def test_every_weight_learns():
    network = build(classes=3, choices=4)
    clips = network(sample_latent(network, 8, seeded()))
    clips.square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@torch.no_grad()
def test_labels_replace_the_class_that_the_latent_chooses():
    network = build(classes=3)
    latent = sample_latent(network, 3, seeded())
    told = [network(latent, torch.full((3,), label)) for label in range(3)]
    chosen = network(latent)
    picked = (torch.special.ndtr(latent[:, 0]) * 3).long()
    for row, label in enumerate(picked.tolist()):
        torch.testing.assert_close(chosen[row], told[label][row])
    assert not torch.allclose(told[0], told[1])
    with pytest.raises(ValueError, match="no classes"):
        build()(sample_latent(build(), 3, seeded()), picked)


@torch.no_grad()
def test_a_class_may_have_factors_and_each_is_heard():
    network = build(classes=(3, 2))
    latent = sample_latent(network, 4, seeded())
    assert latent.shape[1] == network.content + network.motion + 2
    told = [network(latent, torch.full((4,), label)) for label in range(6)]
    assert not any(torch.allclose(told[0], other) for other in told[1:])
    act, hair = [(torch.special.ndtr(latent[:, k]) * n).long() for k, n in ((0, 3), (1, 2))]
    torch.testing.assert_close(network(latent), network(latent, act * 2 + hair))
    content, motion = network.split(latent)
    for half in (content, motion):  # the entries of both factors come last
        assert half[:, -5:-2].square().mean().item() == pytest.approx(1)
        assert half[:, -2:].square().mean().item() == pytest.approx(1)


def test_a_size_that_does_not_double_from_four_is_refused():
    with pytest.raises(ValueError, match="a frame of 20 pixels cannot be built"):
        PainterGenerator(4, 20)
    with pytest.raises(ValueError, match="at least one frame"):
        PainterGenerator(0, 16)
    with pytest.raises(ValueError, match="turns in pairs: its length is even, not 7"):
        PainterGenerator(4, 16, motion=7)
