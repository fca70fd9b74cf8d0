"""The `vgan` command."""

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from vgan_tutorial.datasets import pack_videos
from vgan_tutorial.video_io import VideoError, printable


def pack(
    source: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")],
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")],
    /,
    size: int = 64,
    frames: int = 16,
    stride: int = 1,
    strict: bool = False,
    overwrite: bool = False,
) -> None:
    """Decode a folder of videos once and keep it as one array that training reads quickly.

    Every video is cut to its central square and shrunk. Files that cannot be used are listed in
    OUT/problems.csv, and the others are packed; it is an error only if none can be. A run that
    was interrupted carries on where it stopped: give the same command again.

    Args:
        source: Folder that holds one folder of videos for each class.
        out: Folder to make, with clips.npy, clips.csv, problems.csv and pack.json.
        size: Side of the packed frames, in pixels.
        frames: Leave out clips with fewer frames than this.
        stride: Keep every n-th frame.
        strict: Stop at the first file that is bad or cut short.
        overwrite: Replace another pack of that name.
    """
    report = pack_videos(
        source, out, size, frames, stride, strict=strict, overwrite=overwrite, progress=True
    )
    print(report)
    for problem in report.bad + report.truncated:
        print(f"{problem.kind:>10}  {printable(problem.name)}: {problem.reason}")


COMMANDS: dict[str, Callable[..., Any]] = {"pack": pack}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `vgan`: bad input ends in one line on the error stream and exit code 1."""
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s: %(message)s")
    try:
        tyro.extras.subcommand_cli_from_dict(
            COMMANDS,
            prog="vgan",
            description="Generative adversarial networks for video: the book's commands.",
            args=arguments,
            config=(tyro.conf.FlagCreatePairsOff,),
        )
    except (VideoError, ValueError, OSError) as error:
        sys.exit(f"vgan: {error}")
