"""The two-player game small enough to watch: toy data, tiny players, and a loop to play them.

The toys of chapters 1 and 2 live in one or two dimensions, so that everything a GAN does can be
drawn: the samples, the discriminator's surface and the arrows that it sends to the generator.
`vgan_tutorial.experiments.toys` plays every loss on the ring with several seeds and writes the
record that chapter 2 loads.
"""

from vgan_tutorial.toys.data import (
    RING_MODES,
    TOYS,
    Coverage,
    count_modes,
    ring_centres,
    sample_toy,
    wasserstein_1d,
)
from vgan_tutorial.toys.figures import draw_game
from vgan_tutorial.toys.game import MISTAKES, RESTRAINTS, Game, Run, Snapshot, play
from vgan_tutorial.toys.players import DividedBySpectralNorm, build_mlp, spectral_normalise

__all__ = [
    "MISTAKES",
    "RESTRAINTS",
    "RING_MODES",
    "TOYS",
    "Coverage",
    "DividedBySpectralNorm",
    "Game",
    "Run",
    "Snapshot",
    "build_mlp",
    "count_modes",
    "draw_game",
    "play",
    "ring_centres",
    "sample_toy",
    "spectral_normalise",
    "wasserstein_1d",
]
