"""What a step of training costs, from the plain loop to the package's, one change at a time.

`python -m vgan_tutorial.experiments.throughput --output book/records/throughput/cpu.json` measures
on the best device that there is and writes the record that the book reads. All variants take the
same steps with batches of the same size, in turns, so that a busy machine slows all of them alike.
On the CPU the processor's time is counted and not the clock's, for the same reason.

A row says how long a step takes, how much memory is in use at a time, and how much of what the
device can do is done: of its arithmetic, and of its memory's bandwidth, both measured in the same
turns (`meters`). What a variant asks for is counted in a step of its own, without the clock.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from vgan_tutorial.experiments.ladder import KINDS, Runner, Variant, build, recommended
from vgan_tutorial.experiments.meters import Rates, count, peak_memory, seconds
from vgan_tutorial.experiments.records import (
    Record,
    check_counts,
    check_names,
    command_line,
    open_record,
    origin,
    run_command,
    save_record,
)
from vgan_tutorial.shapes import PRESETS
from vgan_tutorial.training import TrainingConfig
from vgan_tutorial.training.graphs import WARM_UP
from vgan_tutorial.training.processes import processes

BATCH = {"tiny": 32, "small": 16, "full": 8}
CRITICS = {"published": "stacked", "precisions": "dual"}  # of kinds that are no critic's name


def measure(
    variants: dict[str, Variant], config: TrainingConfig, preset: str, rounds: int, rates: Rates
) -> dict[str, dict[str, Any]]:
    """A row for every variant. Times are the least of some rounds: other programs only add."""
    device, cycle = processes().device, config.penalty_every
    rows: dict[str, dict[str, Any]] = {}
    runners: dict[str, Runner] = {}
    for name, variant in variants.items():
        try:
            rows[name] = asked(variant, config, preset)
            runner = build(variant, config, preset)
            records = variant.changes.get("graphs", False)
            for _ in range(WARM_UP + 1 if records else 1):  # warms up, compiles, records
                runner.run(cycle)
            runners[name] = runner
        except Exception as error:
            if not variant.optional:
                raise
            rows[name] = {"skipped": f"{type(error).__name__}: {error}".strip().splitlines()[0]}
    least = dict.fromkeys(runners, float("inf"))
    for _ in range(rounds):
        rates.look()
        for name, runner in runners.items():
            least[name] = min(least[name], seconds(partial(runner.run, cycle), device) / cycle)
    for name, spent in least.items():
        rows[name] |= {
            "milliseconds": round(1000 * spent, 2),
            "clips_per_second": round(config.batch / spent, 2),
        }
        if not variants[name].paper:
            rows[name]["times_as_fast"] = round(least[next(iter(least))] / spent, 2)  # as the first
        rows[name] |= shares(rows[name], spent, rates, variants[name].dtype)
    return rows


def asked(variant: Variant, config: TrainingConfig, preset: str) -> dict[str, Any]:
    """What a step of a variant asks for: operations, bytes moved, and memory.

    All are means or maxima over a cycle of lazy penalties. Bytes and, on the CPU, memory are
    counted operator by operator. Compiling merges operators, so for compiled networks these two
    are left open.
    """
    device, cycle = processes().device, config.penalty_every
    compiled = variant.changes.get("compile", False)
    eager = replace(variant, changes=variant.changes | {"compile": False, "graphs": False})
    operations, moved = count(partial(build(eager, config, preset).run, cycle))
    memory = None
    if not compiled or device.type != "cpu":
        memory = peak_memory(lambda: build(variant, config, preset).run(cycle), device)
    return {
        "gigaflop": round(operations / cycle / 1e9, 4),
        "megabytes_moved": None if compiled else round(moved / cycle / 1e6, 2),
        "peak_mebibytes": None if memory is None else round(memory / 2**20, 1),
    }


def shares(row: dict[str, Any], spent: float, rates: Rates, dtype: str) -> dict[str, float | None]:
    """What a step does of all that the device can do."""
    arithmetic = row["gigaflop"] * 1e9 / spent / rates.arithmetic(dtype)
    moved = row["megabytes_moved"]
    bandwidth = None if moved is None else round(moved * 1e6 / spent / rates.bandwidth, 4)
    return {"share_of_arithmetic": round(arithmetic, 4), "share_of_bandwidth": bandwidth}


# The table --------------------------------------------------------------------------------------

COLUMNS = {  # title, factor, digits
    "milliseconds": ("ms a step", 1, 1),
    "clips_per_second": ("clips/s", 1, 1),
    "times_as_fast": ("x as fast", 1, 2),
    "peak_mebibytes": ("peak MiB", 1, 0),
    "gigaflop": ("GFLOP", 1, 2),
    "share_of_arithmetic": ("% of rate", 100, 0),
    "megabytes_moved": ("MB moved", 1, 0),
    "share_of_bandwidth": ("% of copy", 100, 0),
}


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The rows for people, with a reason in place of what was left out."""
    lines = [f"{'':38}" + "".join(f"{title:>11}" for title, *_ in COLUMNS.values())]
    for name, row in rows.items():
        if "skipped" in row:
            lines.append(f"{name:38} left out: {row['skipped']}")
            continue
        cells = [
            "-" if row.get(key) is None else f"{factor * row[key]:.{digits}f}"
            for key, (_, factor, digits) in COLUMNS.items()
        ]
        lines.append(f"{name:38}" + "".join(f"{cell:>11}" for cell in cells))
    return "\n".join(lines)


def make_record(
    output: Path,
    presets: tuple[str, ...] = tuple(BATCH),
    kinds: tuple[str, ...] = tuple(KINDS),
    rounds: int = 3,
    threads: int = 1,
    compiled: bool = True,
) -> None:
    """Measure at the sizes of the presets and write the record.

    Args:
        output: JSON file to write, or to go on with.
        presets: Names of presets of Moving Shapes; only their clips' shapes matter.
        kinds: Names of ladders: a critic's, or the published pairs.
        rounds: Number of rounds of four steps, after some that warm up.
        threads: Number of the CPU's threads.
        compiled: Networks are compiled too, which takes longest.

    Raises:
        ValueError: if a name is unknown, or the file holds results of other settings.
    """
    check_counts(rounds=rounds, threads=threads)
    check_names("preset", presets, BATCH)
    check_names("ladder", kinds, KINDS)
    torch.set_num_threads(threads)
    device = processes().device
    settings: Record = {"rounds": rounds, "threads": threads, "compiled": compiled}
    record = open_record(
        output,
        origin(
            command_line("throughput", output=output, **settings),
            device,
            clock="processor" if device.type == "cpu" else "wall",
            memory="tensors alive" if device.type == "cpu" else "allocator",
            recommended=recommended(device),
            **settings,
        ),
    )
    for preset in presets:
        shape, batch = PRESETS[preset], BATCH[preset]
        size = record.setdefault("sizes", {}).setdefault(
            preset, {"frames": shape.frames, "size": shape.size, "batch": batch}
        )
        for kind in kinds:
            if kind not in size:
                size[kind] = measure_kind(kind, preset, batch, rounds, compiled)
                save_record(output, record)
            print(f"\n{preset}, {kind}: batches of {batch} clips of {shape.frames} frames")
            print(f"the device meanwhile: {size[kind]['rates']}\n{table(size[kind]['rows'])}")


def measure_kind(
    kind: str, preset: str, batch: int, rounds: int, compiled: bool = True
) -> dict[str, Any]:
    """A ladder with one critic, or the published pairs; and what the device could do meanwhile."""
    shape, rates = PRESETS[preset], Rates(processes().device)
    config = TrainingConfig(
        frames=shape.frames,
        size=shape.size,
        batch=batch,
        penalty_every=4,
        discriminator=CRITICS.get(kind, kind),
    )
    variants = {
        name: variant
        for name, variant in KINDS[kind].items()
        if compiled or "compile" not in variant.changes
    }
    rows = measure(variants, config, preset, rounds, rates)
    return {"rates": rates.record(), "rows": rows}


if __name__ == "__main__":
    run_command(make_record)
