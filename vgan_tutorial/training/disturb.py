"""How the discriminator sees a clip during training: disturbed, if the configuration says so."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature

import torch

from vgan_tutorial.augmentation import add_noise, augment, blur
from vgan_tutorial.losses import as_scores
from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.processes import process_count, processes
from vgan_tutorial.training.state import TrainingState
from vgan_tutorial.types import Clips, Labels, Scores

SEEDS_APART = 1_000_003  # steps, times processes, before one run's numbers are the next seed's


class Disturbed:
    """The discriminator behind augmentation, blur and noise, for the length of one step.

    What disturbs the clips, and which frames a critic of frames is shown, is drawn anew in every
    step from the run's seed, the step and the process: there is nothing to save for a run that
    goes on.
    """

    def __init__(self, state: TrainingState, config: TrainingConfig, device: torch.device) -> None:
        self.network = state.discriminator
        self.config = config
        self.randomness = torch.Generator(device)
        draws = "generator" in signature(self.network.forward).parameters
        self.draws = {"generator": self.randomness} if draws else {}
        self.begin(state.step)

    def begin(self, step: int) -> None:
        """Get ready for a step."""
        config = self.config
        self.blur = config.blur * max(0.0, 1 - step / config.blur_steps)
        self.noise = config.noise * max(0.0, 1 - step / config.noise_steps)
        self.disturbs = bool(self.blur or self.noise or config.augmentation)
        count = step * process_count() + processes().process_index
        # PyTorch's generator on the CPU heeds the last 32 bits of a seed alone
        self.randomness.manual_seed((count + config.seed * SEEDS_APART) % 2**32)

    def __call__(self, clips: Clips, labels: Labels | None = None) -> Scores:
        """The logits of every critic, in float32 whatever the network computes with."""
        clips = self.disturb(clips)  # in float32: it is no part of the network
        with autocast(self.config, clips.device):
            scores = as_scores(self.network(clips, labels, **self.draws))
        classes = None if scores.classes is None else scores.classes.float()
        return Scores(tuple(logits.float() for logits in scores.logits), classes)

    def exact(self, labels: Labels | None = None) -> Callable[[Clips], Scores]:
        """The same function for the penalties: in float32, and one that can be derived twice.

        Neither holds for a compiled network, so this calls `forward`, which is not compiled.
        """
        return lambda clips: as_scores(
            self.network.forward(self.disturb(clips), labels, **self.draws)
        )

    def disturb(self, clips: Clips) -> Clips:
        """Augmentation, then blur, then noise."""
        if not self.disturbs:
            return clips
        clips = augment(clips, self.randomness, self.config.augmentation)
        clips = blur(clips, self.blur)
        return add_noise(clips, self.noise, self.randomness)


def autocast(config: TrainingConfig, device: torch.device) -> torch.autocast:
    """Inside it networks compute with the configuration's precision."""
    dtype = torch.float16 if config.precision == "fp16" else torch.bfloat16
    return torch.autocast(device.type, dtype, enabled=config.precision != "no")
