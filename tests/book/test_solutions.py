"""Solutions that are written as code do what the exercise asks: each is run, as printed.

They are run in chapter 4, where they need nothing but the chapter's imports.
"""

import re
import textwrap

import nbformat
import pytest

from tests.book.notebooks import ROOT, code_cells

CHAPTER = nbformat.read(ROOT / "book/04_generator.ipynb", as_version=4)
TEXT = "\n\n".join(cell.source for cell in CHAPTER.cells if cell.cell_type == "markdown")
SOLUTION = re.compile(r"^```\{solution\} (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def code_of(solution: str) -> str:
    """The indented lines of a solution."""
    lines = [line for line in solution.splitlines() if line.startswith("    ") or not line]
    return textwrap.dedent("\n".join(lines)).strip()


SOLUTIONS = {label: code for label, text in SOLUTION.findall(TEXT) if (code := code_of(text))}


def test_solutions_with_code_are_found():
    assert set(SOLUTIONS) >= {
        "ex-generator-layers",
        "ex-generator-louder",
        "ex-generator-slow",
        "ex-generator-chance",
    }


@pytest.mark.parametrize("label", SOLUTIONS)
def test_a_solution_runs(label):
    names: dict[str, object] = {}
    exec(code_cells(CHAPTER)[0].source, names)
    exec(SOLUTIONS[label], names)


def test_every_exercise_has_a_solution():
    exercises = re.findall(r":label: (ex-\S+)", TEXT)
    assert len(exercises) == len(set(exercises)) >= 6
    assert sorted(exercises) == sorted(label for label, _ in SOLUTION.findall(TEXT))
