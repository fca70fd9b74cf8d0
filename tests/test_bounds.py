"""Declared ranges of versions are tested ones: a hosted check installs the lowest of them."""

import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]


def declared(pyproject: str) -> dict[str, Version]:
    """The lowest version of everything that the package needs.

    Raises:
        ValueError: something has no lower bound, or more than that.
    """
    lowest = {}
    for text in tomllib.loads(pyproject)["project"]["dependencies"]:
        need = Requirement(text)
        if [each.operator for each in need.specifier] != [">="]:
            raise ValueError(f"{text} has not one lower bound")
        lowest[need.name] = Version(next(iter(need.specifier)).version)
    return lowest


def installed(workflow: str) -> dict[str, Version]:
    """What the weekly check of the oldest versions installs."""
    words = yaml.safe_load(workflow)["jobs"]["oldest"]["env"]["OLDEST"].split()
    needs = [Requirement(word) for word in words]
    return {
        need.name: Version(next(iter(need.specifier)).version.removesuffix(".*")) for need in needs
    }


PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
WORKFLOW = (ROOT / ".github" / "workflows" / "weekly.yml").read_text(encoding="utf-8")


def test_the_lowest_versions_are_those_that_are_tested() -> None:
    assert declared(PYPROJECT) == installed(WORKFLOW)


def test_a_bound_that_nobody_tests_is_found() -> None:
    lower = PYPROJECT.replace("tyro>=0.9.14", "tyro>=0.9")
    assert lower != PYPROJECT
    assert declared(lower) != installed(WORKFLOW)
    with pytest.raises(ValueError, match="tyro has not one lower bound"):
        declared(PYPROJECT.replace("tyro>=0.9.14", "tyro"))


def test_the_check_installs_what_it_lists() -> None:
    steps = yaml.safe_load(WORKFLOW)["jobs"]["oldest"]["steps"]
    (install,) = [step["run"] for step in steps if "$OLDEST" in step.get("run", "")]
    assert f"torch=={installed(WORKFLOW)['torch']} " in install  # fetched before the rest


def test_the_lock_is_within_the_bounds() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    locked = dict(line.split("==") for line in lines if "==" in line)
    for name, lowest in declared(PYPROJECT).items():
        assert Version(locked[name]) >= lowest, name
