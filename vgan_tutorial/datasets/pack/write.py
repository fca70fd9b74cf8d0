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
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

from tqdm.auto import tqdm

from vgan_tutorial.datasets.folders import VideoEntry, scan_folder
from vgan_tutorial.datasets.pack.cutting import Crop, Cut, Outcome, read_film
from vgan_tutorial.datasets.pack.format import (
    ARRAY,
    FORMAT,
    PROBLEMS,
    Problem,
    partial_of,
    write_problems,
)
from vgan_tutorial.datasets.pack.journal import Partial
from vgan_tutorial.datasets.pack.publishing import (
    PackReport,
    alone,
    existing_pack,
    old_of,
    publish_pack,
    read_report,
    refuse_problems,
    require_replaceable,
)
from vgan_tutorial.errors import DataError, VideoError, printable
from vgan_tutorial.files import naming

logger = logging.getLogger(__name__)

BEGUN = "begun"  # beside the workers' files once one of them has read the program


def pack_videos(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    size: int = 64,
    frames: int = 16,
    stride: int = 1,
    *,
    fps: float | None = None,
    crop: Crop = "centre",
    shots: bool = False,
    strict: bool = False,
    overwrite: bool = False,
    workers: int = 1,
    progress: bool = True,
) -> PackReport:
    """Pack a folder of videos, one class or one folder a class, into the folder `out`.

    Every file is cut to a square and shrunk to `size` with area filtering, frame by frame, so
    memory stays flat. Bad files are listed in `problems.csv` and the rest is finished. With `fps`,
    `crop="motion"` or `shots` every file is decoded twice: first as thumbnails, half a kilobyte a
    frame, then for good.

    Args:
        source: folder of videos, or of one folder for each class; see `scan_folder`.
        out: folder of the pack. If it is there already, made from the same files with the same
            settings, nothing is done.
        size: side of the packed frames in pixels.
        frames: fewest frames that a clip must have after striding to be worth keeping.
        stride: step between the frames that are kept.
        fps: frames a second that are kept, by the times that the file gives them, instead of a
            stride: every clip then moves at its own speed, whatever filmed it. A file that is
            slower is left out and listed; see `preprocessing.indices_at_rate`.
        crop: "centre" keeps the square in the middle, "motion" the square that holds most of what
            moves, in one place for a clip; see `preprocessing.motion_place`.
        shots: True cuts files where one shot ends and the next begins. Each shot is a clip, called
            "file#1", "file#2" ..., and all of a file are of one group; those that are too short are
            listed. See `shots.shot_starts`.
        strict: True stops at the first bad or truncated file.
        overwrite: True replaces another pack of the same name.
        workers: processes that decode; the pack is the same to the byte whatever their number.
            A script that asks for several needs the usual `if __name__ == "__main__":`.
        progress: show a progress bar.

    Raises:
        DataError: the source has no videos, none of them can be used, or `out` is something else
            (nothing but packs is ever replaced).
        VideoError: a file is bad, and `strict` is set.
        ValueError: a setting is out of range, or another process makes this pack.
    """
    cut = Cut(size, frames, stride, fps, crop, shots)
    check_workers(workers)
    out = Path(out)
    entries, skipped = scan_folder(source)
    settings = {"format": FORMAT, **cut.settings(), "source": _fingerprint(entries)}
    if out.exists() and not overwrite:
        return existing_pack(out, settings, strict)
    with alone(out):
        if out.exists() and not overwrite:  # another run has just made it
            return existing_pack(out, settings, strict)
        _make_pack(source, out, cut, settings, (entries, skipped), strict, workers, progress)
    return read_report(out)


def check_workers(workers: int) -> None:
    """Refuse a number of processes that is none."""
    if workers < 1:
        raise ValueError(f"workers is {workers}; it must be at least 1")


def _make_pack(
    source: str | os.PathLike[str],
    out: Path,
    cut: Cut,
    settings: Mapping[str, Any],
    found: tuple[Sequence[VideoEntry], Sequence[Problem]],
    strict: bool,
    workers: int,
    progress: bool,
) -> None:
    entries, skipped = found
    partial = partial_of(out)
    for folder in (out, partial, old_of(out)):
        require_replaceable(folder)
    with naming(partial / ARRAY), Partial(partial, settings) as pack:
        refuse_problems(partial, pack.problems, strict)
        done = pack.done
        if done:
            logger.info("%s: resuming after %d files", partial, len(done))
        todo = [entry for entry in entries if entry.name not in done]
        bar = tqdm(
            total=len(entries), desc="packing", initial=len(done), unit="file", disable=not progress
        )
        with bar, closing(_readers(todo, cut, workers)) as readers:
            for entry, read in readers:
                _pack_file(pack, entry, read, strict)
                bar.update()
        if not pack.rows:
            write_problems(partial, [*skipped, *pack.problems])
            raise DataError(
                source,
                f"none of its {len(entries)} videos could be packed",
                f"See {partial / PROBLEMS}; the first: {pack.problems[0].reason}",
            )
        pack.finish([*skipped, *pack.problems])
    publish_pack(partial, out)


# Reads one file and writes its frames at the end of the array.
_Read = Callable[[BinaryIO], Outcome]


def _pack_file(pack: Partial, entry: VideoEntry, read: _Read, strict: bool) -> None:
    """Append one file to the pack, or record why it is not there."""
    outcome = read(pack.array)
    if strict and (not outcome.rows or outcome.shortfall):
        pack.discard()
        remedy = outcome.remedy or "Copy it again, or pack without strict"
        raise VideoError(entry.path, outcome.shortfall or outcome.problem, remedy)
    if not outcome.rows:
        pack.discard()
        logger.warning("%s: %s; left out of the pack", printable(entry.path), outcome.problem)
        pack.record({"name": entry.name, "kind": "bad", "reason": outcome.problem})
        return
    if outcome.shortfall:
        pack.record({"name": entry.name, "kind": "truncated", "reason": outcome.shortfall})
    pack.record_film(_lines(pack.total, entry, outcome))


def _lines(start: int, entry: VideoEntry, outcome: Outcome) -> list[dict[str, Any]]:
    """What the journal says of a film: its clips, and the shots that are left out, in order."""
    lines: list[dict[str, Any]] = []
    for row in outcome.rows:
        name = f"{entry.name}#{row['shot']}" if outcome.shots > 1 else entry.name
        told = {key: value for key, value in row.items() if key != "shot"}
        names = {"name": name, "class": entry.label, "group": entry.group}
        lines.append({**names, "start": start, **told})
        start += row["frames"]
    for number, reason in outcome.lost.items():
        lines.append({"name": f"{entry.name}#{number}", "kind": "skipped", "reason": reason})
    return lines


def _spool_file(path: Path, cut: Cut, spool: Path) -> Outcome:
    """Do the same in another process, into a file of its own."""
    with naming(spool), spool.open("wb") as array:
        return read_film(path, cut, array)


def _end_with_parent(spools: str) -> None:
    """Let a worker end when the process that packs is killed: nobody else would tell it."""
    (Path(spools) / BEGUN).touch()
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            shutil.rmtree(spools, ignore_errors=True)
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _readers(
    entries: Sequence[VideoEntry], cut: Cut, workers: int
) -> Generator[tuple[VideoEntry, _Read], None, None]:
    """Each file with what reads it, in order. Workers are a few files ahead, and no more.

    Whatever the number of workers, one process writes the pack, in one order: so it comes out the
    same to the byte, and a killed run is resumed in the same way.
    """
    if workers < 2:
        for entry in entries:
            yield entry, functools.partial(read_film, entry.path, cut)
        return
    # "spawn": a forked process would inherit locks of OpenCV's and torch's threads.
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory(prefix="vgan-pack-") as folder,
        ProcessPoolExecutor(workers, context, _end_with_parent, (folder,)) as pool,
    ):
        waiting: deque[tuple[VideoEntry, Path, Future[Outcome]]] = deque()
        try:
            for number, entry in enumerate(entries):
                spool = Path(folder) / str(number)
                job = pool.submit(_spool_file, entry.path, cut, spool)
                waiting.append((entry, spool, job))
                if len(waiting) > 2 * workers:
                    yield _collect(*waiting.popleft())
            while waiting:
                yield _collect(*waiting.popleft())
        finally:
            for _, _, job in waiting:
                job.cancel()


def _collect(entry: VideoEntry, spool: Path, job: "Future[Outcome]") -> tuple[VideoEntry, _Read]:
    def read(array: BinaryIO) -> Outcome:
        try:
            outcome = job.result()
        except BrokenProcessPool as error:
            problem, remedy = _why_broken(spool.parent)
            raise DataError(entry.path, problem, remedy) from error
        if outcome.rows:
            with spool.open("rb") as source:
                shutil.copyfileobj(source, array)
        spool.unlink()
        return outcome

    return entry, read


def _why_broken(spools: Path) -> tuple[str, str]:
    """Why workers have ended: (problem, remedy)."""
    if (spools / BEGUN).exists():
        return (
            "a worker was killed near this file",
            "Memory may have run out: give the same command again, with fewer workers",
        )
    return (
        "no worker could begin with it",
        'A script that asks for workers must do so below `if __name__ == "__main__":`, since each '
        "of them reads the script again; or ask for one",
    )


def _fingerprint(entries: Sequence[VideoEntry]) -> str:
    """A digest of names, sizes and times: changes when a file is added, removed or replaced."""
    digest = hashlib.sha256()
    for entry in entries:
        state = entry.path.stat() if entry.path.exists() else entry.path.lstat()
        line = f"{entry.name}\0{state.st_size}\0{state.st_mtime_ns}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
