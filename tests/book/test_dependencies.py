"""An edit ages the notebooks that depend on it, and no others: rule by rule, on a small package."""

import textwrap

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.book.dependencies import Package, Reach
from tests.book.names import ALL
from tests.book.notebooks import ROOT, aged, reach
from tests.book.pages import sources

FILES = {
    "vgan_tutorial/__init__.py": "",
    "vgan_tutorial/nets/__init__.py": """
        from vgan_tutorial.nets.big import Big
        from vgan_tutorial.nets.small import Small as Tiny, helper
        from .pairs import *

        NETS: dict[str, type] = {"big": Big, "small": Tiny, "pair": lambda: Pair(2)}
        __all__ = ["NETS", "Big", "Tiny", "helper"]
        """,
    "vgan_tutorial/nets/big.py": """
        import math
        from .small import helper

        WIDTH = 64
        DEPTH, HEIGHT = 3, 5

        class Base:
            rate = 1

        class Big(Base):
            def forward(self, x=DEPTH):
                return helper(x) * WIDTH + math.pi

        class Unused(Base):
            kind = "small"
        """,
    "vgan_tutorial/nets/small.py": """
        from functools import cache

        LIMITS = [1, 2]
        LIMITS += [3]

        class Small:
            pass

        @cache
        def helper(x):
            other = x
            return LIMITS[other]

        def other():
            return 1
        """,
    "vgan_tutorial/nets/pairs.py": """
        class Pair:
            size = 2
        """,
    "vgan_tutorial/data/__init__.py": """
        from vgan_tutorial.data import moons, rings

        DATA = {**moons.DATA, **rings.DATA}
        MORE = moons.DATA | {"dust": moons.dust}
        GATHERED = gather(__name__, "DATA")
        DOUBLED = {name: 2 * draw for name, draw in rings.DATA.items()}
        """,
    "vgan_tutorial/data/moons.py": """
        def moon():
            return 1

        def dust():
            return 0

        DATA = {"moon": moon}
        """,
    "vgan_tutorial/data/rings.py": """
        def ring():
            return 2

        def oval():
            return 3

        SIZES = {"small": 1}
        DATA = dict({"ring": ring, "oval": oval})
        """,
    "vgan_tutorial/train.py": """
        from vgan_tutorial import data
        from vgan_tutorial.nets import NETS

        SETTINGS = {"steps": 5}

        def check(name, table):
            return name in table

        def run(name="big", steps=5):
            if check(name, NETS):
                return NETS[name]()

        def every():
            return [NETS[name] for name in NETS]

        def sizes():
            return sorted(NETS)

        def tried(names):
            for name, table in (("small net", NETS), ("moon", data.DATA)):
                check(name, table)

        def drawn():
            return [data for data in data.DATA["oval"]()]

        def settled():
            return run(**SETTINGS)

        def load(path, name):
            return data.DATA.get(name), data.MORE[name]

        def listed():
            import vgan_tutorial.data.rings as circles

            return circles.ring()

        if __name__ == "__main__":
            every()
        """,
    "vgan_tutorial/kept.py": """
        from vgan_tutorial.data import rings

        KEPT = {}
        KEPT.update(rings.DATA)
        """,
    "vgan_tutorial/effects.py": """
        import os
        from vgan_tutorial.nets.small import other

        STATE = {}

        def quiet():
            return 1

        def added():
            return 2

        try:
            from vgan_tutorial.nets.pairs import Pair
        except ImportError:
            Pair = None

        for name in ("a", "b"):
            STATE[name] = added()
        """,
    "vgan_tutorial/show/__init__.py": "from vgan_tutorial.show.page import show\n",
    "vgan_tutorial/show/page.py": """
        def show(thing):
            print(thing)

        def hide():
            pass
        """,
    "vgan_tutorial/show/assets/page.css": "a {}",
    "vgan_tutorial/recipes/__init__.py": """
        from pathlib import Path

        FOLDER = Path(__file__).parent
        RECIPES = tuple(path.stem for path in FOLDER.glob("*.json"))

        def get(name):
            if name not in RECIPES:
                raise ValueError(", ".join(RECIPES))
            return (FOLDER / f"{name}.json").read_text()
        """,
    "vgan_tutorial/recipes/quick.json": '{"net": "small"}',
    "vgan_tutorial/recipes/slow.json": '{"net": "pair"}',
    "book/records/first/config.json": '{"net": "small"}',
    "book/records/second/config.json": '{"net": "pair"}',
}


def package_file(name):
    return f"vgan_tutorial/{name}"


@pytest.fixture
def root(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return tmp_path


def reached(cells, root):
    return Reach(textwrap.dedent(cells), Package(root, "vgan_tutorial"), root / "book")


def is_aged(root, cells, file, old, new):
    """Whether the fingerprint of cells changes with a file."""
    before = reached(cells, root).fingerprint()
    path = root / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return reached(cells, root).fingerprint() != before


BIG, SMALL = package_file("nets/big.py"), package_file("nets/small.py")
NETS, DATA = package_file("nets/__init__.py"), package_file("data/__init__.py")
MOONS, RINGS = package_file("data/moons.py"), package_file("data/rings.py")
TRAIN, EFFECTS = package_file("train.py"), package_file("effects.py")
PAIRS, STYLE = package_file("nets/pairs.py"), package_file("show/assets/page.css")
QUICK, SLOW = package_file("recipes/quick.json"), package_file("recipes/slow.json")
CONFIG, OTHER_CONFIG = "book/records/first/config.json", "book/records/second/config.json"
USE_BIG = "from vgan_tutorial.nets import Big\nBig()"
USE_RUN = "from vgan_tutorial.train import run\nrun()"
USE_EVERY = "from vgan_tutorial.train import every\nevery()"
USE_LOAD = "from vgan_tutorial.train import load\n"
USE_QUIET = "from vgan_tutorial.effects import quiet\nquiet()"
GET = "from vgan_tutorial.recipes import get\n"
ON_NETS = "from vgan_tutorial import nets\n"
ON_NETS_TABLE = "from vgan_tutorial.nets import NETS\n"
ON_DATA = "from vgan_tutorial.data import DATA, DOUBLED, GATHERED\n"
FIRST = f"{USE_RUN}\nread('records/first/config.json')"


@pytest.mark.parametrize(
    ("cells", "file", "old", "new"),
    [
        # what a definition mentions, and what that mentions: bases, defaults, decorators, bodies
        (USE_BIG, BIG, "* WIDTH", "+ WIDTH"),
        (USE_BIG, BIG, "WIDTH = 64", "WIDTH = 32"),
        (USE_BIG, BIG, "rate = 1", "rate = 2"),
        (USE_BIG, BIG, "DEPTH, HEIGHT = 3", "DEPTH, HEIGHT = 4"),
        (USE_BIG, BIG, "(self, x=DEPTH)", "(self, x=WIDTH)"),
        (USE_BIG, BIG, "import math", "import cmath as math"),
        (USE_BIG, SMALL, "LIMITS = [1", "LIMITS = [7"),
        (USE_BIG, SMALL, "LIMITS += [3]", "LIMITS += [4]"),
        (USE_BIG, SMALL, "@cache\n", ""),
        (USE_BIG, SMALL, "import cache", "import lru_cache as cache"),
        # an import that leads elsewhere
        (USE_BIG, NETS, "big import Big", "big import Unused as Big"),
        ("from vgan_tutorial.nets import Tiny\nTiny()", SMALL, "pass", "size = 1"),
        # attributes of modules, however they are reached
        (ON_NETS + "nets.Big()", BIG, "= 64", "= 1"),
        (ON_NETS + "nets.big.Big()", BIG, "= 64", "= 1"),
        ("import vgan_tutorial.nets.big\nvgan_tutorial.nets.big.Big()", BIG, "= 64", "= 1"),
        ("import vgan_tutorial.nets.big as b\nb.WIDTH", BIG, "= 64", "= 1"),
        ("from vgan_tutorial.train import listed\nlisted()", RINGS, "return 2", "return 4"),
        # through `import *`
        ("from vgan_tutorial.nets import Pair\nPair()", PAIRS, "= 2", "= 3"),
        ("from vgan_tutorial.nets import *\nhelper(1)", SMALL, "LIMITS[other]", "LIMITS[0]"),
        # a module that is used as an object
        (ON_NETS + "vars(nets)", BIG, '"small"', '"x"'),
        (ON_NETS + "vars(nets)", SMALL, "return 1", "return 2"),
        ("from vgan_tutorial import effects\nvars(effects)", SMALL, "return 1", "return 2"),
        (ON_NETS + "nets.made_up", SMALL, "return 1", "return 2"),
        # statements that are no definitions
        (USE_QUIET, EFFECTS, '"a", "b"', '"a", "c"'),
        (USE_QUIET, EFFECTS, "return 2", "return 3"),
        ("from vgan_tutorial.effects import Pair\nPair()", PAIRS, "= 2", "= 3"),
        # entries of registries whose keys occur: in a default, in a cell, in a constant
        (USE_RUN, BIG, "= 64", "= 1"),
        (USE_RUN.replace("()", "('small')"), SMALL, "pass", "size = 1"),
        (USE_RUN.replace("()", "('--net=small --fast')"), SMALL, "pass", "size = 1"),
        (USE_RUN.replace("()", "('small')"), NETS, '"small": Tiny', '"small": Big'),
        # all entries, where something goes through all
        (USE_EVERY, SMALL, "pass", "size = 1"),
        (USE_EVERY, NETS, '"pair": ', '"new": Big, "pair": '),
        (USE_EVERY, NETS, '"big": Big, "small": Tiny', '"small": Tiny, "big": Big'),
        ("from vgan_tutorial.train import sizes\nsizes()", SMALL, "pass", "size = 1"),
        (USE_RUN + "\nfrom vgan_tutorial.data import rings\nrings.SIZES", SMALL, "pass", "x = 1"),
        (ON_NETS_TABLE + "list(NETS)", SMALL, "pass", "size = 1"),
        (ON_NETS_TABLE + "NETS[name]", SMALL, "pass", "size = 1"),
        (ON_NETS_TABLE + "NETS['small']", SMALL, "pass", "size = 1"),
        ("from vgan_tutorial.train import settled\nsettled()", TRAIN, '"steps": 5', '"steps": 6'),
        # registries made of registries
        (f"{USE_LOAD}load('x', 'moon')", MOONS, "return 1", "return 4"),
        (f"{USE_LOAD}load('x', 'ring')", RINGS, "return 2", "return 4"),
        (f"{USE_LOAD}load('x', 'dust')", MOONS, "return 0", "return 4"),
        (ON_DATA + "for name in DATA: pass", RINGS, "return 3", "return 4"),
        (ON_DATA + "DATA['oval']", RINGS, "return 3", "return 4"),
        (ON_DATA + "GATHERED['oval']", RINGS, "return 3", "return 4"),
        (ON_DATA + "list(GATHERED)", MOONS, "return 1", "return 4"),
        (ON_DATA + "DOUBLED['ring']", RINGS, "return 3", "return 4"),
        ("from vgan_tutorial.kept import KEPT\nlist(KEPT)", RINGS, "return 3", "return 4"),
        # a variable of a comprehension that is called as what it goes through
        ("from vgan_tutorial.train import drawn\ndrawn()", RINGS, "return 3", "return 4"),
        # data files
        ("from vgan_tutorial import show\nshow.show(1)", STYLE, "a", "b"),
        (f"{GET}get('quick')", QUICK, "small", "big"),
        (GET + "from vgan_tutorial.recipes import RECIPES\nlist(RECIPES)", SLOW, "pair", "big"),
        (f"{GET}{USE_RUN}\nget('quick')", SMALL, "pass", "size = 1"),
        (FIRST, SMALL, "pass", "size = 1"),
        (f"{USE_RUN}\nread('records', 'first', 'config.json')", CONFIG, "small", "big"),
    ],
)  # fmt: skip
def test_what_a_notebook_depends_on_ages_it(root, cells, file, old, new):
    assert is_aged(root, cells, file, old, new)


@pytest.mark.parametrize(
    ("cells", "file", "old", "new"),
    [
        # comments, docstrings, layout, quotes
        (USE_BIG, BIG, "WIDTH = 64", '"""What."""\nWIDTH = (  # why\n    64\n)\n\n'),
        (USE_BIG, BIG, "rate = 1", "'''What.'''\n    rate = 1"),
        ("from vgan_tutorial.train import run\nrun", TRAIN, '="big"', "='big'"),
        # neighbours in the file, in the room, and what only they mention
        (USE_BIG, BIG, '"small"', '"x"'),
        (USE_BIG, SMALL, "return 1", "return 2"),
        (USE_BIG, SMALL, "pass", "size = 1"),
        (USE_BIG, NETS, '"big": Big', '"huge": Big'),
        (USE_BIG, NETS, '__all__ = ["NETS"', '__all__ = ["SETS"'),
        (USE_BIG, NETS, "Small as Tiny, helper", "Small as Tiny"),
        (USE_BIG, BIG, "WIDTH = 64", "import os\nWIDTH = 64\nNEW = os.sep"),
        # a variable of a function that is called as something else is
        ("from vgan_tutorial.nets import helper\nhelper(1)", SMALL, "return 1", "return 2"),
        # names in annotations are text, but are not followed
        (ON_NETS + "def f(net: nets.Big): pass", BIG, "= 64", "= 1"),
        # what runs only in a program
        (USE_RUN, TRAIN, "    every()", "    settled()"),
        # side effects of a module of which nothing counts
        (USE_BIG, EFFECTS, '"a", "b"', '"a", "c"'),
        # entries whose keys do not occur
        (USE_RUN, SMALL, "pass", "size = 1"),
        (USE_RUN, NETS, '"pair": ', '"new": Big, "pair": '),
        (USE_RUN, NETS, '"big": Big, "small": Tiny', '"small": Tiny, "big": Big'),
        (USE_RUN.replace("()", "('a small step')"), SMALL, "pass", "size = 1"),
        (ON_NETS_TABLE + "NETS['big']; 'small'", SMALL, "pass", "size = 1"),
        (f"{USE_LOAD}load('x', 'moon')", RINGS, "return 2", "return 4"),
        (f"{USE_LOAD}load('x', 'ring')", MOONS, "return 0", "return 4"),
        (ON_DATA + "DATA['ring']", RINGS, "return 3", "return 4"),
        (ON_DATA + "GATHERED['ring']", RINGS, "return 3", "return 4"),
        # registries in a table of a function
        ("from vgan_tutorial.train import tried\ntried()", SMALL, "pass", "size = 1"),
        # a name that comes through `import *`, and its neighbours
        ("from vgan_tutorial.nets import Pair\nPair()", SMALL, "return 1", "return 2"),
        # data files of other rooms, or with other names
        (USE_BIG, STYLE, "a", "b"),
        (f"{GET}get('quick')", SLOW, "pair", "big"),
        (f"{GET}{USE_RUN}\nget('quick')", PAIRS, "= 2", "= 3"),
        (f"{USE_BIG}\n'quick'", QUICK, "small", "big"),
        (FIRST, OTHER_CONFIG, "pair", "x"),
        (FIRST, PAIRS, "= 2", "= 3"),
    ],
)  # fmt: skip
def test_what_a_notebook_does_not_depend_on_leaves_it_fresh(root, cells, file, old, new):
    assert not is_aged(root, cells, file, old, new)


def test_the_way_to_a_definition_is_told(root):
    found = reached(USE_RUN, root)
    assert found.why(root / BIG, "Big") == 'cell > run > NETS > NETS[big] ("big" is in run) > Big'
    assert found.why(root / BIG, "Unused") is None
    assert found.why(root / SMALL, "other") is None
    assert found.why(root / EFFECTS) is None


def test_an_entry_that_is_not_there_yet_has_its_readers(root):
    assert not reached(USE_RUN, root).why(root / NETS, "NETS[new]")
    assert reached(f"{USE_RUN}\n'new'", root).why(root / NETS, "NETS[new]")
    assert reached(USE_EVERY, root).why(root / NETS, "NETS[new]")


def test_aged_notebooks_are_listed(root):
    for name, cell in (("a", USE_BIG), ("b", USE_QUIET)):
        page = new_notebook(cells=[new_code_cell(cell)])
        nbformat.write(page, root / "book" / f"{name}.ipynb")
    assert list(aged(root / BIG, "WIDTH", root)) == [
        (root / "book" / "a.ipynb", "cell > Big > WIDTH")
    ]
    assert [path.name for path, _ in aged(root / EFFECTS, None, root)] == ["b.ipynb"]


BOOK = {page.name: page for page in sources(ROOT / "book") if page.suffix == ".ipynb"}


@pytest.mark.parametrize("name", BOOK)
def test_notebooks_take_single_names_from_the_package(name):
    found = reach(nbformat.read(BOOK[name], as_version=4))
    assert not [node for node in found.because if node.name == ALL]


@pytest.mark.parametrize(
    ("file", "name", "most"),
    [
        ("losses/adversarial.py", "ADVERSARIAL_LOSSES[new]", 3),
        ("generators/__init__.py", "GENERATORS[new]", 1),
        ("discriminators/__init__.py", "DISCRIMINATORS[new]", 1),
    ],
)
def test_what_is_new_ages_few_notebooks(file, name, most):
    assert 1 <= len(list(aged(ROOT / package_file(file), name))) <= most
