"""The hunt for wrong formulas: what it changes, and that its lists name what is there."""

import tomllib
from pathlib import Path

import pytest

from tests.mutants import EQUIVALENT, IMPLEMENTATIONS, ROOT, targets
from tests.support.mutations import definitions, mutants, tree_of

FORMULA = '''
def spread(real, fake, width=3):
    """No formula: 1 + 1."""
    if width < 0:
        raise ValueError("negative" * 2)
    gap = (real[1:] - fake).square().mean(dim=0)
    if gap > -width:
        gap /= 2
    return min(gap, abs(width))
'''


def changed(tmp_path: Path, source: str, name: str, test: bool = False) -> list[str]:
    path = tmp_path / "formula.py"
    path.write_text(source)
    return [each.after for each in mutants(path, name, "formula", test)]


def test_each_change_is_made_alone(tmp_path: Path) -> None:
    assert changed(tmp_path, FORMULA, "spread") == [
        "gap = (real[1:] - fake).square().sum(dim=0)",
        "gap = (real[1:] - fake).abs().mean(dim=0)",
        "gap = (real[1:] + fake).square().mean(dim=0)",
        "gap = (fake - real[1:]).square().mean(dim=0)",
        "gap = (fake[1:] - fake).square().mean(dim=0)",
        "gap = (real[2:] - fake).square().mean(dim=0)",
        "gap = (real[1:] - real).square().mean(dim=0)",
        "gap = (real[1:] - fake).square().mean(dim=1)",
        "if gap < -width:",
        "if gap >= -width:",
        "if gap > width:",
        "gap *= 2",
        "gap /= 3",
        "return max(gap, abs(width))",
        "return min(gap, width ** 2)",
    ]


def test_a_mutant_computes_what_it_shows(tmp_path: Path) -> None:
    path = tmp_path / "formula.py"
    path.write_text("def double(x):\n    return 2 * x\n")
    found = {}
    for mutant in mutants(path, "double", "formula"):
        names: dict = {}
        exec(path.read_text(), names)
        names["double"].__code__ = mutant.codes["double"]
        found[mutant.after] = names["double"](5)
    assert found == {"return 2 / x": 0.4, "return 3 * x": 15}


def test_in_a_test_tolerances_and_drawn_numbers_are_left_alone(tmp_path: Path) -> None:
    source = (
        "def test_eq_a():\n    x = torch.rand(3 + 4)\n    assert x - 1 == approx(2, abs=1 / 3)\n"
    )
    assert changed(tmp_path, source, "test_eq_a", test=True) == [
        "assert x + 1 == approx(2, abs=1 / 3)",
        "assert 1 - x == approx(2, abs=1 / 3)",
    ]


@pytest.mark.parametrize("target", IMPLEMENTATIONS)
def test_the_table_names_functions_that_are_there(target: str) -> None:
    file, _, rest = target.partition(":")
    assert rest.partition("#")[0] in dict(definitions(tree_of(ROOT / file)))


def test_equivalent_changes_are_changes_of_formulas() -> None:
    functions = {
        f"{file.removesuffix('.py').replace('/', '.')}.{rest.partition('#')[0]}": (file, rest)
        for file, _, rest in (target.partition(":") for target in targets())
    }
    for function, rows in tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")).items():
        file, rest = functions[function]
        found = {m.after for m in mutants(ROOT / file, rest.partition("#")[0], function)}
        assert set(rows) <= found, function
