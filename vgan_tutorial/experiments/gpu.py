"""Everything that a GPU can say, in one command, for as many minutes as one has it.

`make gpu`, or `python -m vgan_tutorial.experiments.gpu --minutes 9 --out runs/gpu/record`. The
parts come in this order, and each leaves its result when its time ends:

1. the tests that need a GPU;
2. what a step costs: the ladder, the published loops, the number formats side by side;
3. the input alone: how many clips a second reach the device;
4. recipes, each for its share of the time that is left: trained, judged, packed.

Given again, the command goes on: what is there is not measured again, and runs are lengthened. If
the machine is taken away early, which SIGTERM announces, the run of that moment is packed too.
Without a GPU all of it runs on the CPU, slowly. Chapter 8 shows what is in `book/records/gpu`: put
your folder in its place, run the chapter again, and it shows yours.

The folder holds few files, none of them large: `gpu.json`, `throughput.json`, and for each recipe
the run without its checkpoint, and the checkpoint in pieces of 15 MiB at most.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import torch

from vgan_tutorial.datasets import PackedClips
from vgan_tutorial.datasets.pack.drawn import DrawnClip, pack_drawn
from vgan_tutorial.experiments import throughput
from vgan_tutorial.experiments.ladder import KINDS
from vgan_tutorial.experiments.meters import wait_for
from vgan_tutorial.experiments.records import (
    Record,
    check_counts,
    check_names,
    command_line,
    describe,
    open_record,
    origin,
    run_command,
    save_record,
)
from vgan_tutorial.experiments.runs import copy_run, record_run
from vgan_tutorial.pixels import to_uint8
from vgan_tutorial.recipes import RECIPES, get_recipe
from vgan_tutorial.shapes import MovingShapes, get_preset
from vgan_tutorial.training import ClipSource, pack_source, shapes_source
from vgan_tutorial.training.processes import processes
from vgan_tutorial.training.saving import CHECKPOINT

TESTS = Path("tests/unit/training")
MEASURED = ("full", "small", "tiny")  # presets, in the order of their interest
LADDERS = ("dual", "precisions", "published")
LEFT_FOR_RECIPES = 0.6  # of all the time, at least
PACKED = 128  # clips of the pack whose reading is timed
TIMED = 5.0  # seconds for which each source of clips is asked
TO_JUDGE = 30.0  # seconds that judging and packing a run may take
PIECE = 15 * 2**20  # bytes of a file at most


@dataclass
class Clock:
    """The time there is."""

    end: float

    @property
    def left(self) -> float:
        """Seconds until the end; negative after it."""
        return self.end - time.monotonic()


def make_record(
    minutes: float = 9,
    out: Path = Path("runs/gpu/record"),
    runs: Path = Path("runs/gpu"),
    recipes: tuple[str, ...] = ("sprites-64", "full", "grid-64"),
    presets: tuple[str, ...] = MEASURED,
    kinds: tuple[str, ...] = LADDERS,
    rounds: int = 3,
) -> None:
    """Measure and train on the best device that there is, and write everything into a folder.

    Args:
        minutes: Minutes that all of it may take.
        out: Folder of the results, to begin or to go on with.
        runs: Folder of the runs with their checkpoints.
        recipes: Recipes to train, each for an equal share of the time that the rest leaves.
        presets: Presets of Moving Shapes at whose sizes steps are measured.
        kinds: Ladders to measure.
        rounds: Number of rounds of four steps in a measurement.
    """
    check_counts(minutes=minutes, rounds=rounds)
    check_names("recipe", recipes, RECIPES)
    check_names("preset", presets, throughput.BATCH)
    check_names("ladder", kinds, KINDS)
    clock = Clock(time.monotonic() + 60 * minutes)
    begun = origin(command_line("gpu", minutes=minutes, out=out), rounds=rounds)
    record = open_record(out / "gpu.json", begun)
    measure_until = 60 * minutes * LEFT_FOR_RECIPES

    def add(name: str, make: Callable[[], Any]) -> None:
        """Do a part, unless it was done, and keep what it brought."""
        if name not in record:
            record[name] = make()
            save_record(out / "gpu.json", record)

    add("tests", run_tests)
    for preset in presets:
        for kind in kinds:
            if clock.left > measure_until:
                throughput.make_record(
                    out / "throughput.json", (preset,), (kind,), rounds, compiled=False
                )
    add("input", lambda: measure_input(presets[0]))
    with leaving_on_sigterm():
        for place, name in enumerate(recipes):
            share = clock.left / (len(recipes) - place)
            record.setdefault("recipes", {})[name] = train_recipe(name, share, out, runs, begun)
            save_record(out / "gpu.json", record)
    print(summary(record))


# The parts --------------------------------------------------------------------------------------


def run_tests() -> Record:
    """The tests marked `accelerator`: how many passed, and the names of those that failed."""
    if not TESTS.exists():
        return {"left_out": f"there is no {TESTS}"}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = ["-q", "-m", "accelerator", "-p", "no:cacheprovider", f"--junitxml={report}"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, str(TESTS)], capture_output=True, text=True
        )
        print(done.stdout[-4000:])
        if not report.exists():
            return {"left_out": (done.stderr or done.stdout).strip().splitlines()[-1]}
        cases = ElementTree.parse(report).getroot().findall(".//testcase")
    bad = [str(case.get("name")) for case in cases if _ended(case, "failure", "error")]
    skipped = sum(_ended(case, "skipped") for case in cases)
    return {"passed": len(cases) - len(bad) - skipped, "skipped": skipped, "failed": bad}


def _ended(case: ElementTree.Element, *ways: str) -> bool:
    return any(case.find(way) is not None for way in ways)


def measure_input(preset: str, seconds: float = TIMED) -> Record:
    """Clips a second that reach the device from each kind of source, with nothing else to do."""
    shape, batch = get_preset(preset), throughput.BATCH[preset]
    found: Record = {"preset": preset, "batch": batch}
    device = processes().device
    found["drawn"] = clips_per_second(shapes_source(preset, device), batch, seconds)
    with tempfile.TemporaryDirectory() as folder:
        pack_drawn(
            _drawn(preset), Path(folder) / "pack", shape.size, {"of": preset}, progress=False
        )
        packed = PackedClips(Path(folder) / "pack", shape.frames)
        found["packed"] = clips_per_second(pack_source(packed, device), batch, seconds)
    return found


def _drawn(preset: str) -> Iterator[DrawnClip]:
    """Clips of twice the length, so that windows differ."""
    shape = get_preset(preset)
    for number in range(PACKED // 16):
        clips, _ = MovingShapes(preset, seed=number).batch(16)
        for place, stored in enumerate(to_uint8(clips).repeat(1, 2, 1, 1, 1).numpy()):
            yield DrawnClip(shape.name, f"{number}-{place}", stored)


def clips_per_second(source: ClipSource, batch: int, seconds: float) -> float:
    """How many clips a source brings to the device."""
    device = processes().device
    clips = source(batch, torch.Generator().manual_seed(0))
    next(clips)
    wait_for(device)
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        next(clips)
        count += batch
    wait_for(device)
    return round(count / (time.perf_counter() - began), 1)


def train_recipe(name: str, seconds: float, out: Path, runs: Path, begun: Record) -> Record:
    """Train a recipe for a time, judge it, and pack the run and its checkpoint."""
    recipe, run, packed = get_recipe(name), runs / name, out / f"{name}.zip"
    kept = out / f"{name}-checkpoint.0"
    if seconds <= 0:
        return {"left_out": "no time was left"}
    if not (run / CHECKPOINT).exists() and kept.exists():
        with zipfile.ZipFile(packed) as file:
            file.extractall(run)
        join(kept, run / CHECKPOINT)
    time_to_train = max(seconds - TO_JUDGE, seconds / 2)
    with tempfile.TemporaryDirectory() as folder:
        record, command = Path(folder), begun["command"]
        try:
            found = record_run(recipe, run, record, command, seconds=time_to_train, threads=1)
        except (ValueError, FloatingPointError) as error:  # no data, or a run that diverged
            return {"left_out": str(error)}
        except SystemExit:  # SIGTERM: training has saved
            copy_run(run, record)
            raise
        finally:
            if any(record.iterdir()):
                pack_folder(record, packed)
                split(run / CHECKPOINT, kept)
    return {key: found[key] for key in found.keys() - begun.keys()}


@contextmanager
def leaving_on_sigterm() -> Iterator[None]:
    """Inside it SIGTERM is an exception, so what has to be done at the end is done."""
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def pack_folder(folder: Path, archive: Path) -> None:
    """All files of a folder in one archive."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder).as_posix())


def split(file: Path, first: Path) -> None:
    """Copy a file in pieces: `first`, whose name ends with 0, and as many more as are needed."""
    content = file.read_bytes()
    for number, begin in enumerate(range(0, len(content), PIECE)):
        first.with_suffix(f".{number}").write_bytes(content[begin : begin + PIECE])


def join(first: Path, file: Path) -> None:
    """Put the pieces of `split` together again."""
    pieces = sorted(first.parent.glob(f"{first.stem}.*"), key=lambda path: int(path.suffix[1:]))
    file.write_bytes(b"".join(piece.read_bytes() for piece in pieces))


def summary(record: Record) -> str:
    """What was found, in a few lines."""
    tests, clips = record["tests"], record["input"]
    lines = [describe(processes().device)]
    if "left_out" in tests:
        lines.append(f"tests: left out, {tests['left_out']}")
    else:
        lines.append(f"tests: {tests['passed']} passed, {len(tests['failed'])} failed")
    lines.append(
        f"input, {clips['preset']}: {clips['drawn']:,.0f} clips/s drawn, "
        f"{clips['packed']:,.0f} clips/s from a pack"
    )
    for name, figures in record["recipes"].items():
        if "left_out" in figures:
            lines.append(f"{name}: left out, {figures['left_out']}")
            continue
        line = f"{name}: {figures['steps']:,} steps in {figures['seconds']:,} s"
        if "judged" in figures:
            line += f", {figures['judged']['validity']:.0%} valid"
        lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    run_command(make_record)
