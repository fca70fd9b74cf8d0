"""The two-player game small enough to watch: toy data, tiny players, and a loop to play them.

The toys of chapters 1 and 2 live in one or two dimensions, so that everything a GAN does can be
drawn: the samples, the discriminator's surface and the arrows that it sends to the generator.
`vgan_tutorial.experiments.toys` plays losses and restraints on the ring with several seeds and
writes the record that chapters 2 and 7 load.
"""

from vgan_tutorial.toys.data import (
    TOYS,
    Coverage,
    Shares,
    count_modes,
    locate,
    ring_centres,
    sample_toy,
    wasserstein_1d,
)
from vgan_tutorial.toys.figures import draw_game
from vgan_tutorial.toys.game import RESTRAINTS, Game, Run, Snapshot, play
from vgan_tutorial.toys.players import DividedBySpectralNorm, build_mlp, spectral_normalise

__all__ = [
    "RESTRAINTS",
    "TOYS",
    "Coverage",
    "DividedBySpectralNorm",
    "Game",
    "Run",
    "Shares",
    "Snapshot",
    "build_mlp",
    "count_modes",
    "draw_game",
    "locate",
    "play",
    "ring_centres",
    "sample_toy",
    "spectral_normalise",
    "wasserstein_1d",
]
