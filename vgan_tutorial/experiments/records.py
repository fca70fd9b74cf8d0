"""Records: results that take long, made once by a command, kept in a file, read by the book.

A record begins with its origin (the command, the settings, the versions). The command writes the
file again after every result, so an interrupted one goes on where it stopped.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import tyro

from vgan_tutorial.files import replace_file

Record = dict[str, Any]


def versions() -> dict[str, str]:
    """What a result may depend on besides its settings."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "vgan-tutorial": version("vgan-tutorial"),
    }


def open_record(path: str | Path, origin: Record) -> Record:
    """The record in a file, to go on with, or a new one that holds only its origin.

    Args:
        path: JSON file; it need not exist.
        origin: Where the results come from. "command" may differ from the stored one, because the
            same settings can be written in several ways; nothing else may.

    Raises:
        ValueError: if the file holds results of other settings, which must not be mixed with new
            ones, or is not a record.
    """
    path = Path(path)
    if not path.exists():
        return dict(origin)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        stored = {key: record[key] for key in origin}
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is not a record of this command: {error!r}; {AFRESH}") from error
    for key in origin.keys() - {"command"}:
        check_same(path, key, stored[key], origin[key])
    return record


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


AFRESH = "to start afresh move the file away or name another one"


def save_record(path: str | Path, record: Record) -> None:
    """Write a record so that a kill leaves either the old file or the new one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, json.dumps(record, indent=1) + "\n")


def run_command(make: Callable[..., object]) -> None:
    """Run a function as a command: `--help` explains it, and bad input ends in one line."""
    try:
        tyro.cli(make)
    except (ValueError, OSError) as error:
        sys.exit(str(error))
