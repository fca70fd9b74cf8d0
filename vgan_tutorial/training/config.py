"""What decides a run, besides its data."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field, fields
from math import isfinite
from numbers import Integral, Real
from typing import Any

from vgan_tutorial.augmentation import AUGMENTATIONS
from vgan_tutorial.discriminators import DISCRIMINATORS
from vgan_tutorial.generators import GENERATORS
from vgan_tutorial.losses import ADVERSARIAL_LOSSES
from vgan_tutorial.types import Classes

# Fields that change what is written or how long the run is, but not what is learnt: a run that
# goes on may change them.
FREE = {"steps", "log_every", "tensorboard", "checkpoint_every", "keep"}
FREE |= {"sample_every", "judge_every", "judge_clips", "best", "stages", "graphs"}


def _least(least: int, default: Any) -> Any:
    """A field that must be at least so much."""
    return field(default=default, metadata={"least": least})


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a run, besides its data."""

    # The clips and the networks (chapters 3 to 5)

    frames: int = _least(1, 8)  # Number of frames of a clip
    size: int = _least(1, 16)  # Height and width of a frame, in pixels
    generator: str = "painter"  # Name of the generator; a word that is none lists them
    discriminator: str = "dual"  # Name of the discriminator
    generator_options: dict[str, int] = field(
        default_factory=dict
    )  # Such as channels 32 widest 128
    discriminator_options: dict[str, int] = field(default_factory=dict)  # Such as detail 16
    classes: Classes = field(
        default=0, metadata={"least": 0}
    )  # Number of classes that both networks are told, or of each factor's values; 0 tells neither

    # The game (chapter 2)

    loss: str = "relativistic"  # Name of the adversarial loss
    discriminator_steps: int = _least(1, 1)  # Discriminator steps, with new clips, for a step
    penalty: float = _least(0, 0.1)  # Gamma of R1 and R2; 0 switches them off
    penalty_every: int = _least(1, 4)  # Steps between penalties, which weigh that many times more
    singular_values_every: int = _least(0, 0)  # Steps between TGAN's cuts; 0 for none
    augmentation: tuple[str, ...] = ()  # Changes of the judged: colour, translation, cutout, mirror
    blur: float = _least(0, 0.0)  # Standard deviation in pixels of the blur on what is judged
    blur_steps: int = _least(1, 500)  # Steps in which that blur falls to 0, along a line
    noise: float = _least(0, 0.0)  # Standard deviation of the noise on what is judged
    noise_steps: int = _least(1, 1000)  # Steps in which that noise falls to 0, along a line

    # The optimisers

    steps: int = _least(1, 3000)  # Number of generator steps
    batch: int = _least(1, 32)  # Number of clips in a step, over all processes
    accumulate: int = _least(1, 1)  # Microbatches in a batch, for less memory
    learning_rate: float = _least(0, 2e-3)  # Adam's rate, for both unless the next one is set
    discriminator_learning_rate: float | None = _least(0, None)  # Adam's rate for the discriminator
    betas: tuple[float, float] = (0.0, 0.99)  # Adam's two averaging factors
    warm_up: int = _least(0, 0)  # Steps in which the learning rates rise from 0
    decay_after: int = _least(0, 0)  # Steps before the learning rates fall, with a half-life
    half_life: int = _least(0, 0)  # Steps in which the learning rates then halve; 0 for never
    ema: float = _least(0, 0.995)  # Share of the averaged generator that stays in a step
    seed: int = 0  # Seed of the weights, the latents and the order of the data

    # Speed (chapter 8)

    precision: str = "no"  # Number format of the networks: bf16, fp16, or no for float32
    fused: bool = False  # Adam in one pass over all weights: quicker, and rounded otherwise
    compile: bool = False  # Small operations fused by torch.compile
    graphs: bool = False  # Steps recorded once and replayed: CUDA graphs, where there is CUDA

    # What is written, and how often

    log_every: int = _least(1, 50)  # Steps between lines of the log
    tensorboard: bool = False  # The log for TensorBoard as well
    checkpoint_every: int = _least(1, 500)  # Steps between checkpoints
    keep: int = _least(1, 1)  # Number of checkpoints kept, the newest ones
    sample_every: int = _least(0, 0)  # Steps between pictures of the same latents; 0 for none
    judge_every: int = _least(0, 0)  # Steps between judgements of the average; 0 for none
    judge_clips: int = _least(1, 256)  # Number of clips judged each time
    stages: tuple[int, ...] = ()  # Steps at which the average is kept, to look back at
    best: str = ""  # Figure of the judge, such as validity, by which the best checkpoint is kept

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
        for name in {"betas", "augmentation", "stages", "classes"} & set(values):
            if isinstance(values[name], list):
                values[name] = tuple(values[name])  # JSON has no tuples
        for each in fields(cls):
            if each.name in values:
                _check_kind(each.name, values[each.name], str(each.type))
        return cls(**values)

    def __post_init__(self) -> None:
        """Check what a typing error would turn into a strange run.

        Raises:
            ValueError: naming the field, what it holds and what is allowed.
        """
        for each in fields(self):
            _check_kind(each.name, getattr(self, each.name), str(each.type))
        _check_choice("generator", self.generator, GENERATORS)
        _check_choice("discriminator", self.discriminator, DISCRIMINATORS)
        _check_choice("loss", self.loss, ADVERSARIAL_LOSSES)
        _check_choice("precision", self.precision, ("no", "bf16", "fp16"))
        for change in self.augmentation:
            _check_choice("augmentation", change, AUGMENTATIONS)
        for each in fields(self):
            least, value = each.metadata.get("least"), getattr(self, each.name)
            if least is not None and isinstance(value, Real) and value < least:
                raise ValueError(f"{each.name} is {value}; it must be at least {least}")
        if isinstance(self.classes, tuple) and min(self.classes, default=0) < 1:
            raise ValueError(f"classes is {self.classes}; every factor needs at least one value")
        if self.ema >= 1:
            raise ValueError(f"ema is {self.ema}; it must be at least 0 and under 1")
        if self.batch % self.accumulate:
            raise ValueError(f"a batch of {self.batch} cannot be cut into {self.accumulate} parts")
        if any(stage < 0 for stage in self.stages):
            raise ValueError(f"stages are {self.stages}; they are steps, from 0 for the beginning")
        if not -(2**63) <= self.seed < 2**63:
            raise ValueError(f"seed is {self.seed}; it must be a whole number of at most 63 bits")
        if self.best and not self.judge_every:
            raise ValueError(f"best is {self.best!r}, but nothing is judged: set judge_every too")


def _check_kind(field: str, value: Any, kind: str) -> None:
    """Refuse what a damaged file may hold in a field, and numbers that are not finite."""
    name = kind.removesuffix(" | None")
    if name == "Classes":  # a whole number, or one for each factor
        name = "tuple" if isinstance(value, tuple) else "int"
    words = {"int": "a whole number", "float": "a finite number", "bool": "true or false"}
    if (value is None and name != kind) or (name in words and _is_of(value, name)):
        return
    if name in words:
        raise ValueError(f"{field} is {value!r}; it must be {words[name]}")
    if name == "str" and not isinstance(value, str):
        raise ValueError(f"{field} is {value!r}; it must be a word")
    values: Any = ()
    if name.startswith("tuple"):
        values = value if isinstance(value, tuple) else (value,)
    elif name.startswith("dict"):
        values = value.values() if isinstance(value, dict) else (value,)
    inner = {"augmentation": "str", "stages": "int", "classes": "int"}.get(field, "float")
    for each in values:
        if not (isinstance(each, str) if inner == "str" else _is_of(each, inner)):
            raise ValueError(f"{field} is {value!r}; it cannot hold {each!r}")


def _is_of(value: Any, kind: str) -> bool:
    if kind == "bool":
        return isinstance(value, bool)
    if isinstance(value, bool) and kind == "int":
        return False
    return isinstance(value, Integral if kind == "int" else Real) and isfinite(value)


def _check_choice(field: str, value: str, allowed: Container[str]) -> None:
    if value not in allowed:
        assert isinstance(allowed, (dict, tuple))
        raise ValueError(f"{field} is {value!r}; choose one of {', '.join(allowed)}")
