"""What a training step costs: the package's way against the published loop, written plainly.

Both train the same networks, from the same weights, on the same clips: 4 clips of 16 frames of
64x64 pixels, the critics' step and the generator's step. The plain way makes new clips for every
step, as MoCoGAN's published order does (the frame critic's step, the clip critic's, the
generator's), lets gradients run into weights that are not updated, calls the recurrent cell frame
by frame, and keeps PyTorch's convolutions, layout and Adam as they come. The package's way makes
the clips once, freezes the critics while the generator learns, runs the recurrence in one call and
fuses Adam. Weights and clips lie with the channels innermost, but in the widest layers, which
take their channels in portions (`vgan_tutorial.layers.PortionedConv3d`).

All of this is in the package's own step: the portions are in the networks, `training.start` lays
the weights out and fuses Adam if the configuration says so, and `training.train_step` makes the
clips once and freezes. It also leaves out the second look at the real clips where the loss does
not compare (`PAIRED_LOSSES`); neither way has that here.

Count one pass through the generator as g and one through the critic of clips as d, and a way back
as two passes, one for the inputs and one for the weights. The plain loop takes 4 g + 9 d, the
package's 3 g + 8 d. That alone is a sixth for MoCoGAN, whose step is nearly all convolutions at
the processor's full rate; the layout, the portions and Adam bring as much again. VGAN gains more
from these, having more weights for its work.

Processor time is compared, and the least of several turns: both are steadier than the clock where
other programs run.
"""

import copy
import time
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from vgan_tutorial.discriminators import MoCoGANDiscriminator
from vgan_tutorial.experiments.published_loops import (
    PUBLISHED,
    adam,
    critic_loss,
    seeded,
    update,
    whole,
)
from vgan_tutorial.latents import sample_latent
from vgan_tutorial.layers import channels_last, initialise

BATCH, FRAMES, SIZE, REPEATS = 4, 16, 64, 5
LEAST_RATIO = {"MoCoGAN": 1.3, "VGAN": 1.3}  # measured on one core: 1.35 to 1.38, 1.36 to 1.48

pytestmark = pytest.mark.benchmark


class PackageStep:
    """The order of `vgan_tutorial.training.train_step`: one fake, and a critic that is frozen."""

    def __init__(self, generator: nn.Module, critic: nn.Module) -> None:
        self.generator, self.critic = generator, critic
        self.latents, self.frames = seeded(0), seeded(1)
        self.of_generator, self.of_critic = adam(generator, True), adam(critic, True)

    def scores(self, clips: Tensor) -> list[Tensor]:
        """Every logit that has a loss of its own; a frame critic sees one random frame."""
        if isinstance(self.critic, MoCoGANDiscriminator):
            return list(self.critic(clips, generator=self.frames).logits)
        return [self.critic(clips)]

    def __call__(self, real: Tensor) -> None:
        fake = self.generator(sample_latent(self.generator, len(real), self.latents))
        self.critic.requires_grad_(True)
        pairs = zip(self.scores(real), self.scores(fake.detach()), strict=True)
        update(self.of_critic, torch.stack([critic_loss(*pair) for pair in pairs]).sum())
        self.critic.requires_grad_(False)
        losses = [softplus(-logits).mean() for logits in self.scores(fake)]
        update(self.of_generator, torch.stack(losses).sum())


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_step_is_faster_than_the_published_loop(name, capsys) -> None:
    players, plain_step = PUBLISHED[name]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    pair = [initialise(network, seeded(n)) for n, network in enumerate(players(FRAMES, SIZE))]
    steps: dict[str, Any] = {
        "package": PackageStep(*(channels_last(copy.deepcopy(network)) for network in pair)),
        "plain": plain_step(*(whole(network) for network in pair)),
    }
    latent = sample_latent(pair[0], 2, seeded(5))
    with torch.no_grad():  # the two ways make the same clips
        torch.testing.assert_close(
            steps["plain"].generator(latent),
            steps["package"].generator(latent),
            atol=1e-4,
            rtol=1e-3,
        )
    real = torch.rand(BATCH, 3, FRAMES, SIZE, SIZE, generator=seeded(2)) * 2 - 1
    times: dict[str, list[float]] = {way: [] for way in steps}
    for repeat in range(REPEATS + 1):
        for way, step in steps.items():  # in turn: load hits both
            start = time.process_time()
            step(real)
            if repeat:  # the first is a warm-up
                times[way].append(time.process_time() - start)
    torch.set_num_threads(threads)
    slow, fast = min(times["plain"]), min(times["package"])
    with capsys.disabled():
        print(
            f"\n{name}, {BATCH} clips of {FRAMES} frames at {SIZE}²: plain {slow:.2f} s a step, "
            f"package {fast:.2f} s, ratio {slow / fast:.2f}"
        )
    assert slow / fast >= LEAST_RATIO[name]
