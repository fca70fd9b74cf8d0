"""Generators: published sizes, ranges, errors, gradients, and what their structure promises."""

import pytest
import torch
from torch import nn

from tests.support.seeds import seeded
from vgan_tutorial.generators import (
    GENERATORS,
    ArticleGenerator,
    ContentMotionGenerator,
    VGANGenerator,
)
from vgan_tutorial.latents import choose, sample_latent
from vgan_tutorial.layers import initialise
from vgan_tutorial.shapes import PRESETS


def build(name, preset="tiny", **more):
    shape = PRESETS[preset]
    return initialise(GENERATORS[name](frames=shape.frames, size=shape.size, **more), seeded())


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_vgan_has_the_published_number_of_parameters():
    assert parameters(VGANGenerator()) == 16_245_383
    assert parameters(VGANGenerator(streams=1)) == 12_663_619


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


@pytest.mark.parametrize("preset", ["tiny", "small"])
@pytest.mark.parametrize("name", GENERATORS)
def test_clips_have_the_presets_shape_and_range(name, preset):
    shape = PRESETS[preset]
    network = build(name, preset)
    with torch.no_grad():
        clips = network(3 * sample_latent(network, 2, seeded()))
    assert clips.shape == (2, 3, shape.frames, shape.size, shape.size)
    assert clips.isfinite().all()
    assert clips.abs().max() <= 1
    assert clips.std() > 1e-4  # a blank clip has the right shape too


@pytest.mark.parametrize("name", GENERATORS)
def test_a_batch_of_one_in_evaluation_mode(name):
    network = build(name).eval()
    latent = sample_latent(network, 4, seeded())
    with torch.no_grad():
        alone, together = network(latent[2:3]), network(latent)[2:3]
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", GENERATORS)
def test_a_gradient_reaches_every_parameter(name):
    network = build(name)
    for gate in (parameter for parameter in network.parameters() if parameter.ndim == 0):
        gate.data.fill_(0.5)  # a gate that starts at nought lets nothing through at first
    clips = network(sample_latent(network, 4, seeded()))
    weights = torch.randn(clips.shape, generator=seeded(1))
    (clips * weights).sum().backward()
    stuck = [
        key
        for key, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    ]
    assert not stuck


@pytest.mark.parametrize("name", GENERATORS)
def test_no_clip_depends_on_another_ones_latent(name):
    network = build(name).eval()
    latent = sample_latent(network, 3, seeded()).requires_grad_(True)
    (gradient,) = torch.autograd.grad(network(latent)[1].square().sum(), latent)
    reached = gradient.flatten(1).abs().amax(1) > 0
    assert reached.tolist() == [False, True, False]


def test_latents_are_fixed_by_their_seed():
    network = build("content-motion")
    first, again, other = (sample_latent(network, 3, seeded(seed)) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


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


def test_content_motion_refuses_what_it_cannot_build():
    with pytest.raises(ValueError, match="must be even, not 15"):
        ContentMotionGenerator(frames=8, size=15)


def test_choices_are_equally_likely_and_keep_the_rest():
    latent = torch.randn(20_000, 4, generator=seeded())
    chosen = choose(latent, 5)
    assert chosen.shape == (20_000, 8)
    assert torch.equal(chosen[:, 5:], latent[:, 1:])
    assert ((chosen[:, :5] > 0).sum(1) == 1).all()
    shares = (chosen[:, :5] > 0).float().mean(0)
    assert (shares - 1 / 5).abs().max() < 0.01
    assert chosen[:, :5].square().mean().item() == pytest.approx(1)


@pytest.mark.parametrize("extreme", [-40.0, 40.0])
def test_a_choice_is_made_even_far_out(extreme):
    chosen = choose(torch.tensor([[extreme]]), 7)[0] > 0
    assert chosen.nonzero().tolist() == [[0 if extreme < 0 else 6]]


def test_a_tile_is_laid_where_the_path_says():
    """The middle of mass of a placed blob is the path's point, to a tenth of a pixel."""
    network = ContentMotionGenerator(frames=8, size=16)
    blob = torch.zeros(1, 1, 8, 8)
    blob[:, :, 3:5, 3:5] = 1
    centre = torch.tensor([[[0.5, 0.5], [0.3, 0.62], [0.71, 0.44]]])
    mask = network.place(blob, centre)[0, 0]
    pixels = (torch.arange(16) + 0.5) / 16
    mass = mask.sum((1, 2))
    x = (mask.sum(1) * pixels).sum(1) / mass
    y = (mask.sum(2) * pixels).sum(1) / mass
    torch.testing.assert_close(torch.stack([x, y], 1), centre[0], atol=0.1 / 16, rtol=0)


def test_a_tile_far_outside_the_frame_leaves_it_empty():
    network = ContentMotionGenerator(frames=8, size=16)
    assert not network.place(torch.ones(1, 1, 8, 8), torch.tensor([[[3.0, 0.5]]])).any()


def test_a_figure_keeps_its_outline_on_its_way():
    """Moved by whole pixels, the placed mask is the same picture, moved."""
    network = build("content-motion").eval()
    outline = torch.rand(1, 1, 8, 8, generator=seeded())
    start = torch.tensor([0.45, 0.5])
    step = torch.tensor([2.0, -1.0]) / 16  # two pixels to the right, one up
    mask = network.place(outline, torch.stack([start, start + step])[None])[0, 0]
    assert mask[0].std() > 0.1
    torch.testing.assert_close(mask[1], mask[0].roll((-1, 2), (0, 1)), atol=1e-5, rtol=0)


def test_a_figure_has_one_colour_and_stays_inside():
    network = build("content-motion").eval()
    latent = 3 * sample_latent(network, 6, seeded())
    with torch.no_grad():
        colour, mask, background = network.streams(latent)
        path = network.draw_path(latent[:, network.content :])
    assert colour.shape == (6, 3, 1, 1, 1)
    assert background.shape == (3, 1, 1, 1)
    assert mask.min() >= 0
    assert mask.max() <= 1 + 1e-6
    assert path.min() >= 0.1
    assert path.max() <= 0.9


def test_the_articles_frames_follow_their_noise():
    """Reorder the noise images, and the same frames come in the new order."""
    network = initialise(ArticleGenerator(frames=6, size=16, channels=8), seeded()).eval()
    noise = sample_latent(network, 2, seeded())
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    with torch.no_grad():
        torch.testing.assert_close(network(noise[:, :, order]), network(noise)[:, :, order])


def test_a_longer_clip_begins_with_the_shorter_one():
    network = build("content-motion").eval()
    latent = sample_latent(network, 3, seeded())
    with torch.no_grad():
        trained, longer = network(latent), network(latent, frames=20)
    assert longer.shape[2] == 20
    torch.testing.assert_close(longer[:, :, : trained.shape[2]], trained, atol=1e-5, rtol=1e-4)


def test_clips_of_the_content_motion_generator_repeat_after_the_trained_length():
    network = build("content-motion").eval()
    latent = sample_latent(network, 2, seeded())
    frames = network.frames
    with torch.no_grad():
        longer = network(latent, frames=frames + 4)
    torch.testing.assert_close(longer[:, :, frames:], longer[:, :, :4], atol=1e-4, rtol=1e-3)


def test_break_contents_repeated_wrongly():
    """`repeat` hands the frames of one clip to the contents of all; `repeat_interleave` does not.

    Signature: a clip's frames depend on other clips' contents. With one clip nobody can tell.
    """

    def codes(content, path, spread):
        time = path.shape[1]
        rows = content.repeat(time, 1) if spread == "repeat" else content.repeat_interleave(time, 0)
        return torch.cat([rows, path.flatten(0, 1)], 1).unflatten(0, path.shape[:2])

    def contents_seen(batch, spread):
        """How many clips' contents enter the frames of the first clip."""
        content = torch.randn(batch, 5, generator=seeded(), requires_grad=True)
        path = torch.randn(batch, 6, 2, generator=seeded(1))
        (gradient,) = torch.autograd.grad(codes(content, path, spread)[0].sum(), content)
        return int(gradient.any(1).sum())

    assert contents_seen(4, "repeat") == 4
    assert contents_seen(4, "repeat_interleave") == 1
    assert contents_seen(1, "repeat") == contents_seen(1, "repeat_interleave") == 1


def test_break_batch_norm_epsilon():
    """The second argument of a batch norm is eps: 0.8 there leaves quiet channels quiet."""
    quiet = 0.1 * torch.randn(64, 4, 8, 8, generator=seeded())
    slip, right = nn.BatchNorm2d(4, 0.8), nn.BatchNorm2d(4, momentum=0.8)
    assert (slip.eps, slip.momentum) == (0.8, 0.1)
    assert right(quiet).std().item() == pytest.approx(1, abs=0.01)
    assert slip(quiet).std().item() < 0.2
