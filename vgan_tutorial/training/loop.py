"""The loop: from a source of real clips to a trained pair, with a log and checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tqdm.auto import tqdm

from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.graphs import stepper
from vgan_tutorial.training.processes import check_shares, processes
from vgan_tutorial.training.recording import LogLine, Recorder
from vgan_tutorial.training.sources import ClipSource, opened, take
from vgan_tutorial.training.state import TrainingState, start
from vgan_tutorial.training.stopping import Stopper
from vgan_tutorial.training.watching import Judge


def train(
    config: TrainingConfig,
    source: ClipSource,
    run: str | Path | None = None,
    *,
    judge: Judge | None = None,
    on_step: Callable[[TrainingState], None] | None = None,
    seconds: int | float | None = None,
    progress: bool = True,
) -> tuple[TrainingState, list[LogLine]]:
    """Train from the start, or go on where the run's checkpoint left off.

    A run with a folder may be interrupted: SIGINT, SIGTERM and SIGHUP let it finish its step and
    save, and then do what they always do. With several processes all of them call this function.

    Args:
        config: the run's configuration. A run that goes on must have the same one, but for its
            length and for what is written (`FREE` in `config.py` lists these fields).
        source: where real clips come from; see `shapes_source` and `pack_source`.
        run: folder for the configuration, the log (JSON lines), the checkpoints and the averaged
            generator. Without one nothing is written.
        judge: counts how good clips are, every `config.judge_every` steps; see `shapes_judge`.
        on_step: called after every step, to look at the state; in the main process only.
        seconds: stop after this long even if steps are left.
        progress: show a progress bar.

    Returns:
        The final state and the log's lines.

    Raises:
        FloatingPointError: when a loss is no longer a finite number, with the step, the loss and
            the last good checkpoint.
        ValueError: if the run's folder holds another configuration, or a clip of another size.
        ProcessLostError: if another process of this run has ended.
    """
    here = processes()
    check_shares(config)
    state = start(config, here.device)
    recorder = Recorder(None if run is None else Path(run), state, config, judge)
    step = stepper(state, config)
    progress = progress and here.is_main_process
    with (
        opened(source, config, state) as clips,
        Stopper(config, seconds, catch=run is not None) as stopper,
        tqdm(total=config.steps, initial=state.step, disable=not progress, unit="step") as bar,
    ):
        last = state.step >= config.steps
        while not last:
            real, labels = take(clips, config, here.device)
            figures = step(real, labels)
            last = stopper.after(state.step)
            line = recorder.record(figures, stopper.elapsed, last)
            bar.update()
            if line is not None:
                bar.set_postfix(
                    D=f"{line['discriminator_loss']:.2f}", G=f"{line['generator_loss']:.2f}"
                )
            if on_step is not None and here.is_main_process:
                on_step(state)
        here.wait_for_everyone()  # whose end makes the launcher end the others, perhaps writing yet
        if stopper.signal is not None:
            bar.write(f"stopped by {stopper.signal.name} after step {state.step}; saved in {run}")
    return state, recorder.log
