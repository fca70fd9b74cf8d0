"""The critic of patches of frames."""

import pytest
import torch

from tests.support import published
from tests.support.discriminators import clips_of
from tests.support.generators import parameters
from tests.support.seeds import seeded
from vgan_tutorial.discriminators import PatchDiscriminator
from vgan_tutorial.layers import initialise, receptive_field
from vgan_tutorial.oracle import DAMAGES


def test_a_patch_is_46_pixels_wide():
    network = PatchDiscriminator(channels=4)
    layers = [layer for block in network.blocks for layer in block.children()]
    assert receptive_field([*layers, network.head]) == 46
    assert network.scores(torch.zeros(1, 3, 2, 64, 64)).shape == (1, 2, 4, 4)


def test_the_patch_critic_does_not_know_the_order():
    network = initialise(PatchDiscriminator(8, 16, 8, normalisation="none"), seeded())
    clips = clips_of()
    shuffled = DAMAGES["shuffled frames"](clips, seeded())
    assert not torch.equal(shuffled, clips)
    torch.testing.assert_close(network(shuffled), network(clips))


def test_the_patch_critic_has_as_many_parameters_as_the_authors_code():
    layers = published.MOCOGAN_PICTURE_CRITIC
    assert parameters(PatchDiscriminator()) == published.count(layers) == 663_296


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PatchDiscriminator(size=20), "16, 24, 32, … in steps of 8, not 20"),
        (lambda: PatchDiscriminator(size=8), "in steps of 8, not 8"),
        (lambda: PatchDiscriminator(frames=0), "at least one frame, not 0"),
        (lambda: PatchDiscriminator(normalisation="layer"), '"batch" or "none", not'),
    ],
)
def test_the_patch_critic_refuses_what_it_cannot_build(make, message):
    with pytest.raises(ValueError, match=message):
        make()
