"""The generator with a tile that is laid along a path."""

import pytest
import torch

from tests.support.generators import build, small_content_motion
from tests.support.seeds import seeded
from vgan_tutorial.generators import ContentMotionGenerator
from vgan_tutorial.latents import sample_latent


def test_content_motion_refuses_what_it_cannot_build():
    with pytest.raises(ValueError, match="must be even, not 15"):
        ContentMotionGenerator(frames=8, size=15)


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


def test_the_recommended_generators_class_moves_the_figure_and_does_not_repaint_it():
    network = small_content_motion()
    latent = sample_latent(network, 5, seeded())
    with torch.no_grad():
        streams = [network.streams(latent, torch.full((5,), kind)) for kind in range(3)]
    for kind in (1, 2):
        assert torch.equal(streams[kind][0], streams[0][0])  # the colour
        assert not torch.equal(streams[kind][1], streams[0][1])  # where it is


def test_without_classes_the_recommended_generator_is_as_it_was():
    """What the page's script and the stored weights rely on: no number more, no layer more."""
    network = ContentMotionGenerator(4, 16)
    assert network.latent_shape == (network.content + network.motion,)
    with pytest.raises(ValueError, match=r"labels were given to a .*Generator with no classes"):
        network(sample_latent(network, 2, seeded()), torch.zeros(2).long())
    conditional = small_content_motion()
    with pytest.raises(ValueError, match="3 labels for 2 latents"):
        conditional(sample_latent(conditional, 2, seeded()), torch.zeros(3).long())
