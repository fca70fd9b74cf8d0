"""The players that a run starts with."""

import dataclasses

import pytest

from tests.support.mini import change
from tests.support.steps import conditional
from vgan_tutorial.discriminators import DualDiscriminator
from vgan_tutorial.generators import PainterGenerator
from vgan_tutorial.training import start


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"generator": "vgan"},
            "generator 'vgan' cannot be told classes; .*residual",
        ),
        ({"discriminator": "patch"}, "discriminator 'patch' cannot be told classes; .*residual"),
        (
            {"generator": "residual", "classes": (2, 3)},
            "generator 'residual' cannot be told classes of several factors; choose one of painter",
        ),
    ],
)
def test_players_that_cannot_be_told_classes_are_named(fields, message):
    with pytest.raises(ValueError, match=message):
        start(dataclasses.replace(conditional(), **fields))


def test_options_reach_the_networks():
    config = change(
        generator="painter",
        discriminator="dual",
        size=16,
        generator_options={"channels": 8, "steady": 1},
        discriminator_options={"detail": 8},
    )
    state = start(config)
    assert isinstance(state.generator, PainterGenerator)
    assert state.generator.steady is True
    assert state.generator.tint.out_features == 8
    assert isinstance(state.discriminator, DualDiscriminator)
    assert state.discriminator.detail.trunk[0].out_channels == 4  # half of them, at full size
    with pytest.raises(ValueError, match=r"'painter' has no option 'chanels'; it has content, .*"):
        start(dataclasses.replace(config, generator_options={"chanels": 8}))
