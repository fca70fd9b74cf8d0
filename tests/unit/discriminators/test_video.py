"""Discriminators of whole clips, and what a batch norm does to them."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, softplus
from torch.nn.utils import parametrize

from tests.support import published
from tests.support.discriminators import build, clips_of, leaves
from tests.support.generators import parameters
from tests.support.seeds import normal, seeded
from vgan_tutorial.discriminators import VideoDiscriminator
from vgan_tutorial.layers import initialise, receptive_field
from vgan_tutorial.losses import r1_penalty
from vgan_tutorial.oracle import DAMAGES
from vgan_tutorial.shapes import PRESETS, MovingShapes


def test_vgans_discriminator_has_half_the_last_layer_of_the_authors_code():
    """Declared departure: one logit, where they have two numbers and a cross-entropy."""
    trunk, head = published.VGAN_CRITIC, published.VGAN_CRITIC_HEAD
    assert published.count(trunk, head) == 11_057_858
    assert parameters(VideoDiscriminator()) == published.count(trunk) + published.count(head) / 2


def test_a_softmax_of_two_numbers_is_the_sigmoid_of_their_difference():
    two = normal(50, 2)
    (logits,) = (two[:, :1] - two[:, 1:]).unbind(1)
    for target, loss in ((0, softplus(-logits)), (1, softplus(logits))):
        truth = torch.full((50,), target)
        torch.testing.assert_close(cross_entropy(two, truth, reduction="none"), loss)


def test_vgans_discriminator_has_the_published_layers():
    network = VideoDiscriminator().eval()
    shapes = []
    features = torch.zeros(1, 3, 32, 64, 64)
    for layer in leaves(network):
        features = layer(features)
        if isinstance(layer, nn.Conv3d):
            shapes.append(tuple(features.shape[1:]))
    expected = [(64, 16, 32, 32), (128, 8, 16, 16), (256, 4, 8, 8), (512, 2, 4, 4), (1, 1, 1, 1)]
    assert shapes == expected


@pytest.mark.parametrize("frames", [1, 2, 3, 5, 8, 9])
def test_any_number_of_frames_can_be_judged(frames):
    network = VideoDiscriminator(frames=frames, size=16, channels=4, normalisation="none")
    assert network(torch.zeros(2, 3, frames, 16, 16)).shape == (2,)


def test_the_video_discriminator_looks_at_all_frames_at_once():
    shape = PRESETS["small"]
    network = VideoDiscriminator(frames=shape.frames, size=shape.size, normalisation="none")
    assert receptive_field(leaves(network), axis=-3) >= shape.frames
    assert receptive_field(leaves(network), axis=-1) >= shape.size


def test_spectral_norms_come_to_one_after_a_few_looks():
    """Also when the weights change under way, as in training."""
    network = build("video-spectral").train()
    layers = [layer for layer in network.modules() if parametrize.is_parametrized(layer)]
    with torch.no_grad():
        for layer in layers:
            layer.parametrizations.weight.original.mul_(5).add_(0.1)
        for _ in range(30):
            network(clips_of())
    network.eval()
    assert len(layers) >= 3
    for layer in layers:
        largest = torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item()
        assert largest == pytest.approx(1, abs=0.01)


def reached_by_first_logit(network, clips):
    """Which clips of the batch the first logit depends on."""
    clips = clips.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(network(clips)[0], clips)
    return (gradient.flatten(1).abs().amax(1) > 0).tolist()


def batch_normalised():
    network = VideoDiscriminator(frames=8, size=16, channels=8, normalisation="batch")
    return initialise(network, seeded()).train()


def test_break_batch_norm_mixes_the_clips():
    """Signature: a logit has a gradient to every clip of its batch. Without it, to its own."""
    assert reached_by_first_logit(batch_normalised(), clips_of()) == [True] * 4
    assert reached_by_first_logit(build("video"), clips_of()) == [True, False, False, False]


def test_break_a_penalty_on_batch_statistics():
    """The sum trick of the penalty is each clip's own gradient only when clips do not mix."""

    def mistake(network):
        clips = clips_of().requires_grad_(True)
        (gradients,) = torch.autograd.grad(network(clips).sum(), clips)
        own = torch.stack(
            [torch.autograd.grad(network(clips)[i], clips)[0][i] for i in range(len(clips))]
        )
        torch.testing.assert_close(
            r1_penalty(network, clips), gradients.flatten(1).square().sum(1).mean()
        )
        return ((gradients - own).norm() / own.norm()).item()

    assert mistake(build("video")) < 1e-5
    assert mistake(batch_normalised()) > 0.1


def taught_colours(normalisation, together, steps=60):
    """A small discriminator that has learnt to tell recoloured clips, in one batch or in two."""
    network = VideoDiscriminator(8, 16, channels=8, normalisation=normalisation)
    initialise(network, seeded())
    stream, recolour = MovingShapes("tiny", seed=1), DAMAGES["changed colour"]
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3, betas=(0.5, 0.99))
    for _ in range(steps):
        real = stream.batch(16)[0]
        fake = recolour(real, seeded())
        if together:
            real_logits, fake_logits = network(torch.cat([real, fake])).chunk(2)
        else:
            real_logits, fake_logits = network(real), network(fake)
        optimiser.zero_grad()
        (softplus(-real_logits).mean() + softplus(fake_logits).mean()).backward()
        optimiser.step()
    return network


@torch.no_grad()
def right_answers(network, mixed):
    """In batches of 32 that are all real or all fake, or half and half."""
    real = clips_of(count=64, seed=99)
    fake = DAMAGES["changed colour"](real, seeded())
    batches = [real[:32], real[32:], fake[:32], fake[32:]]
    if mixed:
        batches = [torch.cat([r, f]) for r, f in zip(real.split(16), fake.split(16), strict=True)]
    truth = [torch.arange(32) < 16] * 4 if mixed else [torch.full((32,), n < 2) for n in range(4)]
    scores = torch.cat([network(batch) for batch in batches])
    return ((scores > 0) == torch.cat(truth)).float().mean().item()


@pytest.mark.slow
def test_break_real_and_fake_statistics():
    """Signature: a batch norm trained on pure batches fails on mixed ones. Two fixes hold."""
    apart = taught_colours("batch", together=False, steps=100)
    assert right_answers(apart, mixed=False) > 0.9
    assert right_answers(apart, mixed=True) < 0.75
    assert right_answers(taught_colours("batch", together=True), mixed=True) > 0.9
    without = taught_colours("none", together=False)
    assert right_answers(without, mixed=True) == right_answers(without, mixed=False) > 0.9


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: VideoDiscriminator(size=20), "20 pixels cannot be built"),
        (lambda: VideoDiscriminator(frames=0), "at least one frame, not 0"),
        (lambda: VideoDiscriminator(normalisation="layer"), '"batch" or "none", not'),
    ],
)
def test_the_video_discriminator_refuses_what_it_cannot_build(make, message):
    with pytest.raises(ValueError, match=message):
        make()
