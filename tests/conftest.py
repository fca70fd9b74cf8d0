"""In what order files of tests and notebooks are handed out to the processes of `make test`."""

from pathlib import Path

import pytest
import torch

from tests.support import typechecks  # noqa: F401  named in pyproject.toml, which imports `tests` only

ROOT = Path(__file__).parents[1]
# Files that take long, longest first: one that is begun late is waited for by all other cores.
# Measured with `--durations=0`; a file's place matters, not that it is exact.
LONGEST = (
    "book/06_training.ipynb",
    "tests/unit/experiments/test_runs.py",
    "tests/book/test_site.py",
    "book/08_full_training.ipynb",
    "book/02_losses.ipynb",
    "book/01_concepts.ipynb",
    "book/03_preprocessing.ipynb",
    "book/05_discriminator.ipynb",
    "book/04_generator.ipynb",
    "book/07_evaluation.ipynb",
    "tests/unit/cli/test_second_device.py",
    "tests/book/test_second_device.py",
    "tests/book/test_live.py",
    "tests/unit/training/test_processes.py",
    "tests/unit/training/test_compiling.py",
)


def rank(path: Path) -> int:
    """Place of a file in the order; those that are not listed share the last."""
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a GPU where there is none."""
    if item.get_closest_marker("accelerator") and not torch.cuda.is_available():
        pytest.skip("there is no GPU that computes with CUDA")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--nbval", default=False):  # everything runs: not what `make quick` does
        items.sort(key=lambda item: rank(item.path))  # within a file the order stays
