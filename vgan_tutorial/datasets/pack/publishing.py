"""The last step of a pack: it gets its name, and nothing else that has that name is lost."""

import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vgan_tutorial.datasets.pack.format import (
    JOURNAL,
    Problem,
    foreign_files,
    read_problems,
    read_rows,
    read_settings,
)
from vgan_tutorial.errors import DataError, printable
from vgan_tutorial.locks import locked

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PackReport:
    """The outcome of packing a folder."""

    path: Path
    clips: int
    frames: int
    problems: list[Problem]

    @property
    def bad(self) -> list[Problem]:
        """Videos that could not be used."""
        return [problem for problem in self.problems if problem.kind == "bad"]

    @property
    def truncated(self) -> list[Problem]:
        """Videos of which only the beginning decodes."""
        return [problem for problem in self.problems if problem.kind == "truncated"]

    def __str__(self) -> str:
        skipped = len(self.problems) - len(self.bad) - len(self.truncated)
        return (
            f"{self.clips} clips, {self.frames} frames in {printable(self.path)} "
            f"({len(self.bad)} bad, {len(self.truncated)} truncated, {skipped} skipped)"
        )


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Keep other processes from making the same pack while the block runs.

    Raises:
        InUseError: if another one makes it.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with locked(out.with_name(f".{out.name[-48:]}.lock"), f"the pack {out}"):
        yield


def existing_pack(out: Path, settings: Mapping[str, Any], strict: bool) -> PackReport:
    """The report of the pack that is there already, if it is the one asked for."""
    if read_settings(out) != settings:
        raise DataError(
            out,
            "is there already and is not the pack asked for (other files, settings or no pack)",
            "Choose another name, or replace it with overwrite=True (--overwrite)",
        )
    logger.info("%s: is packed already", out)
    (out / JOURNAL).unlink(missing_ok=True)  # a run may have been killed just before this
    report = read_report(out)
    refuse_problems(out, report.bad + report.truncated, strict)
    return report


def refuse_problems(folder: Path, problems: Sequence[Problem], strict: bool) -> None:
    """An earlier run that was not strict may have passed over what a strict one must not."""
    if strict and problems:
        raise DataError(
            folder,
            f"was begun without --strict and passed over {printable(problems[0].name)}: "
            f"{problems[0].reason}",
            "Mend or remove that file and pack again",
        )


def require_replaceable(folder: Path) -> None:
    """Refuse to delete anything that is not a pack: a slip of the hand must not cost videos."""
    if not folder.exists():
        return
    strangers = foreign_files(folder) if folder.is_dir() else {folder.name}
    if strangers:
        raise DataError(
            folder,
            f"is no pack (it holds {printable(min(strangers))}), so it is not replaced",
            "Choose another name, or move it away yourself",
        )


def old_of(out: Path) -> Path:
    """The path that an older pack steps aside to."""
    return out.with_name(out.name + ".old")


def publish_pack(partial: Path, out: Path) -> None:
    """Give the finished pack its name; an older pack steps aside first."""
    old = old_of(out)
    if out.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.replace(out, old)
    os.replace(partial, out)
    (out / JOURNAL).unlink()
    shutil.rmtree(old, ignore_errors=True)


def read_report(out: Path) -> PackReport:
    """The report of a finished pack."""
    lengths = [int(row["frames"]) for row in read_rows(out)]
    return PackReport(out, len(lengths), sum(lengths), read_problems(out))
