"""Pack a folder of videos: decode, crop and shrink every file once, and keep the result.

A pack is a folder of four files:

* `clips.npy`: one uint8 array (frames, size, size, 3), every clip's frames after the last one's;
* `clips.csv`: one row a clip: name, class, group, first frame, number of frames and so on;
* `problems.csv`: what was skipped, bad or truncated, and why;
* `pack.json`: the settings that it was made with.

While it is being made it is called `<name>.partial` and keeps a journal. A file counts as packed
once its line is in the journal, which is written after the frames; a run that is killed leaves a
partial pack, and the next run checks what the journal promises and carries on. Only a finished
pack gets the name asked for, in one step.
"""

import csv
import hashlib
import io
import json
import logging
import os
import shutil
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import UInt8
from tqdm.auto import tqdm

from vgan_tutorial.datasets.folders import Problem, VideoEntry, scan_folder
from vgan_tutorial.preprocessing import centre_crop, resize
from vgan_tutorial.video_io import VideoError, iter_frames, missing_frames, probe

logger = logging.getLogger(__name__)

FORMAT = 1
JOURNAL = "journal.jsonl"
FILES = {"clips.npy", "clips.csv", "problems.csv", "pack.json", JOURNAL}
COLUMNS = (
    "name", "class", "group", "start", "frames", "fps", "width", "height", "codec", "crc32",
)  # fmt: skip


@dataclass(frozen=True)
class PackReport:
    """What became of a folder that was packed."""

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
            f"{self.clips} clips, {self.frames} frames in {self.path} "
            f"({len(self.bad)} bad, {len(self.truncated)} truncated, {skipped} skipped)"
        )


def pack_videos(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    size: int = 64,
    frames: int = 16,
    stride: int = 1,
    *,
    strict: bool = False,
    overwrite: bool = False,
    progress: bool = True,
) -> PackReport:
    """Pack the videos in `<source>/<class>/` into the folder `out`.

    Every file is cut to its central square and shrunk to `size` with area filtering, frame by
    frame, so memory stays flat. Bad files are listed in `problems.csv` and the rest is finished.

    Args:
        source: folder with one folder for each class.
        out: the pack to make. If it is there already, made from the same files with the same
            settings, nothing is done.
        size: side of the packed frames in pixels.
        frames: the fewest frames that a clip must have after striding to be worth keeping.
        stride: keep every `stride`-th frame.
        strict: stop at the first bad or truncated file.
        overwrite: replace another pack of the same name.
        progress: show a progress bar.

    Raises:
        VideoError: the source has no videos, none of them can be used, `out` is something else
            (nothing but packs is ever replaced), or, when `strict`, a file is bad.
        ValueError: a setting is out of range.
    """
    if min(size, frames, stride) < 1:
        raise ValueError(f"size, frames and stride must be positive: {size}, {frames}, {stride}")
    out = Path(out)
    entries, skipped = scan_folder(source)
    settings = {
        "format": FORMAT,
        "size": size,
        "frames": frames,
        "stride": stride,
        "source": _fingerprint(entries),
    }
    if out.exists() and not overwrite:
        return _existing(out, settings, strict)
    partial = out.with_name(out.name + ".partial")
    for folder in (out, partial, _old(out)):
        _require_replaceable(folder)
    with _Partial(partial, settings) as pack:
        _refuse_problems(partial, pack.problems, strict)
        done = pack.done
        if done:
            logger.info("%s: resuming after %d files", partial, len(done))
        todo = [entry for entry in entries if entry.name not in done]
        bar = tqdm(
            todo, "packing", len(entries), initial=len(done), unit="file", disable=not progress
        )
        for entry in bar:
            _pack_file(pack, entry, size, frames, stride, strict)
        if not pack.rows:
            _write_problems(partial / "problems.csv", skipped + pack.problems)
            raise VideoError(
                source,
                f"none of its {len(entries)} videos could be packed",
                f"See {partial / 'problems.csv'}; the first: {pack.problems[0].reason}",
            )
        pack.finish(skipped + pack.problems)
    _publish(partial, out)
    return read_report(out)


def _pack_file(
    pack: "_Partial", entry: VideoEntry, size: int, frames: int, stride: int, strict: bool
) -> None:
    """Append one file to the pack, or record why it is not there."""
    try:
        info = probe(entry.path)
        shrunk = _shrink(iter_frames(entry.path, stride=1, strict=strict), size)
        row, decoded = pack.append(shrunk, stride)
        if row["frames"] < frames:
            raise VideoError(
                entry.path,
                f"too short: {row['frames']} frames with stride {stride}, {frames} wanted",
                "Ask for fewer frames or a smaller stride",
            )
    except VideoError as error:
        pack.discard()
        if strict:
            raise
        logger.warning("%s; left out of the pack", error)
        pack.record({"name": entry.name, "kind": "bad", "reason": error.problem})
        return
    shortfall = missing_frames(info, decoded)
    if shortfall:
        pack.record({"name": entry.name, "kind": "truncated", "reason": shortfall})
    pack.record(
        {
            "name": entry.name,
            "class": entry.label,
            "group": entry.group,
            **row,
            "fps": None if info.fps is None else round(info.fps / stride, 6),
            "width": info.width,
            "height": info.height,
            "codec": info.codec,
        }
    )


def _shrink(
    frames: Iterable[UInt8[np.ndarray, "height width 3"]], size: int
) -> Iterable[UInt8[np.ndarray, "size size 3"]]:
    for frame in frames:
        side = min(frame.shape[:2])
        yield resize(centre_crop(frame[None], side, side), size, size)[0]


class _Partial:
    """A pack in the making: the array that grows, and the journal that says what is in it."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self.settings = settings
        self.rows: list[dict[str, Any]] = []
        self.problems: list[Problem] = []
        size = settings["size"]
        self.frame_shape = (size, size, 3)
        self.header_bytes = len(_header(0, self.frame_shape))

    @property
    def done(self) -> set[str]:
        """Names of the files that need no more work."""
        bad = {problem.name for problem in self.problems if problem.kind == "bad"}
        return bad | {row["name"] for row in self.rows}

    @property
    def total(self) -> int:
        """Frames that the journal vouches for."""
        return self.rows[-1]["start"] + self.rows[-1]["frames"] if self.rows else 0

    def __enter__(self) -> "_Partial":
        if _read_settings(self.folder) != self.settings:
            if self.folder.exists():
                logger.warning("%s: files or settings have changed, starting again", self.folder)
                shutil.rmtree(self.folder)
            self.folder.mkdir(parents=True)
            _write_whole(self.folder / "pack.json", json.dumps(self.settings, indent=1) + "\n")
        array = self.folder / "clips.npy"
        array.touch()
        self.array: BinaryIO = array.open("r+b")
        self._replay()
        self.journal = (self.folder / JOURNAL).open("a", encoding="utf-8")
        self.discard()
        return self

    def __exit__(self, *_: object) -> None:
        self.array.close()
        self.journal.close()

    def append(
        self, frames: Iterable[UInt8[np.ndarray, "size size 3"]], stride: int
    ) -> tuple[dict[str, int], int]:
        """Write every `stride`-th frame; return where they are, and how many there were in all."""
        start, kept, crc, seen = self.total, 0, 0, 0
        for frame in frames:
            if seen % stride == 0:
                data = frame.tobytes()
                self.array.write(data)
                crc = zlib.crc32(data, crc)
                kept += 1
            seen += 1
        return {"start": start, "frames": kept, "crc32": crc}, seen

    def discard(self) -> None:
        """Drop whatever was written after the last clip that the journal vouches for."""
        if self.array.seek(0, os.SEEK_END) < self.header_bytes:
            self.array.truncate(0)
            self.array.seek(0)
            self.array.write(_header(0, self.frame_shape))
        end = self.header_bytes + self.total * int(np.prod(self.frame_shape))
        self.array.truncate(end)
        self.array.seek(end)

    def record(self, line: Mapping[str, Any]) -> None:
        """Vouch for a clip, or note a problem. The frames reach the file before the journal."""
        self.array.flush()
        self.journal.write(json.dumps(line) + "\n")
        self.journal.flush()
        self._remember(dict(line))

    def finish(self, problems: Sequence[Problem]) -> None:
        """Write the final header, the table and the report."""
        end = self.array.tell()
        self.array.seek(0)
        self.array.write(_header(self.total, self.frame_shape))
        self.array.seek(end)
        self.array.flush()
        os.fsync(self.array.fileno())
        _write_csv(self.folder / "clips.csv", COLUMNS, self.rows)
        _write_problems(self.folder / "problems.csv", problems)

    def _remember(self, line: dict[str, Any]) -> None:
        if "kind" in line:
            self.problems.append(Problem(**line))
        else:
            self.rows.append(line)

    def _replay(self) -> None:
        """Read the journal as far as it is whole and its frames are what it says they are."""
        path = self.folder / JOURNAL
        good = []
        for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            line = _parse(text)
            if line is None or ("kind" not in line and not self._holds(line)):
                break
            self._remember(line)
            good.append(text + "\n")
        # A "truncated" note comes before its clip; without the clip it would be written twice.
        if self.problems and self.problems[-1].name not in self.done:
            self.problems.pop()
            good.pop()
        _write_whole(path, "".join(good))

    def _holds(self, row: Mapping[str, Any]) -> bool:
        frame_bytes = int(np.prod(self.frame_shape))
        self.array.seek(self.header_bytes + row["start"] * frame_bytes)
        data = self.array.read(row["frames"] * frame_bytes)
        return len(data) == row["frames"] * frame_bytes and zlib.crc32(data) == row["crc32"]


def _header(frames: int, frame_shape: tuple[int, ...]) -> bytes:
    """The .npy header; numpy leaves room for the frame count, so its length does not change."""
    header = io.BytesIO()
    description = {"descr": "|u1", "fortran_order": False, "shape": (frames, *frame_shape)}
    np.lib.format.write_array_header_1_0(header, description)
    return header.getvalue()


def _fingerprint(entries: Sequence[VideoEntry]) -> str:
    """A digest of names, sizes and times: changes when a file is added, removed or replaced."""
    digest = hashlib.sha256()
    for entry in entries:
        state = entry.path.stat() if entry.path.exists() else entry.path.lstat()
        line = f"{entry.name}\0{state.st_size}\0{state.st_mtime_ns}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _parse(text: str) -> dict[str, Any] | None:
    """One line of the journal; None if it was cut off while it was written."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None


def _read_settings(folder: Path) -> Any:
    try:
        return json.loads((folder / "pack.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return None


def _existing(out: Path, settings: Mapping[str, Any], strict: bool) -> PackReport:
    """The report of the pack that is there already, if it is the one asked for."""
    if _read_settings(out) != settings:
        raise VideoError(
            out,
            "is there already and is not the pack asked for (other files, settings or no pack)",
            "Choose another name, or replace it with overwrite=True (--overwrite)",
        )
    logger.info("%s: is packed already", out)
    (out / JOURNAL).unlink(missing_ok=True)  # a run may have been killed just before this
    report = read_report(out)
    _refuse_problems(out, report.bad + report.truncated, strict)
    return report


def _refuse_problems(folder: Path, problems: Sequence[Problem], strict: bool) -> None:
    """An earlier run that was not strict may have passed over what a strict one must not."""
    if strict and problems:
        raise VideoError(
            folder,
            f"was begun without --strict and passed over {problems[0].name}: {problems[0].reason}",
            "Mend or remove that file and pack again",
        )


def _require_replaceable(folder: Path) -> None:
    """Refuse to delete anything that is not a pack: a slip of the hand must not cost videos."""
    if not folder.exists():
        return
    strangers = {path.name for path in folder.iterdir()} if folder.is_dir() else {folder.name}
    strangers -= FILES | {name + ".tmp" for name in FILES}
    if strangers:
        raise VideoError(
            folder,
            f"is no pack (it holds {min(strangers)}), so it is not replaced",
            "Choose another name, or move it away yourself",
        )


def _old(out: Path) -> Path:
    return out.with_name(out.name + ".old")


def _publish(partial: Path, out: Path) -> None:
    """Give the finished pack its name; an older pack steps aside first."""
    old = _old(out)
    if out.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.replace(out, old)
    os.replace(partial, out)
    (out / JOURNAL).unlink()
    shutil.rmtree(old, ignore_errors=True)


def read_report(out: Path) -> PackReport:
    """The report of a finished pack."""
    with (out / "clips.csv").open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        lengths = [int(row["frames"]) for row in csv.DictReader(file)]
    with (out / "problems.csv").open(
        encoding="utf-8", errors="surrogateescape", newline=""
    ) as file:
        problems = [Problem(**row) for row in csv.DictReader(file)]
    return PackReport(out, len(lengths), sum(lengths), problems)


def _write_problems(path: Path, problems: Sequence[Problem]) -> None:
    ordered = sorted(problems, key=lambda problem: problem.name)
    _write_csv(path, ("name", "kind", "reason"), [asdict(problem) for problem in ordered])


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    # File names need not be valid text; surrogateescape carries any bytes through unchanged.
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        file.flush()
        os.fsync(file.fileno())


def _write_whole(path: Path, text: str) -> None:
    """Write a small text file so that it is there whole or not at all."""
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, path)
