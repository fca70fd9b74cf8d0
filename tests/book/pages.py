"""What every page must have, as functions from text to a list of faults."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).resolve().parents[2]
EXERCISES = 5  # at least, in each chapter
FENCE = re.compile(r"^\s*(`{3,}|:{3,})(\{[\w-]+\})?(.*)$")
# Directives whose body is not text of the page.
OPAQUE = {"{code-block}", "{code-cell}", "{raw}", "{eval-rst}", "{bibliography}", "{code}"}
ENVIRONMENT = re.compile(r"^\s*\\begin\{(equation|align|gather|multline|eqnarray)\*?\}")


def sources(book: Path) -> list[Path]:
    """The book's pages as they are written."""
    return sorted(path for path in book.rglob("*") if is_page(path.relative_to(book)))


def is_page(path: Path) -> bool:
    hidden = any(part.startswith((".", "_")) for part in path.parts)
    return path.suffix in {".md", ".ipynb"} and not hidden and path.parts[0] != "exercises"


def markdown(path: Path) -> str:
    """A page's text, without code cells."""
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def displays(text: str) -> Iterator[tuple[str | None, str]]:
    """The label (or None) and the first line of every displayed equation."""
    lines = iter(text.splitlines())
    target, opened = (
        None,
        list[str](),
    )  # boxes whose text is the page's, by the fence that ends them
    for first in lines:
        line = first
        if opened and line.strip() == opened[-1]:
            opened.pop()
            continue
        if found := re.match(r"^\((eq-[\w-]+)\)=\s*$", line):
            target = found[1]
            continue
        fence = FENCE.match(line)
        if fence and (fence[2] == "{math}" or not fence[2] or fence[2] in OPAQUE):
            body = list(until(lines, fence[1]))
            if fence[2] == "{math}":
                labels = [row.split(":label:")[1].strip() for row in body if ":label:" in row]
                yield (labels[0] if labels else target), " ".join(body)
        elif fence:
            opened.append(fence[1])
        elif "$$" in line:
            while line.count("$$") < 2:
                line += "\n" + next(lines, "$$")
            label = re.search(r"\$\$\s*\(([\w-]+)\)\s*$", line)
            yield (label[1] if label else target), line
        elif ENVIRONMENT.match(line):
            yield target, line
        if line.strip():
            target = None


def until(lines: Iterator[str], fence: str) -> Iterator[str]:
    for line in lines:
        if line.strip() == fence:
            return
        yield line


def names_of_tests(folder: Path, files: str = "test_*.py") -> set[str]:
    """Names of all test functions below a folder."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in folder.rglob(files))
    nodes = (node for tree in trees for node in ast.walk(tree))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef)}


def equation_faults(text: str, tests: set[str]) -> Iterator[str]:
    for label, line in displays(text):
        if label is None:
            yield f"an equation has no label: {line.strip()[:60]}"
        elif not label.startswith("eq-"):
            yield f"the label {label} does not start with eq-"
        elif (name := "test_" + label.replace("-", "_")) not in tests:
            yield f"the equation {label} has no test called {name}"


def chapter_faults(text: str) -> Iterator[str]:
    """What a chapter lacks of the anatomy that all chapters share."""
    for title, kind in (
        ("In this chapter", "opener"),
        ("In the article", "article"),
        ("Break it on purpose", "break-it"),
    ):
        pattern = rf"\{{admonition\}} {title}[^\n]*\n\s*:class:[^\n]*\b{kind}\b"
        if not re.search(pattern, text):
            yield f"no box {title!r} of class {kind}"
    exercises = len(re.findall(r"^\s*[`:]{3,}\{exercise(-start)?\}", text, re.MULTILINE))
    solutions = len(re.findall(r"^\s*[`:]{3,}\{solution(-start)?\}", text, re.MULTILINE))
    if exercises < EXERCISES:
        yield f"{exercises} exercises, fewer than {EXERCISES}"
    if solutions < exercises:
        yield f"{exercises} exercises but {solutions} solutions"
    for heading in ("Summary", "Further reading"):
        if not re.search(rf"^## {heading}\s*$", text, re.MULTILINE):
            yield f"no section {heading!r}"
    if "{cite" not in text.rpartition("## Further reading")[2]:
        yield "further reading cites nothing"


def toc_faults(toc: str, book: Path) -> Iterator[str]:
    """Pages that are not in the table of contents, and entries that are no page."""
    listed = set(entries(yaml.safe_load(toc)))
    written = {f"{book.name}/{path.relative_to(book).with_suffix('')}" for path in sources(book)}
    yield from (f"{page} is not in _toc.yml" for page in sorted(written - listed))
    yield from (f"_toc.yml names {page}, which is not there" for page in sorted(listed - written))


def entries(node: object) -> Iterator[str]:
    if isinstance(node, list):
        for child in node:
            yield from entries(child)
    elif isinstance(node, dict):
        yield from (str(node[key]) for key in ("root", "file") if key in node)
        for key in ("parts", "chapters", "sections"):
            yield from entries(node.get(key, []))


def dependency_faults(pyproject: str, environment: str, constraints: str) -> Iterator[str]:
    """Packages that pyproject.toml, environment.yml and constraints.txt do not all name."""
    project = tomllib.loads(pyproject)["project"]
    extras = project["optional-dependencies"].values()
    wanted = {*project["dependencies"], *(name for extra in extras for name in extra)}
    rows = yaml.safe_load(environment)["dependencies"]
    (pip,) = (row["pip"] for row in rows if isinstance(row, dict))
    named = {row for row in pip if not row.startswith("-")}
    yield from (f"environment.yml lacks {name}" for name in sorted(wanted - named))
    yield from (f"pyproject.toml lacks {name}" for name in sorted(named - wanted))
    pinned = {plain(line) for line in constraints.splitlines() if "==" in line}
    yield from (f"constraints.txt lacks {n}" for n in sorted(map(plain, wanted)) if n not in pinned)


def plain(requirement: str) -> str:
    name = re.split(r"[<>=!~\[; ]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()
