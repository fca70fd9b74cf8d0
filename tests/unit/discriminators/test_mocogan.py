"""MoCoGAN's critics: one of frames, one of clips."""

import pytest
import torch

from tests.support import published
from tests.support.discriminators import clips_of, convolutions, small_mocogan
from tests.support.generators import parameters
from tests.support.seeds import seeded
from vgan_tutorial.discriminators import MoCoGANDiscriminator, MoCoGANVideoDiscriminator


def test_mocogans_video_critic_has_the_published_layers():
    """Space halves, time loses three frames a layer."""
    shapes = convolutions(MoCoGANVideoDiscriminator(classes=6), torch.zeros(2, 3, 16, 64, 64))
    expected = [(64, 13, 32, 32), (128, 10, 16, 16), (256, 7, 8, 8), (512, 4, 4, 4), (7, 1, 1, 1)]
    assert shapes == expected


def test_noise_before_every_convolution_needs_randomness():
    network = small_mocogan(noise=0.5)
    clips = clips_of()
    with torch.no_grad():
        assert torch.equal(network(clips).logits[1], network(clips).logits[1])
        first, again, other = (network.video(clips, generator=seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    noises = []
    for layer in (*(block[0] for block in network.video.blocks), network.video.head):
        layer.register_forward_hook(lambda layer, args, out: noises.append(args[0]))
    network.video(torch.zeros(2, 3, 8, 16, 16), generator=seeded())
    network.video(torch.zeros(2, 3, 8, 16, 16))
    noisy, quiet = noises[: len(noises) // 2], noises[len(noises) // 2 :]
    assert all((one - other).std() > 0.4 for one, other in zip(noisy, quiet, strict=True))


def test_categories_have_their_own_logits():
    network = small_mocogan(classes=3).video
    logits, categories = network.score_and_classify(clips_of())
    assert (logits.shape, categories.shape) == ((4,), (4, 3))
    torch.testing.assert_close(network(clips_of()), logits)
    scores = small_mocogan(classes=3)(clips_of(), torch.tensor([0, 2, 1, 1]))
    assert scores.classes is not None
    torch.testing.assert_close(scores.classes, categories)
    assert small_mocogan()(clips_of()).classes is None


@pytest.mark.parametrize(
    ("build", "layers"),
    [
        (MoCoGANVideoDiscriminator, published.mocogan_clip_critic(0)),
        (lambda: MoCoGANVideoDiscriminator(classes=6), published.mocogan_clip_critic(6)),
        (
            lambda: MoCoGANDiscriminator(classes=6),
            published.MOCOGAN_PICTURE_CRITIC + published.mocogan_clip_critic(6),
        ),
    ],
)
def test_mocogans_critics_have_as_many_parameters_as_the_authors_code(build, layers):
    assert parameters(build()) == published.count(layers)


def test_the_counts_that_docstrings_tell():
    assert published.count(published.mocogan_clip_critic(0)) == 11_056_896
    assert published.count(published.mocogan_clip_critic(6)) == 11_253_504
    assert published.count(published.MOCOGAN_PICTURE_CRITIC) == 663_296


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MoCoGANVideoDiscriminator(size=20), "20 pixels cannot be built"),
        (lambda: MoCoGANVideoDiscriminator(frames=0), "at least one frame, not 0"),
    ],
)
def test_mocogans_critic_refuses_what_it_cannot_build(make, message):
    with pytest.raises(ValueError, match=message):
        make()
