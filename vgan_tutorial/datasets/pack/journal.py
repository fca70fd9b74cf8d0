"""A pack in the making: the array that grows, and the journal that says what is in it.

The frames of a clip reach the array before the journal names it. So a run that is killed leaves
an array that may be too long, and a journal whose last line may be cut; both are cut back to what
is whole, and its checksums are compared, before the next run goes on.
"""

import json
import logging
import os
import shutil
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from vgan_tutorial.datasets.pack.format import (
    ARRAY,
    JOURNAL,
    Problem,
    array_header,
    read_settings,
    write_problems,
    write_rows,
    write_settings,
)
from vgan_tutorial.files import replace_file

logger = logging.getLogger(__name__)


class Partial:
    """A pack in the making: the array that grows, and the journal that says what is in it."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self.settings = settings
        self.rows: list[dict[str, Any]] = []
        self.problems: list[Problem] = []
        self.cut: set[str] = set()  # files of several shots
        self.size = settings["size"]
        self.frame_bytes = self.size * self.size * 3
        self.header_bytes = len(array_header(0, self.size))

    @property
    def done(self) -> set[str]:
        """Names of the files that need no more work."""
        bad = {problem.name for problem in self.problems if problem.kind == "bad"}
        return bad | {row["name"] for row in self.rows} | self.cut

    @property
    def total(self) -> int:
        """Frames that the journal vouches for."""
        return self.rows[-1]["start"] + self.rows[-1]["frames"] if self.rows else 0

    def __enter__(self) -> "Partial":
        if read_settings(self.folder) != self.settings:
            if self.folder.exists():
                logger.warning("%s: files or settings have changed, starting again", self.folder)
                shutil.rmtree(self.folder)
            self.folder.mkdir(parents=True)
            write_settings(self.folder, self.settings)
        array = self.folder / ARRAY
        array.touch()
        self.array: BinaryIO = array.open("r+b")
        self._replay()
        self.journal = (self.folder / JOURNAL).open("a", encoding="utf-8")
        self.discard()
        return self

    def __exit__(self, *_: object) -> None:
        self.array.close()
        self.journal.close()

    def discard(self) -> None:
        """Drop whatever was written after the last clip that the journal vouches for."""
        if self.array.seek(0, os.SEEK_END) < self.header_bytes:
            self.array.truncate(0)
            self.array.seek(0)
            self.array.write(array_header(0, self.size))
        end = self.header_bytes + self.total * self.frame_bytes
        self.array.truncate(end)
        self.array.seek(end)

    def record(self, line: Mapping[str, Any]) -> None:
        """Vouch for a clip, or note a problem. The frames reach the file before the journal."""
        self.array.flush()
        self.journal.write(json.dumps(line) + "\n")
        self.journal.flush()
        self._remember(dict(line))

    def record_film(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Vouch for all the shots of a film in one line, so that a kill leaves all or none."""
        if len(lines) == 1:
            self.record(lines[0])
            return
        self.record({"shots": list(lines)})

    def finish(self, problems: Sequence[Problem]) -> None:
        """Write the final header, the table and the report."""
        end = self.array.tell()
        self.array.seek(0)
        self.array.write(array_header(self.total, self.size))
        self.array.seek(end)
        self.array.flush()
        os.fsync(self.array.fileno())
        write_rows(self.folder, self.rows)
        write_problems(self.folder, problems)

    def _remember(self, line: dict[str, Any]) -> None:
        if "shots" in line:
            for shot in line["shots"]:
                self._remember(shot)
                self.cut.add(shot["name"].rpartition("#")[0])
        elif "kind" in line:
            self.problems.append(Problem(**line))
        else:
            self.rows.append(line)

    def _replay(self) -> None:
        """Read the journal as far as it is whole and its frames are what it says they are."""
        path = self.folder / JOURNAL
        good = []
        for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            line = _parse(text)
            if line is None or not self._holds_all(line):
                break
            self._remember(line)
            good.append(text + "\n")
        # A "truncated" note comes before its clip; without the clip it would be written twice.
        last = self.problems[-1] if self.problems else None
        if last and last.kind == "truncated" and last.name not in self.done:
            self.problems.pop()
            good.pop()
        replace_file(path, "".join(good))

    def _holds_all(self, line: Mapping[str, Any]) -> bool:
        return all("kind" in each or self._holds(each) for each in line.get("shots", [line]))

    def _holds(self, row: Mapping[str, Any]) -> bool:
        length = row["frames"] * self.frame_bytes
        self.array.seek(self.header_bytes + row["start"] * self.frame_bytes)
        data = self.array.read(length)
        return len(data) == length and zlib.crc32(data) == row["crc32"]


def _parse(text: str) -> dict[str, Any] | None:
    """One line of the journal; None if it was cut off while it was written."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None
