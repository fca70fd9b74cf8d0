"""The folder of a run, looked at before anything in it changes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from vgan_tutorial.files import replace_file
from vgan_tutorial.locks import locked
from vgan_tutorial.shapes import PRESETS
from vgan_tutorial.training import Data, TrainingConfig, read_config
from vgan_tutorial.training.config import FREE
from vgan_tutorial.training.data import ShapesData
from vgan_tutorial.training.processes import processes
from vgan_tutorial.training.recording import BEST, LOG
from vgan_tutorial.training.saving import CHECKPOINT, CONFIG, STAGES, WEIGHTS, read_checkpoint

DATA = "data.json"  # in a run's folder: what it trains on
LOCK = ".lock"
WRITTEN = (CONFIG, LOG, BEST, DATA, "samples", STAGES, "tensorboard")  # besides a checkpoint


@dataclass(frozen=True)
class Trained:
    """The data of a run, as its folder tells it; the digest is missing in older runs."""

    data: str
    split: str = "all"
    digest: str | None = None


@dataclass(frozen=True)
class Before:
    """What there is to go on from.

    Attributes:
        step: of the last checkpoint.
        config: of the run.
        trained: what it was trained on, if its folder says so.
        unknown: why it does not.
    """

    step: int
    config: TrainingConfig
    trained: Trained | None
    unknown: str = ""


@contextmanager
def held(run: Path) -> Iterator[None]:
    """Keep other commands out of a run's folder, which is made if need be.

    Raises:
        ValueError: if it is a file.
        InUseError: if a run goes on in it.
    """
    if run.exists() and not run.is_dir():
        raise ValueError(f"{run} is a file, and a run needs a folder: name another one")
    if not processes().is_main_process:
        yield
        return
    made = not run.exists()
    run.mkdir(parents=True, exist_ok=True)
    try:
        with locked(run / LOCK, run):
            yield
    finally:
        if made and not any(run.iterdir()):  # the command was refused
            run.rmdir()


def look(run: Path) -> Before | None:
    """What a folder holds of an earlier run; None if one can begin there.

    Raises:
        ValueError: if something is damaged, or if a run would overwrite what none has made.
    """
    if not (run / CHECKPOINT).exists():
        _check_free(run)
        return None
    try:
        content, config = read_checkpoint(run / CHECKPOINT)
        step = int(content["step"])
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(f"{error}{_instead(run)}") from error
    trained, unknown = None, ""
    try:
        trained = read_trained(run)
    except (ValueError, FileNotFoundError) as error:
        unknown = str(error)
    return Before(step, _newest(run, config), trained, unknown)


def read_trained(run: Path) -> Trained:
    """What a run was trained on, as `vgan train` wrote it down.

    Raises:
        FileNotFoundError: if `vgan train` has not made this run.
        ValueError: if the file is damaged.
    """
    path = run / DATA
    if not path.exists():
        raise FileNotFoundError(
            f"{run} does not say what it was trained on, as it was not made by `vgan train`: "
            "name the preset or pack with --data"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Trained(**{name: str(value) for name, value in content.items() if value})
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is damaged: name the preset or pack with --data ({error!r})"
        ) from error


def write_trained(run: Path, data: Data, split: str) -> None:
    """Write down what a run is trained on."""
    content = Trained(data.name, split, data.digest())
    replace_file(run / DATA, json.dumps(asdict(content)) + "\n")


def check_data(run: Path, before: Before, data: Data, split: str) -> None:
    """Refuse other data than the run had, wherever its data lies now.

    Raises:
        ValueError: if the data differs, or its part.
    """
    trained = before.trained
    if trained is None:
        return
    shapes = isinstance(data, ShapesData)
    known = trained.digest
    if known is None and (shapes or trained.data in PRESETS):
        known = trained.data
    if known is not None and known != data.digest():
        was = trained.data
        changed = f"{was}, which has changed since" if was == data.name else was
        raise ValueError(
            f"{run} was trained on {changed}, and this is {data.name}: name the same data "
            "to go on, or another folder to begin anew"
        )
    if not shapes and trained.split != split:
        raise ValueError(
            f"{run} was trained on the part {trained.split} of its data, and not on {split}: give "
            f"--split {trained.split} to go on, or name another folder"
        )


def changes(before: TrainingConfig, now: TrainingConfig) -> list[str]:
    """In words, what differs of that which may."""
    return [
        f"{name} was {getattr(before, name)} and is {getattr(now, name)}"
        for name in asdict(now)
        if name in FREE and getattr(before, name) != getattr(now, name)
    ]


def _check_free(run: Path) -> None:
    if (run / WEIGHTS).exists():
        raise ValueError(
            f"{run} holds a trained generator and no checkpoint to go on from; training would "
            "overwrite it: name another folder"
        )
    found = [name for name in WRITTEN if (run / name).exists()]
    if found and not _was_begun(run):
        raise ValueError(
            f"{run} holds {found[0]}, which no `vgan train` has left there; training would "
            "overwrite it: name another folder"
        )


def _was_begun(run: Path) -> bool:
    """Whether a run ended here before its first checkpoint: it then wrote this file first."""
    try:
        return bool(read_trained(run).data)
    except (ValueError, OSError):
        return False


def _instead(run: Path) -> str:
    """What is left of a run whose checkpoint is damaged."""
    others = sorted(path.name for path in run.glob("*.pt") if path.name != CHECKPOINT)
    if not others:
        return ""
    return f". {run} has others, {', '.join(others)}: copy one over it to go on from there"


def _newest(run: Path, saved: TrainingConfig) -> TrainingConfig:
    """The checkpoint's configuration, with what a later command has changed of it."""
    try:
        later = read_config(run)
    except (ValueError, FileNotFoundError):
        return saved
    return replace(saved, **{name: getattr(later, name) for name in FREE})
