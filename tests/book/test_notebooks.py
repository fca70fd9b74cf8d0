"""The stored notebooks are fresh, and the check that says so notices when they are not."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests.book.definitions import read_module
from tests.book.notebooks import PACKAGE, ROOT, fingerprint, problems, settle_ids
from tests.book.pages import sources

NOTEBOOKS = [page for page in sources(ROOT / "book") if page.suffix == ".ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_stored_outputs_are_fresh(path):
    assert not list(problems(path))


@pytest.fixture
def root(tmp_path):
    """A package of three modules: `a` imports `b`, and nothing imports `c`."""
    package = tmp_path / PACKAGE
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text("from .b import value\n\ndef twice():\n    return 2 * value\n")
    (package / "b.py").write_text("value = 1\n")
    (package / "c.py").write_text("other = 1\n")
    return tmp_path


@pytest.fixture
def notebook():
    first = new_code_cell("from vgan_tutorial.a import twice", execution_count=1)
    shown = new_output("execute_result", {"text/plain": "2"}, execution_count=2)
    return new_notebook(cells=[first, new_code_cell("twice()", execution_count=2, outputs=[shown])])


def faults(notebook, root, mark=True):
    if mark:
        notebook.metadata[PACKAGE] = {"fingerprint": fingerprint(notebook, root)}
    path = root / "notebook.ipynb"
    nbformat.write(notebook, path)
    return list(problems(path, root))


def test_a_fresh_notebook_has_no_faults(notebook, root):
    assert faults(notebook, root) == []


def test_a_changed_cell_or_module_is_a_fault(notebook, root):
    assert faults(notebook, root) == []
    (root / PACKAGE / "b.py").write_text("value = 3\n")
    assert "older than the code" in faults(notebook, root, mark=False)[0]
    (root / PACKAGE / "b.py").write_text("value = 1\n")
    notebook.cells[1].source = "3 * twice()"
    assert "older than the code" in faults(notebook, root, mark=False)[0]


def test_comments_docstrings_and_other_modules_do_not_age_a_notebook(notebook, root):
    assert faults(notebook, root) == []
    (root / PACKAGE / "b.py").write_text('"""What it is."""\n\n# why\nvalue = 1  # here\n')
    (root / PACKAGE / "c.py").write_text("other = 2\n")
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("New words."))
    assert faults(notebook, root, mark=False) == []


def test_strings_that_are_not_docstrings_are_kept():
    def text(source):
        return read_module(source, "").definitions["f"].codes[0].text

    kept = text('def f():\n    return "# kept"')
    assert text('def f():\n    """Gone\n    # too."""\n    return "# kept"  # gone\n') == kept
    assert text('def f():\n    return "# other"') != kept


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        (new_output("error", ename="ValueError", evalue="x"), "an error is stored: ValueError"),
        (new_output("stream", text="saved in /home/me/run"), "a path of one machine"),
        (new_output("display_data", {"text/plain": "PosixPath('/tmp/x')"}), "a path of one"),
        (new_output("stream", text=r"C:\Users\me"), "a path of one machine"),
        (new_output("display_data", {"image/png": "aGk="}), "lacks alternative text"),
        (new_output("stream", text="x" * 1_600_000), "more than 1,500,000"),
    ],
)
def test_bad_outputs_are_faults(notebook, root, output, fault):
    notebook.cells[1].outputs.append(output)
    assert any(fault in found for found in faults(notebook, root))


def test_harmless_outputs_are_no_faults(notebook, root):
    notebook.cells[1].metadata["mystnb"] = {"image": {"alt": "A line."}}
    notebook.cells[1].outputs += [
        new_output("display_data", {"image/png": "aGk="}),
        new_output("display_data", {"text/html": "<img src='data:image/webp;base64,/tmp/home/'>"}),
        new_output("stream", text="https://example.org/tmp/home/page and and/or 1/tmp/2"),
    ]
    assert faults(notebook, root) == []


@pytest.mark.parametrize("counts", [(None, None), (2, 1), (1, 3), (3, 4)])
def test_cells_out_of_order_are_a_fault(notebook, root, counts):
    for cell, count in zip(notebook.cells, counts, strict=True):
        cell.execution_count = count
    assert any("from top to bottom" in found for found in faults(notebook, root))


def test_random_widget_ids_settle():
    def stored(outer, inner):
        view = {"application/vnd.jupyter.widget-view+json": {"model_id": outer}}
        state = {outer: {"state": {"child": f"IPY_MODEL_{inner}"}}, inner: {"state": {}}}
        widgets = {"application/vnd.jupyter.widget-state+json": {"state": state}}
        cell = new_code_cell("show()", id="one", outputs=[new_output("display_data", view)])
        return settle_ids(new_notebook(cells=[cell], metadata={"widgets": widgets}))

    assert stored("a" * 32, "b" * 32) == stored("f" * 32, "1" * 32)
