"""A minute of tests, those first that matter most for what has changed: `make quick`.

What has changed is what differs from where the branch left `main`, and what is not committed. If
nothing has, the order is that of the folders. Tests that are slow, or that need a browser or the
notebooks' kernels, are left to `make test`.

How near a test is to a change is read from the imports, without running anything: first the tests
in the place that mirrors the changed module, then those that import it, then those that import a
module that does, and so on.
"""

import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.imports import Graph, graph, modules

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "vgan_tutorial"
SECONDS = 50  # after which no other test is begun
FAST = "not slow and not browser and not benchmark"
ALWAYS = ["tests.test_house"]
OF_THE_BOOK = ["tests.book.test_pages", "tests.book.test_notebooks"]
BEGAN = time.monotonic()


def git(*words: str) -> list[str]:
    """Lines that git prints; none if it fails."""
    run = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    return run.stdout.splitlines() if run.returncode == 0 else []


def changed_files() -> list[str]:
    """Paths that differ from where this branch left main, in the working tree too."""
    (base,) = git("merge-base", "HEAD", "main") or ["HEAD"]
    new = git("ls-files", "--others", "--exclude-standard")
    return sorted({*git("diff", "--name-only", base), *new})


def module_of(path: str, files: dict[str, Path]) -> str | None:
    """The module that a path belongs to; for pictures, weights and the like the package around."""
    parts = Path(path).with_suffix("").parts
    names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((name for name in names if name in files), None)


def mirrors(module: str, test: str) -> bool:
    """Whether a test's place is that of a module: `tests.unit.a.test_b` of `vgan_tutorial.a.b`.

    `test_b_more` is also in the place of `b`; the other tests of `a` are in that of `a` itself.
    """
    *rooms, name = module.split(".")[1:] or [""]
    return f"{test}_".startswith(f"{'.'.join(['tests', 'unit', *rooms])}.test_{name}_") or (
        test.startswith(f"tests.unit.{'.'.join([*rooms, name])}.test_")
    )


def distances(edges: Graph, starts: Iterable[str]) -> dict[str, int]:
    """How many imports lead from each module to one of those, for all that reach one."""
    found, near, distance = dict[str, int](), set(starts), 0
    while near:
        found |= dict.fromkeys(near, distance)
        near = {name for name, used in edges.items() if used & near and name not in found}
        distance += 1
    return found


def chosen(changed: Iterable[str], files: dict[str, Path], edges: Graph) -> list[str]:
    """Test modules that matter for changed paths, those first that matter most."""
    changed = list(changed)
    starts = {name for path in changed if (name := module_of(path, files))}
    far = distances(edges, starts)

    def nearness(test: str) -> tuple[bool, int]:
        return (not any(mirrors(start, test) for start in starts), far.get(test, 0))

    tests = sorted(name for name in files if name.rpartition(".")[2].startswith("test_"))
    near = sorted((test for test in tests if test in far or not nearness(test)[0]), key=nearness)
    book = OF_THE_BOOK if any(path.startswith("book/") for path in changed) else []
    return list(dict.fromkeys([*ALWAYS, *book, *near]))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Begin no test when the time is over."""
    if time.monotonic() - BEGAN > SECONDS:
        pytest.skip(f"the {SECONDS} seconds of `make quick` were over")


def main() -> int:
    files = modules(ROOT, [PACKAGE, "tests"])
    changed = changed_files()
    tests = chosen(changed, files, graph(files)) if changed else []
    paths = [str(files[name].relative_to(ROOT)) for name in tests] or ["tests"]
    print(f"{len(changed)} changed files, {len(tests) or 'all'} files of tests")
    options = ["-m", FAST, "-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder"]
    return pytest.main(["-q", "-p", "tests.quick", *options, *paths])


if __name__ == "__main__":
    sys.exit(main())
