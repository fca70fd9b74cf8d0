"""The training loop of chapter 6: two players, taking turns, and a record of what happened.

Read `train_step` first: it is the algorithm. The rest chooses the players, keeps a moving average
of the generator, writes the log, and saves and restores everything, so that a run that stops and
goes on is the same run, bit for bit.
"""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from jaxtyping import Float
from torch import Tensor, nn
from tqdm.auto import tqdm

from vgan_tutorial.discriminators import DISCRIMINATORS
from vgan_tutorial.generators import GENERATORS, sample_latent
from vgan_tutorial.layers import channels_last, initialise
from vgan_tutorial.losses import ADVERSARIAL_LOSSES, r1_penalty, r2_penalty
from vgan_tutorial.shapes import draw_batch, get_preset

# Gives the next batch of real clips, in model range, drawing what is random from the generator.
ClipSource = Callable[[int, torch.Generator], Float[Tensor, "batch 3 time height width"]]

CHECKPOINT = "checkpoint.pt"
LOG = "log.jsonl"


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a run, besides its data."""

    frames: int = 8  # of a clip
    size: int = 16  # height and width in pixels
    generator: str = "content-motion"  # a name in GENERATORS
    discriminator: str = "video"  # a name in DISCRIMINATORS
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
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema is {self.ema}; it must be at least 0 and under 1")


@dataclass
class TrainingState:
    """All that changes during a run: what a checkpoint holds."""

    generator: nn.Module
    discriminator: nn.Module
    averaged: nn.Module  # exponential moving average of the generator: the one to sample from
    generator_optimiser: torch.optim.Optimizer
    discriminator_optimiser: torch.optim.Optimizer
    randomness: torch.Generator  # order of the data, and latents
    step: int = 0


def start(config: TrainingConfig, accelerator: Accelerator | None = None) -> TrainingState:
    """New players with weights drawn from the configuration's seed."""
    accelerator = accelerator or Accelerator()
    randomness = torch.Generator().manual_seed(config.seed)
    shape = {"frames": config.frames, "size": config.size}
    generator = initialise(GENERATORS[config.generator](**shape), randomness)
    discriminator = initialise(DISCRIMINATORS[config.discriminator](**shape), randomness)
    generator, discriminator = (
        channels_last(network.to(accelerator.device)) for network in (generator, discriminator)
    )

    def adam(network: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), lr=config.learning_rate, betas=config.betas)

    return TrainingState(
        generator=generator,
        discriminator=discriminator,
        averaged=copy.deepcopy(generator).requires_grad_(False),
        generator_optimiser=adam(generator),
        discriminator_optimiser=adam(discriminator),
        randomness=randomness,
    )


def train_step(
    state: TrainingState, real: Float[Tensor, "batch 3 time height width"], config: TrainingConfig
) -> dict[str, Tensor]:
    """One turn of each player: first the discriminator, then the generator.

    Returns the step's figures as tensors on the device; reading them waits for the device, so the
    loop reads them only when it writes a line of the log.
    """
    loss = ADVERSARIAL_LOSSES[config.loss]
    generator, discriminator = state.generator, state.discriminator
    fake = generator(sample_latent(generator, len(real), state.randomness))

    # The discriminator's turn. `detach` cuts the generator off: it must not learn from this loss.
    discriminator.requires_grad_(True)
    real_logits, fake_logits = discriminator(real), discriminator(fake.detach())
    discriminator_loss = loss.discriminator(real_logits, fake_logits)
    figures = {"discriminator_loss": discriminator_loss.detach()}
    if config.penalty and state.step % config.penalty_every == 0:
        penalty = r1_penalty(discriminator, real) + r2_penalty(discriminator, fake.detach())
        weight = config.penalty_every * config.penalty / 2
        discriminator_loss = discriminator_loss + weight * penalty
    state.discriminator_optimiser.zero_grad()
    discriminator_loss.backward()
    state.discriminator_optimiser.step()

    # The generator's turn, against the discriminator as it is now. Its weights are only passed
    # through, so their own gradients are not computed.
    discriminator.requires_grad_(False)
    with torch.no_grad():
        real_logits = discriminator(real)
    fake_logits = discriminator(fake)
    generator_loss = loss.generator(real_logits, fake_logits)
    state.generator_optimiser.zero_grad()
    generator_loss.backward()
    state.generator_optimiser.step()

    state.step += 1
    update_average(state.averaged, generator, config.ema, state.step)
    figures["generator_loss"] = generator_loss.detach()
    figures["real_logit"] = real_logits.mean()
    figures["fake_logit"] = fake_logits.detach().mean()
    return figures


@torch.no_grad()
def update_average(averaged: nn.Module, network: nn.Module, keep: float, step: int) -> None:
    """Move the averaged weights towards the network's: w_avg <- k w_avg + (1 - k) w.

    Early on `keep` is lowered to step / (step + 9), so that the random start is soon forgotten.
    Buffers (running statistics) are copied.
    """
    keep = min(keep, step / (step + 9))
    for mine, theirs in zip(averaged.parameters(), network.parameters(), strict=True):
        mine.lerp_(theirs, 1 - keep)
    for copied, original in zip(averaged.buffers(), network.buffers(), strict=True):
        copied.copy_(original)


def train(
    config: TrainingConfig,
    source: ClipSource,
    run: str | Path | None = None,
    *,
    on_step: Callable[[TrainingState], None] | None = None,
    seconds: float | None = None,
    progress: bool = True,
) -> tuple[TrainingState, list[dict[str, float]]]:
    """Train from the start, or go on where the run's checkpoint left off.

    Args:
        config: the run's configuration. A run that goes on must have the same one, but for
            `steps`, `log_every` and `checkpoint_every`.
        source: where real clips come from; see `shapes_source` and `pack_source`.
        run: folder for the configuration, the log (JSON lines) and the checkpoint. Without one
            nothing is written.
        on_step: called after every step, to look at the state.
        seconds: stop after this long even if steps are left.
        progress: show a progress bar.

    Returns:
        The final state and the log's lines.

    Raises:
        FloatingPointError: when a loss is no longer a finite number, with the step.
        ValueError: if the run's folder holds another configuration, or a clip of another size.
    """
    accelerator = Accelerator()
    state = start(config, accelerator)
    folder = Path(run) if run is not None else None
    log: list[dict[str, float]] = []
    if folder is not None:
        log = _open_run(folder, config, state)
    began, done_before = time.perf_counter(), log[-1]["seconds"] if log else 0.0
    bar = tqdm(total=config.steps, initial=state.step, disable=not progress, unit="step")
    with bar:
        while state.step < config.steps:
            real = source(config.batch, state.randomness).to(accelerator.device)
            if state.step == 0:
                _check_clips(real, config)
            figures = train_step(state, real, config)
            bar.update()
            elapsed = time.perf_counter() - began
            out_of_time = seconds is not None and elapsed >= seconds
            last = state.step == config.steps or out_of_time
            if last or state.step % config.log_every == 0:
                line = _log_line(state.step, done_before + elapsed, figures)
                log.append(line)
                bar.set_postfix(
                    D=f"{line['discriminator_loss']:.2f}", G=f"{line['generator_loss']:.2f}"
                )
                if folder is not None:
                    _append(folder / LOG, line)
            if folder is not None and (last or state.step % config.checkpoint_every == 0):
                save_checkpoint(folder / CHECKPOINT, state, config)
            if on_step is not None:
                on_step(state)
            if out_of_time:
                break
    return state, log


def _check_clips(real: Tensor, config: TrainingConfig) -> None:
    wanted = (3, config.frames, config.size, config.size)
    if tuple(real.shape[1:]) != wanted:
        raise ValueError(
            f"the source gives clips of shape {tuple(real.shape[1:])}; the configuration says "
            f"{wanted} (channels, frames, height, width)"
        )


def _log_line(step: int, seconds: float, figures: dict[str, Tensor]) -> dict[str, float]:
    """The figures as numbers: the only place where the loop waits for the device."""
    line = {"step": step, "seconds": round(seconds, 3)}
    line |= {name: value.item() for name, value in figures.items()}
    for name, value in line.items():
        if not math.isfinite(value):
            raise FloatingPointError(
                f"{name} is {value} at step {step}; lower the learning rate or raise the penalty, "
                "and go on from the last checkpoint"
            )
    return line


# Where real clips come from ---------------------------------------------------------------------


def shapes_source(preset: str = "tiny", device: torch.device | str = "cpu") -> ClipSource:
    """Moving Shapes, drawn anew for every batch."""
    chosen = get_preset(preset)
    return lambda batch, randomness: draw_batch(chosen, batch, randomness, device)[0]


# Sampling and saving ----------------------------------------------------------------------------


@torch.no_grad()
def sample(
    network: nn.Module, count: int, seed: int = 0, batch: int = 64
) -> Float[Tensor, "batch 3 time height width"]:
    """Clips from a generator in evaluation mode, on the CPU. The same seed gives the same clips."""
    randomness = torch.Generator().manual_seed(seed)
    was_training = network.training
    network.eval()
    latent = sample_latent(network, count, randomness)
    clips = torch.cat([network(part).cpu() for part in latent.split(batch)])
    network.train(was_training)
    return clips


def save_checkpoint(path: str | Path, state: TrainingState, config: TrainingConfig) -> None:
    """Write the whole state to one file, atomically: a kill leaves the old file or the new one."""
    path = Path(path)
    content = {"config": asdict(config), "step": state.step}
    content["randomness"] = state.randomness.get_state()
    for name, part in _parts(state).items():
        content[name] = part.state_dict()
    unfinished = path.with_name(path.name + ".unfinished")
    with open(unfinished, "wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)


def load_checkpoint(path: str | Path) -> tuple[TrainingState, TrainingConfig]:
    """Read a checkpoint back. Only tensors and plain values are read, never code.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not a checkpoint of this package.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no checkpoint at {path}")
    accelerator = Accelerator()
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        saved = content["config"]
        config = TrainingConfig(**{**saved, "betas": tuple(saved["betas"])})
    except Exception as error:
        raise ValueError(f"{path} is not a checkpoint of this package: {error}") from error
    state = start(config, accelerator)
    _restore(state, content)
    return state, config


def load_generator(path: str | Path) -> tuple[nn.Module, TrainingConfig]:
    """The averaged generator of a checkpoint, ready to sample from, and its configuration."""
    state, config = load_checkpoint(path)
    return state.averaged.eval(), config


def _parts(state: TrainingState) -> dict[str, Any]:
    names = [field.name for field in fields(state) if field.name not in ("step", "randomness")]
    return {name: getattr(state, name) for name in names}


def _restore(state: TrainingState, content: dict[str, Any]) -> None:
    for name, part in _parts(state).items():
        part.load_state_dict(content[name])
    state.randomness.set_state(content["randomness"])
    state.step = content["step"]


def _open_run(folder: Path, config: TrainingConfig, state: TrainingState) -> list[dict[str, float]]:
    """Make the run's folder, or restore the state from it and return the log so far."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / CHECKPOINT).exists():
        _write_config(folder, config)
        (folder / LOG).write_text("")
        return []
    content = torch.load(folder / CHECKPOINT, map_location="cpu", weights_only=True)
    free = {"steps", "log_every", "checkpoint_every"}
    saved, wanted = content["config"], asdict(config)
    changed = [
        f"{name} was {saved[name]} and is {wanted[name]}"
        for name in wanted
        if name not in free and saved[name] != wanted[name]
    ]
    if changed:
        raise ValueError(
            f"{folder} holds a run with another configuration ({'; '.join(changed)}): choose "
            "another folder, or the same configuration to go on"
        )
    _restore(state, content)
    _write_config(folder, config)
    return _trim_log(folder / LOG, state.step)


def _write_config(folder: Path, config: TrainingConfig) -> None:
    (folder / "config.json").write_text(json.dumps(asdict(config), indent=2) + "\n")


def _trim_log(path: Path, step: int) -> list[dict[str, float]]:
    """Keep the log's lines up to the checkpoint: later ones will be written again."""
    lines = []
    for text in path.read_text().splitlines() if path.exists() else []:
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            break  # a line that was being written when the run was stopped
    kept = [line for line in lines if line["step"] <= step]
    path.write_text("".join(json.dumps(line) + "\n" for line in kept))
    return kept


def _append(path: Path, line: dict[str, float]) -> None:
    with open(path, "a") as file:
        file.write(json.dumps(line) + "\n")
