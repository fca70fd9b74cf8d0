"""The players that a run starts with."""

import dataclasses

import pytest

from tests.support.steps import conditional
from vgan_tutorial.training import start


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"generator": "vgan"},
            "generator 'vgan' cannot be told classes; .*residual",
        ),
        ({"discriminator": "patch"}, "discriminator 'patch' cannot be told classes; .*residual"),
    ],
)
def test_players_that_cannot_be_told_classes_are_named(fields, message):
    with pytest.raises(ValueError, match=message):
        start(dataclasses.replace(conditional(), **fields))
