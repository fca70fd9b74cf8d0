"""The `vgan` command."""

import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any

import tyro

from vgan_tutorial.cli.data import fetch, inspect, pack
from vgan_tutorial.cli.results import evaluate, export, sample
from vgan_tutorial.cli.runs import resume, train
from vgan_tutorial.training import ProcessLostError
from vgan_tutorial.video_io import VideoError

__all__ = [
    "evaluate",
    "export",
    "fetch",
    "inspect",
    "main",
    "pack",
    "resume",
    "sample",
    "train",
]

COMMANDS: dict[str, Callable[..., Any]] = {
    "fetch": fetch,
    "pack": pack,
    "inspect": inspect,
    "train": train,
    "resume": resume,
    "sample": sample,
    "evaluate": evaluate,
    "export": export,
}


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
    except (VideoError, ValueError, OSError, FloatingPointError, ProcessLostError) as error:
        sys.exit(f"vgan: {error}")
    except KeyboardInterrupt:
        sys.exit(130)  # what shells report for a program that Ctrl-C ended
