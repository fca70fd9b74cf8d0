"""The house: files of a size to read, imports that point one way, a README that is true.

The order of the rooms is that of the README's list "What is where".
"""

import fnmatch
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.conftest import LONGEST
from tests.support.imports import Graph, closure, cycle, graph, mentions, modules

ROOT = Path(__file__).parents[1]
PACKAGE = "vgan_tutorial"
LINES = 400  # at most, in a file of code
CODE = ("*.py", "*.js")
NOT_OURS = "vendor"
NETWORKS = {"generators", "discriminators", "toys"}
RECORDERS = {"experiments", "cli"}  # the only rooms that may import experiments

FILES = modules(ROOT, [PACKAGE])
EDGES = graph(FILES)


def long_files(root: Path) -> Iterator[str]:
    """Files of code that are too long to read."""
    for top in (PACKAGE, "tests", "data_scripts", "book"):
        for file in sorted(file for kind in CODE for file in (root / top).rglob(kind)):
            lines = len(file.read_text(encoding="utf-8").splitlines())
            if lines > LINES and NOT_OURS not in file.parts:
                yield f"{file.relative_to(root).as_posix()}: {lines} lines, at most {LINES}"


def room(module: str) -> str:
    """The entry of the package that a module belongs to: `losses` of `vgan_tutorial.losses.a`."""
    return module.split(".")[1] if "." in module else ""


def upward(edges: Graph, order: list[str]) -> Iterator[str]:
    """Imports of something that stands further down in the order, or outside it."""
    place = {name: number for number, name in enumerate(order)}
    for module, imported in sorted(edges.items()):
        for other in sorted(imported):
            mine, theirs = room(module), room(other)
            if mine and mine != theirs and place.get(theirs, len(order)) > place.get(mine, -1):
                yield f"{module} imports {other}"


def list_of(readme: str) -> list[tuple[str, str]]:
    """Folder and name of every entry of the README's list; "" is the repository itself."""
    found = re.search(r"^## What is where$.*?^```\n(.*?)^```", readme, re.S | re.M)
    assert found is not None, "the README has no list under 'What is where'"
    folder, entries = "", []
    for line in found[1].splitlines():
        name = line.split()[0].rstrip("/")
        if not line.startswith(" "):
            folder = name
        entries.append((folder if line.startswith(" ") else "", name))
    return entries


def is_listed(path: Path, ignored: list[str]) -> bool:
    """Whether an entry of a folder belongs into the list: not what is hidden, private or made."""
    named = path.suffix == ".py" or path.is_dir() or path.parent.name != PACKAGE
    private = path.name.startswith((".", "__"))
    return named and not private and not any(fnmatch.fnmatch(path.name, each) for each in ignored)


def list_faults(root: Path) -> Iterator[str]:
    """What the README's list lacks, and what it names that is not there."""
    entries = list_of((root / "README.md").read_text(encoding="utf-8"))
    ignored = (root / ".gitignore").read_text(encoding="utf-8").replace("/", "").split()
    for folder, name in entries:
        if not (root / folder / name).exists():
            yield f"the README names {Path(folder, name).as_posix()}, which is not there"
    for folder in ("", PACKAGE):
        for path in sorted((root / folder).iterdir()):
            if is_listed(path, [*ignored, "README.md"]) and (folder, path.name) not in entries:
                yield f"the README does not name {path.relative_to(root).as_posix()}"


def none(faults: Iterable[str]) -> None:
    if found := "\n".join(faults):
        pytest.fail(found)


def test_no_file_is_too_long_to_read():
    none(long_files(ROOT))


def test_no_module_imports_itself_by_a_detour():
    assert cycle(EDGES) == []


def test_modules_import_from_those_above_them_in_the_readme():
    listed = list_of((ROOT / "README.md").read_text(encoding="utf-8"))
    order = [name.removesuffix(".py") for folder, name in listed if folder == PACKAGE]
    none(upward(EDGES, [*order, "__main__"]))  # which nobody imports


def test_the_package_stands_without_tests_book_and_scripts():
    outside = {"tests", "book", "data_scripts"}
    found = [
        f"{name} imports {base}"
        for name, file in FILES.items()
        for base, _ in mentions(file.read_text(encoding="utf-8"), name)
        if base.split(".")[0] in outside
    ]
    none(found)


def test_only_experiments_and_commands_import_experiments():
    users = {name for name, others in EDGES.items() if "experiments" in map(room, others)}
    assert {room(name) for name in users} <= RECORDERS


def test_pictures_know_no_networks():
    shown = [name for name in FILES if room(name) == "display"]
    assert not NETWORKS & set(map(room, closure(EDGES, shown)))


def test_the_readme_lists_what_is_there():
    none(list_faults(ROOT))


def test_the_files_that_are_begun_first_are_there():
    none(name for name in LONGEST if not (ROOT / name).is_file())


@pytest.fixture
def house(tmp_path):
    """A package of three modules, with a README that lists them in order."""
    listed = f"README.md\n{PACKAGE}/\n  low.py  x\n  room/  x\n"
    (tmp_path / "README.md").write_text(f"## What is where\n\n```\n{listed}```\n")
    (tmp_path / ".gitignore").write_text("_build/\n*.log\n")
    for name in ("__init__", "low", "room/__init__", "room/high"):
        (tmp_path / PACKAGE / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / PACKAGE / name).with_suffix(".py").touch()
    return tmp_path


def test_an_import_down_the_list_and_a_detour_are_faults(house):
    def edges() -> Graph:
        return graph(modules(house, [PACKAGE]))

    (house / PACKAGE / "room" / "high.py").write_text("from ..low import a\n")
    assert not cycle(edges())
    assert not list(upward(edges(), ["low", "room"]))
    (house / PACKAGE / "low.py").write_text(f"def f():\n    import {PACKAGE}.room.high\n")
    fault = f"{PACKAGE}.low imports {PACKAGE}.room.high"
    assert list(upward(edges(), ["low", "room"])) == [fault]
    assert cycle(edges()) == [f"{PACKAGE}.low", f"{PACKAGE}.room.high", f"{PACKAGE}.low"]
    assert list(upward(edges(), ["room"])) == [
        fault,
        f"{PACKAGE}.room.high imports {PACKAGE}.low",
    ]


def test_a_package_and_its_own_module_make_a_detour(house):
    (house / PACKAGE / "room" / "__init__.py").write_text("from .high import a\n")
    (house / PACKAGE / "room" / "high.py").write_text(f"from {PACKAGE}.room import b\n")
    edges = graph(modules(house, [PACKAGE]))
    assert cycle(edges)[1:] == [f"{PACKAGE}.room.high", f"{PACKAGE}.room"]
    assert closure(edges, [f"{PACKAGE}.low"]) == {PACKAGE, f"{PACKAGE}.low"}


def test_a_readme_that_lies_is_a_fault(house):
    assert not list(list_faults(house))
    for made in ("_build", "a.log", ".hidden", f"{PACKAGE}/__pycache__", f"{PACKAGE}/py.typed"):
        (house / made).touch()
    assert not list(list_faults(house))
    (house / PACKAGE / "new.py").touch()
    (house / "Makefile").touch()
    (house / PACKAGE / "low.py").unlink()
    assert list(list_faults(house)) == [
        f"the README names {PACKAGE}/low.py, which is not there",
        "the README does not name Makefile",
        f"the README does not name {PACKAGE}/new.py",
    ]


def test_a_long_file_is_a_fault(house):
    (house / PACKAGE / "low.py").write_text("\n" * LINES)
    assert not list(long_files(house))
    (house / PACKAGE / "low.py").write_text("\n" * (LINES + 1))
    (house / "book" / "vendor").mkdir(parents=True)
    (house / "book" / "vendor" / "a.js").write_text("\n" * (LINES + 1))
    assert list(long_files(house)) == [f"{PACKAGE}/low.py: 401 lines, at most 400"]
