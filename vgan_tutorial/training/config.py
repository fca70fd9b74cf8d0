"""What decides a run, besides its data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vgan_tutorial.discriminators import DISCRIMINATORS
from vgan_tutorial.generators import GENERATORS
from vgan_tutorial.losses import ADVERSARIAL_LOSSES


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a run, besides its data."""

    frames: int = 8  # of a clip
    size: int = 16  # height and width in pixels
    generator: str = "content-motion"  # a name in GENERATORS
    discriminator: str = "stacked"  # a name in DISCRIMINATORS
    loss: str = "relativistic"  # a name in ADVERSARIAL_LOSSES
    steps: int = 3000  # of each player
    batch: int = 32  # clips in a step
    learning_rate: float = 2e-3  # of Adam, for both players
    betas: tuple[float, float] = (0.0, 0.99)  # of Adam
    penalty: float = 1.0  # gamma of R1 and R2; 0 switches them off
    penalty_every: int = 4  # steps between penalties, which count that many times as much
    ema: float = 0.995  # share of the averaged generator that stays in a step
    seed: int = 0  # of the weights, the latents and the order of the data
    log_every: int = 50  # steps between lines of the log
    checkpoint_every: int = 500  # steps between checkpoints

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainingConfig:
        """The configuration that `dataclasses.asdict` or a `config.json` describes."""
        return cls(**{**values, "betas": tuple(values["betas"])})

    def __post_init__(self) -> None:
        """Check what a typing error would turn into a strange run.

        Raises:
            ValueError: naming the field, what it holds and what is allowed.
        """
        for field, table in (
            ("generator", GENERATORS),
            ("discriminator", DISCRIMINATORS),
            ("loss", ADVERSARIAL_LOSSES),
        ):
            if getattr(self, field) not in table:
                raise ValueError(
                    f"{field} is {getattr(self, field)!r}; choose one of {', '.join(table)}"
                )
        for field in ("steps", "batch", "penalty_every", "log_every", "checkpoint_every"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} is {getattr(self, field)}; it must be at least 1")
        if self.penalty < 0:
            raise ValueError(f"penalty is {self.penalty}; it must be positive, or 0 for none")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema is {self.ema}; it must be at least 0 and under 1")
