"""The command that looks at several runs side by side: `vgan runs`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from matplotlib.figure import Figure

from vgan_tutorial.cli.folders import read_trained
from vgan_tutorial.cli.outputs import check_output
from vgan_tutorial.display import COLOURS, LINES
from vgan_tutorial.errors import DataError, printable
from vgan_tutorial.training import TrainingConfig, read_config, read_log
from vgan_tutorial.training.estimating import duration
from vgan_tutorial.training.recording import LogLine
from vgan_tutorial.training.saving import CONFIG

COLUMNS = ("run", "step", "of", "time", "data", "generator", "loss", "batch", "seed")
# Of the figures that a log may hold, those to look at first.
FIRST = ("validity", "cells_found", "motion_validity", "discriminator_loss", "generator_loss")
SHOWN = 3  # figures in the table, unless some are named
MOST = len(COLOURS) * len(LINES)  # curves that can be told apart


@dataclass(frozen=True)
class _Run:
    name: str
    config: TrainingConfig
    log: list[LogLine]
    data: str


def runs(
    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")] = Path("runs"),
    /,
    figures: tuple[str, ...] = (),
    plot: Path | None = None,
) -> None:
    """List the runs in a folder, compare their last figures, and plot their curves.

    Prints a line for each run below FOLDER, whatever state it is in: how far it has come, what
    it was trained on and with, and the newest value of some figures of its log. A run whose files
    are damaged is named below the table.

    Args:
        folder: Folder of the runs, or of one run.
        figures: Names of the figures to show and to plot, such as validity generator_loss; those
            that say most by default.
        plot: Picture to write with a panel of curves for each figure; .png, .svg or .pdf.
    """
    if plot is not None:
        check_output(plot, ".png", ".svg", ".pdf")
    found, damaged = find_runs(folder)
    names = chosen_figures([run.log for run in found], figures)
    if found:
        print(table(found, names))
    for problem in damaged:
        print(problem)
    if plot is not None:
        if not names:
            raise DataError(folder, "no run in it has a line in its log yet", "Train a little")
        draw_curves({run.name: run.log for run in found}, names).savefig(plot, dpi=150)
        print(f"{printable(plot)}: curves of {', '.join(names)}")


def find_runs(folder: Path) -> tuple[list[_Run], list[str]]:
    """The runs at a folder and below it, by name, and what is wrong with others.

    Raises:
        DataError: there is no such folder, or no run in it.
    """
    if not folder.is_dir():
        raise DataError(folder, "there is no such folder", "Name the folder that holds the runs")
    found, damaged = [], []
    for file in sorted(folder.rglob(CONFIG)):
        place = file.parent
        name = printable(place.name if place == folder else place.relative_to(folder).as_posix())
        try:
            found.append(_Run(name, read_config(place), read_log(place), _data_of(place)))
        except (ValueError, OSError) as error:
            damaged.append(f"{name}: {error}")
    if not found and not damaged:
        raise DataError(folder, f"holds no run, that is no folder with a {CONFIG}", "Name another")
    return found, damaged


def _data_of(run: Path) -> str:
    """Name of the data that a run was trained on; "?" where the run does not say."""
    try:
        return printable(Path(read_trained(run).data).name)
    except (OSError, ValueError):
        return "?"


def chosen_figures(logs: Sequence[Sequence[LogLine]], wanted: Sequence[str]) -> list[str]:
    """The figures that were asked for, or a few that the logs hold.

    Raises:
        ValueError: if no log holds a figure of that name.
    """
    held = dict.fromkeys(
        name for log in logs for line in log for name in line if name not in ("step", "seconds")
    )
    for name in wanted:
        if name not in held:
            raise ValueError(f"no log holds {name!r}; choose from {', '.join(held) or 'none'}")
    return list(wanted) or [name for name in (*FIRST, *held) if name in held][:SHOWN]


def table(found: Sequence[_Run], names: Sequence[str]) -> str:
    """A line for each run; a figure is the newest that its log holds."""
    rows: list[tuple[str, ...]] = [(*COLUMNS, *names)]
    for run in found:
        end: LogLine = run.log[-1] if run.log else {"step": 0, "seconds": 0}
        config = run.config
        about = (run.data, config.generator, config.loss, str(config.batch), str(config.seed))
        last = (_newest(run.log, name) for name in names)
        far = (f"{end['step']:,}", f"{config.steps:,}", duration(end["seconds"]))
        rows.append((run.name, *far, *about, *last))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place in (0, 4, 5, 6) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def draw_curves(logs: dict[str, list[LogLine]], names: Sequence[str]) -> Figure:
    """A panel for each figure, and in it a curve for each run that has it.

    Raises:
        ValueError: if there are more curves than can be told apart.
    """
    if len(logs) > MOST:
        raise ValueError(f"{len(logs)} curves cannot be told apart: name a folder of {MOST} runs")
    drawing = Figure(figsize=(7, 2.6 * len(names)), layout="constrained")
    panels = np.ravel(drawing.subplots(len(names), sharex=True, squeeze=False))
    for panel, name in zip(panels, names, strict=True):
        for place, (run, log) in enumerate(logs.items()):
            points = [(line["step"], line[name]) for line in log if name in line]
            if points:
                style = LINES[place // len(COLOURS)]
                colour = COLOURS[place % len(COLOURS)]
                # a name that begins with an underscore would be left out of the legend
                panel.plot(*zip(*points, strict=True), style, color=colour, label=f" {run}")
        panel.set_ylabel(name.replace("_", " "))
        panel.grid(alpha=0.3)
        panel.legend(frameon=False, fontsize="small")
    panels[-1].set_xlabel("step")
    return drawing


def _newest(log: Sequence[LogLine], name: str) -> str:
    values = [line[name] for line in log if name in line]
    return f"{values[-1]:.4g}" if values else ""
