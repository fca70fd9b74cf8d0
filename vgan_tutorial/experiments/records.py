"""Records: results that take long, made once by a command, kept in a file, read by the book.

A record begins with its origin: the command, the settings, and the source, device and versions
that made it. The command writes the file again after every result, so an interrupted one goes on
where it stopped.
"""

from __future__ import annotations

import json
import platform
import shlex
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import tyro
from safetensors.torch import load_file, save_file
from torch import Tensor

from vgan_tutorial.errors import take_any_text
from vgan_tutorial.files import replace_file
from vgan_tutorial.training.processes import processes

Record = dict[str, Any]

CPU = torch.device("cpu")  # where the small experiments run, whatever else there is
RECORDS = Path("book/records")
AFRESH = "to start afresh move the file away or name another one"


# Where a record comes from ----------------------------------------------------------------------


def origin(command: str, device: torch.device | None = None, **settings: Any) -> Record:
    """What a record begins with: where its results come from, enough to make them again.

    Args:
        command: Command that makes the record, as `command_line` writes it.
        device: Device that computes; the best that there is by default.
        settings: Settings that the results depend on, seeds among them.
    """
    return {
        "command": command,
        **settings,
        "commit": commit(),
        "device": describe(device or processes().device),
        "versions": versions(),
    }


def command_line(experiment: str, *arguments: str, **options: object) -> str:
    """The command of an experiment as one types it: its arguments, then its options."""
    words = [*arguments]
    for name, value in options.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
            continue
        if isinstance(value, Path):
            value = value.as_posix()
        elif isinstance(value, float) and value.is_integer():
            value = int(value)
        words += [f"--{option}", str(value)]
    return f"python -m vgan_tutorial.experiments.{experiment} {shlex.join(words)}"


def commit(folder: Path = Path(__file__).parents[1]) -> str | None:
    """Git's name of the source, and whether files of the package were changed since.

    Changed records do not count: a command writes them.
    """
    try:
        name = _git("describe", "--always", "--abbrev=12", folder=folder)
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", folder=folder)
    except (OSError, subprocess.CalledProcessError):
        return None  # installed without its repository
    return f"{name}-dirty" if changed else name


def _git(*words: str, folder: Path) -> str:
    found = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return found.stdout.strip()


def describe(device: torch.device) -> str:
    """A device in words."""
    if device.type == "cpu":
        return f"cpu {platform.machine()}"
    name = getattr(torch.get_device_module(device), "get_device_name", platform.machine)
    return f"{device.type} {name()}"


def versions() -> dict[str, str]:
    """What a result may depend on besides its settings."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "vgan-tutorial": version("vgan-tutorial"),
    }


# Going on, and saving ---------------------------------------------------------------------------


def open_record(path: str | Path, begun: Record) -> Record:
    """The record in a file, to go on with, or a new one that holds only its origin.

    Args:
        path: JSON file; it need not exist.
        begun: Origin of the results to come. "command" may differ from the stored one, because the
            same settings can be written in several ways, and "commit" is added to the stored one.
            All else must be the same; but the first records name no commit and no device.

    Raises:
        ValueError: if the file holds results of other settings, which must not be mixed with new
            ones, or is not a record.
    """
    path = Path(path)
    if not path.exists():
        return dict(begun)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        early = {"commit", "device"} - set(record)
        stored = {key: record[key] for key in begun if key not in early}
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is not a record of this command: {error!r}; {AFRESH}") from error
    for key in stored.keys() - {"command", "commit"}:
        check_same(path, key, stored[key], begun[key])
    if "commit" in begun:
        record["commit"] = _joined(record.get("commit"), begun["commit"])
    return record


def _joined(*commits: str | None) -> str:
    """All commits that had a part in a record, each once."""
    known = ", ".join(each or "unknown" for each in commits)
    return ", ".join(dict.fromkeys(known.split(", ")))


def check_same(path: str | Path, what: str, stored: Any, given: Any) -> None:
    """Refuse to go on with results of other settings.

    Raises:
        ValueError: naming the file, the setting and both its values.
    """
    given = json.loads(json.dumps(given))  # as a file would give it back: tuples become lists
    if stored != given:
        raise ValueError(
            f"{path} was made with {what} {stored}, and now it is {given}: results of both do not "
            f"belong in one record. Give the same settings to go on with it; {AFRESH}"
        )


def save_record(path: str | Path, record: Record) -> None:
    """Write a record so that a kill leaves either the old file or the new one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, json.dumps(record, indent=1) + "\n")


def tensors_beside(path: Path) -> Path:
    """Where a record keeps its tensors."""
    return path.with_suffix(".safetensors")


def add_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Put tensors beside a record, with those that are there."""
    if not tensors:
        return
    beside = tensors_beside(path)
    kept = load_file(beside) if beside.exists() else {}
    beside.parent.mkdir(parents=True, exist_ok=True)
    save_file(kept | {name: each.contiguous() for name, each in tensors.items()}, beside)


# Commands ---------------------------------------------------------------------------------------


def run_command(make: Callable[..., object]) -> None:
    """Run a function as a command: `--help` explains it, and bad input ends in one line."""
    name = Path(sys.argv[0]).stem
    take_any_text()
    try:
        tyro.cli(make, prog=f"python -m vgan_tutorial.experiments.{name}")
    except (ValueError, OSError) as error:
        sys.exit(str(error))


def check_counts(**counts: int | float) -> None:
    """Refuse numbers of steps, seeds, … below one, and times that are not positive.

    Raises:
        ValueError: naming the option.
    """
    for name, count in counts.items():
        if count <= 0:
            raise ValueError(f"--{name.replace('_', '-')} must be positive, got {count}")


def check_names(kind: str, names: Iterable[str], known: Collection[str]) -> None:
    """Refuse names that nothing answers to.

    Raises:
        ValueError: naming the first of them, and those there are.
    """
    for name in names:
        if name not in known:
            raise ValueError(f"no {kind} is called {name!r}; choose from {', '.join(known)}")
