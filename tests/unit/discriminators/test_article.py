"""The article's discriminator, frame by frame."""

import pytest
from torch import nn

from vgan_tutorial.discriminators import ArticleDiscriminator


def test_the_articles_discriminator_has_the_articles_layers():
    """Section 4.3 with its 128 x 128 frames: 64 and 128 filters, then 131,072 numbers to one."""
    network = ArticleDiscriminator(size=128).frame_network
    first, second = (layer for layer in network if isinstance(layer, nn.Conv2d))
    assert (first.out_channels, second.out_channels) == (64, 128)
    assert (network[-1].in_features, network[-1].out_features) == (32 * 32 * 128, 1)


def test_the_articles_refuses_what_it_cannot_build():
    with pytest.raises(ValueError, match="multiple of 4, not 30"):
        ArticleDiscriminator(size=30)
