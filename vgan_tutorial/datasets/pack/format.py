"""What is in a pack: the names of its files, their columns and types, and how to tell one.

A pack is a folder of four files:

* `clips.npy`: one uint8 array (frames, size, size, 3), every clip's frames after the last one's;
* `clips.csv`: one row a clip: name, class, group, first frame, number of frames and so on;
* `problems.csv`: what was skipped, bad or truncated, and why;
* `pack.json`: the settings that it was made with.

While it is being made it is called `<name>.partial` and keeps a journal of what is done.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from vgan_tutorial.errors import DataError
from vgan_tutorial.files import draft_of, replace_file

FORMAT = 2
ARRAY, TABLE, PROBLEMS, SETTINGS = "clips.npy", "clips.csv", "problems.csv", "pack.json"
JOURNAL = "journal.jsonl"
DTYPE = np.dtype(np.uint8)
COLUMNS = (
    "name", "class", "group", "start", "frames", "fps", "width", "height", "codec", "crc32",
    "sha256",
)  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """Something in a folder that was not used, or not whole."""

    name: str  # relative to the root
    # "skipped": not a video, or a shot too short; "bad": cannot be used; "truncated": used in part
    kind: str
    reason: str


@dataclass(frozen=True)
class PackedClip:
    """One row of a pack's table."""

    name: str  # of the file, relative to its source
    label: str  # its class
    group: str
    start: int  # its first frame in the array
    frames: int
    fps: float | None
    sha256: str = ""  # of the file; packs of an earlier form do not have it


def is_pack(path: str | os.PathLike[str]) -> bool:
    """Whether a finished pack is there."""
    return (Path(path) / TABLE).is_file()


def partial_of(pack: Path) -> Path:
    """The path of a pack while it is being made."""
    return pack.with_name(pack.name + ".partial")


def foreign_files(folder: Path) -> set[str]:
    """Names of what is in a folder and belongs to no pack, whole or partial."""
    names = {ARRAY, TABLE, PROBLEMS, SETTINGS, JOURNAL}
    drafts = {draft_of(folder / name).name for name in names}
    return {path.name for path in folder.iterdir()} - names - drafts


def array_header(frames: int, size: int) -> bytes:
    """The header of the array; numpy leaves room for the number of frames: its length is fixed."""
    header = io.BytesIO()
    shape = (frames, size, size, 3)
    description = {"descr": DTYPE.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, description)
    return header.getvalue()


def map_array(folder: Path) -> UInt8[np.ndarray, "..."]:
    """The array as it lies on the disk; nothing is read until it is touched."""
    return np.lib.format.open_memmap(folder / ARRAY, mode="r")


def read_rows(folder: Path) -> list[dict[str, str]]:
    """The table, as text."""
    return _read_csv(folder / TABLE)


def read_clips(folder: Path) -> list[PackedClip]:
    """The table.

    Raises:
        ValueError: a number is none.
        KeyError: a column is missing.
    """
    return [
        PackedClip(
            name=row["name"],
            label=row["class"],
            group=row["group"],
            start=int(row["start"]),
            frames=int(row["frames"]),
            fps=float(row["fps"]) if row["fps"] else None,
            sha256=row.get("sha256", ""),
        )
        for row in read_rows(folder)
    ]


def write_rows(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the table."""
    write_csv(folder / TABLE, COLUMNS, rows)


def read_problems(folder: Path) -> list[Problem]:
    """The report of what was skipped, bad or truncated.

    Raises:
        DataError: it is missing or damaged.
    """
    try:
        return [Problem(**row) for row in _read_csv(folder / PROBLEMS)]
    except (OSError, TypeError, csv.Error) as error:
        problem = f"is damaged: its {PROBLEMS} is missing or cannot be read ({error})"
        raise DataError(folder, problem, "Pack the videos again") from error


def write_problems(folder: Path, problems: Sequence[Problem]) -> None:
    """Write down what was skipped, bad or truncated, sorted by name."""
    ordered = sorted(problems, key=lambda problem: problem.name)
    write_csv(folder / PROBLEMS, ("name", "kind", "reason"), list(map(asdict, ordered)))


def read_settings(folder: Path) -> dict[str, Any] | None:
    """The settings that a pack was made with, None if there are none."""
    try:
        settings: Any = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return settings if isinstance(settings, dict) else None


def write_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write down the settings."""
    replace_file(folder / SETTINGS, json.dumps(settings, indent=1) + "\n")


# File names need not be valid text; surrogateescape carries any bytes through unchanged.


def _read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.DictReader(file))


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write any table, whole or not at all."""
    text = io.StringIO(newline="")
    plain, quoted = (
        csv.DictWriter(text, columns, lineterminator="\n", quoting=quoting)
        for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL)
    )
    plain.writeheader()
    for row in rows:
        # macOS has a file "Icon\r". Python before 3.13 writes a carriage return without quotes, and
        # every reader takes it for the end of the row.
        bare = any("\r" in str(value) for value in row.values())
        (quoted if bare else plain).writerow(row)
    replace_file(path, text.getvalue())
