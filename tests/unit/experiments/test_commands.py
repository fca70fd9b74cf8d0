"""Every experiment is a command that explains itself, and bad input ends in one line."""

import importlib
import inspect
import re
from pathlib import Path

import pytest
import tyro

from vgan_tutorial import experiments
from vgan_tutorial.experiments import records

LISTED = experiments.__doc__ or ""
NAMES = re.findall(r"^\* `(\w+)`:", LISTED, re.MULTILINE)
# "Number of clips" reads well in --help; "Of all clips" does not.
NO_NOUNS = {"Of", "In", "To", "That", "After", "How", "What", "Whether", "Where", "Try", "The", "A"}


def test_every_module_is_listed():
    folder = Path(experiments.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}
    assert modules == set(re.findall(r"`(\w+)`", LISTED)) - {"make_record"}


@pytest.mark.parametrize("name", NAMES)
def test_help_explains_every_argument(name, capsys):
    make = importlib.import_module(f"vgan_tutorial.experiments.{name}").make_record
    with pytest.raises(SystemExit) as ended:
        tyro.cli(make, args=["--help"])
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    explained = (inspect.getdoc(make) or "").partition("Args:\n")[2].partition("\n\n")[0]
    described = dict(re.findall(r"^    (\w+): (.+)$", explained, re.MULTILINE))
    assert described.keys() == inspect.signature(make).parameters.keys()
    assert len(described) == explained.count("\n") + 1  # a line each: --help keeps line breaks
    for text in described.values():
        assert text.split()[0] not in NO_NOUNS
        assert text.split(";")[0].removesuffix(".") in shown


@pytest.mark.parametrize("name", NAMES)
def test_a_module_says_how_it_is_called(name):
    module = importlib.import_module(f"vgan_tutorial.experiments.{name}")
    assert f"python -m {module.__name__}" in " ".join((module.__doc__ or "").split())


def test_bad_input_ends_in_one_line(monkeypatch):
    def make(steps: int) -> None:
        records.check_counts(steps=steps)

    monkeypatch.setattr("sys.argv", ["trials.py", "--steps", "0"])
    with pytest.raises(SystemExit) as ended:
        records.run_command(make)
    assert ended.value.code == "--steps must be positive, got 0"
