"""The `vgan` command. What it needs is imported once it is known what was asked for.

PyTorch takes seconds to import. So the list of the commands is printed without it, from the first
lines of their docstrings, which are read and not run.
"""

import ast
import platform
import signal
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from vgan_tutorial.errors import take_any_text

ABOUT = "Generative adversarial networks for video: the book's commands."
GENERAL = (
    "Every command also takes --device NAME, the device to work on, such as cpu, cuda, cuda:1 or "
    "mps: the best that there is by default. vgan --version prints the versions."
)
# The module beside this one that holds each command.
PLACES = {
    "fetch": "data",
    "pack": "data",
    "inspect": "data",
    "recipes": "runs",
    "estimate": "runs",
    "train": "runs",
    "resume": "runs",
    "sample": "results",
    "evaluate": "results",
    "export": "results",
    "runs": "comparing",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `vgan`: bad input ends in one line on the error stream and exit code 1."""
    take_any_text()
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments[:1] == ["--version"]:
        print(versions())
        sys.exit(0)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(overview())
        sys.exit(0 if arguments else 2)
    with _quietly_interrupted():
        from vgan_tutorial.cli.commands import run
    run(arguments, ABOUT)


def overview() -> str:
    """The commands, each with a line of what it does."""
    lines = ["usage: vgan COMMAND ...", "", ABOUT, ""]
    for name, place in PLACES.items():
        lines += textwrap.wrap(
            _summary(name, place), 79, initial_indent=f"  {name:10}", subsequent_indent=" " * 12
        )
    lines += ["", "vgan COMMAND --help says all about one of them.", *textwrap.wrap(GENERAL, 79)]
    return "\n".join(lines)


def versions() -> str:
    """The package's version, and those that its results may depend on."""
    python = platform.python_version()
    return f"vgan {version('vgan-tutorial')} (PyTorch {version('torch')}, Python {python})"


def _summary(command: str, place: str) -> str:
    """The first line of a command's docstring."""
    text = Path(__file__).with_name(f"{place}.py").read_text(encoding="utf-8")
    (found,) = [
        node
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef) and node.name == command
    ]
    return (ast.get_docstring(found) or "").splitlines()[0]


@contextmanager
def _quietly_interrupted() -> Iterator[None]:
    """Let Ctrl-C end the program without a word while nothing has begun, and as shells expect.

    As an exception it would fly through half of PyTorch, which would say so in fifty lines.
    """
    try:
        usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if usual:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
    except ValueError:  # not the main thread, which alone gets signals
        usual = False
    try:
        yield
    finally:
        if usual:
            signal.signal(signal.SIGINT, signal.default_int_handler)
