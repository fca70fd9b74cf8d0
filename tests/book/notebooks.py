"""Keep the stored notebooks fresh: `python -m tests.book.notebooks refresh|check|types PATH...`.

A notebook's fingerprint is a hash of its code cells and of every definition of the package that
they depend on (see `dependencies`). `refresh` executes a notebook and writes the fingerprint into
its metadata; `check` computes it again. `ages FILE [NAME]` lists the notebooks that an edit of a
file of the package makes stale, or of one definition in it, or of an entry, `TABLE[key]`.
"""

import argparse
import copy
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from tests.book.definitions import read_module
from tests.book.dependencies import Package, Reach

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "vgan_tutorial"
LIMIT = 1_500_000  # bytes of a stored notebook
IGNORED = "nbval-ignore-output"  # the tag of cells whose output differs from run to run
MACHINE_PATH = re.compile(r"(?<![\w./-])(/(home|root|work|tmp|Users)/|[A-Z]:\\Users\\)[^\s'\"<]*")
PAYLOAD = re.compile(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=]+")
# Cells may use a name again, and short functions in them go without annotations.
LOOSE = "# mypy: allow-redefinition, allow-untyped-defs"

Notebook = Any  # nbformat's nodes are dictionaries with attributes


def code_cells(notebook: Notebook) -> list[Notebook]:
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def plain_code(source: str) -> str:
    """A cell's Python: line magics and shell commands are not part of it."""
    return "\n".join("" if re.match(r"\s*[%!]", line) else line for line in source.splitlines())


def reach(notebook: Notebook, root: Path = ROOT) -> Reach:
    """All that a notebook depends on."""
    cells = "\n".join(plain_code(cell.source) for cell in code_cells(notebook))
    return Reach(cells, Package(root, PACKAGE), root / "book")


def fingerprint(notebook: Notebook, root: Path = ROOT) -> str:
    cells = [cell.source for cell in code_cells(notebook)]
    digest = hashlib.sha256("\0".join(cells).encode())
    digest.update(reach(notebook, root).fingerprint().encode())
    return digest.hexdigest()[:16]


def aged(file: Path, name: str | None = None, root: Path = ROOT) -> Iterator[tuple[Path, str]]:
    """Notebooks that an edit of a file makes stale, and how each comes to depend on it."""
    for path in sorted((root / "book").rglob("*.ipynb")):
        why = reach(nbformat.read(path, as_version=4), root).why(file, name)
        if why is not None:
            yield path, why


def settle_ids(notebook: Notebook) -> Notebook:
    """Number the widgets, whose ids are random, in the order in which the outputs reach them."""
    kinds = notebook.metadata.get("widgets", {}).values()
    states = {name: json.dumps(state) for kind in kinds for name, state in kind["state"].items()}
    hexadecimal = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
    order: dict[str, str] = {}

    def visit(text: str) -> None:
        for name in hexadecimal.findall(text):
            if name in states and name not in order:
                order[name] = f"{len(order) + 1:032x}"
                visit(states[name])

    visit(json.dumps([cell.get("outputs", []) for cell in notebook.cells]))
    visit(" ".join(sorted(states, key=lambda name: hexadecimal.sub("", states[name]))))
    text = hexadecimal.sub(lambda found: order.get(found[0], found[0]), nbformat.writes(notebook))
    return nbformat.reads(text, as_version=4)


def execute(notebook: Notebook, folder: Path) -> Notebook:
    fresh = copy.deepcopy(notebook)
    fresh.metadata.pop("widgets", None)
    NotebookClient(
        fresh,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    fresh.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    fresh.metadata["language_info"] = {"name": "python"}
    return settle_ids(fresh)


def refresh(path: Path, root: Path = ROOT) -> None:
    """Execute a notebook in place; with nothing changed, its file stays the same."""
    stored = nbformat.read(path, as_version=4)
    fresh = execute(stored, path.parent)
    mark = fingerprint(stored, root)
    if stored.metadata.get(PACKAGE, {}).get("fingerprint") == mark:
        for old, new in zip(code_cells(stored), code_cells(fresh), strict=True):
            if IGNORED in old.metadata.get("tags", []) and old.outputs:
                new.outputs = old.outputs
    fresh.metadata[PACKAGE] = {"fingerprint": mark}
    nbformat.validate(fresh)
    path.write_text(nbformat.writes(fresh) + "\n", encoding="utf-8")


def problems(path: Path, root: Path = ROOT) -> Iterator[str]:
    """What is wrong with a stored notebook, one sentence each."""
    notebook = nbformat.read(path, as_version=4)
    size = path.stat().st_size
    if size > LIMIT:
        yield f"{size:,} bytes are stored, more than {LIMIT:,}"
    cells = code_cells(notebook)
    counts = [cell.execution_count for cell in cells]
    if counts != list(range(1, len(cells) + 1)):
        yield f"cells were not run once each from top to bottom: {counts}"
    for number, cell in enumerate(cells, start=1):
        yield from (f"code cell {number}: {problem}" for problem in cell_problems(cell))
    if notebook.metadata.get(PACKAGE, {}).get("fingerprint") != fingerprint(notebook, root):
        yield "outputs are older than the code: run `make notebooks`"


def cell_problems(cell: Notebook) -> Iterator[str]:
    alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "").strip()
    for output in cell.outputs:
        if output.output_type == "error":
            yield f"an error is stored: {output.ename}"
        data = output.get("data", {})
        if any(kind.startswith("image/") for kind in data) and "text/html" not in data and not alt:
            yield "a picture lacks alternative text: add mystnb image alt to the cell's metadata"
        shown = [text for kind, text in data.items() if not kind.startswith("image/")]
        text = PAYLOAD.sub("", "\n".join(map(str, [*shown, output.get("text", "")])))
        if found := MACHINE_PATH.search(text):
            yield f"a path of one machine is stored: {found[0]}"


def types(paths: list[Path], folder: Path = ROOT / "_build" / "cells") -> int:
    """Run mypy over the notebooks' code cells."""
    folder.mkdir(parents=True, exist_ok=True)
    scripts = []
    for path in paths:
        cells = code_cells(nbformat.read(path, as_version=4))
        script = folder / f"chapter_{path.stem}.py"
        code = [plain_code(cell.source) for cell in cells]
        script.write_text("\n\n".join([LOOSE, *code]) + "\n", encoding="utf-8")
        scripts.append(str(script))
    return subprocess.call([sys.executable, "-m", "mypy", *scripts]) if scripts else 0


def check(paths: list[Path]) -> int:
    found = [f"{path}: {problem}" for path in paths for problem in problems(path)]
    print("\n".join(found) or f"{len(paths)} notebooks are fresh")
    return 1 if found else 0


def ages(file: str, name: str | None = None) -> int:
    path, count = Path(file).resolve(), 0
    if not path.is_file():
        print(f"there is no file {file}")
        return 1
    definitions = read_module(path.read_text(encoding="utf-8"), "").definitions if name else {}
    if name and name.partition("[")[0] not in definitions:
        print(f"{file} does not define {name}")
        return 1
    for notebook, why in aged(path, name):
        print(f"{notebook.relative_to(ROOT)}: {why}")
        count += 1
    print(f"stale after an edit of {name or file}: {count}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["refresh", "check", "types", "ages"])
    parser.add_argument("paths", nargs="*", help="notebooks, or a file and a name in it")
    arguments = parser.parse_args()
    if arguments.command == "ages" and not arguments.paths:
        parser.error("ages needs a file, and perhaps a name in it")
    if arguments.command == "ages":
        return ages(*arguments.paths[:2])
    paths = [Path(path) for path in arguments.paths]
    if arguments.command == "types":
        return types(paths)
    if arguments.command == "refresh":
        for path in paths:
            print(f"executing {path}", flush=True)
            refresh(path)
    return check(paths)


if __name__ == "__main__":
    sys.exit(main())
