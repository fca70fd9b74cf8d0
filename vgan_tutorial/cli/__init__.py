"""The `vgan` command."""

import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import tyro

from vgan_tutorial.cli.data import fetch, inspect, pack
from vgan_tutorial.cli.results import evaluate, export, sample
from vgan_tutorial.cli.runs import estimate, recipes, resume, train, with_recipe
from vgan_tutorial.errors import DataError
from vgan_tutorial.training import ProcessLostError

__all__ = [
    "estimate",
    "evaluate",
    "export",
    "fetch",
    "inspect",
    "main",
    "pack",
    "recipes",
    "resume",
    "sample",
    "train",
]

COMMANDS: dict[str, Callable[..., Any]] = {
    "fetch": fetch,
    "pack": pack,
    "inspect": inspect,
    "recipes": recipes,
    "estimate": estimate,
    "train": train,
    "resume": resume,
    "sample": sample,
    "evaluate": evaluate,
    "export": export,
}

MAY_BE_EMPTY = ("--best", "--title", "--alt")
AWARE = ("estimate", "train")  # commands whose defaults a recipe changes


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `vgan`: bad input ends in one line on the error stream and exit code 1."""
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s: %(message)s")
    arguments = sys.argv[1:] if arguments is None else arguments
    _refuse_empty(arguments)
    try:
        recipe_aware = {command: with_recipe(COMMANDS[command], arguments) for command in AWARE}
        tyro.extras.subcommand_cli_from_dict(
            COMMANDS | recipe_aware,
            prog="vgan",
            description="Generative adversarial networks for video: the book's commands.",
            args=arguments,
            config=(tyro.conf.FlagCreatePairsOff,),
        )
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (DataError, ValueError, OSError, FloatingPointError, ProcessLostError) as error:
        sys.exit(f"vgan: {_in_words(error)}")
    except KeyboardInterrupt:
        sys.exit(130)  # what shells report for a program that Ctrl-C ended


def _refuse_empty(arguments: Sequence[str]) -> None:
    """An empty path would be the current folder: it comes from a variable that is not set."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if argument == "" and before not in MAY_BE_EMPTY:
            sys.exit(f"vgan: what comes after {before or 'vgan'} is empty: name a file or a folder")


def _in_words(error: Exception) -> str:
    """The message; of the system's own errors without their number, and with the file first."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)
