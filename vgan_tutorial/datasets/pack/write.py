"""Pack a folder of videos: decode, crop and shrink every file once, and keep the result.

While a pack is being made it is called `<name>.partial` and keeps a journal. A file counts as
packed once its line is in the journal, which is written after the frames; a run that is killed
leaves a partial pack, and the next run checks what the journal promises and carries on. Only a
finished pack gets the name asked for, in one step.
"""

import functools
import hashlib
import logging
import multiprocessing
import os
import shutil
import tempfile
import threading
import zlib
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from tqdm.auto import tqdm

from vgan_tutorial.datasets.folders import VideoEntry, scan_folder
from vgan_tutorial.datasets.pack.format import (
    FORMAT,
    PROBLEMS,
    partial_of,
    write_problems,
)
from vgan_tutorial.datasets.pack.journal import Partial
from vgan_tutorial.datasets.pack.publishing import (
    PackReport,
    existing_pack,
    old_of,
    publish_pack,
    read_report,
    refuse_problems,
    require_replaceable,
)
from vgan_tutorial.errors import DataError, VideoError, printable
from vgan_tutorial.preprocessing import shrinker
from vgan_tutorial.video_io import iter_frames, missing_frames, probe

logger = logging.getLogger(__name__)


def pack_videos(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    size: int = 64,
    frames: int = 16,
    stride: int = 1,
    *,
    strict: bool = False,
    overwrite: bool = False,
    workers: int = 1,
    progress: bool = True,
) -> PackReport:
    """Pack a folder of videos, one class or one folder a class, into the folder `out`.

    Every file is cut to its central square and shrunk to `size` with area filtering, frame by
    frame, so memory stays flat. Bad files are listed in `problems.csv` and the rest is finished.

    Args:
        source: folder of videos, or of one folder for each class; see `scan_folder`.
        out: folder of the pack. If it is there already, made from the same files with the same
            settings, nothing is done.
        size: side of the packed frames in pixels.
        frames: fewest frames that a clip must have after striding to be worth keeping.
        stride: step between the frames that are kept.
        strict: True stops at the first bad or truncated file.
        overwrite: True replaces another pack of the same name.
        workers: processes that decode; the pack is the same to the byte whatever their number.
            A script that asks for several needs the usual `if __name__ == "__main__":`.
        progress: show a progress bar.

    Raises:
        DataError: the source has no videos, none of them can be used, or `out` is something else
            (nothing but packs is ever replaced).
        VideoError: a file is bad, and `strict` is set.
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
        return existing_pack(out, settings, strict)
    partial = partial_of(out)
    for folder in (out, partial, old_of(out)):
        require_replaceable(folder)
    with Partial(partial, settings) as pack:
        refuse_problems(partial, pack.problems, strict)
        done = pack.done
        if done:
            logger.info("%s: resuming after %d files", partial, len(done))
        todo = [entry for entry in entries if entry.name not in done]
        bar = tqdm(
            total=len(entries), desc="packing", initial=len(done), unit="file", disable=not progress
        )
        with bar, closing(_readers(todo, size, frames, stride, workers)) as readers:
            for entry, read in readers:
                _pack_file(pack, entry, read, strict)
                bar.update()
        if not pack.rows:
            write_problems(partial, skipped + pack.problems)
            raise DataError(
                source,
                f"none of its {len(entries)} videos could be packed",
                f"See {partial / PROBLEMS}; the first: {pack.problems[0].reason}",
            )
        pack.finish(skipped + pack.problems)
    publish_pack(partial, out)
    return read_report(out)


@dataclass(frozen=True)
class _Outcome:
    """The outcome of reading one file; it travels between processes."""

    row: dict[str, Any] | None = None  # None if the file is bad
    shortfall: str | None = None
    problem: str = ""
    remedy: str = ""


# Reads one file and writes its frames at the end of the array.
_Read = Callable[[BinaryIO], _Outcome]


def _pack_file(pack: Partial, entry: VideoEntry, read: _Read, strict: bool) -> None:
    """Append one file to the pack, or record why it is not there."""
    outcome = read(pack.array)
    if strict and (outcome.row is None or outcome.shortfall):
        pack.discard()
        remedy = outcome.remedy or "Copy it again, or pack without strict"
        raise VideoError(entry.path, outcome.shortfall or outcome.problem, remedy)
    if outcome.row is None:
        pack.discard()
        logger.warning("%s: %s; left out of the pack", printable(entry.path), outcome.problem)
        pack.record({"name": entry.name, "kind": "bad", "reason": outcome.problem})
        return
    if outcome.shortfall:
        pack.record({"name": entry.name, "kind": "truncated", "reason": outcome.shortfall})
    names = {"name": entry.name, "class": entry.label, "group": entry.group}
    pack.record({**names, "start": pack.total, **outcome.row})


def _read_file(path: Path, size: int, frames: int, stride: int, array: BinaryIO) -> _Outcome:
    """Decode a file, shrink its frames and write every `stride`-th one."""
    kept = crc = decoded = 0
    try:
        info = probe(path)
        for frame in iter_frames(path, change=shrinker(size)):
            if decoded % stride == 0:
                data = frame.tobytes()
                array.write(data)
                crc = zlib.crc32(data, crc)
                kept += 1
            decoded += 1
    except VideoError as error:
        return _Outcome(problem=error.problem, remedy=error.remedy)
    shortfall = missing_frames(info, decoded)
    if kept < frames:
        problem = f"too short: {kept} frames with stride {stride}, {frames} wanted"
        remedy = "Ask for fewer frames or a smaller stride"
        return _Outcome(shortfall=shortfall, problem=problem, remedy=remedy)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    row = {
        "frames": kept,
        "crc32": crc,
        "fps": None if info.fps is None else round(info.fps / stride, 6),
        "width": info.width,
        "height": info.height,
        "codec": info.codec,
        "sha256": digest,
    }
    return _Outcome(row, shortfall)


def _spool_file(path: Path, size: int, frames: int, stride: int, spool: Path) -> _Outcome:
    """Do the same in another process, into a file of its own."""
    with spool.open("wb") as array:
        return _read_file(path, size, frames, stride, array)


def _end_with_parent(spools: str) -> None:
    """Let a worker end when the process that packs is killed: nobody else would tell it."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            shutil.rmtree(spools, ignore_errors=True)
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _readers(
    entries: Sequence[VideoEntry], size: int, frames: int, stride: int, workers: int
) -> Generator[tuple[VideoEntry, _Read], None, None]:
    """Each file with what reads it, in order. Workers are a few files ahead, and no more.

    Whatever the number of workers, one process writes the pack, in one order: so it comes out the
    same to the byte, and a killed run is resumed in the same way.
    """
    if workers < 2:
        for entry in entries:
            yield entry, functools.partial(_read_file, entry.path, size, frames, stride)
        return
    # "spawn": a forked process would inherit locks of OpenCV's and torch's threads.
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory(prefix="vgan-pack-") as folder,
        ProcessPoolExecutor(workers, context, _end_with_parent, (folder,)) as pool,
    ):
        waiting: deque[tuple[VideoEntry, Path, Future[_Outcome]]] = deque()
        try:
            for number, entry in enumerate(entries):
                spool = Path(folder) / str(number)
                job = pool.submit(_spool_file, entry.path, size, frames, stride, spool)
                waiting.append((entry, spool, job))
                if len(waiting) > 2 * workers:
                    yield _collect(*waiting.popleft())
            while waiting:
                yield _collect(*waiting.popleft())
        finally:
            for _, _, job in waiting:
                job.cancel()


def _collect(entry: VideoEntry, spool: Path, job: "Future[_Outcome]") -> tuple[VideoEntry, _Read]:
    def read(array: BinaryIO) -> _Outcome:
        try:
            outcome = job.result()
        except BrokenProcessPool as error:
            remedy = "Memory may have run out: give the same command again, with fewer workers"
            raise DataError(entry.path, "a worker was killed near this file", remedy) from error
        if outcome.row is not None:
            with spool.open("rb") as source:
                shutil.copyfileobj(source, array)
        spool.unlink()
        return outcome

    return entry, read


def _fingerprint(entries: Sequence[VideoEntry]) -> str:
    """A digest of names, sizes and times: changes when a file is added, removed or replaced."""
    digest = hashlib.sha256()
    for entry in entries:
        state = entry.path.stat() if entry.path.exists() else entry.path.lstat()
        line = f"{entry.name}\0{state.st_size}\0{state.st_mtime_ns}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
