"""Which tests `make quick` takes for what has changed."""

import pytest

from tests.quick import chosen, distances, mirrors, module_of
from tests.support.imports import graph, modules

SOURCES = {
    "vgan_tutorial/__init__.py": "",
    "vgan_tutorial/losses/__init__.py": "from vgan_tutorial.losses.penalties import r1",
    "vgan_tutorial/losses/penalties.py": "",
    "vgan_tutorial/losses/assets/weights.bin": "",
    "vgan_tutorial/training.py": "from vgan_tutorial.losses import r1",
    "vgan_tutorial/shapes.py": "",
    "tests/support/clips.py": "",
    "tests/test_house.py": "",
    "tests/book/test_pages.py": "",
    "tests/book/test_notebooks.py": "",
    "tests/equations/test_losses.py": "from vgan_tutorial.losses import r1",
    "tests/unit/losses/test_penalties.py": "from tests.support.clips import clip",
    "tests/unit/losses/test_penalties_of_clips.py": "",
    "tests/unit/losses/test_losses.py": "import vgan_tutorial.losses",
    "tests/unit/test_training.py": "from vgan_tutorial.training import train",
    "tests/unit/test_shapes.py": "from vgan_tutorial.shapes import draw",
}


@pytest.fixture
def files(tmp_path):
    for path, source in SOURCES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(source)
    return modules(tmp_path, ["vgan_tutorial", "tests"])


@pytest.mark.parametrize(
    ("changed", "tests"),
    [
        (
            ["vgan_tutorial/losses/penalties.py"],
            [
                "unit.losses.test_penalties",
                "unit.losses.test_penalties_of_clips",
                "equations.test_losses",
                "unit.losses.test_losses",
                "unit.test_training",
            ],
        ),
        (["vgan_tutorial/shapes.py", "LICENSE"], ["unit.test_shapes"]),
        (["tests/support/clips.py"], ["unit.losses.test_penalties"]),
        (["tests/unit/test_shapes.py"], ["unit.test_shapes"]),
        (["book/01_concepts.ipynb"], ["book.test_pages", "book.test_notebooks"]),
        (["README.md"], []),
    ],
)
def test_the_nearest_tests_come_first(files, changed, tests):
    assert chosen(changed, files, graph(files)) == [
        "tests.test_house",
        *(f"tests.{t}" for t in tests),
    ]


def test_a_picture_or_a_weight_belongs_to_the_package_around_it(files):
    assert module_of("vgan_tutorial/losses/assets/weights.bin", files) == "vgan_tutorial.losses"
    assert module_of("vgan_tutorial/gone.py", files) == "vgan_tutorial"
    assert module_of("Makefile", files) is None
    assert mirrors("vgan_tutorial.losses", "tests.unit.losses.test_penalties")


def test_distances_count_imports():
    edges = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": set[str]()}
    assert distances(edges, ["c"]) == {"c": 0, "b": 1, "a": 2}
