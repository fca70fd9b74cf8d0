"""What decides a run, besides its data."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, fields
from typing import Any

from vgan_tutorial.augmentation import AUGMENTATIONS
from vgan_tutorial.discriminators import DISCRIMINATORS
from vgan_tutorial.generators import GENERATORS
from vgan_tutorial.losses import ADVERSARIAL_LOSSES

# Fields that change what is written or how long the run is, but not what is learnt: a run that
# goes on may change them.
FREE = {"steps", "log_every", "tensorboard", "checkpoint_every", "keep"}
FREE |= {"sample_every", "judge_every", "judge_clips", "best", "stages"}
# The least that a whole number may be.
_AT_LEAST_1 = ["steps", "batch", "discriminator_steps", "accumulate", "penalty_every"]
_AT_LEAST_1 += ["blur_steps", "noise_steps", "log_every", "checkpoint_every", "keep", "judge_clips"]
_AT_LEAST_0 = ["classes", "singular_values_every", "warm_up", "decay_after", "half_life"]
_AT_LEAST_0 += ["sample_every", "judge_every"]


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a run, besides its data."""

    # The clips and the players (chapters 3 to 5)

    frames: int = 8  # of a clip
    size: int = 16  # height and width in pixels
    generator: str = "content-motion"  # a name in GENERATORS; a word that is none lists them
    discriminator: str = "stacked"  # a name in DISCRIMINATORS
    classes: int = 0  # of the data, if both players are told each clip's class; 0 tells neither

    # The game (chapter 2)

    loss: str = "relativistic"  # a name in ADVERSARIAL_LOSSES
    discriminator_steps: int = 1  # for each step of the generator, with new clips every time
    penalty: float = 1.0  # gamma of R1 and R2; 0 switches them off
    penalty_every: int = 4  # steps between penalties, which count that many times as much
    singular_values_every: int = 0  # steps between TGAN's cuts of singular values; 0 for never
    augmentation: tuple[str, ...] = ()  # of what the critic sees: colour, translation, cutout
    blur: float = 0.0  # deviation, in pixels, of the blur on what the critic sees at first
    blur_steps: int = 500  # over which that blur falls to 0, along a line
    noise: float = 0.0  # deviation of normal noise on what the critic sees, at the first step
    noise_steps: int = 1000  # over which that noise falls to 0, along a line

    # The optimisers

    steps: int = 3000  # of the generator
    batch: int = 32  # clips in a step, over all processes
    accumulate: int = 1  # parts that a batch is cut into: less memory, the same gradients
    learning_rate: float = 2e-3  # of Adam, for the generator and, unless it has its own, the other
    discriminator_learning_rate: float | None = None  # of Adam, for the discriminator
    betas: tuple[float, float] = (0.0, 0.99)  # of Adam
    warm_up: int = 0  # steps in which the learning rates rise from 0
    decay_after: int = 0  # steps before the learning rates fall, if they have a half-life
    half_life: int = 0  # steps in which the learning rates then fall to a half; 0 for never
    ema: float = 0.995  # share of the averaged generator that stays in a step
    seed: int = 0  # of the weights, the latents and the order of the data

    # Speed (chapter 8)

    precision: str = "no"  # bf16: networks compute with bfloat16 numbers
    fused: bool = False  # Adam in one pass over all weights: quicker, and rounded otherwise
    compile: bool = False  # let torch.compile fuse the networks' small operations

    # What is written, and how often

    log_every: int = 50  # steps between lines of the log
    tensorboard: bool = False  # write the log for TensorBoard as well
    checkpoint_every: int = 500  # steps between checkpoints
    keep: int = 1  # how many checkpoints, the newest ones
    sample_every: int = 0  # steps between pictures of clips from fixed latents; 0 for none
    judge_every: int = 0  # steps between judgements of the averaged generator; 0 for none
    judge_clips: int = 256  # that are judged
    stages: tuple[int, ...] = ()  # steps at which the averaged generator is kept, to look back at
    best: str = ""  # a figure of the judge, such as validity: also keep the checkpoint with most

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainingConfig:
        """The configuration that `dataclasses.asdict` or a `config.json` describes.

        Fields that it lacks, because it is older than they are, have their defaults.

        Raises:
            ValueError: for a field that does not exist.
        """
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise ValueError(
                f"the configuration has fields that this version does not know: "
                f"{', '.join(unknown)}; was it written by a newer version?"
            )
        values = dict(values)
        for name in {"betas", "augmentation", "stages"} & set(values):
            values[name] = tuple(values[name])  # JSON has no tuples
        return cls(**values)

    def __post_init__(self) -> None:
        """Check what a typing error would turn into a strange run.

        Raises:
            ValueError: naming the field, what it holds and what is allowed.
        """
        _check_choice("generator", self.generator, GENERATORS)
        _check_choice("discriminator", self.discriminator, DISCRIMINATORS)
        _check_choice("loss", self.loss, ADVERSARIAL_LOSSES)
        _check_choice("precision", self.precision, ("no", "bf16"))
        for change in self.augmentation:
            _check_choice("augmentation", change, AUGMENTATIONS)
        for least, names in ((1, _AT_LEAST_1), (0, _AT_LEAST_0)):
            for name in names:
                if getattr(self, name) < least:
                    raise ValueError(
                        f"{name} is {getattr(self, name)}; it must be at least {least}"
                    )
        for name in ("penalty", "blur", "noise"):
            if getattr(self, name) < 0:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; it must be positive, or 0 for none"
                )
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema is {self.ema}; it must be at least 0 and under 1")
        if self.batch % self.accumulate:
            raise ValueError(f"a batch of {self.batch} cannot be cut into {self.accumulate} parts")
        if any(stage < 0 for stage in self.stages):
            raise ValueError(f"stages are {self.stages}; they are steps, from 0 for the beginning")
        if self.best and not self.judge_every:
            raise ValueError(f"best is {self.best!r}, but nothing is judged: set judge_every too")


def _check_choice(field: str, value: str, allowed: Container[str]) -> None:
    if value not in allowed:
        assert isinstance(allowed, (dict, tuple))
        raise ValueError(f"{field} is {value!r}; choose one of {', '.join(allowed)}")
