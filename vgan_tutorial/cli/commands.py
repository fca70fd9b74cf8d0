"""Runs one of the commands, and says in a line what is wrong with what it was given."""

import errno
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
import tyro

from vgan_tutorial.cli.data import fetch, inspect, pack
from vgan_tutorial.cli.results import evaluate, export, sample
from vgan_tutorial.cli.runs import estimate, recipes, resume, train, with_recipe
from vgan_tutorial.errors import DataError
from vgan_tutorial.training import ProcessLostError

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

# What to do when memory runs out.
LESS = (
    {
        "sample": "lower --count or --scale",
        "evaluate": "lower --pairwise, or --count",
        "resume": "a run keeps its batch, so go on where there is more, or begin one with a lower "
        "--batch or a higher --accumulate",
        "inspect": "lower --count or --size",
    }
    | dict.fromkeys(("pack", "fetch"), "give fewer --workers, or a smaller --size")
    | dict.fromkeys(
        ("train", "estimate"), "lower --batch, or raise --accumulate, which takes it in parts"
    )
)
MAY_BE_EMPTY = ("--best", "--title", "--alt")
AWARE = ("estimate", "train")  # commands whose defaults a recipe changes


def run(arguments: Sequence[str], about: str) -> None:
    """Run a command: bad input ends in one line on the error stream and exit code 1.

    Args:
        arguments: what was typed after `vgan`.
        about: what the command is, for its help.
    """
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s: %(message)s")
    _refuse_empty(arguments)
    try:
        recipe_aware = {command: with_recipe(COMMANDS[command], arguments) for command in AWARE}
        tyro.extras.subcommand_cli_from_dict(
            COMMANDS | recipe_aware,
            prog="vgan",
            description=about,
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
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        remedy = LESS.get(arguments[0], "ask for less, or free some")
        sys.exit(f"vgan: there is not enough memory: {remedy}")


def _refuse_empty(arguments: Sequence[str]) -> None:
    """An empty path would be the current folder: it comes from a variable that is not set."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if argument == "" and before not in MAY_BE_EMPTY:
            sys.exit(f"vgan: what comes after {before or 'vgan'} is empty: name a file or a folder")


def _in_words(error: Exception) -> str:
    """The message; of the system's own errors without their number, and with the file first."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        remedy = ": make room, and give the same command again" if full else ""
        return f"{error.filename}: {error.strerror}{remedy}"
    return str(error)


def _is_out_of_memory(error: Exception) -> bool:
    """PyTorch has an error of its own for GPUs, and words for the CPU."""
    kinds = (MemoryError, torch.OutOfMemoryError)
    words = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, kinds) or any(each in str(error) for each in words)
